// The fields of methods and properties: one class reads them, one measures them, one writes them.
// Each is called by a struct's fields() with all fields in their order:
//
//   struct BasicAck {
//     std::uint64_t delivery_tag = 0;
//     bool multiple = false;
//     void fields(this auto& self, auto& visit) { visit(self.delivery_tag, self.multiple); }
//   };
//
// The type of a field says how it stands in the frame: numbers of 8 to 64 bits; bool: a bit, those
// that follow each other share octets, the first in the lowest bit; std::string_view: a short
// string (at most 255 bytes); LongText: one with 32 bits of length; ValueTable: a field table;
// TimestampSeconds: 64 bits.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/value.h"
#include "protocols/amqp/wire/big_endian.h"
#include "protocols/amqp/wire/field_table.h"
#include "protocols/amqp/wire/limits.h"

namespace millrace::amqp {

struct LongText {
  std::string_view text;
  bool operator==(const LongText&) const = default;
};

// Strings become views of the bytes read.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : cursor_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // True while the bytes fit; fault() says what does not. What follows a fault is not read.
  template <class... Field>
  bool operator()(Field&... field) {
    return (read(field) && ...);
  }
  bool finish() {
    return fault_ == nullptr && (cursor_ == end_ || fail("bytes follow its fields"));
  }
  const char* fault() const { return fault_; }
  // For a rule that the bytes alone do not show. Always false.
  bool fail(const char* fault) {
    fault_ = fault;
    return false;
  }
  const std::uint8_t* cursor() const { return cursor_; }

  template <std::unsigned_integral Number>
  bool read(Number& out) {
    if (remaining() < sizeof(Number)) [[unlikely]]
      return fail("it ends inside of a number");
    out = load_number<Number>(cursor_);
    cursor_ += sizeof(Number);
    bit_ = 0;
    return true;
  }
  bool read(bool& out) {
    if (bit_ == 0) {
      if (remaining() < 1) [[unlikely]]
        return fail("it ends before its bits");
      octet_ = *cursor_++;
    }
    out = (octet_ >> bit_ & 1) != 0;
    bit_ = (bit_ + 1) % 8;
    return true;
  }
  bool read(std::string_view& out) {
    std::uint8_t size = 0;
    return read(size) && text(size, out);
  }
  bool read(LongText& out) {
    std::uint32_t size = 0;
    return read(size) && text(size, out.text);
  }
  bool read(TimestampSeconds& out) { return read(out.value); }
  bool read(ValueTable& out) {
    ByteView content;
    if (!read_table_content(content)) return false;
    const char* fault = read_table(content, out);
    return fault == nullptr || fail(fault);
  }
  // A table's content without decoding it.
  bool read_table_content(ByteView& out) {
    std::uint32_t size = 0;
    std::string_view content;
    if (!read(size) || !text(size, content)) return false;
    out = as_bytes(content);
    return true;
  }

 private:
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  bool text(std::size_t size, std::string_view& out) {
    if (remaining() < size) [[unlikely]]
      return fail("it ends inside of a string or table");
    out = as_text({cursor_, size});
    cursor_ += size;
    return true;
  }

  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  const char* fault_ = nullptr;
  std::uint8_t octet_ = 0;
  unsigned bit_ = 0;  // of the octet: the next one; 0: the next bit begins an octet
};

class FieldSizer {
 public:
  template <class... Field>
  void operator()(const Field&... field) {
    (add(field), ...);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void add(bool) {
    if (bit_ == 0) ++bytes_;
    bit_ = (bit_ + 1) % 8;
  }
  void add(std::unsigned_integral auto number) { plain(sizeof number); }
  void add(std::string_view text) { plain(1 + std::min(text.size(), kShortTextBytesMax)); }
  void add(const LongText& field) { plain(4 + field.text.size()); }
  void add(const TimestampSeconds&) { plain(8); }
  void add(const ValueTable& table) { plain(table_bytes(table)); }
  void plain(std::size_t bytes) {
    bytes_ += bytes;
    bit_ = 0;
  }

  std::size_t bytes_ = 0;
  unsigned bit_ = 0;
};

// Writes to memory that a FieldSizer has measured.
class FieldWriter {
 public:
  explicit FieldWriter(std::uint8_t* to) : cursor_(to) {}

  template <class... Field>
  void operator()(const Field&... field) {
    (write(field), ...);
  }
  std::uint8_t* cursor() const { return cursor_; }

 private:
  void write(bool bit) {
    if (bit_ == 0) *cursor_++ = 0;
    cursor_[-1] = static_cast<std::uint8_t>(cursor_[-1] | static_cast<unsigned>(bit) << bit_);
    bit_ = (bit_ + 1) % 8;
  }
  void write(std::unsigned_integral auto number) {
    cursor_ = store_number(cursor_, number);
    bit_ = 0;
  }
  void write(std::string_view text) {
    text = text.substr(0, kShortTextBytesMax);
    write(static_cast<std::uint8_t>(text.size()));
    copy(text);
  }
  void write(const LongText& field) {
    ASSERT(field.text.size() <= UINT32_MAX);
    write(static_cast<std::uint32_t>(field.text.size()));
    copy(field.text);
  }
  void write(const TimestampSeconds& time) { write(time.value); }
  void write(const ValueTable& table) {
    cursor_ = store_table(cursor_, table);
    bit_ = 0;
  }
  void copy(std::string_view text) {
    if (!text.empty()) std::memcpy(cursor_, text.data(), text.size());
    cursor_ += text.size();
  }

  std::uint8_t* cursor_;
  unsigned bit_ = 0;
};

}  // namespace millrace::amqp

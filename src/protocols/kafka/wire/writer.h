// Writes the fields of a message as a chain of bytes: small fields go to a buffer of its own, large
// record batches are hung in as they are, not copied.
//
//   Writer out;
//   out.number(std::int32_t{7});
//   out.string("orders", compact);
//   out.bytes(records, compact);            // ByteChain: its parts, by reference
//   ByteChain frame = out.finish();
//
// Cannot fail: what a version has no place for is left out by the generated code, a null where none
// is allowed is written as empty, a string above 32767 bytes is cut. Lives on the stack of one
// encode; after finish() it is empty and may be used again.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::kafka {

class Writer {
 public:
  // From this size on bytes are hung in by reference: below it, copying costs less than a part.
  static constexpr std::size_t kReferenceBytesMin = 1024;
  static constexpr std::size_t kBufferBytesMax = 65536;

  explicit Writer(std::size_t first_buffer_bytes = 512) : next_buffer_(first_buffer_bytes) {}

  template <class Number>
  void number(Number value);
  void boolean(bool value) { number(static_cast<std::uint8_t>(value)); }
  void unsigned_varint(std::uint32_t value);
  void uuid(const Uuid& value) { copy({value.bytes.data(), value.bytes.size()}); }

  void string(std::string_view value, bool compact);
  void string(const std::optional<std::string>& value, bool compact, bool null_allowed);
  void bytes(const Bytes& value, bool compact);
  void bytes(const std::optional<Bytes>& value, bool compact, bool null_allowed);
  void bytes(const ByteChain& value, bool compact);
  void bytes(const std::optional<ByteChain>& value, bool compact, bool null_allowed);

  // write_element(const T&).
  template <class T, class WriteElement>
  void array(const std::vector<T>& values, bool compact, WriteElement write_element);
  template <class T, class WriteElement>
  void array(const std::optional<std::vector<T>>& values, bool compact, bool null_allowed,
             WriteElement write_element);
  template <class T, class WriteStruct>
  void structure(const std::optional<T>& value, WriteStruct write_struct);
  // One tagged field; the caller has written their count and keeps their order.
  // write_field(Writer&): the size stands before the content, so that is written aside first.
  template <class WriteField>
  void tagged(std::uint32_t tag, WriteField write_field);

  // Leaves 4 bytes for the length of everything after them; finish() fills it in. Comes first.
  void reserve_frame_length();

  std::size_t size() const { return chain_.size() + static_cast<std::size_t>(cursor_ - start_); }
  ByteChain finish();

 private:
  std::uint8_t* space(std::size_t size) {
    if (static_cast<std::size_t>(limit_ - cursor_) < size) [[unlikely]]
      grow(size);
    return cursor_;
  }
  void grow(std::size_t size);
  void seal();
  void copy(ByteView view);
  void short_length(std::size_t length, bool compact);
  void long_length(std::size_t length, bool compact);
  void null_or_empty(bool wide, bool compact, bool null_allowed);
  void append(const Bytes& part);

  ByteChain chain_;
  BufferRef buffer_;
  std::uint8_t* start_ = nullptr;  // of what is in the buffer but not in the chain
  std::uint8_t* cursor_ = nullptr;
  std::uint8_t* limit_ = nullptr;
  std::size_t next_buffer_;
  std::uint8_t* frame_length_ = nullptr;
};

template <class Number>
inline void Writer::number(Number value) {
  std::uint8_t* place = space(sizeof value);
  if constexpr (sizeof value == 1) {
    *place = static_cast<std::uint8_t>(value);
  } else {
    using Raw =
        std::conditional_t<sizeof(Number) == 2, std::uint16_t,
                           std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>>;
    auto raw = std::bit_cast<Raw>(value);
    if constexpr (std::endian::native == std::endian::little) raw = std::byteswap(raw);
    std::memcpy(place, &raw, sizeof raw);
  }
  cursor_ += sizeof value;
}

template <class T, class WriteElement>
void Writer::array(const std::vector<T>& values, bool compact, WriteElement write_element) {
  long_length(values.size(), compact);
  for (const T& value : values) write_element(value);
}

template <class T, class WriteElement>
void Writer::array(const std::optional<std::vector<T>>& values, bool compact, bool null_allowed,
                   WriteElement write_element) {
  if (values)
    array(*values, compact, write_element);
  else
    null_or_empty(true, compact, null_allowed);
}

template <class T, class WriteStruct>
void Writer::structure(const std::optional<T>& value, WriteStruct write_struct) {
  number(static_cast<std::int8_t>(value ? 1 : -1));
  if (value) write_struct(*value);
}

template <class WriteField>
void Writer::tagged(std::uint32_t tag, WriteField write_field) {
  Writer aside(128);
  write_field(aside);
  unsigned_varint(tag);
  unsigned_varint(static_cast<std::uint32_t>(aside.size()));
  const ByteChain content = aside.finish();
  for (const Bytes& part : content.parts()) append(part);
}

}  // namespace millrace::kafka

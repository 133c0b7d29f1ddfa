// The grammar of field tables and arrays, one value after the other, without decoding or
// allocating.
//
//   FieldScanner scanner(content);                   // what stands behind the length
//   std::string_view key;
//   FieldView field;
//   while (!scanner.at_end()) {
//     if (!scanner.key(key) || !scanner.value(field)) return scanner.fault();
//     if (key == "x-delay") delay = field.as_integer();
//   }
//
// An array is the same without keys. Only lengths at this level are looked at: what is nested is a
// content of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace millrace::amqp {

// One value as it stands in a table.
struct FieldView {
  char tag = 'V';
  ByteView content;  // of S, x, A and F: behind the length

  bool nested() const { return tag == 'A' || tag == 'F'; }
  std::optional<std::string_view> as_text() const;  // of S
  std::optional<std::int64_t> as_integer() const;   // of any width
};

class FieldScanner {
 public:
  explicit FieldScanner(ByteView content)
      : cursor_(content.data()), end_(content.data() + content.size()) {}

  bool at_end() const { return cursor_ == end_; }
  // False when the bytes do not fit; then fault() says why.
  bool key(std::string_view& out);
  bool value(FieldView& out);
  const char* fault() const { return fault_; }

 private:
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  bool fail(const char* fault) {
    fault_ = fault;
    return false;
  }
  bool take(std::size_t size, ByteView& out);

  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  const char* fault_ = nullptr;
};

// The first field with this key, nothing when there is none or the table is malformed before it.
std::optional<FieldView> find_field(ByteView table, std::string_view key);

}  // namespace millrace::amqp

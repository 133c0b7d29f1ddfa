#include "protocols/amqp/wire/field_scanner.h"

#include "protocols/amqp/wire/big_endian.h"

namespace millrace::amqp {
namespace {

constexpr std::size_t kLengthFollows = 1000;
constexpr std::size_t kUnknown = 1001;

// What clients write, which is not what the specification prints: `s` is a number of 16 bits.
constexpr std::size_t fixed_bytes(char tag) {
  switch (tag) {
    case 'V':
      return 0;
    case 't':
    case 'b':
    case 'B':
      return 1;
    case 's':
    case 'u':
      return 2;
    case 'I':
    case 'i':
    case 'f':
      return 4;
    case 'D':
      return 5;
    case 'l':
    case 'L':
    case 'd':
    case 'T':
      return 8;
    case 'S':
    case 'x':
    case 'A':
    case 'F':
      return kLengthFollows;
    default:
      return kUnknown;
  }
}

}  // namespace

std::optional<std::string_view> FieldView::as_text() const {
  if (tag != 'S') return std::nullopt;
  return millrace::as_text(content);
}

std::optional<std::int64_t> FieldView::as_integer() const {
  switch (tag) {
    case 'b':
      return load_number<std::int8_t>(content.data());
    case 'B':
      return load_number<std::uint8_t>(content.data());
    case 's':
      return load_number<std::int16_t>(content.data());
    case 'u':
      return load_number<std::uint16_t>(content.data());
    case 'I':
      return load_number<std::int32_t>(content.data());
    case 'i':
      return load_number<std::uint32_t>(content.data());
    case 'l':
    case 'L':
      return load_number<std::int64_t>(content.data());
    default:
      return std::nullopt;
  }
}

bool FieldScanner::take(std::size_t size, ByteView& out) {
  if (remaining() < size) return false;
  out = {cursor_, size};
  cursor_ += size;
  return true;
}

bool FieldScanner::key(std::string_view& out) {
  ByteView bytes;
  if (!take(1, bytes)) return fail("a table ends where a name was expected");
  if (!take(bytes[0], bytes)) return fail("a name in a table is longer than the table");
  out = millrace::as_text(bytes);
  return true;
}

bool FieldScanner::value(FieldView& out) {
  ByteView bytes;
  if (!take(1, bytes)) return fail("a table ends where a value was expected");
  out.tag = static_cast<char>(bytes[0]);
  std::size_t size = fixed_bytes(out.tag);
  if (size == kUnknown) return fail("a value in a table has a type that does not exist");
  if (size == kLengthFollows) {
    if (!take(4, bytes)) return fail("a table ends inside of a length");
    size = load_number<std::uint32_t>(bytes.data());
  }
  if (!take(size, out.content)) return fail("a value in a table is longer than the table");
  return true;
}

std::optional<FieldView> find_field(ByteView table, std::string_view key) {
  FieldScanner scanner(table);
  std::string_view name;
  FieldView field;
  while (!scanner.at_end()) {
    if (!scanner.key(name) || !scanner.value(field)) return std::nullopt;
    if (name == key) return field;
  }
  return std::nullopt;
}

}  // namespace millrace::amqp

#include "protocols/amqp/wire/field_table.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "protocols/amqp/wire/big_endian.h"
#include "protocols/amqp/wire/field_scanner.h"
#include "protocols/amqp/wire/limits.h"

namespace millrace::amqp {
namespace {

constexpr std::size_t kLengthBytes = 4;

// Walks a table with all that is nested in it, within the limits. `Build` makes the values, too.
class Walk {
 public:
  const char* fault() const { return fault_; }

  bool table(ByteView content, ValueTable* out, unsigned depth) {
    if (!enter(content, depth)) return false;
    FieldScanner scanner(content);
    std::string_view key;
    FieldView field;
    while (!scanner.at_end()) {
      if (!scanner.key(key) || !scanner.value(field)) return fail(scanner.fault());
      Value made;
      if (!value(field, out ? &made : nullptr, depth)) return false;
      if (out) out->add(std::string(key), std::move(made));
    }
    return true;
  }

  bool array(ByteView content, ValueArray* out, unsigned depth) {
    if (!enter(content, depth)) return false;
    FieldScanner scanner(content);
    FieldView field;
    while (!scanner.at_end()) {
      if (!scanner.value(field)) return fail(scanner.fault());
      Value made;
      if (!value(field, out ? &made : nullptr, depth)) return false;
      if (out) out->push_back(std::move(made));
    }
    return true;
  }

 private:
  bool fail(const char* fault) {
    fault_ = fault;
    return false;
  }

  bool enter(ByteView content, unsigned depth) {
    if (content.size() > kTableBytesMax) return fail("a table is larger than 1 MiB");
    if (depth > kTableDepthMax) return fail("tables are nested more than 32 deep");
    return true;
  }

  bool value(const FieldView& field, Value* out, unsigned depth) {
    if (++values_ > kTableValuesMax) return fail("a table has more than 65536 values");
    if (field.tag == 'F') return nested<ValueTable>(field, out, depth, &Walk::table);
    if (field.tag == 'A') return nested<ValueArray>(field, out, depth, &Walk::array);
    if (out) *out = plain(field);
    return true;
  }

  template <class Kind>
  bool nested(const FieldView& field, Value* out, unsigned depth,
              bool (Walk::*walk)(ByteView, Kind*, unsigned)) {
    Kind made;
    if (!(this->*walk)(field.content, out ? &made : nullptr, depth + 1)) return false;
    if (out) *out = Value(std::move(made));
    return true;
  }

  static Value plain(const FieldView& field) {
    const std::uint8_t* bytes = field.content.data();
    switch (field.tag) {
      case 't':
        return Value(*bytes != 0);
      case 'b':
        return Value(load_number<std::int8_t>(bytes));
      case 'B':
        return Value(load_number<std::uint8_t>(bytes));
      case 's':
        return Value(load_number<std::int16_t>(bytes));
      case 'u':
        return Value(load_number<std::uint16_t>(bytes));
      case 'I':
        return Value(load_number<std::int32_t>(bytes));
      case 'i':
        return Value(load_number<std::uint32_t>(bytes));
      case 'l':
      case 'L':
        return Value(load_number<std::int64_t>(bytes));
      case 'f':
        return Value(load_number<float>(bytes));
      case 'd':
        return Value(load_number<double>(bytes));
      case 'D':
        return Value(Decimal{.scale = *bytes, .digits = load_number<std::int32_t>(bytes + 1)});
      case 'T':
        return Value(TimestampSeconds{load_number<std::uint64_t>(bytes)});
      case 'S':
        return Value(as_text(field.content));
      case 'x':
        return Value(ByteString{std::string(as_text(field.content))});
      default:
        ASSERT(field.tag == 'V');
        return {};
    }
  }

  std::size_t values_ = 0;
  const char* fault_ = nullptr;
};

std::size_t value_bytes(const Value& value);

std::size_t content_bytes(const ValueTable& table) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : table.entries())
    bytes += 1 + std::min(key.size(), kShortTextBytesMax) + value_bytes(value);
  return bytes;
}

std::size_t content_bytes(const ValueArray& array) {
  std::size_t bytes = 0;
  for (const Value& value : array) bytes += value_bytes(value);
  return bytes;
}

// One a type, in the order of the variant.
constexpr std::string_view kTags = "VtbBsuIilfdDTSxAF";
static_assert(kTags.size() == std::variant_size_v<Value::Variant>);

struct BytesOf {
  template <class Number>
    requires std::is_arithmetic_v<Number>
  std::size_t operator()(Number) const {
    return sizeof(Number);
  }
  std::size_t operator()(std::monostate) const { return 0; }
  std::size_t operator()(const Decimal&) const { return 5; }
  std::size_t operator()(const TimestampSeconds&) const { return 8; }
  std::size_t operator()(const std::string& text) const { return kLengthBytes + text.size(); }
  std::size_t operator()(const ByteString& text) const { return kLengthBytes + text.bytes.size(); }
  std::size_t operator()(const ValueArray& array) const {
    return kLengthBytes + content_bytes(array);
  }
  std::size_t operator()(const ValueTable& table) const {
    return kLengthBytes + content_bytes(table);
  }
};

std::size_t value_bytes(const Value& value) { return 1 + std::visit(BytesOf{}, value.variant()); }

std::uint8_t* store_text(std::uint8_t* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

std::uint8_t* store_value(std::uint8_t* to, const Value& value);

std::uint8_t* store_content(std::uint8_t* to, const ValueTable& table) {
  for (const auto& [key, value] : table.entries()) {
    const std::string_view name = std::string_view(key).substr(0, kShortTextBytesMax);
    to = store_number(to, static_cast<std::uint8_t>(name.size()));
    to = store_value(store_text(to, name), value);
  }
  return to;
}

std::uint8_t* store_content(std::uint8_t* to, const ValueArray& array) {
  for (const Value& value : array) to = store_value(to, value);
  return to;
}

// The length stands in front and is known behind: measuring each nested table again would be
// quadratic.
template <class Kind>
std::uint8_t* store_with_length(std::uint8_t* to, const Kind& kind) {
  std::uint8_t* end = store_content(to + kLengthBytes, kind);
  const auto bytes = static_cast<std::size_t>(end - to) - kLengthBytes;
  ASSERT(bytes <= UINT32_MAX);
  store_number(to, static_cast<std::uint32_t>(bytes));
  return end;
}

struct StoreAt {
  std::uint8_t* to;

  template <class Number>
    requires std::is_arithmetic_v<Number>
  std::uint8_t* operator()(Number number) const {
    return store_number(to, number);
  }
  std::uint8_t* operator()(std::monostate) const { return to; }
  std::uint8_t* operator()(const Decimal& decimal) const {
    return store_number(store_number(to, decimal.scale), decimal.digits);
  }
  std::uint8_t* operator()(const TimestampSeconds& time) const {
    return store_number(to, time.value);
  }
  std::uint8_t* operator()(const std::string& text) const {
    ASSERT(text.size() <= UINT32_MAX);
    return store_text(store_number(to, static_cast<std::uint32_t>(text.size())), text);
  }
  std::uint8_t* operator()(const ByteString& text) const { return (*this)(text.bytes); }
  std::uint8_t* operator()(const ValueArray& array) const { return store_with_length(to, array); }
  std::uint8_t* operator()(const ValueTable& table) const { return store_with_length(to, table); }
};

std::uint8_t* store_value(std::uint8_t* to, const Value& value) {
  const char tag = kTags[value.variant().index()];
  to = store_number(to, static_cast<std::uint8_t>(tag));
  return std::visit(StoreAt{to}, value.variant());
}

}  // namespace

const char* read_table(ByteView content, ValueTable& out) {
  Walk walk;
  walk.table(content, &out, 1);
  return walk.fault();
}

const char* table_fault(ByteView content) {
  Walk walk;
  walk.table(content, nullptr, 1);
  return walk.fault();
}

Result<ValueTable> decode_table(ByteView content) {
  ValueTable table;
  if (const char* fault = read_table(content, table))
    return fail(ErrorCode::invalid_request, fault);
  return table;
}

Result<ValueArray> decode_array(ByteView content) {
  ValueArray array;
  Walk walk;
  if (!walk.array(content, &array, 1)) return fail(ErrorCode::invalid_request, walk.fault());
  return array;
}

Result<void> check_table(ByteView content) {
  if (const char* fault = table_fault(content)) return fail(ErrorCode::invalid_request, fault);
  return {};
}

std::vector<std::uint8_t> encode_table(const ValueTable& table) {
  std::vector<std::uint8_t> bytes(content_bytes(table));
  if (!bytes.empty()) ASSERT(store_content(bytes.data(), table) == bytes.data() + bytes.size());
  return bytes;
}

std::size_t table_bytes(const ValueTable& table) { return kLengthBytes + content_bytes(table); }

std::uint8_t* store_table(std::uint8_t* to, const ValueTable& table) {
  return store_with_length(to, table);
}

}  // namespace millrace::amqp

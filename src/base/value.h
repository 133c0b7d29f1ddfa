// Value: a typed value as messaging protocols carry it in the arguments of a declaration and in the
// headers of a message. The widths of numbers are kept, so that a header goes out as it came in;
// who compares two values asks same_value().
//
//   ValueTable arguments;
//   arguments.set("x-max-length", Value(std::int32_t{1000}));
//   if (const Value* limit = arguments.find("x-max-length")) ... limit->as_integer() ...
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace millrace {

class Value;
using ValueArray = std::vector<Value>;

// Keys in the order in which they came. A key that comes twice is kept twice; find() gives the
// first.
class ValueTable {
 public:
  using Entry = std::pair<std::string, Value>;
  ValueTable() = default;
  ValueTable(std::initializer_list<Entry> entries);

  const Value* find(std::string_view key) const;
  // In the place of one that is there, or behind all.
  void set(std::string_view key, Value value);
  // Every one with this key.
  void remove(std::string_view key);
  // As it came, even when the key is there.
  void add(std::string key, Value value);

  bool empty() const;
  std::size_t size() const;
  const std::vector<Entry>& entries() const { return entries_; }
  bool operator==(const ValueTable& other) const;

 private:
  std::vector<Entry> entries_;
};

struct Decimal {
  std::uint8_t scale = 0;  // digits behind the point
  std::int32_t digits = 0;
  bool operator==(const Decimal&) const = default;
};

// Seconds since 1970.
struct TimestampSeconds {
  std::uint64_t value = 0;
  bool operator==(const TimestampSeconds&) const = default;
};

struct ByteString {
  std::string bytes;
  bool operator==(const ByteString&) const = default;
};

class Value {
 public:
  using Variant =
      std::variant<std::monostate, bool, std::int8_t, std::uint8_t, std::int16_t, std::uint16_t,
                   std::int32_t, std::uint32_t, std::int64_t, float, double, Decimal,
                   TimestampSeconds, std::string, ByteString, ValueArray, ValueTable>;

  Value() = default;
  template <class T>
    requires std::constructible_from<Variant, T>
  explicit Value(T value) : variant_(std::move(value)) {}
  explicit Value(const char* text) : variant_(std::string(text)) {}
  explicit Value(std::string_view text) : variant_(std::string(text)) {}

  const Variant& variant() const { return variant_; }
  // Of an integer of any width.
  std::optional<std::int64_t> as_integer() const;
  const std::string* as_text() const { return std::get_if<std::string>(&variant_); }
  std::optional<bool> as_bool() const;
  const ValueTable* as_table() const { return std::get_if<ValueTable>(&variant_); }
  const ValueArray* as_array() const { return std::get_if<ValueArray>(&variant_); }
  bool is_null() const { return std::holds_alternative<std::monostate>(variant_); }
  // What people call its type: "boolean", "integer", "number", "text", ...
  std::string_view type_name() const;

  bool operator==(const Value&) const = default;

 private:
  Variant variant_;
};

// Equal as a person would say: integers by value whatever their width, fractions with integers too.
// Otherwise the types must be the same.
bool same_value(const Value& a, const Value& b);

}  // namespace millrace

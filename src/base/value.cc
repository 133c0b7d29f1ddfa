#include "base/value.h"

#include <algorithm>

namespace millrace {

ValueTable::ValueTable(std::initializer_list<Entry> entries) : entries_(entries) {}

const Value* ValueTable::find(std::string_view key) const {
  auto found = std::ranges::find(entries_, key, &Entry::first);
  return found == entries_.end() ? nullptr : &found->second;
}

void ValueTable::set(std::string_view key, Value value) {
  auto found = std::ranges::find(entries_, key, &Entry::first);
  if (found == entries_.end()) {
    entries_.emplace_back(key, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

void ValueTable::remove(std::string_view key) {
  std::erase_if(entries_, [key](const Entry& entry) { return entry.first == key; });
}

void ValueTable::add(std::string key, Value value) {
  entries_.emplace_back(std::move(key), std::move(value));
}

bool ValueTable::empty() const { return entries_.empty(); }
std::size_t ValueTable::size() const { return entries_.size(); }
bool ValueTable::operator==(const ValueTable& other) const = default;

namespace {

std::optional<double> as_number(const Value& value) {
  if (const auto* number = std::get_if<float>(&value.variant())) return *number;
  if (const auto* number = std::get_if<double>(&value.variant())) return *number;
  if (auto integer = value.as_integer()) return static_cast<double>(*integer);
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> Value::as_integer() const {
  return std::visit(
      [](const auto& value) -> std::optional<std::int64_t> {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return value;
        return std::nullopt;
      },
      variant_);
}

std::optional<bool> Value::as_bool() const {
  if (const bool* value = std::get_if<bool>(&variant_)) return *value;
  return std::nullopt;
}

std::string_view Value::type_name() const {
  if (as_integer()) return "integer";
  if (as_number(*this)) return "number";
  if (as_bool()) return "boolean";
  if (as_text()) return "text";
  if (as_table()) return "table";
  if (as_array()) return "array";
  if (is_null()) return "nothing";
  if (std::holds_alternative<Decimal>(variant_)) return "decimal";
  if (std::holds_alternative<TimestampSeconds>(variant_)) return "timestamp";
  return "bytes";
}

bool same_value(const Value& a, const Value& b) {
  auto a_integer = a.as_integer();
  auto b_integer = b.as_integer();
  if (a_integer && b_integer) return *a_integer == *b_integer;
  auto a_number = as_number(a);
  auto b_number = as_number(b);
  if (a_number && b_number) return *a_number == *b_number;
  return a == b;
}

}  // namespace millrace

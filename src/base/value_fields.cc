#include "base/value_fields.h"

#include <bit>
#include <utility>

namespace millrace {
namespace {

constexpr int kDepthMax = 64;

enum ValueField : std::uint32_t {
  kType = 1,    // the index of the alternative in Value::Variant: part of the format
  kNumber = 2,  // as the type says
  kBytes = 3,
  kScale = 4,
  kElement = 5,
};
enum EntryField : std::uint32_t { kKey = 1, kValue = 2 };
constexpr std::uint32_t kEntry = 1;

void put_entries(FieldWriter& out, const ValueTable& table);

void put_value(FieldWriter& out, const Value& value) {
  out.put(kType, value.variant().index());
  std::visit(
      [&out](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>) {
          out.put(kNumber, held ? 1 : 0);
        } else if constexpr (std::is_integral_v<T>) {
          out.put_signed(kNumber, held);
        } else if constexpr (std::is_same_v<T, float>) {
          out.put(kNumber, std::bit_cast<std::uint32_t>(held));
        } else if constexpr (std::is_same_v<T, double>) {
          out.put(kNumber, std::bit_cast<std::uint64_t>(held));
        } else if constexpr (std::is_same_v<T, Decimal>) {
          out.put_signed(kNumber, held.digits);
          out.put(kScale, held.scale);
        } else if constexpr (std::is_same_v<T, TimestampSeconds>) {
          out.put(kNumber, held.value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          out.put_text(kBytes, held);
        } else if constexpr (std::is_same_v<T, ByteString>) {
          out.put_text(kBytes, held.bytes);
        } else if constexpr (std::is_same_v<T, ValueArray>) {
          for (const Value& element : held) {
            FieldWriter inner;
            put_value(inner, element);
            out.put_message(kElement, inner);
          }
        } else if constexpr (std::is_same_v<T, ValueTable>) {
          FieldWriter inner;
          put_entries(inner, held);
          out.put_message(kBytes, inner);
        }
      },
      value.variant());
}

void put_entries(FieldWriter& out, const ValueTable& table) {
  for (const auto& [key, value] : table.entries()) {
    FieldWriter entry;
    entry.put_text(kKey, key);
    FieldWriter inner;
    put_value(inner, value);
    entry.put_message(kValue, inner);
    out.put_message(kEntry, entry);
  }
}

bool read_entries(ByteView bytes, ValueTable& table, int depth);

struct Raw {
  std::uint64_t type = 0;
  Field number;
  Field bytes;
  std::uint64_t scale = 0;
  ValueArray elements;
};

bool read_value(ByteView bytes, Value& value, int depth);

bool read_raw(ByteView bytes, Raw& raw, int depth) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == kType) raw.type = field->value;
    if (field->number == kNumber) raw.number = *field;
    if (field->number == kBytes) raw.bytes = *field;
    if (field->number == kScale) raw.scale = field->value;
    if (field->number == kElement && !read_value(field->bytes, raw.elements.emplace_back(), depth))
      return false;
  }
  return reader.ok();
}

template <class T>
bool make(Raw& raw, Value& value, int depth) {
  if constexpr (std::is_same_v<T, std::monostate>) {
    value = Value();
  } else if constexpr (std::is_same_v<T, bool>) {
    value = Value(raw.number.value != 0);
  } else if constexpr (std::is_integral_v<T>) {
    value = Value(static_cast<T>(raw.number.as_signed()));
  } else if constexpr (std::is_same_v<T, float>) {
    value = Value(std::bit_cast<float>(static_cast<std::uint32_t>(raw.number.value)));
  } else if constexpr (std::is_same_v<T, double>) {
    value = Value(std::bit_cast<double>(raw.number.value));
  } else if constexpr (std::is_same_v<T, Decimal>) {
    value = Value(Decimal{static_cast<std::uint8_t>(raw.scale),
                          static_cast<std::int32_t>(raw.number.as_signed())});
  } else if constexpr (std::is_same_v<T, TimestampSeconds>) {
    value = Value(TimestampSeconds{raw.number.value});
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = Value(raw.bytes.text());
  } else if constexpr (std::is_same_v<T, ByteString>) {
    value = Value(ByteString{std::string(raw.bytes.text())});
  } else if constexpr (std::is_same_v<T, ValueArray>) {
    value = Value(std::move(raw.elements));
  } else {
    ValueTable table;
    if (!read_entries(raw.bytes.bytes, table, depth)) return false;
    value = Value(std::move(table));
  }
  return true;
}

template <std::size_t... Index>
bool make_any(std::index_sequence<Index...>, Raw& raw, Value& value, int depth) {
  bool made = false;
  bool known =
      ((raw.type == Index &&
        ((made = make<std::variant_alternative_t<Index, Value::Variant>>(raw, value, depth)),
         true)) ||
       ...);
  return known && made;
}

bool read_value(ByteView bytes, Value& value, int depth) {
  if (depth > kDepthMax) return false;
  Raw raw;
  if (!read_raw(bytes, raw, depth + 1)) return false;
  return make_any(std::make_index_sequence<std::variant_size_v<Value::Variant>>(), raw, value,
                  depth + 1);
}

bool read_entries(ByteView bytes, ValueTable& table, int depth) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number != kEntry) continue;
    std::string key;
    Value value;
    FieldReader entry(field->bytes);
    while (auto part = entry.next()) {
      if (part->number == kKey) key = part->text();
      if (part->number == kValue && !read_value(part->bytes, value, depth)) return false;
    }
    if (!entry.ok()) return false;
    table.add(std::move(key), std::move(value));
  }
  return reader.ok();
}

}  // namespace

void put_value_table(FieldWriter& out, std::uint32_t number, const ValueTable& table) {
  FieldWriter inner;
  put_entries(inner, table);
  out.put_message(number, inner);
}

bool read_value_table(ByteView bytes, ValueTable& table) { return read_entries(bytes, table, 0); }

}  // namespace millrace

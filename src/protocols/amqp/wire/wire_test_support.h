// Bytes as people write them, and structs with something in every field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/value.h"
#include "protocols/amqp/wire/field_codec.h"

namespace millrace::amqp::test {

using Blob = std::vector<std::uint8_t>;

// "41 4d 51 50", spaces as one likes; 'text' stands for its bytes.
inline Blob hex(std::string_view digits) {
  const auto nibble = [](char digit) {
    const auto value = std::string_view("0123456789abcdef").find(digit);
    ASSERT(value != std::string_view::npos);
    return static_cast<unsigned>(value);
  };
  Blob bytes;
  for (std::size_t i = 0; i < digits.size();) {
    if (digits[i] == ' ') {
      ++i;
    } else if (digits[i] == '\'') {
      const std::size_t end = digits.find('\'', i + 1);
      bytes.insert(bytes.end(), digits.begin() + i + 1, digits.begin() + end);
      i = end + 1;
    } else {
      bytes.push_back(static_cast<std::uint8_t>(nibble(digits[i]) << 4 | nibble(digits[i + 1])));
      i += 2;
    }
  }
  return bytes;
}

inline Blob joined(Blob front, const Blob& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

inline Blob blob(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

// One of every type, nested.
inline ValueTable every_type() {
  ValueTable inner{{"k", Value("v")}, {"", Value(ValueArray{})}};
  return {{"t", Value(true)},
          {"b", Value(std::int8_t{-2})},
          {"B", Value(std::uint8_t{200})},
          {"s", Value(std::int16_t{-300})},
          {"u", Value(std::uint16_t{60'000})},
          {"I", Value(std::int32_t{-70'000})},
          {"i", Value(std::uint32_t{4'000'000'000})},
          {"l", Value(std::int64_t{-5'000'000'000})},
          {"f", Value(1.5F)},
          {"d", Value(-2.25)},
          {"D", Value(Decimal{.scale = 2, .digits = -314})},
          {"T", Value(TimestampSeconds{1'577'836'800})},
          {"S", Value("text")},
          {"x", Value(ByteString{std::string("\0\xff", 2)})},
          {"A", Value(ValueArray{Value(std::int32_t{1}), Value("two"), Value(inner)})},
          {"F", Value(inner)},
          {"V", Value()}};
}

// A visitor of fields() that puts another value into each.
class Fill {
 public:
  template <class... Field>
  void operator()(Field&... field) {
    (fill(field), ...);
  }

 private:
  template <std::unsigned_integral Number>
  void fill(Number& number) {
    number = static_cast<Number>(~Number{0} - Number(++count_));
  }
  void fill(bool& bit) { bit = (++count_ % 3) != 0; }
  void fill(std::string_view& text) { text = next(); }
  void fill(LongText& field) { field.text = next(); }
  void fill(ValueTable& table) { table = every_type(); }
  std::string_view next() {
    static constexpr std::string_view kTexts[] = {"orders", "", "a.b.c", "\xc3\xa9", "x"};
    return kTexts[++count_ % std::size(kTexts)];
  }

  unsigned count_ = 0;
};

}  // namespace millrace::amqp::test

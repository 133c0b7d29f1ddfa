#include "base/value_fields.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

ValueTable one_of_each() {
  return {{"nothing", Value()},
          {"bool", Value(true)},
          {"i8", Value(std::int8_t{-8})},
          {"u8", Value(std::uint8_t{200})},
          {"i16", Value(std::int16_t{-300})},
          {"u16", Value(std::uint16_t{60000})},
          {"i32", Value(std::int32_t{-70000})},
          {"u32", Value(std::uint32_t{4000000000})},
          {"i64", Value(std::int64_t{-5000000000})},
          {"float", Value(1.5F)},
          {"double", Value(-2.25)},
          {"decimal", Value(Decimal{2, -314})},
          {"time", Value(TimestampSeconds{1'700'000'000})},
          {"text", Value("text")},
          {"bytes", Value(ByteString{std::string("\0\xff", 2)})},
          {"array", Value(ValueArray{Value(std::int32_t{1}), Value(ValueArray{Value("x")})})},
          {"table", Value(ValueTable{{"inner", Value(ValueTable{})}})}};
}

TEST(ValueFields, EveryTypeComesBackAsItWas) {
  FieldWriter out;
  put_value_table(out, 7, one_of_each());
  auto bytes = out.take();
  FieldReader reader(bytes);
  auto field = reader.next();
  ASSERT_TRUE(field);
  ValueTable read;
  ASSERT_TRUE(read_value_table(field->bytes, read));
  EXPECT_EQ(read, one_of_each());
}

TEST(ValueFields, WhatIsCutIsDamagedOrShorter) {
  FieldWriter out;
  put_value_table(out, 7, one_of_each());
  auto bytes = out.take();
  FieldReader reader(bytes);
  ByteView whole = reader.next()->bytes;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ValueTable read;
    if (read_value_table(whole.first(size), read)) EXPECT_LT(read.size(), one_of_each().size());
  }
}

TEST(ValueFields, NestedTooDeepIsDamage) {
  Value deep(ValueArray{});
  for (int i = 0; i < 100; ++i) deep = Value(ValueArray{std::move(deep)});
  FieldWriter out;
  put_value_table(out, 7, {{"deep", std::move(deep)}});
  auto bytes = out.take();
  FieldReader reader(bytes);
  ValueTable read;
  EXPECT_FALSE(read_value_table(reader.next()->bytes, read));
}

}  // namespace
}  // namespace millrace

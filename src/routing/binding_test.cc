#include "routing/binding.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace {
namespace {

Binding binding(ValueTable arguments) {
  return {ExchangeId(1), QueueId(2), "key", std::move(arguments)};
}

void expect_same(const Binding& a, const Binding& b, bool same) {
  EXPECT_EQ(same_binding(a, b), same);
  EXPECT_EQ(same_binding(b, a), same);
  if (same) EXPECT_EQ(hash_of(a), hash_of(b));
}

TEST(Binding, AllFourPartsCount) {
  expect_same(binding({}), binding({}), true);
  expect_same(binding({}), {ExchangeId(9), QueueId(2), "key", {}}, false);
  expect_same(binding({}), {ExchangeId(1), QueueId(9), "key", {}}, false);
  expect_same(binding({}), {ExchangeId(1), ExchangeId(2), "key", {}}, false);
  expect_same(binding({}), {ExchangeId(1), QueueId(2), "other", {}}, false);
  expect_same(binding({}), binding({{"a", Value(1)}}), false);
}

TEST(Binding, ArgumentsInAnyOrder) {
  expect_same(binding({{"a", Value(1)}, {"b", Value("x")}}),
              binding({{"b", Value("x")}, {"a", Value(1)}}), true);
  expect_same(binding({{"a", Value(1)}, {"b", Value(2)}}),
              binding({{"a", Value(2)}, {"b", Value(1)}}), false);
}

TEST(Binding, NumbersByValueAlsoInside) {
  const Value wide(ValueArray{Value(std::int64_t{1}), Value(2.0)});
  const Value narrow(ValueArray{Value(std::int8_t{1}), Value(std::uint16_t{2})});
  expect_same(binding({{"a", wide}}), binding({{"a", narrow}}), true);
  expect_same(binding({{"a", Value(1.5F)}}), binding({{"a", Value(1.5)}}), true);
  expect_same(binding({{"a", Value(1.5)}}), binding({{"a", Value(1)}}), false);
}

TEST(Binding, TypesAreKeptApart) {
  const std::vector<Value> values{Value(),
                                  Value(true),
                                  Value(false),
                                  Value(1),
                                  Value("1"),
                                  Value(ByteString{"1"}),
                                  Value(TimestampSeconds{1}),
                                  Value(Decimal{0, 1}),
                                  Value(ValueArray{}),
                                  Value(ValueTable{}),
                                  Value(ValueArray{Value(1)}),
                                  Value(1e300),
                                  Value(std::numeric_limits<std::int64_t>::max())};
  for (std::size_t a = 0; a < values.size(); ++a) {
    for (std::size_t b = 0; b < values.size(); ++b) {
      expect_same(binding({{"v", values[a]}}), binding({{"v", values[b]}}), a == b);
    }
  }
}

// A number that is not equal to itself must not make a binding that can't be removed.
TEST(Binding, NotANumberIsTheSameAsItself) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_same(binding({{"a", Value(nan)}}), binding({{"a", Value(nan)}}), true);
}

TEST(Binding, TextsDoNotRunIntoEachOther) {
  EXPECT_NE(canonical_arguments({{"a", Value("S1:b")}}),
            canonical_arguments({{"a", Value("")}, {"S1:b", Value("")}}));
  EXPECT_NE(canonical_arguments({{"ab", Value("c")}}), canonical_arguments({{"a", Value("bc")}}));
}

}  // namespace
}  // namespace millrace

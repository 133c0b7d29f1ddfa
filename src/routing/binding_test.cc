#include "routing/binding.h"

#include <gtest/gtest.h>

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

TEST(Binding, ArgumentsByWhatTheySay) {
  expect_same(binding({{"a", Value(1)}, {"b", Value("x")}}),
              binding({{"b", Value("x")}, {"a", Value(std::int64_t{1})}}), true);
  expect_same(binding({{"a", Value(1)}, {"b", Value(2)}}),
              binding({{"a", Value(2)}, {"b", Value(1)}}), false);
}

}  // namespace
}  // namespace millrace

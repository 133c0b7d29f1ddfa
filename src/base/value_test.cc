#include "base/value.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Value, IntegersOfAnyWidthAreTheSame) {
  EXPECT_TRUE(same_value(Value(std::int32_t{1000}), Value(std::int64_t{1000})));
  EXPECT_TRUE(same_value(Value(std::uint8_t{7}), Value(std::int16_t{7})));
  EXPECT_FALSE(same_value(Value(std::int32_t{1000}), Value(std::int64_t{1001})));
  EXPECT_TRUE(same_value(Value(2.0), Value(std::int32_t{2})));
}

TEST(Value, OtherTypesAreNotMixed) {
  EXPECT_FALSE(same_value(Value("1"), Value(std::int32_t{1})));
  EXPECT_FALSE(same_value(Value(true), Value(std::int32_t{1})));
  EXPECT_FALSE(same_value(Value("x"), Value(ByteString{"x"})));
  EXPECT_TRUE(same_value(Value(), Value()));
}

TEST(Value, WidthsAreKept) {
  EXPECT_NE(Value(std::int32_t{1}), Value(std::int64_t{1}));
  EXPECT_EQ(Value(std::int32_t{1}).as_integer(), 1);
  EXPECT_EQ(Value(true).as_integer(), std::nullopt);
}

TEST(Value, ATableKeepsItsOrder) {
  ValueTable table{{"b", Value(std::int32_t{1})}, {"a", Value("text")}};
  table.set("c", Value(ValueArray{Value(true)}));
  table.set("b", Value(std::int32_t{2}));
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table.entries()[0].first, "b");
  EXPECT_EQ(table.find("b")->as_integer(), 2);
  EXPECT_EQ(*table.find("a")->as_text(), "text");
  table.remove("a");
  EXPECT_EQ(table.find("a"), nullptr);
}

}  // namespace
}  // namespace millrace

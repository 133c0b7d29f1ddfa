#include "settings/value.h"

#include <gtest/gtest.h>

#include <limits>

namespace millrace {
namespace {

constexpr Setting kSize{.name = "x.bytes", .kind = Kind::bytes, .min = 1024, .max = 1LL << 40};
constexpr Setting kTime{.name = "x.ms", .kind = Kind::milliseconds, .min = 0, .max = 86'400'000};
constexpr Setting kShort{.name = "x.us", .kind = Kind::microseconds, .min = 0, .max = 5'000'000};
constexpr Setting kCount{.name = "x.n", .kind = Kind::count, .min = -5, .max = 9, .word = "auto"};

TEST(ValueTest, SizesWithAndWithoutUnits) {
  EXPECT_EQ(parse_value(kSize, "64MiB")->number, 64 << 20);
  EXPECT_EQ(parse_value(kSize, "1024")->number, 1024);
  EXPECT_EQ(parse_value(kSize, "1024B")->number, 1024);
  EXPECT_EQ(parse_value(kSize, "1TiB")->number, 1LL << 40);
  EXPECT_EQ(parse_value(kSize, "1536")->text, "1536B");
  EXPECT_EQ(parse_value(kSize, "2048KiB")->text, "2MiB");
}

TEST(ValueTest, DurationsAreInTheirBaseUnit) {
  EXPECT_EQ(parse_value(kTime, "200ms")->number, 200);
  EXPECT_EQ(parse_value(kTime, "200")->number, 200);
  EXPECT_EQ(parse_value(kTime, "10m")->number, 600'000);
  EXPECT_EQ(parse_value(kTime, "24h")->text, "1d");
  EXPECT_EQ(parse_value(kTime, "90000")->text, "90s");
  EXPECT_EQ(parse_value(kShort, "300us")->number, 300);
  EXPECT_EQ(parse_value(kShort, "2ms")->number, 2'000);
  EXPECT_EQ(parse_value(kTime, "0")->text, "0");
}

TEST(ValueTest, BoundsAreHeldAtTheEdge) {
  EXPECT_TRUE(parse_value(kCount, "-5").has_value());
  EXPECT_TRUE(parse_value(kCount, "9").has_value());
  EXPECT_FALSE(parse_value(kCount, "-6").has_value());
  EXPECT_FALSE(parse_value(kCount, "10").has_value());
  EXPECT_FALSE(parse_value(kSize, "1023").has_value());
}

TEST(ValueTest, WhatIsNoNumberIsRefused) {
  for (const char* text : {"", " 2048", "2048 ", "2048 B", "1.5MiB", "2mib", "2M", "KiB", "0x800",
                           "+2048", "99999999999999999999", "9999999999999TiB"})
    EXPECT_FALSE(parse_value(kSize, text).has_value()) << "'" << text << "'";
  EXPECT_FALSE(parse_value(kTime, "5us").has_value());
  EXPECT_FALSE(parse_value(kCount, "5ms").has_value());
}

TEST(ValueTest, AWordStandsBesideTheKind) {
  EXPECT_TRUE(parse_value(kCount, "auto")->is_word);
  EXPECT_FALSE(parse_value(kCount, "5")->is_word);
  EXPECT_EQ(parse_value(kCount, "Auto").error().message(),
            "it must be a number from -5 to 9, or 'auto'");
  EXPECT_FALSE(parse_value(kSize, "").has_value());
}

TEST(ValueTest, ChoicesAndBooleans) {
  constexpr Setting kChoice{.name = "x.c", .kind = Kind::choice, .choices = "a|bc"};
  EXPECT_TRUE(parse_value(kChoice, "bc").has_value());
  EXPECT_FALSE(parse_value(kChoice, "b").has_value());
  EXPECT_FALSE(parse_value(kChoice, "a|bc").has_value());
  EXPECT_FALSE(parse_value(kChoice, "").has_value());
  constexpr Setting kBoolean{.name = "x.b", .kind = Kind::boolean};
  EXPECT_EQ(parse_value(kBoolean, "true")->number, 1);
  EXPECT_EQ(parse_value(kBoolean, "false")->number, 0);
  EXPECT_FALSE(parse_value(kBoolean, "yes").has_value());
}

}  // namespace
}  // namespace millrace

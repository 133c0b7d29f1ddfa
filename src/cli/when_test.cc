#include "cli/when.h"

#include <gtest/gtest.h>

#include "cli/time_text.h"

namespace millrace::cli {
namespace {

constexpr std::int64_t kNow = 1'763'726'400'000;  // 2025-11-21T12:00:00Z
using Kind = When::Kind;

TEST(WhenTest, Words) {
  for (const char* text : {"beginning", "start", "earliest"})
    EXPECT_EQ(parse_when(text, kNow), (When{Kind::beginning, 0})) << text;
  for (const char* text : {"end", "latest"})
    EXPECT_EQ(parse_when(text, kNow), (When{Kind::end, 0})) << text;
}

TEST(WhenTest, Numbers) {
  EXPECT_EQ(parse_when("0", kNow), (When{Kind::offset, 0}));
  EXPECT_EQ(parse_when("1200", kNow), (When{Kind::offset, 1200}));
  EXPECT_EQ(parse_when("-10", kNow), (When{Kind::from_end, 10}));
  EXPECT_EQ(parse_when("-0", kNow), (When{Kind::from_end, 0}));
  EXPECT_EQ(parse_when("9223372036854775807", kNow), (When{Kind::offset, INT64_MAX}));
}

TEST(WhenTest, HowLongAgo) {
  EXPECT_EQ(parse_when("90s", kNow), (When{Kind::time, kNow - 90'000}));
  EXPECT_EQ(parse_when("5m", kNow), (When{Kind::time, kNow - 300'000}));
  EXPECT_EQ(parse_when("5m ago", kNow), (When{Kind::time, kNow - 300'000}));
  EXPECT_EQ(parse_when("2 h ago", kNow), (When{Kind::time, kNow - 7'200'000}));
  EXPECT_EQ(parse_when("1d", kNow), (When{Kind::time, kNow - 86'400'000}));
  EXPECT_EQ(parse_when("99999d", kNow), (When{Kind::time, 0}));  // before time began
}

TEST(WhenTest, Times) {
  EXPECT_EQ(parse_when("@1763726400000", 0), (When{Kind::time, kNow}));
  EXPECT_EQ(parse_when("2025-11-21T12:00:00Z", 0), (When{Kind::time, kNow}));
}

TEST(WhenTest, RefusesTheRestWithWhatThereIs) {
  for (const char* text :
       {"", "yesterday", "5x", "-", "@", "@-5", "@x", "ago", "m", "1.5h", "-5m", "12 ", " 12",
        "2025-11-21T25:00", "1969-12-31", "9223372036854775808", "99999999999999999d"}) {
    const auto when = parse_when(text, kNow);
    ASSERT_FALSE(when) << text;
    EXPECT_NE(when.error().message().find("2026-11-21T10:00:00Z"), std::string::npos);
    EXPECT_FALSE(check_when(text).empty());
  }
}

TEST(TimeTextTest, PartsMayBeMissing) {
  EXPECT_EQ(parse_time("2025-11-21"), kNow - 12LL * 3'600'000);
  EXPECT_EQ(parse_time("2025-11-21T12:00"), kNow);
  EXPECT_EQ(parse_time("2025-11-21 12:00:00"), kNow);
  EXPECT_EQ(parse_time("2025-11-21t12:00:00z"), kNow);
  EXPECT_EQ(parse_time("1970-01-01"), 0);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(TimeTextTest, FractionsToTheMillisecond) {
  EXPECT_EQ(parse_time("2025-11-21T12:00:00.5Z"), kNow + 500);
  EXPECT_EQ(parse_time("2025-11-21T12:00:00.123"), kNow + 123);
  EXPECT_EQ(parse_time("2025-11-21T12:00:00.0019999Z"), kNow + 1);
}

TEST(TimeTextTest, Zones) {
  EXPECT_EQ(parse_time("2025-11-21T13:00:00+01:00"), kNow);
  EXPECT_EQ(parse_time("2025-11-21T13:00+01"), kNow);
  EXPECT_EQ(parse_time("2025-11-21T08:30:00-0330"), kNow);
}

TEST(TimeTextTest, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2025", "2025-11", "2025-11-31", "2025-02-29", "2025-13-01", "2025-11-21T",
        "2025-11-21T24:00", "2025-11-21T12:60", "2025-11-21T12:00:60", "2025-11-21T12:00:00.",
        "2025-11-21T12:00:00Zx", "2025-11-21T12:00:00 Z", "2025-11-21T12:00:00+1", "25-11-21",
        "2025/11/21", "2025-11-21x"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

}  // namespace
}  // namespace millrace::cli

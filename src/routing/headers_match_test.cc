#include "routing/headers_match.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

bool matches(const ValueTable& arguments, const ValueTable& headers) {
  const auto mode = headers_mode(arguments);
  EXPECT_TRUE(mode);
  return mode && headers_match(*mode, arguments, headers);
}

ValueTable with_mode(const char* mode, ValueTable arguments) {
  arguments.add("x-match", Value(mode));
  return arguments;
}

const ValueTable kReport{{"format", Value("pdf")}, {"type", Value("report")}};

TEST(HeadersMatch, All) {
  const ValueTable both = with_mode("all", kReport);
  EXPECT_TRUE(matches(both, kReport));
  EXPECT_TRUE(
      matches(both, {{"type", Value("report")}, {"more", Value(true)}, {"format", Value("pdf")}}));
  EXPECT_FALSE(matches(both, {{"format", Value("pdf")}, {"type", Value("log")}}));
  EXPECT_FALSE(matches(both, {{"format", Value("pdf")}}));
  EXPECT_FALSE(matches(both, {}));
  // Without x-match the same.
  EXPECT_TRUE(matches(kReport, kReport));
  EXPECT_FALSE(matches(kReport, {{"format", Value("pdf")}}));
}

TEST(HeadersMatch, Any) {
  const ValueTable either = with_mode("any", kReport);
  EXPECT_TRUE(matches(either, {{"format", Value("pdf")}, {"type", Value("log")}}));
  EXPECT_TRUE(matches(either, {{"type", Value("report")}}));
  EXPECT_FALSE(matches(either, {{"type", Value("pdf")}}));
  EXPECT_FALSE(matches(either, {}));
}

TEST(HeadersMatch, NothingAskedFor) {
  for (const char* mode : {"all", "all-with-x"}) {
    EXPECT_TRUE(matches(with_mode(mode, {}), {})) << mode;
    EXPECT_TRUE(matches(with_mode(mode, {}), kReport)) << mode;
  }
  for (const char* mode : {"any", "any-with-x"}) {
    EXPECT_FALSE(matches(with_mode(mode, {}), {})) << mode;
    EXPECT_FALSE(matches(with_mode(mode, {}), kReport)) << mode;
  }
}

TEST(HeadersMatch, AnArgumentWithoutAValueAsksForPresence) {
  for (const char* mode : {"all", "any"}) {
    const ValueTable owned = with_mode(mode, {{"owner", Value()}});
    EXPECT_TRUE(matches(owned, {{"owner", Value("alice")}})) << mode;
    EXPECT_TRUE(matches(owned, {{"owner", Value()}})) << mode;
    EXPECT_FALSE(matches(owned, {{"other", Value("alice")}})) << mode;
  }
  // The other way round it is a value like others.
  EXPECT_FALSE(matches({{"owner", Value("alice")}}, {{"owner", Value()}}));
}

TEST(HeadersMatch, NamesWithX) {
  const ValueTable dead{{"x-first-death-reason", Value("expired")}};
  const ValueTable alive{{"x-first-death-reason", Value("rejected")}};
  EXPECT_TRUE(matches(with_mode("all", dead), alive));
  EXPECT_FALSE(matches(with_mode("any", dead), dead));
  EXPECT_TRUE(matches(with_mode("all-with-x", dead), dead));
  EXPECT_FALSE(matches(with_mode("all-with-x", dead), alive));
  EXPECT_TRUE(matches(with_mode("any-with-x", dead), dead));
  EXPECT_FALSE(matches(with_mode("any-with-x", dead), alive));
}

TEST(HeadersMatch, XMatchItselfIsNotCompared) {
  const ValueTable headers{{"x-match", Value("all-with-x")}};
  EXPECT_TRUE(matches(with_mode("all-with-x", {}), {}));
  EXPECT_FALSE(matches(with_mode("any-with-x", {}), {{"x-match", Value("any-with-x")}}));
  EXPECT_TRUE(matches(with_mode("all-with-x", {}), headers));
}

TEST(HeadersMatch, NumbersByValue) {
  const ValueTable wanted{{"size", Value(std::int32_t{5})}};
  EXPECT_TRUE(matches(wanted, {{"size", Value(std::int64_t{5})}}));
  EXPECT_TRUE(matches(wanted, {{"size", Value(5.0)}}));
  EXPECT_FALSE(matches(wanted, {{"size", Value("5")}}));
  EXPECT_FALSE(matches(wanted, {{"size", Value(std::int8_t{6})}}));
}

TEST(HeadersMode, OfItsArgument) {
  EXPECT_EQ(headers_mode({}), HeadersMode::all);
  EXPECT_EQ(headers_mode({{"x-match", Value("any")}}), HeadersMode::any);
  EXPECT_EQ(headers_mode({{"x-match", Value("some")}}), std::nullopt);
  EXPECT_EQ(headers_mode({{"x-match", Value(std::int32_t{1})}}), std::nullopt);
}

}  // namespace
}  // namespace millrace

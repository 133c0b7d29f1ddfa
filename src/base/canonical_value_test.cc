#include "base/canonical_value.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace millrace {
namespace {

void expect_same(const ValueTable& a, const ValueTable& b, bool same) {
  EXPECT_EQ(canonical_text(a) == canonical_text(b), same);
}

TEST(CanonicalText, ArgumentsInAnyOrder) {
  expect_same({{"a", Value(1)}, {"b", Value("x")}}, {{"b", Value("x")}, {"a", Value(1)}}, true);
  expect_same({{"a", Value(1)}, {"b", Value(2)}}, {{"a", Value(2)}, {"b", Value(1)}}, false);
}

TEST(CanonicalText, NumbersByValueAlsoInside) {
  const Value wide(ValueArray{Value(std::int64_t{1}), Value(2.0)});
  const Value narrow(ValueArray{Value(std::int8_t{1}), Value(std::uint16_t{2})});
  expect_same({{"a", wide}}, {{"a", narrow}}, true);
  expect_same({{"a", Value(1.5F)}}, {{"a", Value(1.5)}}, true);
  expect_same({{"a", Value(1.5)}}, {{"a", Value(1)}}, false);
}

TEST(CanonicalText, TypesAreKeptApart) {
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
      expect_same({{"v", values[a]}}, {{"v", values[b]}}, a == b);
    }
  }
}

// A number that is not equal to itself would make a binding that can't be removed.
TEST(CanonicalText, NotANumberIsTheSameAsItself) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect_same({{"a", Value(nan)}}, {{"a", Value(nan)}}, true);
}

TEST(CanonicalText, TextsDoNotRunIntoEachOther) {
  EXPECT_NE(canonical_text({{"a", Value("S1:b")}}),
            canonical_text({{"a", Value("")}, {"S1:b", Value("")}}));
  EXPECT_NE(canonical_text({{"ab", Value("c")}}), canonical_text({{"a", Value("bc")}}));
}

}  // namespace
}  // namespace millrace

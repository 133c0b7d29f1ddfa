#include "cli/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace millrace::cli {
namespace {

using std::chrono::microseconds;

TEST(HistogramTest, EmptyIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.at(0.99).count(), 0);
  EXPECT_EQ(histogram.mean().count(), 0);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (int i = 1; i <= 60; ++i) histogram.add(microseconds(i));
  EXPECT_EQ(histogram.at(0.5).count(), 30);
  EXPECT_EQ(histogram.at(1.0 / 60).count(), 1);
  EXPECT_EQ(histogram.at(1).count(), 60);
  EXPECT_EQ(histogram.max().count(), 60);
}

TEST(HistogramTest, SharesAreNearTheTrueOnesAndNeverBelow) {
  std::mt19937_64 random(7);
  Histogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::int64_t>(random() >> (random() % 40 + 20)));
    histogram.add(microseconds(values.back()));
  }
  std::ranges::sort(values);
  for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(
        values[static_cast<std::size_t>(share * static_cast<double>(values.size())) - 1]);
    const auto given = static_cast<double>(histogram.at(share).count());
    EXPECT_GE(given, exact);
    EXPECT_LE(given, exact * 1.016 + 1);
  }
  EXPECT_EQ(histogram.max().count(), values.back());
}

TEST(HistogramTest, TheLargestValueFits) {
  Histogram histogram;
  histogram.add(microseconds(INT64_MAX));
  histogram.add(microseconds(-5));
  EXPECT_EQ(histogram.at(1).count(), INT64_MAX);
  EXPECT_EQ(histogram.at(0.5).count(), 0);
}

TEST(HistogramTest, TwoMakeOne) {
  Histogram one;
  Histogram two;
  one.add(microseconds(10));
  two.add(microseconds(30));
  one.add(two);
  EXPECT_EQ(one.count(), 2);
  EXPECT_EQ(one.mean().count(), 20);
  EXPECT_EQ(one.max().count(), 30);
}

}  // namespace
}  // namespace millrace::cli

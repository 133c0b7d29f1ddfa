#include "base/histogram.h"

#include <gtest/gtest.h>

#include <thread>

namespace millrace {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, ABoundBelongsToItsBucket) {
  Histogram histogram;
  histogram.observe(100us);
  histogram.observe(100us + 1ns);
  histogram.observe(250us);
  EXPECT_EQ(histogram.in_bucket(0), 1u);
  EXPECT_EQ(histogram.in_bucket(1), 2u);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.sum(), 450us + 1ns);
}

TEST(Histogram, TheLongestHaveABucketOfTheirOwn) {
  Histogram histogram;
  histogram.observe(10s);
  histogram.observe(10s + 1ns);
  histogram.observe(24h);
  EXPECT_EQ(histogram.in_bucket(Histogram::kBuckets - 2), 1u);
  EXPECT_EQ(histogram.in_bucket(Histogram::kBuckets - 1), 2u);
}

TEST(Histogram, TimeThatWentBackCountsAsNone) {
  Histogram histogram;
  histogram.observe(-5s);
  EXPECT_EQ(histogram.in_bucket(0), 1u);
  EXPECT_EQ(histogram.sum(), 0s);
}

TEST(Histogram, SeveralAddUp) {
  Histogram one, other;
  one.observe(1ms);
  other.observe(1ms);
  other.observe(3s);
  one.add(other);
  EXPECT_EQ(one.count(), 3u);
  EXPECT_EQ(one.in_bucket(3), 2u);
  EXPECT_EQ(one.sum(), 3s + 2ms);
}

// What the thread sanitizer looks at: the owner counts while somebody reads.
TEST(Histogram, IsReadWhileItIsCounted) {
  Histogram histogram;
  std::thread owner([&histogram] {
    for (int i = 0; i < 100'000; ++i) histogram.observe(1us);
  });
  std::uint64_t seen = 0;
  while (seen < 100'000) {
    const std::uint64_t now = histogram.count();
    ASSERT_GE(now, seen);
    seen = now;
  }
  owner.join();
  EXPECT_EQ(histogram.sum(), 100ms);
}

}  // namespace
}  // namespace millrace

// Histogram: how often something took how long, in fixed buckets from 100 us to 10 s. One thread
// observes, any thread may read (counter.h); histograms of several threads are added up by who
// reads them.
//
//   Histogram flush_time;
//   flush_time.observe(after - before);
//
// The bounds are the same for all: what is compared on one page should have the same scale.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

#include "base/counter.h"

namespace millrace {

class Histogram {
 public:
  // Upper bounds, inclusive. What is longer than the last one has a bucket of its own.
  static constexpr std::array<std::chrono::microseconds, 16> kBounds = {
      std::chrono::microseconds(100),       std::chrono::microseconds(250),
      std::chrono::microseconds(500),       std::chrono::microseconds(1'000),
      std::chrono::microseconds(2'500),     std::chrono::microseconds(5'000),
      std::chrono::microseconds(10'000),    std::chrono::microseconds(25'000),
      std::chrono::microseconds(50'000),    std::chrono::microseconds(100'000),
      std::chrono::microseconds(250'000),   std::chrono::microseconds(500'000),
      std::chrono::microseconds(1'000'000), std::chrono::microseconds(2'500'000),
      std::chrono::microseconds(5'000'000), std::chrono::microseconds(10'000'000)};
  static constexpr std::size_t kBuckets = kBounds.size() + 1;

  void observe(std::chrono::nanoseconds time);
  void add(const Histogram& other);

  // Of one bucket alone, not of those below it.
  std::uint64_t in_bucket(std::size_t bucket) const { return buckets_[bucket].value(); }
  std::uint64_t count() const;
  std::chrono::nanoseconds sum() const {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(sum_.value()));
  }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_;  // nanoseconds
};

}  // namespace millrace

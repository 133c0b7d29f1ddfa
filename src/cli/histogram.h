// Histogram: latencies in microseconds, kept to about 1.6 % of their size, however many there are.
//
//   Histogram latencies;
//   latencies.add(1250us);
//   latencies.at(0.99)       // the smallest bound that 99 % of them do not exceed
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace millrace::cli {

class Histogram {
 public:
  using Microseconds = std::chrono::microseconds;

  void add(Microseconds latency);
  void add(const Histogram& other);
  std::int64_t count() const { return count_; }
  Microseconds max() const { return Microseconds(max_); }
  Microseconds mean() const { return Microseconds(count_ == 0 ? 0 : sum_ / count_); }
  // 0 when nothing was added; never above max().
  Microseconds at(double share) const;

 private:
  // 64 buckets for each power of two: values below 64 exactly.
  static constexpr int kSubBits = 6;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) << kSubBits;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_bound_of(std::size_t bucket);

  std::array<std::int64_t, kBuckets> buckets_{};
  std::int64_t count_ = 0;
  std::int64_t sum_ = 0;
  std::int64_t max_ = 0;
};

}  // namespace millrace::cli

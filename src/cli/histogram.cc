#include "cli/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::cli {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < (std::uint64_t{1} << kSubBits)) return value;
  const int shift = std::bit_width(value) - 1 - kSubBits;
  const std::uint64_t within = (value >> shift) & ((std::uint64_t{1} << kSubBits) - 1);
  return (static_cast<std::size_t>(shift + 1) << kSubBits) + within;
}

std::uint64_t Histogram::upper_bound_of(std::size_t bucket) {
  if (bucket < (std::size_t{1} << kSubBits)) return bucket;
  const auto shift = static_cast<int>(bucket >> kSubBits) - 1;
  const std::uint64_t within = bucket & ((std::size_t{1} << kSubBits) - 1);
  return (((std::uint64_t{1} << kSubBits) + within + 1) << shift) - 1;
}

void Histogram::add(Microseconds latency) {
  const std::int64_t value = std::max<std::int64_t>(0, latency.count());
  ++buckets_[bucket_of(static_cast<std::uint64_t>(value))];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

Histogram::Microseconds Histogram::at(double share) const {
  const auto wanted = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_))));
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted && count_ > 0)
      return Microseconds(std::min(max_, static_cast<std::int64_t>(upper_bound_of(i))));
  }
  return Microseconds(max_);
}

}  // namespace millrace::cli

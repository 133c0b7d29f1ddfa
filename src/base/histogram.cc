#include "base/histogram.h"

#include <algorithm>

namespace millrace {

void Histogram::observe(std::chrono::nanoseconds time) {
  // A clock that was set back is no time at all.
  time = std::max(time, std::chrono::nanoseconds(0));
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && time > kBounds[bucket]) ++bucket;
  buckets_[bucket].add();
  sum_.add(static_cast<std::uint64_t>(time.count()));
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i].add(other.buckets_[i].value());
  sum_.add(other.sum_.value());
}

std::uint64_t Histogram::count() const {
  std::uint64_t count = 0;
  for (const Counter& bucket : buckets_) count += bucket.value();
  return count;
}

}  // namespace millrace

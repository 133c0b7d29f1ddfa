// Rates: how many a second, of counts that somebody looks at now and then: since a look at least
// kRateSpan ago. Within a second of the first look nothing is known, which is 0.
//
//   rates.look(queue->id, {published, delivered, acknowledged}, now)[0]
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "base/ids.h"
#include "runtime/core.h"

namespace millrace::management {

inline constexpr Duration kRateSpan = std::chrono::seconds(5);

class Rates {
 public:
  using Counts = std::array<std::uint64_t, 3>;
  using PerSecond = std::array<double, 3>;

  PerSecond look(QueueId queue, const Counts& counts, MonotonicTime now);
  // All but these are forgotten.
  void keep_only(const std::unordered_set<QueueId>& queues);
  std::size_t size() const { return known_.size(); }

 private:
  struct Look {
    MonotonicTime at;
    Counts counts;
  };
  struct Known {
    Look base;    // what rates are counted from
    Look latest;  // becomes the base when it is old enough
  };
  std::unordered_map<QueueId, Known> known_;
};

}  // namespace millrace::management

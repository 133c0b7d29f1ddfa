// CountMap: how often messages were delivered, for those that came back. Offsets that lie side by
// side with equal counts are one entry: a consumer that leaves with a million messages makes one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

#include "queues/ids.h"

namespace millrace {

// What is known of the deliveries of one message. A crash adds to neither (STORAGE.md rule 17).
struct DeliveryCounts {
  std::uint32_t acquired = 0;  // deliveries that ended in a release
  std::uint32_t failed = 0;    // those of them that count against the delivery limit
  bool operator==(const DeliveryCounts&) const = default;
};

class CountMap {
 public:
  struct Run {
    Offset end;
    DeliveryCounts counts;
    bool operator==(const Run&) const = default;
  };
  using Runs = std::map<Offset, Run>;  // by first; disjoint; neighbours differ

  // Adds one delivery to each.
  void add_delivery(OffsetRange range, bool failed);
  void erase(OffsetRange range);
  // Sets them; nothing of `range` may be known yet. For restoring.
  void set(OffsetRange range, DeliveryCounts counts);

  // Zero for what never came back.
  DeliveryCounts find(Offset offset) const;
  bool empty() const { return runs_.empty(); }
  const Runs& runs() const { return runs_; }
  // Calls visit(OffsetRange, DeliveryCounts) for the parts of `range` of which anything is known.
  template <class Visit>
  void visit(OffsetRange range, Visit visit) const {
    auto run = runs_.upper_bound(range.first);
    if (run != runs_.begin()) --run;
    for (; run != runs_.end() && run->first < range.end; ++run) {
      OffsetRange part{std::max(run->first, range.first), std::min(run->second.end, range.end)};
      if (!part.empty()) visit(part, run->second.counts);
    }
  }

  bool operator==(const CountMap&) const = default;

 private:
  // Makes `at` a boundary between runs.
  void split(Offset at);
  void merge_around(OffsetRange range);
  Runs runs_;
};

}  // namespace millrace

// OffsetSet: a set of offsets for many small changes in no order, as acknowledgements of competing
// consumers are: a bit for each offset where a stretch is there in part, one entry for a run of
// whole stretches.
//
//   OffsetSet done;
//   done.insert({Offset(10), Offset(1'000'010)});   // one entry and two partial stretches
//   Offset floor = done.take_prefix(Offset(10));    // 1'000'010, and the set is empty
//
// A stretch is 64 offsets. Changing one offset costs O(log stretches there in part), a run O(log)
// and its stretches there in part. In the worst case, every second offset, a bit and a byte for
// each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "queues/ids.h"
#include "queues/range_set.h"

namespace millrace {

class OffsetSet {
 public:
  // How many offsets were not in it before.
  std::int64_t insert(OffsetRange range);
  // How many were in it.
  std::int64_t erase(OffsetRange range);
  // Takes out the run that begins at `at`, if there is one, and gives its end; else `at`. Nothing
  // below `at` may be in it.
  Offset take_prefix(Offset at);

  bool contains(Offset offset) const;
  bool empty() const { return count_ == 0; }
  std::int64_t count() const { return count_; }
  // The first offset that is in it. Not empty.
  Offset front() const;
  // Behind the last one. Not empty.
  Offset end() const;

  // The first run that ends behind `from`, without what lies below `from`; empty when there is
  // none.
  OffsetRange next_run(Offset from) const;
  // Calls visit(OffsetRange) for the parts of `range` that are in it, in order.
  template <class Visit>
  void visit(OffsetRange range, Visit visit) const {
    while (!range.empty()) {
      OffsetRange run = next_run(range.first);
      if (run.empty() || range.end <= run.first) return;
      visit(OffsetRange{run.first, std::min(run.end, range.end)});
      range.first = run.end;
    }
  }
  // All of it.
  OffsetRuns runs() const;

  bool operator==(const OffsetSet& other) const = default;

 private:
  static constexpr std::int64_t kStretch = 64;
  using Bits = std::uint64_t;
  static constexpr Bits kWhole = ~Bits{0};

  static std::int64_t stretch_of(Offset offset) { return offset.value() / kStretch; }
  static OffsetRange range_of(std::int64_t stretch) {
    return {Offset(stretch * kStretch), Offset((stretch + 1) * kStretch)};
  }
  // Those of `range` in `stretch`.
  static Bits mask_of(std::int64_t stretch, OffsetRange range);

  std::int64_t set(std::int64_t stretch, Bits mask);
  std::int64_t clear(std::int64_t stretch, Bits mask);
  // The end of the run that reaches `at` from below.
  Offset end_of_run(Offset at) const;

  RangeSet whole_;                      // numbers of stretches; here Offset counts those
  std::map<std::int64_t, Bits> parts_;  // neither 0 nor kWhole
  std::int64_t count_ = 0;
};

}  // namespace millrace

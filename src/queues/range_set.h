// RangeSet: a set of offsets that costs by its runs, not by its members.
//
//   RangeSet done;
//   done.insert({Offset(10), Offset(1'000'010)});   // one entry
//   done.insert(OffsetRange::of(Offset(9)));        // still one
//
// Neighbouring runs are merged. O(log runs) for each run that is touched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>

#include "queues/ids.h"

namespace millrace {

class RangeSet {
 public:
  using Runs = std::map<Offset, Offset>;  // first -> end; disjoint, never adjacent

  // How many offsets were not in it before.
  std::int64_t insert(OffsetRange range);
  // How many were in it.
  std::int64_t erase(OffsetRange range);
  void clear();

  bool contains(Offset offset) const;
  // How many of `range` are in it.
  std::int64_t count_in(OffsetRange range) const;

  // The first run that ends behind `from`, without what lies below `from`; empty when there is
  // none.
  OffsetRange next_run(Offset from) const;
  // Calls visit(OffsetRange) for the parts of `range` that are in it.
  template <class Visit>
  void visit(OffsetRange range, Visit visit) const {
    auto run = runs_.upper_bound(range.first);
    if (run != runs_.begin()) --run;
    for (; run != runs_.end() && run->first < range.end; ++run) {
      OffsetRange part{std::max(run->first, range.first), std::min(run->second, range.end)};
      if (!part.empty()) visit(part);
    }
  }

  bool empty() const { return runs_.empty(); }
  std::int64_t count() const { return count_; }
  std::size_t run_count() const { return runs_.size(); }
  const Runs& runs() const { return runs_; }

  OffsetRange front() const;
  OffsetRange back() const;
  // Takes the lowest offset out.
  Offset pop_front();
  void pop_front_run();

  bool operator==(const RangeSet& other) const { return runs_ == other.runs_; }

 private:
  Runs runs_;
  std::int64_t count_ = 0;
};

}  // namespace millrace

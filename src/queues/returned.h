// Returned: the ready messages that were considered before, in the order of the policy. Volatile.
#pragma once

#include <list>
#include <vector>

#include "queues/cursor_state.h"
#include "queues/ids.h"
#include "queues/range_set.h"

namespace millrace {

class Returned {
 public:
  bool empty() const { return members_.empty(); }
  std::int64_t count() const { return members_.count(); }
  const RangeSet& members() const { return members_; }
  bool contains(Offset offset) const { return members_.contains(offset); }

  // None of `range` may be in it.
  void add(OffsetRange range);
  void add_first(OffsetRange range);
  void erase(OffsetRange range);
  Offset front() const;
  Offset pop_front();
  // Under another order the present ones stand in the order of offsets.
  void set_order(ReturnOrder order);

  // Calls visit(OffsetRange) in the order of delivery until it gives false.
  template <class Visit>
  void visit(Visit visit) const {
    if (order_ == ReturnOrder::return_time) {
      for (const OffsetRange& run : queue_) {
        if (!visit(run)) return;
      }
    } else {
      for (const auto& [first, end] : members_.runs()) {
        if (!visit(OffsetRange{first, end})) return;
      }
    }
  }

 private:
  ReturnOrder order_ = ReturnOrder::offset;
  RangeSet members_;
  std::list<OffsetRange> queue_;  // with return_time: the members in the order they came back in
};

}  // namespace millrace

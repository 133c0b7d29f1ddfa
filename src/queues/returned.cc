#include "queues/returned.h"

#include "base/assert.h"

namespace millrace {

void Returned::add(OffsetRange range) {
  std::int64_t fresh = members_.insert(range);
  ASSERT(fresh == range.count());
  if (order_ != ReturnOrder::return_time) return;
  if (!queue_.empty() && queue_.back().end == range.first) {
    queue_.back().end = range.end;
  } else {
    queue_.push_back(range);
  }
}

void Returned::add_first(OffsetRange range) {
  std::int64_t fresh = members_.insert(range);
  ASSERT(fresh == range.count());
  if (order_ != ReturnOrder::return_time) return;
  if (!queue_.empty() && range.end == queue_.front().first) {
    queue_.front().first = range.first;
  } else {
    queue_.push_front(range);
  }
}

void Returned::erase(OffsetRange range) {
  if (members_.erase(range) == 0 || order_ != ReturnOrder::return_time) return;
  for (auto run = queue_.begin(); run != queue_.end();) {
    OffsetRange before{run->first, std::min(run->end, range.first)};
    OffsetRange behind{std::max(run->first, range.end), run->end};
    if (before.empty() && behind.empty()) {
      run = queue_.erase(run);
      continue;
    }
    *run = before.empty() ? behind : before;
    // A hole in the middle makes two; a run that lies aside of `range` is one of the two as a
    // whole.
    if (!before.empty() && !behind.empty()) run = queue_.insert(std::next(run), behind);
    ++run;
  }
}

Offset Returned::front() const {
  ASSERT(!members_.empty());
  return order_ == ReturnOrder::return_time ? queue_.front().first : members_.front().first;
}

Offset Returned::pop_front() {
  ASSERT(!members_.empty());
  if (order_ != ReturnOrder::return_time) return members_.pop_front();
  Offset offset = queue_.front().first;
  ++queue_.front().first;
  if (queue_.front().empty()) queue_.pop_front();
  std::int64_t erased = members_.erase(OffsetRange::of(offset));
  ASSERT(erased == 1);
  return offset;
}

void Returned::set_order(ReturnOrder order) {
  if (order == order_) return;
  order_ = order;
  queue_.clear();
  if (order != ReturnOrder::return_time) return;
  for (const auto& [first, end] : members_.runs()) queue_.push_back({first, end});
}

}  // namespace millrace

#include "queues/range_set.h"

#include "base/assert.h"

namespace millrace {

void put_in_order(OffsetRuns& runs) {
  auto before = [](const OffsetRange& a, const OffsetRange& b) { return a.first < b.first; };
  if (!std::is_sorted(runs.begin(), runs.end(), before)) {
    std::sort(runs.begin(), runs.end(), before);
  }
  std::size_t kept = 0;
  for (const OffsetRange& run : runs) {
    ASSERT(!run.empty());
    if (kept > 0 && runs[kept - 1].end == run.first) {
      runs[kept - 1].end = run.end;
    } else {
      ASSERT(kept == 0 || runs[kept - 1].end < run.first);
      runs[kept++] = run;
    }
  }
  runs.resize(kept);
}

std::int64_t RangeSet::insert(OffsetRange range) {
  if (range.empty()) return 0;
  auto next = runs_.upper_bound(range.first);
  auto into = runs_.end();
  std::int64_t known = 0;
  if (next != runs_.begin()) {
    auto before = std::prev(next);
    if (before->second >= range.end) return 0;
    if (before->second >= range.first) {
      known = before->second - range.first;
      into = before;
    }
  }
  Offset end = range.end;
  while (next != runs_.end() && next->first <= range.end) {
    known += std::min(next->second, range.end) - next->first;
    end = std::max(end, next->second);
    if (into == runs_.end()) {
      // The run that follows begins earlier from now on; its place among the others is the same.
      auto hint = std::next(next);
      auto node = runs_.extract(next);
      node.key() = range.first;
      into = runs_.insert(hint, std::move(node));
      next = hint;
    } else {
      next = runs_.erase(next);
    }
  }
  if (into == runs_.end()) {
    runs_.emplace_hint(next, range.first, end);
  } else {
    into->second = end;
  }
  std::int64_t fresh = range.count() - known;
  count_ += fresh;
  return fresh;
}

std::int64_t RangeSet::erase(OffsetRange range) {
  if (range.empty() || runs_.empty()) return 0;
  auto run = runs_.upper_bound(range.first);
  if (run != runs_.begin()) --run;
  std::int64_t erased = 0;
  while (run != runs_.end() && run->first < range.end) {
    if (run->second <= range.first) {
      ++run;
      continue;
    }
    OffsetRange whole{run->first, run->second};
    erased += std::min(whole.end, range.end) - std::max(whole.first, range.first);
    if (whole.first < range.first) {
      run->second = range.first;
      ++run;
    } else {
      run = runs_.erase(run);
    }
    if (range.end < whole.end) runs_.emplace_hint(run, range.end, whole.end);
  }
  count_ -= erased;
  return erased;
}

void RangeSet::clear() {
  runs_.clear();
  count_ = 0;
}

bool RangeSet::contains(Offset offset) const {
  auto next = runs_.upper_bound(offset);
  return next != runs_.begin() && offset < std::prev(next)->second;
}

std::int64_t RangeSet::count_in(OffsetRange range) const {
  std::int64_t count = 0;
  visit(range, [&](OffsetRange part) { count += part.count(); });
  return count;
}

OffsetRange RangeSet::next_run(Offset from) const {
  auto run = runs_.upper_bound(from);
  if (run != runs_.begin() && from < std::prev(run)->second) return {from, std::prev(run)->second};
  return run == runs_.end() ? OffsetRange{from, from} : OffsetRange{run->first, run->second};
}

OffsetRange RangeSet::front() const {
  ASSERT(!runs_.empty());
  return {runs_.begin()->first, runs_.begin()->second};
}

OffsetRange RangeSet::back() const {
  ASSERT(!runs_.empty());
  return {runs_.rbegin()->first, runs_.rbegin()->second};
}

Offset RangeSet::pop_front() {
  ASSERT(!runs_.empty());
  auto front = runs_.begin();
  Offset offset = front->first;
  if (front->second - offset == 1) {
    runs_.erase(front);
  } else {
    auto node = runs_.extract(front);
    node.key() = offset + 1;
    runs_.insert(runs_.begin(), std::move(node));
  }
  --count_;
  return offset;
}

void RangeSet::pop_front_run() {
  count_ -= front().count();
  runs_.erase(runs_.begin());
}

}  // namespace millrace

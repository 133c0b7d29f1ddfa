#include "queues/count_map.h"

#include <limits>

#include "base/assert.h"

namespace millrace {
namespace {

void add_one(std::uint32_t& count) {
  if (count < std::numeric_limits<std::uint32_t>::max()) ++count;
}

}  // namespace

void CountMap::add_delivery(OffsetRange range, bool failed) {
  ASSERT(!range.empty());
  split(range.first);
  split(range.end);
  DeliveryCounts first_time{.acquired = 1, .failed = failed ? 1u : 0u};
  Offset at = range.first;
  auto run = runs_.lower_bound(range.first);
  while (at < range.end) {
    if (run == runs_.end() || run->first > at) {
      Offset end = run == runs_.end() ? range.end : std::min(run->first, range.end);
      runs_.emplace_hint(run, at, Run{end, first_time});
      at = end;
    } else {
      add_one(run->second.counts.acquired);
      if (failed) add_one(run->second.counts.failed);
      at = run->second.end;
      ++run;
    }
  }
  merge_around(range);
}

void CountMap::erase(OffsetRange range) {
  if (runs_.empty() || range.empty()) return;
  split(range.first);
  split(range.end);
  runs_.erase(runs_.lower_bound(range.first), runs_.lower_bound(range.end));
}

void CountMap::set(OffsetRange range, DeliveryCounts counts) {
  ASSERT(!range.empty());
  auto next = runs_.lower_bound(range.first);
  ASSERT(next == runs_.end() || next->first >= range.end);
  ASSERT(next == runs_.begin() || std::prev(next)->second.end <= range.first);
  runs_.emplace_hint(next, range.first, Run{range.end, counts});
  merge_around(range);
}

DeliveryCounts CountMap::find(Offset offset) const {
  auto next = runs_.upper_bound(offset);
  if (next == runs_.begin()) return {};
  const Run& run = std::prev(next)->second;
  return offset < run.end ? run.counts : DeliveryCounts{};
}

void CountMap::split(Offset at) {
  auto next = runs_.lower_bound(at);
  if (next == runs_.begin()) return;
  auto run = std::prev(next);
  if (run->second.end <= at) return;
  runs_.emplace_hint(next, at, run->second);
  run->second.end = at;
}

// Makes one of neighbours with equal counts, from the run before `range` to the one behind it.
void CountMap::merge_around(OffsetRange range) {
  auto run = runs_.lower_bound(range.first);
  if (run != runs_.begin()) --run;
  while (run != runs_.end() && run->first <= range.end) {
    auto next = std::next(run);
    if (next != runs_.end() && next->first == run->second.end &&
        next->second.counts == run->second.counts) {
      run->second.end = next->second.end;
      runs_.erase(next);
    } else {
      run = next;
    }
  }
}

}  // namespace millrace

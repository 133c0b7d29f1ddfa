#include "queues/offset_set.h"

#include <bit>

#include "base/assert.h"

namespace millrace {

OffsetSet::Bits OffsetSet::mask_of(std::int64_t stretch, OffsetRange range) {
  OffsetRange all = range_of(stretch);
  std::int64_t first = std::max(range.first, all.first) - all.first;
  std::int64_t count = std::min(range.end, all.end) - all.first - first;
  ASSERT(count > 0);
  return (count == kStretch ? kWhole : (Bits{1} << count) - 1) << first;
}

std::int64_t OffsetSet::set(std::int64_t stretch, Bits mask) {
  auto at = parts_.lower_bound(stretch);
  if (at == parts_.end() || at->first != stretch) {
    if (!whole_.empty() && whole_.contains(Offset(stretch))) return 0;
    at = parts_.emplace_hint(at, stretch, Bits{0});
  }
  Bits fresh = mask & ~at->second;
  at->second |= mask;
  if (at->second == kWhole) {
    parts_.erase(at);
    whole_.insert(OffsetRange::of(Offset(stretch)));
  }
  return std::popcount(fresh);
}

std::int64_t OffsetSet::clear(std::int64_t stretch, Bits mask) {
  auto at = parts_.find(stretch);
  if (at == parts_.end()) {
    if (whole_.erase(OffsetRange::of(Offset(stretch))) == 0) return 0;
    at = parts_.emplace(stretch, kWhole).first;
  }
  Bits gone = mask & at->second;
  at->second &= ~mask;
  if (at->second == 0) parts_.erase(at);
  return std::popcount(gone);
}

std::int64_t OffsetSet::insert(OffsetRange range) {
  if (range.empty()) return 0;
  ASSERT(range.first.value() >= 0);
  std::int64_t first = stretch_of(range.first);
  std::int64_t last = stretch_of(range.end - 1);
  std::int64_t fresh = 0;
  if (Bits mask = mask_of(first, range); first == last || mask != kWhole) {
    fresh += set(first, mask);
    ++first;
  }
  if (first <= last) {
    if (Bits mask = mask_of(last, range); mask != kWhole) {
      fresh += set(last, mask);
      --last;
    }
  }
  if (first <= last) {
    auto part = parts_.lower_bound(first);
    while (part != parts_.end() && part->first <= last) {
      fresh -= std::popcount(part->second);
      part = parts_.erase(part);
    }
    fresh += whole_.insert({Offset(first), Offset(last + 1)}) * kStretch;
  }
  count_ += fresh;
  return fresh;
}

std::int64_t OffsetSet::erase(OffsetRange range) {
  if (range.empty() || empty()) return 0;
  ASSERT(range.first.value() >= 0);
  std::int64_t first = stretch_of(range.first);
  std::int64_t last = stretch_of(range.end - 1);
  std::int64_t gone = 0;
  if (Bits mask = mask_of(first, range); first == last || mask != kWhole) {
    gone += clear(first, mask);
    ++first;
  }
  if (first <= last) {
    if (Bits mask = mask_of(last, range); mask != kWhole) {
      gone += clear(last, mask);
      --last;
    }
  }
  if (first <= last) {
    auto part = parts_.lower_bound(first);
    while (part != parts_.end() && part->first <= last) {
      gone += std::popcount(part->second);
      part = parts_.erase(part);
    }
    gone += whole_.erase({Offset(first), Offset(last + 1)}) * kStretch;
  }
  count_ -= gone;
  return gone;
}

Offset OffsetSet::take_prefix(Offset at) {
  while (!empty()) {
    std::int64_t stretch = stretch_of(at);
    auto part = parts_.begin();
    if (part != parts_.end() && part->first == stretch) {
      std::int64_t skipped = at - range_of(stretch).first;
      std::int64_t ones = std::countr_one(part->second >> skipped);
      if (ones == 0) return at;
      clear(stretch, mask_of(stretch, {at, at + ones}));
      count_ -= ones;
      at = at + ones;
      if (skipped + ones < kStretch) return at;
    } else if (!whole_.empty() && whole_.front().first == Offset(stretch)) {
      // Only the first stretch can be entered in its middle, and then it is not whole.
      ASSERT(at == range_of(stretch).first);
      OffsetRange run = whole_.front();
      whole_.pop_front_run();
      count_ -= run.count() * kStretch;
      at = range_of(run.end.value()).first;
    } else {
      return at;
    }
  }
  return at;
}

bool OffsetSet::contains(Offset offset) const {
  if (empty() || offset.value() < 0) return false;
  std::int64_t stretch = stretch_of(offset);
  auto part = parts_.find(stretch);
  if (part == parts_.end()) return whole_.contains(Offset(stretch));
  return (part->second & mask_of(stretch, OffsetRange::of(offset))) != 0;
}

Offset OffsetSet::front() const {
  ASSERT(!empty());
  bool in_part =
      whole_.empty() || (!parts_.empty() && parts_.begin()->first < whole_.front().first.value());
  if (!in_part) return range_of(whole_.front().first.value()).first;
  return range_of(parts_.begin()->first).first + std::countr_zero(parts_.begin()->second);
}

Offset OffsetSet::end() const {
  ASSERT(!empty());
  bool in_part =
      whole_.empty() || (!parts_.empty() && Offset(parts_.rbegin()->first) >= whole_.back().end);
  if (!in_part) return range_of(whole_.back().end.value()).first;
  return range_of(parts_.rbegin()->first).end - std::countl_zero(parts_.rbegin()->second);
}

OffsetRange OffsetSet::next_run(Offset from) const {
  OffsetRange none{from, from};
  if (empty()) return none;
  std::int64_t stretch = stretch_of(from);
  auto part = parts_.lower_bound(stretch);
  if (part != parts_.end() && part->first == stretch) {
    Bits bits = part->second & mask_of(stretch, {from, range_of(stretch).end});
    if (bits != 0) {
      Offset first = range_of(stretch).first + std::countr_zero(bits);
      return {first, end_of_run(first)};
    }
    ++part;
  }
  OffsetRange stretches = whole_.next_run(Offset(stretch));
  if (!stretches.empty() && (part == parts_.end() || stretches.first.value() < part->first)) {
    Offset first = std::max(from, range_of(stretches.first.value()).first);
    return {first, end_of_run(first)};
  }
  if (part == parts_.end()) return none;
  Offset first = range_of(part->first).first + std::countr_zero(part->second);
  return {first, end_of_run(first)};
}

Offset OffsetSet::end_of_run(Offset at) const {
  while (true) {
    std::int64_t stretch = stretch_of(at);
    if (auto part = parts_.find(stretch); part != parts_.end()) {
      std::int64_t skipped = at - range_of(stretch).first;
      int ones = std::countr_one(part->second >> skipped);
      at = at + ones;
      if (skipped + ones < kStretch) return at;
    } else {
      OffsetRange stretches = whole_.next_run(Offset(stretch));
      if (stretches.empty() || stretches.first > Offset(stretch)) return at;
      at = range_of(stretches.end.value()).first;
    }
  }
}

OffsetRuns OffsetSet::runs() const {
  OffsetRuns runs;
  if (!empty()) visit({front(), end()}, [&](OffsetRange run) { runs.push_back(run); });
  return runs;
}

}  // namespace millrace

#include "queues/cursor_state.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace millrace {

std::int64_t CursorState::mark_done(OffsetRange range) {
  range.first = std::max(range.first, floor);
  if (range.empty()) return 0;
  if (!transfers.empty()) {
    auto moving = transfers.lower_bound(range.first);
    ASSERT(moving == transfers.end() || moving->first >= range.end);
  }
  counts.erase(range);
  if (range.first > floor) return done.insert(range);
  std::int64_t fresh = range.count() - done.erase(range);
  floor = done.take_prefix(range.end);
  return fresh;
}

std::int32_t CursorState::next_sequence(PartitionId target) const {
  auto last = sequences.find(target);
  return last == sequences.end() ? 0 : sequence_after(last->second);
}

void CursorState::begin_transfer(Offset offset, Transfer transfer) {
  ASSERT(!is_done(offset));
  transfer.number = transfers_begun++;
  for (const TransferTarget& target : transfer.targets) {
    sequences[target.partition] = target.sequence;
  }
  bool is_new = transfers.emplace(offset, std::move(transfer)).second;
  ASSERT(is_new);
}

bool CursorState::end_transfer(Offset offset) {
  auto found = transfers.find(offset);
  if (found == transfers.end()) return false;
  counters.dead_lettered += 1;
  if (found->second.reason == RemovalReason::expired) counters.expired += 1;
  transfers.erase(found);
  std::int64_t fresh = mark_done(OffsetRange::of(offset));
  ASSERT(fresh == 1);
  return true;
}

Offset CursorState::known_end() const {
  Offset end = floor;
  if (!done.empty()) end = std::max(end, done.end());
  if (!transfers.empty()) end = std::max(end, transfers.rbegin()->first + 1);
  if (!counts.empty()) end = std::max(end, counts.runs().rbegin()->second.end);
  return end;
}

std::int32_t sequence_after(std::int32_t sequence) {
  return sequence == std::numeric_limits<std::int32_t>::max() ? 0 : sequence + 1;
}

}  // namespace millrace

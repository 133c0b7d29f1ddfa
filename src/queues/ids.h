// Who is who in queues, and runs of offsets.
//
//   OffsetRange prefix{Offset(0), Offset(10)};   // ten offsets, the end is not one of them
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace millrace {

// One cursor, for ever: given out by the catalogue, never reused.
using CursorId = StrongNumber<struct CursorIdTag, std::uint64_t>;
// Who holds messages: a consumer, or the broker itself while it moves one. Lives as long as a run
// of the broker; never reused in it.
using HolderId = StrongNumber<struct HolderIdTag, std::uint64_t>;
// Holds what nobody holds: see Cursor::exhausted().
inline constexpr HolderId kNoHolder{0};

// No log reaches this far: what does in bytes is damage.
inline constexpr Offset kOffsetMax{std::int64_t{1} << 62};

// first, first + 1, …, end - 1.
struct OffsetRange {
  Offset first;
  Offset end;

  static OffsetRange of(Offset offset) { return {offset, offset + 1}; }
  std::int64_t count() const { return end - first; }
  bool empty() const { return end <= first; }
  bool contains(Offset offset) const { return first <= offset && offset < end; }
  bool operator==(const OffsetRange&) const = default;
};

// None empty. Where they are in order, there is a gap between each and the next.
using OffsetRuns = std::vector<OffsetRange>;

// Adds behind the others, and makes one of two that adjoin.
inline void append_run(OffsetRuns& runs, OffsetRange range) {
  if (!runs.empty() && runs.back().end == range.first) {
    runs.back().end = range.end;
  } else {
    runs.push_back(range);
  }
}
// Puts disjoint runs in order and makes one of those that adjoin.
void put_in_order(OffsetRuns& runs);

}  // namespace millrace

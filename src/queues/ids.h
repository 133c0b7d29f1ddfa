// Who is who in queues, and runs of offsets.
//
//   OffsetRange prefix{Offset(0), Offset(10)};   // ten offsets, the end is not one of them
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace millrace {

// One cursor, for ever: given out by the catalogue, never reused.
using CursorId = StrongNumber<struct CursorIdTag, std::uint64_t>;
// Who holds messages: a consumer, or the broker itself while it moves one. Lives as long as a run
// of the broker; never reused in it.
using HolderId = StrongNumber<struct HolderIdTag, std::uint64_t>;
// Holds what nobody holds: see Cursor::exhausted().
inline constexpr HolderId kNoHolder{0};

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

}  // namespace millrace

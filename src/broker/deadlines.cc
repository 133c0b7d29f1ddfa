#include "broker/deadlines.h"

#include <algorithm>

#include "base/assert.h"
#include "base/rare.h"

namespace millrace {

Deadlines::Entry::Entry(Deadlines& deadlines, Duration timeout, Promise<Result<void>>& outcome)
    : deadlines_(deadlines), outcome_(outcome), next_(deadlines.first_) {
  // The next sweep may come at once: the second one is the first that is a second away.
  constexpr std::int64_t kSweepsMin = 2;
  constexpr std::int64_t kSweepsMax = std::int64_t{1} << 40;
  sweep_ = deadlines.sweeps_ + static_cast<std::uint64_t>(std::clamp<std::int64_t>(
                                   timeout / kInterval, kSweepsMin, kSweepsMax));
  if (next_) next_->previous_ = this;
  deadlines.first_ = this;
  deadlines.arm();
}

Deadlines::Entry::~Entry() {
  if (next_) next_->previous_ = previous_;
  (previous_ ? previous_->next_ : deadlines_.first_) = next_;
}

void Deadlines::arm() {
  if (armed_) return;
  armed_ = true;
  core_.call_after(kInterval, [this] { sweep(); });
}

void Deadlines::sweep() {
  ASSERT(armed_);
  armed_ = false;
  ++sweeps_;
  // Who is answered goes on later: nobody leaves the list meanwhile.
  for (Entry* entry = first_; entry; entry = entry->next_) {
    if (entry->sweep_ > sweeps_ || entry->outcome_.is_set()) continue;
    RARE("a produce waits longer than its time-out");
    entry->outcome_.set(
        fail(ErrorCode::timed_out, "not written to the disk in time: it may or may not be later"));
  }
  if (first_) arm();
}

}  // namespace millrace

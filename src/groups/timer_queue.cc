#include "groups/timer_queue.h"

#include "base/assert.h"

namespace millrace {

TimerKey TimerQueue::add(MonotonicTime due, TimerTarget target) {
  TimerKey key(due, ++sequence_);
  timers_.emplace_hint(timers_.end(), key, std::move(target));
  return key;
}

void TimerQueue::cancel(std::optional<TimerKey>& key) {
  if (!key) return;
  ASSERT(timers_.erase(*key) == 1);
  key.reset();
}

std::optional<MonotonicTime> TimerQueue::next() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

std::optional<std::pair<TimerKey, TimerTarget>> TimerQueue::take_due(MonotonicTime now) {
  if (timers_.empty() || timers_.begin()->first.first > now) return std::nullopt;
  auto node = timers_.extract(timers_.begin());
  return std::pair(node.key(), std::move(node.mapped()));
}

}  // namespace millrace

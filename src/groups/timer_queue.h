// TimerQueue: what is due when, in order. A plain value inside GroupMachine; volatile.
//
//   member.session_timer = timers.add(deadline, {TimerKind::session, group, member});
//   timers.cancel(member.session_timer);
//   while (auto due = timers.take_due(now)) ...
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "runtime/core.h"

namespace millrace {

enum class TimerKind : std::uint8_t {
  session,  // of a member, or of an id that was given out and has not joined
  join,     // the members had their time to join
  sync,     // the members had their time to sync
};

struct TimerTarget {
  TimerKind kind;
  std::string group;
  std::string member;
};

// When, and a number that keeps timers of one instant apart and in the order they were made.
using TimerKey = std::pair<MonotonicTime, std::uint64_t>;

class TimerQueue {
 public:
  TimerKey add(MonotonicTime due, TimerTarget target);
  // Clears `key`; nothing happens when it holds none.
  void cancel(std::optional<TimerKey>& key);
  std::optional<MonotonicTime> next() const;
  // Removes and gives the earliest target that is due.
  std::optional<std::pair<TimerKey, TimerTarget>> take_due(MonotonicTime now);
  bool empty() const { return timers_.empty(); }
  std::size_t size() const { return timers_.size(); }

 private:
  std::map<TimerKey, TimerTarget> timers_;
  std::uint64_t sequence_ = 0;
};

}  // namespace millrace

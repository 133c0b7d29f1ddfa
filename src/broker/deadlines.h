// Deadlines: what waits for the disk, to be answered in time all the same. Core-local, coarse and
// cheap: an entry is two pointers in the frame of the coroutine that waits, and one sweep a second
// looks at those that are still there. In a healthy broker that is hardly any.
//
//   Promise<Result<void>> outcome(core);                 // set by the journal, some time
//   Deadlines::Entry entry(deadlines, timeout, outcome);  // or by the sweep, with timed_out
//   Result<void> result = co_await outcome.future();
//
// The sweep comes within the last second of the time-out: a client gives up when it is over, and
// hears nothing of an answer that comes later. No time-out is shorter than a second.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/error.h"
#include "runtime/future.h"

namespace millrace {

class Deadlines {
 public:
  // Both the promise and the entry belong to who waits. The promise may be set by anybody who asks
  // is_set() first.
  class Entry {
   public:
    Entry(Deadlines& deadlines, Duration timeout, Promise<Result<void>>& outcome);
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

   private:
    friend class Deadlines;
    Deadlines& deadlines_;
    Promise<Result<void>>& outcome_;
    std::uint64_t sweep_;  // the one that ends the wait
    Entry* previous_ = nullptr;
    Entry* next_ = nullptr;
  };

  explicit Deadlines(Core& core) : core_(core) {}
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

 private:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  void arm();
  void sweep();

  Core& core_;
  Entry* first_ = nullptr;
  std::uint64_t sweeps_ = 0;
  bool armed_ = false;  // only while there are entries
};

}  // namespace millrace

// A stall: a turn of a core's loop that took so long that the core's connections noticed. Private
// to this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <optional>

#include "runtime/core.h"

namespace millrace {

// What a thread has had so far.
struct ThreadUse {
  Duration cpu{0};     // on a processor
  Duration waited{0};  // ready to run and not on one; stays 0 where the kernel does not count it
};

// Reads a thread's figures from any thread: the processor time from its clock, the waiting from the
// kernel's schedstat.
class ThreadMeter {
 public:
  ThreadMeter() = default;
  ThreadMeter(const ThreadMeter&) = delete;
  ~ThreadMeter();
  // On the thread to be read.
  void begin();
  // Zeros before begin() and when the thread has ended.
  ThreadUse read() const;

 private:
  std::atomic<bool> begun_{false};
  clockid_t clock_ = 0;
  int schedstat_ = -1;
};

struct Stall {
  CoreId core;
  const char* what;
  std::int64_t began;  // nanoseconds, as Core::now()
  std::int64_t ended;
  ThreadUse use;           // of the core's thread, at the end
  std::uint64_t busy = 0;  // LoopStats::busy, at the end

  Duration length() const { return Duration(ended - began); }
};

class StallSink {
 public:
  virtual ~StallSink() = default;
  // On the core's thread.
  virtual void stalled(const Stall& stall) = 0;
};

}  // namespace millrace

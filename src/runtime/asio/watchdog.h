// Watchdog: one thread that says when a core stalls, for how long, in what, and whether it was the
// broker or the machine. Private to this folder.
//
// A core notes by itself when its turns begin and counts those that took too long, so nothing is
// missed between two looks. The watchdog looks at what the cores' threads have used of the
// processor, often while they are busy and four times a second while they are not. From the last
// look before a stall's end and the figures at its end it tells a core that worked from one that
// was blocked in the kernel, and from one that the machine did not run.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/asio/asio_core.h"
#include "runtime/asio/watchdog_limits.h"

namespace millrace {

// One look at a core.
struct CoreLook {
  std::int64_t at = 0;
  ThreadUse use;
  std::uint64_t busy = 0;  // LoopStats::busy
};

// A time in which the watchdog itself did not run although it was due: nobody of this process did.
struct ProcessPause {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

enum class StallCause { worked, blocked, not_run, process_paused, unknown };
struct StallVerdict {
  StallCause cause = StallCause::unknown;
  Duration share{0};  // of the stall, for that cause
};
StallVerdict judge(const Stall& stall, const CoreLook& last_look, const ProcessPause& pause);
// "core 1 stalled for 12.0 ms in Produce: it worked for 11.8 ms of it"
std::string stall_text(const Stall& stall, const StallVerdict& verdict);

class Watchdog : public StallSink {
 public:
  Watchdog(std::vector<AsioCore*> cores, WatchdogLimits limits);
  ~Watchdog() override;

  void start();
  // When the cores have ended: what they told is told.
  void stop();
  void stalled(const Stall& stall) override;

 private:
  struct Watched {
    AsioCore* core;
    CoreLook last;
    std::int64_t hang_told = 0;  // when the turn began that was said to hang
    std::int64_t next_report = 0;
    std::uint64_t untold = 0;  // stalls since the last line
    Duration longest_untold{0};
  };

  void run();
  // True when some core is busy enough to look again soon.
  bool look();
  void report(const Stall& stall);
  void report_hang(Watched& watched, std::int64_t began, std::int64_t now);
  bool may_speak(Watched& watched, std::int64_t now);

  const WatchdogLimits limits_;
  std::vector<Watched> watched_;
  ProcessPause pause_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Stall> stalls_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace

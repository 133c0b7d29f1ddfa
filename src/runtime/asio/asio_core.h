// AsioCore: a Core on one io_context. Private to this folder.
//
// Works posted by other threads gather in a mailbox; only the first of them wakes the loop. Works
// posted by the core itself gather in a list that one handler drains. Timers are an ordered map
// over one kernel-facing timer, so that arming and cancelling cost no system call.
//
// Whatever the loop runs, it runs within a Turn: when it began can be seen from outside, and one
// that took too long is told to the watchdog when it ends.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/asio/stall.h"
#include "runtime/core.h"

namespace millrace {

class AsioCore final : public Core {
 public:
  // Something that the loop runs, from its beginning to its end. `kind` is a literal.
  class Turn {
   public:
    Turn(AsioCore& core, const char* kind) : core_(core) { core.begin_turn(kind); }
    Turn(const Turn&) = delete;
    ~Turn() { core_.end_turn(); }

   private:
    AsioCore& core_;
  };

  explicit AsioCore(CoreId id);

  void run();
  // Any thread.
  void stop() { context_.stop(); }
  // Destroys what is queued without running it; true when there was something. Nothing may run any
  // more.
  bool discard_queued();
  boost::asio::io_context& context() { return context_; }

  // Before run(). Turns longer than `stall` are told to the sink, from this core's thread.
  void watch(Duration stall, StallSink& sink);
  // Any thread: when the turn under way began, 0 when the core waits.
  std::int64_t turn_began() const { return turn_began_.load(std::memory_order_relaxed); }
  // Any thread, while run() is on the way.
  ThreadUse thread_use() const { return meter_.read(); }

  void post(Work work) override;
  bool is_current() const override;
  MonotonicTime now() const override;
  WallMs wall_now() const override;
  std::uint64_t random() override;
  TimerId call_at(MonotonicTime when, Work work) override;
  void cancel(TimerId timer) override;

 private:
  using TimerKey = std::pair<std::int64_t, std::uint64_t>;  // when, id

  void begin_turn(const char* kind);
  void end_turn();
  void drain_mailbox();
  void drain_local();
  void run_works(std::vector<Work>& works);
  void arm_timer();
  void run_timers();

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;

  std::mutex mailbox_mutex_;
  std::vector<Work> mailbox_;
  std::vector<Work> mailbox_running_;
  std::vector<Work> local_;
  std::vector<Work> local_running_;

  std::map<TimerKey, Work> timers_;
  std::unordered_map<std::uint64_t, std::int64_t> timer_times_;
  std::uint64_t next_timer_ = 1;
  std::int64_t armed_for_;
  boost::asio::steady_timer timer_;

  std::mt19937_64 random_;

  std::atomic<std::int64_t> turn_began_{0};
  Duration stall_ = Duration::max();
  StallSink* stalls_ = nullptr;
  ThreadMeter meter_;
};

}  // namespace millrace

// AsioCore: a Core on one io_context. Private to this folder.
//
// Works posted by other threads gather in a mailbox; only the first of them wakes the loop. Works
// posted by the core itself gather in a list that one handler drains. Timers are an ordered map
// over one kernel-facing timer, so that arming and cancelling cost no system call.
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

#include "runtime/core.h"

namespace millrace {

class AsioCore final : public Core {
 public:
  explicit AsioCore(CoreId id);

  void run();
  // Any thread.
  void stop() { context_.stop(); }
  // Destroys what is queued without running it; true when there was something. Nothing may run any
  // more.
  bool discard_queued();
  boost::asio::io_context& context() { return context_; }

  void post(Work work) override;
  bool is_current() const override;
  MonotonicTime now() const override;
  WallMs wall_now() const override;
  std::uint64_t random() override;
  TimerId call_at(MonotonicTime when, Work work) override;
  void cancel(TimerId timer) override;

 private:
  using TimerKey = std::pair<std::int64_t, std::uint64_t>;  // when, id

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
};

}  // namespace millrace

// SimCore and SimWorker: a core and a worker as queues of the scheduler. Private to this folder.
//
// A core keeps one queue per sender, so that works of different senders interleave by the seed and
// those of one stay in order; its due timers are one more such queue. A worker is one queue whose
// works become ready after a seeded latency.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/core.h"
#include "runtime/sim/sim_scheduler.h"

namespace millrace {

class SimCore final : public Core, public SimActor {
 public:
  SimCore(CoreId id, SimScheduler& scheduler);
  ~SimCore() override;

  SimScheduler& scheduler() { return scheduler_; }
  SimScheduler::ActorId actor() const { return actor_; }
  // Destroys what is queued; true when there was something.
  bool discard_queued();

  void post(Work work) override;
  bool is_current() const override { return scheduler_.running() == actor_; }
  MonotonicTime now() const override { return MonotonicTime(scheduler_.now()); }
  WallMs wall_now() const override { return WallMs(scheduler_.wall_ms()); }
  std::uint64_t random() override { return random_.next(); }
  TimerId call_at(MonotonicTime when, Work work) override;
  void cancel(TimerId timer) override;

  void ready_lanes(std::int64_t now, std::vector<std::uint64_t>& lanes) override;
  void run_lane(std::uint64_t lane) override;
  std::optional<std::int64_t> next_time() const override;

 private:
  using TimerKey = std::pair<std::int64_t, std::uint64_t>;  // when, id

  // Of this core, or of nobody: a test that sets things up.
  void assert_here() const;

  SimScheduler& scheduler_;
  SimScheduler::ActorId actor_;
  SimRandom random_;
  std::map<SimScheduler::ActorId, std::deque<Work>> queues_;
  std::map<TimerKey, Work> timers_;
  std::unordered_map<std::uint64_t, std::int64_t> timer_times_;
  std::uint64_t next_timer_ = 1;
};

class SimWorker final : public Worker, public SimActor {
 public:
  SimWorker(SimScheduler& scheduler, Duration latency_max);
  // Runs what is queued first, as a thread would before it is joined. Of an abandoned runtime:
  // leaves it.
  ~SimWorker() override;

  void submit(Work work) override;
  void pause(Duration) override {}

  void ready_lanes(std::int64_t now, std::vector<std::uint64_t>& lanes) override;
  void run_lane(std::uint64_t lane) override;
  std::optional<std::int64_t> next_time() const override;

 private:
  SimScheduler& scheduler_;
  std::int64_t latency_max_;
  SimScheduler::ActorId actor_;
  std::int64_t last_ready_ = 0;
  using Queue = std::deque<std::pair<std::int64_t, Work>>;  // ready at, work
  Queue queue_;
};

}  // namespace millrace

// SimScheduler: picks what runs next, by the seed. Private to this folder.
//
// Actors (cores, workers) offer lanes of which each could run now; the scheduler picks one of all
// lanes, runs one work of it, and lets a microsecond pass. When no lane is ready it moves the clock
// to the next time at which one will be. The network's deliveries are events of the scheduler
// itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/core.h"
#include "runtime/sim/sim_random.h"

namespace millrace {

class SimActor {
 public:
  virtual ~SimActor() = default;
  // Appends a number for every lane that could run at `now`.
  virtual void ready_lanes(std::int64_t now, std::vector<std::uint64_t>& lanes) = 0;
  virtual void run_lane(std::uint64_t lane) = 0;
  // When a lane becomes ready that is not yet.
  virtual std::optional<std::int64_t> next_time() const = 0;
};

class SimScheduler {
 public:
  using ActorId = std::uint32_t;
  static constexpr ActorId kOutside = 0;  // tests, and the network's events

  SimScheduler(std::uint64_t seed, std::int64_t wall_start_ms)
      : random_(seed), wall_start_ms_(wall_start_ms), trace_hash_(seed) {}

  ActorId add(SimActor& actor);
  void remove(ActorId actor);
  // Runs one work; false when there is none now and none later.
  bool step();

  std::int64_t now() const { return now_; }
  std::int64_t wall_ms() const { return wall_start_ms_ + (now_ - kStart) / 1'000'000; }
  void jump_wall_clock(std::int64_t milliseconds) { wall_start_ms_ += milliseconds; }
  SimRandom& random() { return random_; }
  ActorId running() const { return running_; }

  // Runs `work` outside of all actors at `when`; events of the same time in the order they were
  // set.
  void at(std::int64_t when, Work work);
  // Runs `work` as if `actor` did, now.
  void run_as(ActorId actor, Work work);
  // Destroys the events; true when there were some.
  bool discard_events() { return !std::exchange(events_, {}).empty(); }

  // After this, what goes is left unrun and undestroyed.
  void abandon() { abandoned_ = true; }
  bool abandoned() const { return abandoned_; }

  // Mixes what happened into the trace.
  void trace(std::uint64_t what) {
    trace_hash_ = (trace_hash_ ^ what) * 0x9e3779b97f4a7c15u;
    trace_hash_ ^= trace_hash_ >> 29;
  }
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t steps() const { return steps_; }

 private:
  struct Choice {
    ActorId actor;
    std::uint64_t lane;
  };
  static constexpr std::int64_t kStart = 1'000'000'000;

  void collect_choices();
  void run_first_event();

  SimRandom random_;
  std::int64_t now_ = kStart;
  std::int64_t wall_start_ms_;
  std::uint64_t trace_hash_;
  std::uint64_t steps_ = 0;
  bool abandoned_ = false;
  ActorId running_ = kOutside;
  ActorId next_actor_ = kOutside + 1;
  std::map<ActorId, SimActor*> actors_;
  std::uint64_t next_event_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, Work> events_;
  std::vector<Choice> choices_;
  std::vector<std::uint64_t> lanes_;
};

}  // namespace millrace

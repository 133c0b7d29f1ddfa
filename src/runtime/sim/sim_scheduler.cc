#include "runtime/sim/sim_scheduler.h"

#include <algorithm>

#include "base/assert.h"

namespace millrace {
namespace {

// What a step costs, so that a loop of yields does not stop the clock.
constexpr std::int64_t kStepNanoseconds = 1000;

}  // namespace

SimScheduler::ActorId SimScheduler::add(SimActor& actor) {
  actors_.emplace(next_actor_, &actor);
  return next_actor_++;
}

void SimScheduler::remove(ActorId actor) {
  ASSERT(actor != running_);
  const std::size_t erased = actors_.erase(actor);
  ASSERT(erased == 1);
}

void SimScheduler::collect_choices() {
  choices_.clear();
  for (auto& [id, actor] : actors_) {
    lanes_.clear();
    actor->ready_lanes(now_, lanes_);
    for (std::uint64_t lane : lanes_) choices_.push_back({id, lane});
  }
  if (!events_.empty() && events_.begin()->first.first <= now_) choices_.push_back({kOutside, 0});
}

bool SimScheduler::step() {
  ASSERT(running_ == kOutside);
  collect_choices();
  if (choices_.empty()) {
    std::optional<std::int64_t> next;
    if (!events_.empty()) next = events_.begin()->first.first;
    for (const auto& [id, actor] : actors_) {
      const auto time = actor->next_time();
      if (time) next = next ? std::min(*next, *time) : *time;
    }
    if (!next) return false;
    ASSERT(*next > now_);
    now_ = *next;
    collect_choices();
    ASSERT(!choices_.empty());
  }
  const Choice choice = choices_[random_.below(choices_.size())];
  trace(choices_.size());
  trace(static_cast<std::uint64_t>(choice.actor) << 32 ^ choice.lane);
  trace(static_cast<std::uint64_t>(now_));
  ++steps_;
  if (choice.actor == kOutside) {
    run_first_event();
  } else {
    SimActor* actor = actors_.at(choice.actor);
    running_ = choice.actor;
    actor->run_lane(choice.lane);
    running_ = kOutside;
  }
  now_ += kStepNanoseconds;
  return true;
}

void SimScheduler::at(std::int64_t when, Work work) {
  events_.emplace(std::pair(std::max(when, now_), next_event_++), std::move(work));
}

void SimScheduler::run_as(ActorId actor, Work work) {
  const ActorId before = std::exchange(running_, actor);
  work();
  running_ = before;
}

void SimScheduler::run_first_event() {
  Work work = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  work();
}

}  // namespace millrace

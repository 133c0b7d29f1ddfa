#include "runtime/sim/sim_core.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace millrace {
namespace {

constexpr std::uint64_t kTimerLane = std::numeric_limits<std::uint32_t>::max();

}  // namespace

SimCore::SimCore(CoreId id, SimScheduler& scheduler)
    : Core(id),
      scheduler_(scheduler),
      actor_(scheduler.add(*this)),
      random_(scheduler.random().next()) {}

SimCore::~SimCore() { scheduler_.remove(actor_); }

bool SimCore::discard_queued() {
  const auto queues = std::exchange(queues_, {});
  const auto timers = std::exchange(timers_, {});
  timer_times_.clear();
  return !queues.empty() || !timers.empty();
}

void SimCore::assert_here() const {
  ASSERT(is_current() || scheduler_.running() == SimScheduler::kOutside);
}

void SimCore::post(Work work) { queues_[scheduler_.running()].push_back(std::move(work)); }

TimerId SimCore::call_at(MonotonicTime when, Work work) {
  assert_here();
  const TimerId id(next_timer_++);
  timers_.emplace(TimerKey(when.value(), id.value()), std::move(work));
  timer_times_.emplace(id.value(), when.value());
  return id;
}

void SimCore::cancel(TimerId timer) {
  assert_here();
  auto found = timer_times_.find(timer.value());
  if (found == timer_times_.end()) return;
  timers_.erase(TimerKey(found->second, timer.value()));
  timer_times_.erase(found);
}

void SimCore::ready_lanes(std::int64_t now, std::vector<std::uint64_t>& lanes) {
  for (const auto& [sender, queue] : queues_) lanes.push_back(sender);
  if (!timers_.empty() && timers_.begin()->first.first <= now) lanes.push_back(kTimerLane);
}

void SimCore::run_lane(std::uint64_t lane) {
  Work work;
  if (lane == kTimerLane) {
    auto first = timers_.begin();
    work = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
  } else {
    auto found = queues_.find(static_cast<SimScheduler::ActorId>(lane));
    work = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) queues_.erase(found);
  }
  work();
}

std::optional<std::int64_t> SimCore::next_time() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

SimWorker::SimWorker(SimScheduler& scheduler, Duration latency_max)
    : scheduler_(scheduler), latency_max_(latency_max.count()), actor_(scheduler.add(*this)) {}

SimWorker::~SimWorker() {
  ASSERT(scheduler_.running() != actor_);
  if (scheduler_.abandoned()) {
    [[maybe_unused]] Queue* left = new Queue(std::move(queue_));  // not freed on purpose
    queue_.clear();
  }
  while (!queue_.empty()) {
    scheduler_.run_as(actor_, [this] { run_lane(0); });
  }
  scheduler_.remove(actor_);
}

void SimWorker::submit(Work work) {
  const auto latency = static_cast<std::int64_t>(
      scheduler_.random().below(static_cast<std::uint64_t>(latency_max_) + 1));
  last_ready_ = std::max(scheduler_.now(), last_ready_) + latency;
  queue_.emplace_back(last_ready_, std::move(work));
}

void SimWorker::ready_lanes(std::int64_t now, std::vector<std::uint64_t>& lanes) {
  if (!queue_.empty() && queue_.front().first <= now) lanes.push_back(0);
}

void SimWorker::run_lane(std::uint64_t) {
  Work work = std::move(queue_.front().second);
  queue_.pop_front();
  work();
}

std::optional<std::int64_t> SimWorker::next_time() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.front().first;
}

}  // namespace millrace

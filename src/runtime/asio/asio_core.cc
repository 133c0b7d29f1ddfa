#include "runtime/asio/asio_core.h"

#include <boost/asio/post.hpp>
#include <chrono>
#include <limits>

#include "base/assert.h"

namespace millrace {
namespace {

constexpr std::int64_t kNotArmed = std::numeric_limits<std::int64_t>::max();
thread_local const AsioCore* current_core = nullptr;

std::mt19937_64 seeded_generator() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

AsioCore::AsioCore(CoreId id)
    : Core(id),
      keep_running_(context_.get_executor()),
      armed_for_(kNotArmed),
      timer_(context_),
      random_(seeded_generator()) {}

void AsioCore::run() {
  ASSERT(current_core == nullptr);
  current_core = this;
  if (stalls_) meter_.begin();
  context_.run();
  current_core = nullptr;
}

void AsioCore::watch(Duration stall, StallSink& sink) {
  stall_ = stall;
  stalls_ = &sink;
}

void AsioCore::begin_turn(const char* kind) {
  doing(kind);
  turn_began_.store(now().value(), std::memory_order_relaxed);
}

void AsioCore::end_turn() {
  const std::int64_t began = turn_began();
  const std::int64_t ended = now().value();
  loop_.turns.add();
  loop_.busy.add(static_cast<std::uint64_t>(ended - began));
  if (Duration(ended - began) > stall_) {
    loop_.stalls.observe(Duration(ended - began));
    stalls_->stalled({id(), doing(), began, ended, meter_.read(), loop_.busy.value()});
  }
  turn_began_.store(0, std::memory_order_relaxed);
}

bool AsioCore::discard_queued() {
  // What goes may hold the last owner of something that posts in its destructor: the caller repeats
  // until nothing is left.
  std::vector<Work> gone = std::exchange(local_, {});
  for (Work& work : std::exchange(mailbox_, {})) gone.push_back(std::move(work));
  for (auto& [key, work] : std::exchange(timers_, {})) gone.push_back(std::move(work));
  timer_times_.clear();
  return !gone.empty();
}

void AsioCore::post(Work work) {
  if (is_current()) {
    const bool first = local_.empty();
    local_.push_back(std::move(work));
    if (first) boost::asio::post(context_, [this] { drain_local(); });
    return;
  }
  bool first;
  {
    std::lock_guard lock(mailbox_mutex_);
    first = mailbox_.empty();
    mailbox_.push_back(std::move(work));
  }
  if (first) boost::asio::post(context_, [this] { drain_mailbox(); });
}

bool AsioCore::is_current() const { return current_core == this; }

void AsioCore::run_works(std::vector<Work>& works) {
  for (Work& work : works) {
    work();
    work = nullptr;  // what it holds goes now, not with the last of the batch
  }
  works.clear();
}

void AsioCore::drain_mailbox() {
  const Turn turn(*this, "works of other threads");
  {
    std::lock_guard lock(mailbox_mutex_);
    mailbox_running_.swap(mailbox_);
  }
  run_works(mailbox_running_);
}

void AsioCore::drain_local() {
  const Turn turn(*this, "works of its own");
  local_running_.swap(local_);
  run_works(local_running_);
}

MonotonicTime AsioCore::now() const {
  return MonotonicTime(std::chrono::duration_cast<std::chrono::nanoseconds>(
                           std::chrono::steady_clock::now().time_since_epoch())
                           .count());
}

WallMs AsioCore::wall_now() const {
  return WallMs(std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count());
}

std::uint64_t AsioCore::random() { return random_(); }

TimerId AsioCore::call_at(MonotonicTime when, Work work) {
  const TimerId id(next_timer_++);
  timers_.emplace(TimerKey(when.value(), id.value()), std::move(work));
  timer_times_.emplace(id.value(), when.value());
  arm_timer();
  return id;
}

void AsioCore::cancel(TimerId timer) {
  auto found = timer_times_.find(timer.value());
  if (found == timer_times_.end()) return;
  // The kernel's timer stays armed: one wake-up for nothing costs less than arming it anew each
  // time.
  timers_.erase(TimerKey(found->second, timer.value()));
  timer_times_.erase(found);
}

void AsioCore::arm_timer() {
  if (timers_.empty()) return;
  const std::int64_t first = timers_.begin()->first.first;
  if (first >= armed_for_) return;
  armed_for_ = first;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(first)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // armed anew for an earlier time
    armed_for_ = kNotArmed;
    const Turn turn(*this, "timers");
    run_timers();
  });
}

void AsioCore::run_timers() {
  // Those that were set before this turn: a timer that sets itself to "now" waits for the next
  // turn.
  const std::int64_t due = now().value();
  const std::uint64_t set_before = next_timer_;
  while (!timers_.empty()) {
    auto first = timers_.begin();
    if (first->first.first > due || first->first.second >= set_before) break;
    Work work = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    work();
  }
  arm_timer();
}

}  // namespace millrace

#include "runtime/asio/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "runtime/asio/asio_worker.h"

namespace millrace {
namespace {

// A core that uses less than one part in this of its time is idle.
constexpr std::int64_t kIdleShare = 100;
// Of a stall that was seen for less than this nothing can be said.
constexpr Duration kSeenMin = std::chrono::milliseconds(1);

std::int64_t monotonic_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double milliseconds(Duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

StallVerdict judge(const Stall& stall, const CoreLook& last_look, const ProcessPause& pause) {
  const Duration paused(std::min(stall.ended, pause.to) - std::max(stall.began, pause.from));
  if (paused * 2 >= stall.length()) return {StallCause::process_paused, paused};
  if (last_look.at == 0) return {};
  Duration seen = stall.length();
  Duration cpu = stall.use.cpu - last_look.use.cpu;
  Duration waited = stall.use.waited - last_look.use.waited;
  if (last_look.at > stall.began) {
    seen = Duration(stall.ended - last_look.at);
  } else {
    // The turns between the look and the stall: what they took was hardly more than their length.
    const auto before = static_cast<std::int64_t>(stall.busy - last_look.busy);
    cpu -= std::max(Duration(before) - stall.length(), Duration(0));
  }
  if (seen < kSeenMin) return {};
  cpu = std::clamp(cpu, Duration(0), seen);
  waited = std::clamp(waited, Duration(0), seen - cpu);
  const Duration blocked = seen - cpu - waited;
  if (cpu >= waited && cpu >= blocked) return {StallCause::worked, cpu};
  if (waited >= blocked) return {StallCause::not_run, waited};
  return {StallCause::blocked, blocked};
}

std::string stall_text(const Stall& stall, const StallVerdict& verdict) {
  std::string text = fmt::format("core {} stalled for {:.1f} ms in {}", stall.core.value(),
                                 milliseconds(stall.length()), stall.what);
  const double share = milliseconds(verdict.share);
  switch (verdict.cause) {
    case StallCause::worked:
      return text + fmt::format(": it worked for {:.1f} ms of it", share);
    case StallCause::blocked:
      return text + fmt::format(": it waited in the kernel for {:.1f} ms of it", share);
    case StallCause::not_run:
      return text + fmt::format(
                        ", not by its own doing: it was ready to run and had no processor for "
                        "{:.1f} ms of it",
                        share);
    case StallCause::process_paused:
      return text + fmt::format(
                        ", not by its own doing: the machine did not run the process for {:.1f} ms "
                        "of it",
                        share);
    case StallCause::unknown:
      break;
  }
  return text;
}

Watchdog::Watchdog(std::vector<AsioCore*> cores, WatchdogLimits limits) : limits_(limits) {
  for (AsioCore* core : cores) {
    core->watch(limits.stall, *this);
    watched_.push_back({.core = core});
  }
}

Watchdog::~Watchdog() { ASSERT(!thread_.joinable()); }

void Watchdog::start() {
  thread_ = std::thread([this] {
    name_this_thread("watchdog");
    run();
  });
}

void Watchdog::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Watchdog::stalled(const Stall& stall) {
  {
    std::lock_guard lock(mutex_);
    stalls_.push_back(stall);
  }
  wake_.notify_one();
}

void Watchdog::run() {
  bool busy = true;
  std::vector<Stall> stalls;
  for (bool ends = false; !ends;) {
    const Duration interval = busy ? limits_.busy_interval : limits_.idle_interval;
    const std::int64_t due = monotonic_now() + interval.count();
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, std::chrono::steady_clock::time_point(Duration(due)),
                       [this] { return stopping_ || !stalls_.empty(); });
      stalls.swap(stalls_);
      ends = stopping_;
    }
    const std::int64_t now = monotonic_now();
    if (Duration(now - due) > limits_.stall) pause_ = {due, now};
    for (const Stall& stall : stalls) report(stall);
    stalls.clear();
    // A look right after a stall would be none of what comes next.
    if (now >= due) busy = look();
  }
}

bool Watchdog::look() {
  bool busy = false;
  for (Watched& watched : watched_) {
    const std::int64_t began = watched.core->turn_began();
    const std::int64_t now = monotonic_now();
    const CoreLook look{now, watched.core->thread_use(), watched.core->loop().busy.value()};
    const auto worked = static_cast<std::int64_t>(look.busy - watched.last.busy);
    busy = busy || worked * kIdleShare > now - watched.last.at || began != 0;
    watched.last = look;
    if (began != 0 && Duration(now - began) >= limits_.hang) report_hang(watched, began, now);
  }
  return busy;
}

bool Watchdog::may_speak(Watched& watched, std::int64_t now) {
  if (now < watched.next_report) return false;
  watched.next_report = now + limits_.report_interval.count();
  return true;
}

void Watchdog::report_hang(Watched& watched, std::int64_t began, std::int64_t now) {
  if (watched.hang_told == began) return;
  watched.hang_told = began;
  log_event(
      LogLevel::warning, "runtime",
      fmt::format("core {} has been in {} for {:.0f} ms and goes on", watched.core->id().value(),
                  watched.core->doing(), milliseconds(Duration(now - began))),
      {{"core", watched.core->id().value()},
       {"doing", watched.core->doing()},
       {"duration_ms", milliseconds(Duration(now - began))}});
}

void Watchdog::report(const Stall& stall) {
  Watched& watched = watched_[stall.core.value()];
  const StallVerdict verdict = judge(stall, watched.last, pause_);
  // The end of one that was said to hang is always told.
  const bool hung = watched.hang_told == stall.began;
  if (!may_speak(watched, monotonic_now()) && !hung) {
    ++watched.untold;
    watched.longest_untold = std::max(watched.longest_untold, stall.length());
    return;
  }
  std::string text = stall_text(stall, verdict);
  if (watched.untold > 0) {
    text += fmt::format(" ({} more since the last such line, the longest {:.1f} ms)",
                        watched.untold, milliseconds(watched.longest_untold));
  }
  const bool is_machine =
      verdict.cause == StallCause::not_run || verdict.cause == StallCause::process_paused;
  static constexpr const char* kCauses[] = {"worked", "blocked", "not_run", "process_paused",
                                            "unknown"};
  log_event(is_machine ? LogLevel::info : LogLevel::warning, "runtime", text,
            {{"core", stall.core.value()},
             {"doing", stall.what},
             {"duration_ms", milliseconds(stall.length())},
             {"cause", kCauses[static_cast<std::size_t>(verdict.cause)]},
             {"untold", watched.untold}});
  watched.untold = 0;
  watched.longest_untold = Duration(0);
}

}  // namespace millrace

// Core: one thread, one event loop. Everything a connection, a partition or a machine does happens
// on its core; cores talk by post(). The real one stands in asio/, the simulated one in sim/.
//
//   core.post([&] { partition.mark_durable(ticket); });                    // from any thread, in
//   order per sender core.spawn("kafka connection", serve(std::move(socket)));              // the
//   only way to start background work auto size = co_await call_on(other, [&log] { return
//   log.size(); });    // run on another core, come back
//
// Owned by the Runtime; lives longer than everything that runs on it.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/histogram.h"
#include "base/ids.h"
#include "runtime/gate.h"
#include "runtime/task.h"

namespace millrace {

using Work = std::move_only_function<void()>;
using Duration = std::chrono::nanoseconds;
// Nanoseconds on a clock that never goes back; only differences mean anything.
using MonotonicTime = StrongNumber<struct MonotonicTag, std::int64_t>;
using TimerId = StrongNumber<struct TimerTag, std::uint64_t>;

// What a core's loop did. The core counts, any thread may read.
struct LoopStats {
  Counter turns;  // what the loop ran at one go: all that was posted, what a socket had, due timers
  Counter busy;   // nanoseconds, of all turns
  Histogram stalls;  // turns that took longer than the runtime thinks fit
};

class Core {
 public:
  explicit Core(CoreId id) : id_(id) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  virtual ~Core() = default;

  CoreId id() const { return id_; }

  // Runs `work` on this core after what it is doing now. Any thread; the works of one sender stay
  // in order. Many posts cost one wake-up.
  virtual void post(Work work) = 0;
  virtual bool is_current() const = 0;

  // The following only from the core itself.
  virtual MonotonicTime now() const = 0;
  virtual WallMs wall_now() const = 0;
  virtual std::uint64_t random() = 0;
  virtual TimerId call_at(MonotonicTime when, Work work) = 0;
  TimerId call_after(Duration delay, Work work) {
    return call_at(now() + delay.count(), std::move(work));
  }
  virtual void cancel(TimerId timer) = 0;

  // Starts background work. `name` is a literal that shows up when a stop takes too long. Counted
  // by tasks().
  void spawn(std::string_view name, Task<void> task);
  Gate& tasks() { return tasks_; }

  // What the turn under way is about, a literal: named when it takes too long. From the core.
  void doing(const char* what) { doing_.store(what, std::memory_order_relaxed); }
  // Any thread.
  const char* doing() const { return doing_.load(std::memory_order_relaxed); }
  const LoopStats& loop() const { return loop_; }

 protected:
  LoopStats loop_;

 private:
  CoreId id_;
  Gate tasks_;
  std::atomic<const char*> doing_{""};
};

// Suspends until `when`.
struct SleepUntil {
  Core& core;
  MonotonicTime when;
  bool await_ready() const { return core.now() >= when; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    core.call_at(when, [waiting] { waiting.resume(); });
  }
  void await_resume() const {}
};
inline SleepUntil sleep_for(Core& core, Duration delay) {
  return {core, core.now() + delay.count()};
}

// Lets everything else that is ready run first; for loops whose operations complete at once.
struct Yield {
  Core& core;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    core.post([waiting] { waiting.resume(); });
  }
  void await_resume() const {}
};

namespace core_detail {

template <class Function, class Value>
struct CallOn {
  Core& here;
  Core& there;
  Function function;
  std::optional<Value> value;

  bool await_ready() {
    if (&here != &there) return false;
    value.emplace(function());
    return true;
  }
  void await_suspend(std::coroutine_handle<> waiting) {
    there.post([this, waiting] {
      value.emplace(function());
      here.post([waiting] { waiting.resume(); });
    });
  }
  Value await_resume() { return std::move(*value); }
};

}  // namespace core_detail

// Runs a plain function on `there` and comes back to `here` (the core of who awaits) with its
// value, which must not be void. At once when both are the same.
template <class Function>
auto call_on(Core& here, Core& there, Function function) {
  using Value = std::invoke_result_t<Function>;
  return core_detail::CallOn<Function, Value>{here, there, std::move(function), {}};
}

// One thread beside the cores, for what blocks: writes, flushes, opens. Works run in order, one at
// a time.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual void submit(Work work) = 0;
  // From one of its works: does nothing for so long. A simulated worker goes on at once.
  virtual void pause(Duration time) = 0;
};

namespace core_detail {

template <class Function, class Value>
struct CallOnWorker {
  Core& here;
  Worker& worker;
  Function function;
  std::optional<Value> value;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    worker.submit([this, waiting] {
      value.emplace(function());
      here.post([waiting] { waiting.resume(); });
    });
  }
  Value await_resume() { return std::move(*value); }
};

}  // namespace core_detail

template <class Function>
auto call_on(Core& here, Worker& worker, Function function) {
  using Value = std::invoke_result_t<Function>;
  return core_detail::CallOnWorker<Function, Value>{here, worker, std::move(function), {}};
}

}  // namespace millrace

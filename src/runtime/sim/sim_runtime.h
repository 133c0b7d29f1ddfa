// SimRuntime: a Runtime in the calling thread, under a seeded scheduler.
//
//   SimDisk disk(seed);                                    // outlives the runtime: see sim_disk.h
//   SimRuntime runtime({.seed = seed, .cores = 2}, disk);
//   auto store = runtime.run(runtime.core(CoreId(0)), open_store(runtime));   // one task to its
//   end ASSERT_TRUE(runtime.run_until([&] { return store->idle(); }, std::chrono::seconds(10)));
//   runtime.run_until_idle(std::chrono::minutes(1));
//
// Every step runs one work of a core, a worker or the network, picked by the seed; only then, and
// when nothing is ready, does time pass. All limits are virtual time. What a test does between
// steps belongs to no core: it may set timers and post to all, but is_current() is false; use run()
// or post() for what asks. How to end a run without leaks stands in the README.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "runtime/runtime.h"
#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_random.h"

namespace millrace {

struct SimOptions {
  std::uint64_t seed = 1;
  std::size_t cores = 1;
  WallMs wall_start{1'700'000'000'000};
  // Each work of a worker takes up to this long.
  Duration worker_latency_max = std::chrono::milliseconds(2);
  // How often File::read_cached_at sends its caller to a worker.
  unsigned would_block_percent = 25;
  Duration network_delay_max = std::chrono::microseconds(200);
  // What a connection holds of unread bytes, each way.
  std::size_t network_pipe_bytes = 65536;
};

class SimRuntime final : public Runtime {
 public:
  SimRuntime(SimOptions options, SimDisk& disk);
  ~SimRuntime() override;

  // One work; false when nothing is ready and nothing will be.
  bool step();
  // Steps until `done` says so; false when the virtual time `limit` passed or nothing was left.
  bool run_until(const std::function<bool()>& done, Duration limit);
  // Steps until nothing is left, or `limit` passed: then false, for something sets timers again and
  // again.
  bool run_until_idle(Duration limit);
  void run_for(Duration time) {
    run_until([] { return false; }, time);
  }
  // Runs a task on a core to its end and gives its value; a test that would hang ends by assertion
  // after `limit`.
  template <class T>
  T run(Core& core, Task<T> task, Duration limit = std::chrono::hours(1)) {
    std::optional<T> value;
    post_task(core, store_value(std::move(task), value));
    const bool finished = run_until([&] { return value.has_value(); }, limit);
    ASSERT(finished);
    return std::move(*value);
  }
  void run(Core& core, Task<void> task, Duration limit = std::chrono::hours(1)) {
    bool ended = false;
    post_task(core, tell_end(std::move(task), ended));
    const bool finished = run_until([&] { return ended; }, limit);
    ASSERT(finished);
  }
  // Leaves all that is queued or suspended where it is when the runtime goes, as a power cut does:
  // nothing is run, destroyed or checked. For ScopedLeakCheckOff.
  void abandon();

  MonotonicTime now() const;
  WallMs wall_now() const;
  // As an operator or a time service does; forwards or back.
  void jump_wall_clock(std::int64_t milliseconds);
  // For the test's own choices.
  SimRandom& random();
  // Of all decisions, file and network operations so far.
  std::uint64_t trace_hash() const;
  std::uint64_t steps() const;
  // File calls that may block and were made on a core instead of a worker.
  std::uint64_t blocking_calls_on_cores() const;
  void set_would_block_percent(unsigned percent);

  // One more core, which the broker does not know of: where clients run.
  Core& client_core();
  // The client's end of a new connection, living on `core`.
  Result<std::unique_ptr<Socket>> connect(Core& core, std::uint16_t port);
  // Of a socket of this runtime: both ends fail from now on.
  void break_connection(Socket& socket);
  // Nothing arrives at either end any more, and neither is told.
  void silence_connection(Socket& socket);

  std::size_t core_count() const override;
  Core& core(CoreId id) override;
  FileSystem& files() override;
  std::unique_ptr<Worker> make_worker(const std::string& name) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) override;

 private:
  struct State;

  template <class T>
  static Task<void> store_value(Task<T> task, std::optional<T>& value) {
    value.emplace(co_await task);
  }
  static Task<void> tell_end(Task<void> task, bool& ended) {
    co_await task;
    ended = true;
  }
  static void post_task(Core& core, Task<void> task);

  std::unique_ptr<State> state_;
};

}  // namespace millrace

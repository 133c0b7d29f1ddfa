#include "runtime/sim/sim_runtime.h"

#include <algorithm>
#include <vector>

#include "runtime/sim/sim_core.h"
#include "runtime/sim/sim_files.h"
#include "runtime/sim/sim_net.h"
#include "runtime/sim/sim_scheduler.h"

namespace millrace {

struct SimRuntime::State {
  SimOptions options;
  SimScheduler scheduler;
  std::vector<std::unique_ptr<SimCore>> cores;  // the last is the clients'
  SimFileSystem files;
  SimNet net;

  State(SimOptions options_in, SimDisk& disk)
      : options(options_in),
        scheduler(options.seed, options.wall_start.value()),
        files(scheduler, disk, options.would_block_percent, [this] { return on_core(); }),
        net(scheduler, {.delay_max = options.network_delay_max,
                        .pipe_bytes_max = options.network_pipe_bytes}) {}

  bool on_core() const {
    return std::any_of(cores.begin(), cores.end(),
                       [](const auto& core) { return core->is_current(); });
  }
};

SimRuntime::SimRuntime(SimOptions options, SimDisk& disk)
    : state_(std::make_unique<State>(options, disk)) {
  ASSERT(options.cores > 0);
  for (std::uint32_t i = 0; i <= options.cores; ++i) {
    state_->cores.push_back(std::make_unique<SimCore>(CoreId(i), state_->scheduler));
  }
}

SimRuntime::~SimRuntime() {
  if (state_->scheduler.abandoned()) {
    // Not freed on purpose: suspended coroutines refer to it, and nobody may run them.
    [[maybe_unused]] State* left = state_.release();
    return;
  }
  // What a queued work owns may post in its destructor: until nothing is left.
  for (bool again = true; again;) {
    again = state_->scheduler.discard_events();
    for (auto& core : state_->cores) again = core->discard_queued() || again;
  }
}

void SimRuntime::abandon() { state_->scheduler.abandon(); }

bool SimRuntime::step() { return state_->scheduler.step(); }

bool SimRuntime::run_until(const std::function<bool()>& done, Duration limit) {
  const std::int64_t deadline = state_->scheduler.now() + limit.count();
  while (!done()) {
    if (state_->scheduler.now() > deadline || !step()) return done();
  }
  return true;
}

bool SimRuntime::run_until_idle(Duration limit) {
  const std::int64_t deadline = state_->scheduler.now() + limit.count();
  while (step()) {
    if (state_->scheduler.now() > deadline) return false;
  }
  return true;
}

void SimRuntime::post_task(Core& core, Task<void> task) {
  core.post([&core, task = std::move(task)]() mutable { core.spawn("test", std::move(task)); });
}

MonotonicTime SimRuntime::now() const { return MonotonicTime(state_->scheduler.now()); }
WallMs SimRuntime::wall_now() const { return WallMs(state_->scheduler.wall_ms()); }
void SimRuntime::jump_wall_clock(std::int64_t milliseconds) {
  state_->scheduler.jump_wall_clock(milliseconds);
}
SimRandom& SimRuntime::random() { return state_->scheduler.random(); }
std::uint64_t SimRuntime::trace_hash() const { return state_->scheduler.trace_hash(); }
std::uint64_t SimRuntime::steps() const { return state_->scheduler.steps(); }
std::uint64_t SimRuntime::blocking_calls_on_cores() const { return state_->files.calls_on_cores(); }
void SimRuntime::set_would_block_percent(unsigned percent) {
  state_->files.set_would_block_percent(percent);
}

Core& SimRuntime::client_core() { return *state_->cores.back(); }

Result<std::unique_ptr<Socket>> SimRuntime::connect(Core& core, std::uint16_t port) {
  return state_->net.connect(core, port);
}

void SimRuntime::break_connection(Socket& socket) {
  static_cast<SimSocket&>(socket).connection().break_off();
}

void SimRuntime::silence_connection(Socket& socket) {
  static_cast<SimSocket&>(socket).connection().silence();
}

std::size_t SimRuntime::core_count() const { return state_->options.cores; }

Core& SimRuntime::core(CoreId id) {
  ASSERT(id.value() < core_count());
  return *state_->cores[id.value()];
}

FileSystem& SimRuntime::files() { return state_->files; }

std::unique_ptr<Worker> SimRuntime::make_worker(const std::string&) {
  return std::make_unique<SimWorker>(state_->scheduler, state_->options.worker_latency_max);
}

Result<std::unique_ptr<Listener>> SimRuntime::listen(const std::string& host, std::uint16_t port) {
  return state_->net.listen(*state_->cores[0], host, port);
}

}  // namespace millrace

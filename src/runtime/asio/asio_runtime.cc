#include "runtime/asio/asio_runtime.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "runtime/asio/asio_core.h"
#include "runtime/asio/asio_listener.h"
#include "runtime/asio/asio_worker.h"
#include "runtime/asio/posix_files.h"
#include "runtime/asio/watchdog.h"

namespace millrace {

struct AsioRuntime::State {
  PosixFileSystem files;
  std::vector<std::unique_ptr<AsioCore>> cores;
  std::optional<Watchdog> watchdog;
  std::optional<boost::asio::signal_set> signals;
  Work on_stop_signal;
  std::atomic<bool> running = false;
};

AsioRuntime::AsioRuntime(AsioRuntimeOptions options) : state_(std::make_unique<State>()) {
  ASSERT(options.cores > 0);
  // A write to a connection the peer closed is an error of that connection, not the end of the
  // process.
  std::signal(SIGPIPE, SIG_IGN);
  for (std::uint32_t i = 0; i < options.cores; ++i) {
    state_->cores.push_back(std::make_unique<AsioCore>(CoreId(i)));
  }
  std::vector<AsioCore*> watched;
  for (auto& core : state_->cores) watched.push_back(core.get());
  state_->watchdog.emplace(std::move(watched), options.watchdog);
}

AsioRuntime::~AsioRuntime() {
  ASSERT(!state_->running);
  state_->signals.reset();
  state_->on_stop_signal = nullptr;
  // A queued work of one core may own what belongs to another: all queues go before any core does.
  for (bool again = true; again;) {
    again = false;
    for (auto& core : state_->cores) again = core->discard_queued() || again;
  }
}

void AsioRuntime::run() {
  ASSERT(!state_->running.exchange(true));
  state_->watchdog->start();
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < state_->cores.size(); ++i) {
    threads.emplace_back([core = state_->cores[i].get(), i] {
      name_this_thread(fmt::format("core-{}", i));
      core->run();
    });
  }
  state_->cores[0]->run();
  for (std::thread& thread : threads) thread.join();
  state_->watchdog->stop();
  state_->running = false;
}

void AsioRuntime::stop() {
  for (auto& core : state_->cores) core->stop();
}

void AsioRuntime::on_stop_signal(Work work) {
  ASSERT(!state_->signals);
  state_->on_stop_signal = std::move(work);
  state_->signals.emplace(state_->cores[0]->context(), SIGTERM, SIGINT);
  state_->signals->async_wait([state = state_.get()](const boost::system::error_code& error, int) {
    if (error) return;
    // Further signals are swallowed: a supervisor that asks twice must not cut short the stop it
    // asked for.
    const AsioCore::Turn turn(*state->cores[0], "a signal");
    state->on_stop_signal();
  });
}

std::size_t AsioRuntime::core_count() const { return state_->cores.size(); }

Core& AsioRuntime::core(CoreId id) {
  ASSERT(id.value() < state_->cores.size());
  return *state_->cores[id.value()];
}

FileSystem& AsioRuntime::files() { return state_->files; }

std::unique_ptr<Worker> AsioRuntime::make_worker(const std::string& name) {
  return std::make_unique<ThreadWorker>(name);
}

Result<std::unique_ptr<Listener>> AsioRuntime::listen(const std::string& host, std::uint16_t port) {
  return AsioListener::bind(*state_->cores[0], host, port);
}

}  // namespace millrace

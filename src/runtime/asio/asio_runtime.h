// AsioRuntime: the machine itself. One thread per core, each with its own event loop.
//
//   AsioRuntime runtime({.cores = 4});
//   runtime.core(CoreId(0)).post([&] { ... });              // works may be queued before run()
//   runtime.on_stop_signal([&] { broker.begin_stop(); });    // ends by calling runtime.stop()
//   runtime.run();                                          // this thread becomes core 0
//
// stop() ends the loops where they are: what is still queued is destroyed with the runtime, never
// run. An orderly stop therefore closes its sockets, waits for its gates, and calls stop() last.
// Workers, files, sockets and listeners must go before the runtime.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/asio/watchdog_limits.h"
#include "runtime/runtime.h"

namespace millrace {

struct AsioRuntimeOptions {
  std::size_t cores = 1;
  WatchdogLimits watchdog;
};

class AsioRuntime final : public Runtime {
 public:
  explicit AsioRuntime(AsioRuntimeOptions options);
  ~AsioRuntime() override;

  // Runs all cores, core 0 in the calling thread, until stop(); returns when the other threads have
  // ended. Once.
  void run();
  // From any thread, and from a core; before run() as well. Idempotent.
  void stop();
  // Runs `work` on core 0 at the first SIGTERM or SIGINT; later ones change nothing. Before
  // run(), once.
  void on_stop_signal(Work work);

  std::size_t core_count() const override;
  Core& core(CoreId id) override;
  FileSystem& files() override;
  std::unique_ptr<Worker> make_worker(const std::string& name) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace

// SimBroker: a store and a broker on a simulated runtime, for tests that speak to the verbs or put
// a protocol in front.
//
//   SimDisk disk(seed);
//   disk.make_durable_directory("data");
//   SimBroker sim({.seed = seed, .cores = 3}, disk);
//   ASSERT_TRUE(sim.start());
//   auto results = sim.run(sim.core(1).produce({...}, AckLevel::durable), 1);
//   sim.stop();                     // as the process does it; or sim.abandon() after a crash
#pragma once

#include <memory>
#include <utility>

#include "broker/broker.h"
#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_runtime.h"
#include "storage/store.h"

namespace millrace::test {

inline constexpr const char* kSimDirectory = "data";

// Small enough that a test of some thousand records fills journal files and goes through
// checkpoints.
inline StorageLimits small_storage() {
  StorageLimits limits;
  limits.journal_bytes_max = 4 << 20;
  limits.journal_file_bytes = 256 << 10;
  limits.journal_first_file_bytes = 128 << 10;
  limits.group_bytes_max = 64 << 10;
  limits.checkpoint_bytes = 96 << 10;
  limits.checkpoint_interval = std::chrono::seconds(1);
  limits.segment_bytes = 64 << 10;
  return limits;
}

class SimBroker {
 public:
  SimBroker(SimOptions options, SimDisk& disk, BrokerLimits limits = {},
            StorageLimits storage = small_storage())
      : limits_(limits), storage_(storage), runtime_(std::make_unique<SimRuntime>(options, disk)) {}
  SimBroker(const SimBroker&) = delete;
  ~SimBroker() {
    if (broker_) stop();
  }

  Result<void> start() {
    auto store = Store::open(*runtime_, kSimDirectory, storage_);
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    broker_ = std::make_unique<Broker>(*runtime_, *store_, limits_);
    return run(broker_->boot());
  }

  SimRuntime& runtime() { return *runtime_; }
  Store& store() { return *store_; }
  Broker& broker() { return *broker_; }
  BrokerCore& core(std::uint32_t id) { return broker_->core(CoreId(id)); }

  // A verb on its core, to its end.
  template <class T>
  T run(Task<T> task, std::uint32_t core = 0) {
    return runtime_->run(runtime_->core(CoreId(core)), std::move(task));
  }

  // The order of a clean stop: requests first, then what was built above, then the store.
  void stop_requests() { run(broker_->stop()); }
  // `failed`: the disk did, so that the last checkpoint can't succeed.
  void close(bool failed = false) {
    const bool ended = runtime_->run_until([this] { return nothing_inside(); }, kPatience);
    ASSERT(ended);
    auto closed = run(store_->close());
    ASSERT(closed.has_value() != failed);
    runtime_->run_until_idle(kPatience);
    broker_.reset();
    store_.reset();
  }
  void stop() {
    stop_requests();
    close();
  }
  // Where the disk may have failed or not; false when something does not end.
  bool close_whatever_the_disk_says(Duration patience) {
    if (!runtime_->run_until([this] { return nothing_inside(); }, patience)) return false;
    (void)run(store_->close());
    if (!runtime_->run_until_idle(patience)) return false;
    broker_.reset();
    store_.reset();
    return true;
  }

  // No task is under way on any core.
  bool nothing_inside() {
    for (std::uint32_t id = 0; id < runtime_->core_count(); ++id) {
      if (runtime_->core(CoreId(id)).tasks().inside() > 0) return false;
    }
    return true;
  }

  // As a power cut does. For ScopedLeakCheckOff.
  void abandon() {
    runtime_->abandon();
    [[maybe_unused]] Broker* broker = broker_.release();
    [[maybe_unused]] Store* store = store_.release();
    [[maybe_unused]] SimRuntime* runtime = runtime_.release();
  }

 private:
  static constexpr Duration kPatience = std::chrono::minutes(1);

  const BrokerLimits limits_;
  const StorageLimits storage_;
  std::unique_ptr<SimRuntime> runtime_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Broker> broker_;
};

}  // namespace millrace::test

// MemoryRelief: who goes while the memory of connections is short (docs/decisions/0013). It never
// depends on a client doing something: connections that hold something and do not move are closed,
// the longest first, until there is enough for the others.
//
//   broker.relief().add(stalled_max, [this](CoreId core) { return holders of that core; });
//
// One for the broker and all its protocols; on core 0, asking each core for its connections.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/memory_budget.h"
#include "runtime/runtime.h"

namespace millrace {

class Broker;

// A connection, as far as its memory goes. Called on its core.
class MemoryHolder {
 public:
  virtual ~MemoryHolder() = default;
  // Gives back what it can do without.
  virtual void slim() = 0;
  // Since when it has held somebody up without moving, when that is too long ago; `also_waiting`:
  // also when it only waits for memory itself.
  virtual std::optional<MonotonicTime> unmoving_since(bool also_waiting) = 0;
  virtual std::size_t held_bytes() const = 0;
  virtual std::string peer() const = 0;
  virtual void close_for_memory() = 0;
};

class MemoryRelief {
 public:
  // Those of one core, called there.
  using Holders = std::function<std::vector<std::shared_ptr<MemoryHolder>>(CoreId)>;

  explicit MemoryRelief(Broker& broker);
  MemoryRelief(const MemoryRelief&) = delete;
  ~MemoryRelief();

  // On core 0. `stalled_max`: what its connections call too long. Valid until stop().
  void add(Duration stalled_max, Holders holders);
  void stop();

 private:
  struct Relief {
    std::uint64_t bytes = 0;
    std::size_t connections = 0;
  };
  // Until it is not short any more, looks every second for who should go.
  void begin();
  Task<void> relieve();
  Relief relieve_here(CoreId id, std::uint64_t so_far, bool also_waiting);
  bool is_stuck();

  Broker& broker_;
  std::vector<Holders> sources_;
  Duration stalled_max_{0};
  std::optional<TimerId> timer_;
  bool relieving_ = false;
  bool stopped_ = false;
  std::uint64_t grants_seen_ = 0;
  MonotonicTime grants_changed_;
};

}  // namespace millrace

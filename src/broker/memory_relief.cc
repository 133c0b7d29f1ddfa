#include "broker/memory_relief.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "broker/broker.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLookInterval = 1s;

}  // namespace

MemoryRelief::MemoryRelief(Broker& broker) : broker_(broker) {
  Core& home = broker.runtime().core(CoreId(0));
  broker.memory().on_short([this, &home] { home.post([this] { begin(); }); });
}

MemoryRelief::~MemoryRelief() { broker_.memory().on_short({}); }

void MemoryRelief::add(Duration stalled_max, Holders holders) {
  stalled_max_ = std::max(stalled_max_, stalled_max);
  sources_.push_back(std::move(holders));
}

void MemoryRelief::stop() {
  stopped_ = true;
  if (timer_) broker_.runtime().core(CoreId(0)).cancel(*std::exchange(timer_, std::nullopt));
}

void MemoryRelief::begin() {
  if (relieving_ || stopped_) return;
  relieving_ = true;
  Core& home = broker_.runtime().core(CoreId(0));
  grants_seen_ = broker_.memory().grants();
  grants_changed_ = home.now();
  home.spawn("relief of memory", relieve());
}

// Whoever waits waits for others who wait: nobody had a turn for long.
bool MemoryRelief::is_stuck() {
  const MonotonicTime now = broker_.runtime().core(CoreId(0)).now();
  const MemoryBudget& memory = broker_.memory();
  if (memory.waiting() == 0 || memory.grants() != grants_seen_) {
    grants_seen_ = memory.grants();
    grants_changed_ = now;
  }
  return Duration(now - grants_changed_) >= 2 * stalled_max_;
}

Task<void> MemoryRelief::relieve() {
  Core& home = broker_.runtime().core(CoreId(0));
  const bool also_waiting = is_stuck();
  Relief all;
  for (std::uint32_t id = 0; id < broker_.runtime().core_count(); ++id) {
    const std::uint64_t so_far = all.bytes;
    const Relief freed = co_await call_on(home, broker_.runtime().core(CoreId(id)),
                                          [this, id, so_far, also_waiting] {
                                            return relieve_here(CoreId(id), so_far, also_waiting);
                                          });
    all.bytes += freed.bytes;
    all.connections += freed.connections;
  }
  const MemoryBudget& memory = broker_.memory();
  if (all.connections > 0) {
    log_warning("memory",
                "memory is short: connections hold {} of {} bytes, and {} requests wait. Closed "
                "those that had not moved for {} s: {} with {} bytes",
                memory.bytes_used(), memory.bytes_max(), memory.waiting(), stalled_max_ / 1s,
                all.connections, all.bytes);
  }
  relieving_ = false;
  if (stopped_ || broker_.memory().watch_again()) co_return;
  timer_ = home.call_after(kLookInterval, [this] {
    timer_.reset();
    relieving_ = true;
    broker_.runtime().core(CoreId(0)).spawn("relief of memory", relieve());
  });
  relieving_ = true;
}

MemoryRelief::Relief MemoryRelief::relieve_here(CoreId id, std::uint64_t so_far,
                                                bool also_waiting) {
  std::vector<std::shared_ptr<MemoryHolder>> holders;
  for (const Holders& source : sources_) std::ranges::move(source(id), std::back_inserter(holders));
  for (const auto& holder : holders) holder->slim();
  broker_.core(id).memory().give_back();
  const std::uint64_t wanted = broker_.memory().bytes_to_free();
  if (wanted <= so_far) return {};

  std::vector<std::pair<MonotonicTime, MemoryHolder*>> still;
  for (const auto& holder : holders) {
    if (auto since = holder->unmoving_since(also_waiting)) still.emplace_back(*since, holder.get());
  }
  std::ranges::sort(still, {}, [](const auto& entry) { return entry.first; });
  Relief freed;
  for (const auto& [since, holder] : still) {
    if (freed.bytes >= wanted - so_far) break;
    log_debug("memory", "{}: closed: it holds {} bytes and does not move", holder->peer(),
              holder->held_bytes());
    freed.bytes += holder->held_bytes();
    ++freed.connections;
    holder->close_for_memory();
  }
  return freed;
}

}  // namespace millrace

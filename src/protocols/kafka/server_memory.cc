// Who goes while memory is short. Relief never depends on a client doing something.
#include <algorithm>
#include <vector>

#include "base/log.h"
#include "protocols/kafka/server.h"

namespace millrace::kafka {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLookInterval = 1s;

}  // namespace

void KafkaServer::begin_relief() {
  if (relieving_ || closing_) return;
  relieving_ = true;
  Core& home = runtime_.core(CoreId(0));
  grants_seen_ = broker_.memory().grants();
  grants_changed_ = home.now();
  home.spawn("relief of memory", relieve());
}

// Whoever waits waits for others who wait: nobody had a turn for long.
bool KafkaServer::is_stuck() {
  const MonotonicTime now = runtime_.core(CoreId(0)).now();
  const MemoryBudget& memory = broker_.memory();
  if (memory.waiting() == 0 || memory.grants() != grants_seen_) {
    grants_seen_ = memory.grants();
    grants_changed_ = now;
  }
  return Duration(now - grants_changed_) >= 2 * limits_.stalled_max;
}

Task<void> KafkaServer::relieve() {
  Core& home = runtime_.core(CoreId(0));
  const bool also_waiting = is_stuck();
  Relief all;
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    PerCore* here = &cores_[id];
    Broker* broker = &broker_;
    const std::uint64_t so_far = all.bytes;
    const Relief freed =
        co_await call_on(home, runtime_.core(CoreId(id)), [here, broker, id, so_far, also_waiting] {
          for (const auto& session : here->sessions) session->slim();
          broker->core(CoreId(id)).memory().give_back();
          const std::uint64_t wanted = broker->memory().bytes_to_free();
          if (wanted <= so_far) return Relief{};
          return relieve_here(*here, wanted - so_far, also_waiting);
        });
    all.bytes += freed.bytes;
    all.connections += freed.connections;
  }
  const MemoryBudget& memory = broker_.memory();
  if (all.connections > 0) {
    log_warning("kafka",
                "memory is short: connections hold {} of {} bytes, and {} requests wait. Closed "
                "those that had not moved for {} s: {} with {} bytes",
                memory.bytes_used(), memory.bytes_max(), memory.waiting(), limits_.stalled_max / 1s,
                all.connections, all.bytes);
  }
  relieving_ = false;
  if (closing_ || broker_.memory().watch_again()) co_return;
  relief_timer_ = home.call_after(kLookInterval, [this] {
    relief_timer_.reset();
    relieving_ = true;
    runtime_.core(CoreId(0)).spawn("relief of memory", relieve());
  });
  relieving_ = true;
}

KafkaServer::Relief KafkaServer::relieve_here(PerCore& here, std::uint64_t bytes,
                                              bool also_waiting) {
  std::vector<std::pair<MonotonicTime, std::shared_ptr<Session>>> still;
  for (const auto& session : here.sessions) {
    if (auto since = session->unmoving_since(also_waiting)) still.emplace_back(*since, session);
  }
  std::ranges::sort(still, {}, [](const auto& entry) { return entry.first; });
  Relief freed;
  for (const auto& [since, session] : still) {
    if (freed.bytes >= bytes) break;
    log_debug("kafka", "{}: closed: it holds {} bytes and does not move", session->peer(),
              session->held_bytes());
    freed.bytes += session->held_bytes();
    ++freed.connections;
    ++here.stats.closed_for_memory;
    session->close();
  }
  return freed;
}

}  // namespace millrace::kafka

// KafkaServer: the listener of the Kafka protocol and its sessions, dealt to the cores in turn.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/metrics.h"
#include "protocols/kafka/session.h"

namespace millrace::kafka {

// Goes before the broker does, when every session has ended.
class KafkaServer {
 public:
  KafkaServer(Runtime& runtime, Broker& broker, SessionLimits limits = {});

  // On core 0. `advertise` is what Metadata returns; an empty host means the bound address.
  Result<void> listen(const std::string& host, std::uint16_t port, Endpoint advertise);
  std::uint16_t port() const { return listener_->port(); }
  // On core 0: takes no more connections.
  void stop_listening();
  // On core 0: closes every connection.
  Task<void> close_sessions();
  // On core 0: what was counted of connections and requests.
  Task<void> add_metrics(MetricsPage* page);

 private:
  struct PerCore {
    FetchSessions fetch_sessions;
    KafkaStats stats;
    std::unordered_set<std::shared_ptr<Session>> sessions;
    std::optional<TimerId> idle_timer;  // only while there are sessions
    bool closing = false;
  };
  void accept(std::unique_ptr<PendingSocket> pending);
  static Task<void> run(PerCore* here, std::shared_ptr<Session> session);
  void arm_idle_timer(PerCore& here, Core& core);
  static void close_idle(PerCore& here);

  Runtime& runtime_;
  Broker& broker_;
  const SessionLimits limits_;
  Endpoint endpoint_;
  std::unique_ptr<Listener> listener_;
  std::deque<PerCore> cores_;  // each entry is its core's own
  std::size_t next_core_ = 0;
};

}  // namespace millrace::kafka

// AmqpServer: the listener of AMQP 0-9-1 and its connections, dealt to the cores in turn.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/metrics.h"
#include "protocols/amqp/connection.h"

namespace millrace::amqp {

// Goes before the broker does, when every connection has ended.
class AmqpServer {
 public:
  AmqpServer(Runtime& runtime, Broker& broker, AmqpLimits limits = {});

  // On core 0.
  Result<void> listen(const std::string& host, std::uint16_t port);
  std::uint16_t port() const { return listener_->port(); }
  void stop_listening();
  // On core 0: every client is told, and its connection closed.
  Task<void> close_connections();
  // What was counted of connections and messages. Any thread.
  void add_metrics(MetricsPage& page) const;

  // On core 0, for operators.
  Task<std::vector<ConnectionFacts>> connections();
  // Those of which `which` says so are told why and closed: 320. How many.
  using Which = std::function<bool(const ConnectionFacts& connection)>;
  Task<std::size_t> close_connections(Which which, std::string reason);

 private:
  struct PerCore {
    AmqpStats stats;
    std::unordered_set<std::shared_ptr<Connection>> connections;
    bool closing = false;
  };
  void accept(std::unique_ptr<PendingSocket> pending);
  static Task<void> run(PerCore* here, std::shared_ptr<Connection> connection);
  ConnectionFacts facts_of(const Connection& connection) const;
  Task<std::vector<ConnectionFacts>> connections_on(PerCore* here, Core* core);
  Task<std::size_t> close_on(PerCore* here, Which which, std::string reason);

  Runtime& runtime_;
  Broker& broker_;
  const AmqpLimits limits_;
  std::string address_;  // where it listens
  std::unique_ptr<Listener> listener_;
  ReplyConsumers reply_consumers_;
  std::deque<PerCore> cores_;  // each entry is its core's own
  std::size_t next_core_ = 0;
};

}  // namespace millrace::amqp

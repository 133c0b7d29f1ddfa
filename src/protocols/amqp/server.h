// AmqpServer: the listener of AMQP 0-9-1 and its connections, dealt to the cores in turn.
#pragma once

#include <deque>
#include <memory>
#include <unordered_set>

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

 private:
  struct PerCore {
    AmqpStats stats;
    std::unordered_set<std::shared_ptr<Connection>> connections;
    bool closing = false;
  };
  void accept(std::unique_ptr<PendingSocket> pending);
  static Task<void> run(PerCore* here, std::shared_ptr<Connection> connection);

  Runtime& runtime_;
  Broker& broker_;
  const AmqpLimits limits_;
  std::unique_ptr<Listener> listener_;
  ReplyConsumers reply_consumers_;
  std::deque<PerCore> cores_;  // each entry is its core's own
  std::size_t next_core_ = 0;
};

}  // namespace millrace::amqp

// Sink: a connection as its consumers' queues see it. Called on any core; everything goes on at the
// connection's own.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "protocols/amqp/connection.h"

namespace millrace::amqp {

class Connection::Sink : public DeliverySink {
 public:
  Sink(const std::shared_ptr<Connection>& connection, Core& home)
      : connection_(connection), home_(home) {}

  void deliver(HolderId holder, std::vector<Delivery> deliveries) override {
    home_.post([connection = connection_, holder, deliveries = std::move(deliveries)]() mutable {
      if (auto self = connection.lock()) self->delivered(holder, std::move(deliveries));
    });
  }
  void cancelled(HolderId holder) override {
    home_.post([connection = connection_, holder] {
      if (auto self = connection.lock()) self->queue_gone(holder);
    });
  }

 private:
  std::weak_ptr<Connection> connection_;
  Core& home_;
};

}  // namespace millrace::amqp

#include "protocols/amqp/server.h"

namespace millrace::amqp {

void AmqpServer::add_metrics(MetricsPage& page) const {
  auto sum = [this](Counter AmqpStats::* counter) {
    std::uint64_t total = 0;
    for (const PerCore& core : cores_) total += (core.stats.*counter).value();
    return total;
  };
  page.set(Metric::amqp_connections, sum(&AmqpStats::open));
  page.set(Metric::amqp_connections_accepted, sum(&AmqpStats::accepted));
  page.set(Metric::amqp_connections_refused, sum(&AmqpStats::refused));
  page.set(Metric::amqp_connections_closed_for_memory, sum(&AmqpStats::closed_for_memory));
  page.set(Metric::amqp_messages_published, sum(&AmqpStats::published));
  page.set(Metric::amqp_messages_delivered, sum(&AmqpStats::delivered));
}

}  // namespace millrace::amqp

// Api: what the handlers of the management API work with. On core 0, as they are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/queues.h"
#include "management/rates.h"
#include "protocols/amqp/server.h"

namespace millrace::management {

struct ListenerFacts {
  std::string protocol;  // as RabbitMQ calls it: "amqp", "http", "http/prometheus"; "kafka"
  std::string host;
  std::uint16_t port = 0;
};

struct Facts {
  std::string version;  // of this program
  std::string node;     // "millrace@machine"
  std::string data_directory;
  std::uint64_t memory_bytes_max = 0;
  std::uint64_t disk_reserve_bytes = 0;
  std::vector<ListenerFacts> listeners;
};

class Api {
 public:
  // `amqp`: null when it is off.
  Api(Broker& broker, amqp::AmqpServer* amqp, Facts facts);

  Broker& broker() { return broker_; }
  BrokerCore& home() { return broker_.core(CoreId(0)); }
  Queues& queues() { return home().queues(); }
  amqp::AmqpServer* amqp() { return amqp_; }
  const Facts& facts() const { return facts_; }
  Rates& rates() { return rates_; }
  // For what blocks.
  Worker& worker() { return *worker_; }
  MonotonicTime began() const { return began_; }

  Task<std::vector<amqp::ConnectionFacts>> connections();

 private:
  Broker& broker_;
  amqp::AmqpServer* amqp_;
  const Facts facts_;
  Rates rates_;
  std::unique_ptr<Worker> worker_;
  const MonotonicTime began_;
};

}  // namespace millrace::management

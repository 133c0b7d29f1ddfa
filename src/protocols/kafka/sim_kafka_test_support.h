// SimKafka: a broker with the Kafka protocol in front of it on a simulated runtime, and clients on
// the simulated network. Clients are closed before it goes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/sim_broker_test_support.h"
#include "protocols/kafka/server.h"
#include "protocols/kafka/wire_client_test_support.h"
#include "record/batch.h"

namespace millrace::kafka::test {

inline constexpr std::uint16_t kKafkaPort = 9092;

class SimKafka {
 public:
  SimKafka(SimOptions options, SimDisk& disk, SessionLimits limits = {}, BrokerLimits broker = {})
      : broker_(options, disk, broker), limits_(limits) {}
  ~SimKafka() {
    if (server_) stop();
  }

  Result<void> start() {
    auto started = broker_.start();
    if (!started) return started;
    server_ = std::make_unique<KafkaServer>(broker_.runtime(), broker_.broker(), limits_);
    return broker_.run(listen(server_.get()));
  }
  // The two halves of a clean stop: clients are told, then the store is closed.
  void stop_requests() { broker_.run(stop_serving(server_.get(), &broker_.broker())); }
  void close() {
    const bool ended =
        runtime().run_until([this] { return broker_.nothing_inside(); }, std::chrono::minutes(1));
    ASSERT(ended);
    server_.reset();  // it knows the broker
    broker_.close();
  }
  void stop() {
    stop_requests();
    close();
  }

  millrace::test::SimBroker& broker() { return broker_; }
  SimRuntime& runtime() { return broker_.runtime(); }
  KafkaServer& server() { return *server_; }
  Core& client_core() { return runtime().client_core(); }
  WireClient connect() {
    auto socket = runtime().connect(client_core(), kKafkaPort);
    ASSERT(socket.has_value());
    return WireClient(std::move(*socket));
  }
  // A client's task to its end.
  template <class T>
  T run(Task<T> task) {
    return runtime().run(client_core(), std::move(task));
  }
  // A client's task beside everything else.
  void spawn(Task<void> task) {
    Core& core = client_core();
    core.post([&core, task = std::move(task)]() mutable { core.spawn("client", std::move(task)); });
  }

  void create_topic(std::string name, std::int32_t partitions) {
    std::vector<CreateTopic> commands;
    commands.push_back({.name = std::move(name), .partitions = partitions});
    auto replies = broker_.run(broker_.core(0).create_topics(std::move(commands)));
    ASSERT(!replies.at(0).error);
  }

 private:
  static Task<Result<void>> listen(KafkaServer* server) {
    co_return server->listen("127.0.0.1", kKafkaPort, {});
  }
  static Task<void> stop_serving(KafkaServer* server, Broker* broker) {
    server->stop_listening();
    co_await broker->stop();
    co_await server->close_sessions();
  }

  millrace::test::SimBroker broker_;
  const SessionLimits limits_;
  std::unique_ptr<KafkaServer> server_;
};

// One batch of one record for one partition.
inline ProduceRequest one_record(const std::string& topic, std::int32_t partition,
                                 const std::string& value, std::int16_t acks = -1) {
  BatchBuilder builder;
  builder.add(WallMs(1'700'000'000'000), std::nullopt, as_bytes(value));
  ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 30000;
  ProduceRequest::Topic& wanted = request.topic_data.emplace_back();
  wanted.name = topic;
  wanted.partition_data.push_back({.index = partition, .records = builder.build()});
  return request;
}

inline FetchRequest fetch_one(const std::string& topic, std::int32_t partition, std::int64_t from,
                              std::int32_t wait_ms = 0) {
  FetchRequest request;
  request.max_wait_ms = wait_ms;
  request.min_bytes = 1;
  FetchRequest::Topic& wanted = request.topics.emplace_back();
  wanted.topic = topic;
  wanted.partitions.push_back(
      {.partition = partition, .fetch_offset = from, .partition_max_bytes = 1 << 20});
  return request;
}

}  // namespace millrace::kafka::test

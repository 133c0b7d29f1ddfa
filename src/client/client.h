// Client: what a command of the command line holds: a way to the brokers, and who leads what.
//
//   Client client({.server = *parse_server("127.0.0.1:9092"), .timeout = 10s});
//   Result<MetadataResponse> answer = client.call<MetadataResponse>(request);   // at any broker
//   Result<Topic> topic = client.topic("orders");
//   Result<std::shared_ptr<Connection>> leader = client.broker(topic->partitions[0].leader);
//
// Connections are opened when they are first needed and opened again when they broke. The one that
// call() uses is never handed out, so that requests under way elsewhere keep their order. A cluster
// of one broker is always reached by the address that the user gave, whatever address the broker
// advertises: that is what works through a tunnel.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/connection.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::client {

struct ClientOptions {
  ServerAddress server;
  Milliseconds timeout{10'000};
};

struct Partition {
  std::int32_t index = 0;
  std::int32_t leader = -1;
};

struct Topic {
  std::string name;
  kafka::Uuid id;
  bool internal = false;
  std::int16_t replicas = 1;
  std::vector<Partition> partitions;  // in the order of their numbers, 0 .. n-1

  // Error::unknown_topic_or_partition, naming those that exist.
  Result<void> check_partition(std::int32_t partition) const;
};

class Client {
 public:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  const ClientOptions& options() const { return options_; }

  // A request that any broker answers.
  template <class Response, class Request>
  Result<Response> call(const Request& request, std::int16_t cap = kNewest,
                        Milliseconds extra = {}) {
    auto connection = any();
    if (!connection) return std::unexpected(connection.error());
    return (*connection)->template call<Response>(request, cap, extra);
  }
  // The connection that call() uses.
  Result<Connection*> any();
  // One of the brokers that the last metadata named. Shared: the next metadata may name others
  // while requests are under way here.
  Result<std::shared_ptr<Connection>> broker(std::int32_t node);
  // Those that it named.
  std::vector<std::int32_t> nodes() const;
  // The broker that keeps the group; a connection of its own.
  Result<Connection*> coordinator(const std::string& group);

  // Sorted by name.
  Result<std::vector<Topic>> topics();
  // Error::unknown_topic_or_partition with what to do.
  Result<Topic> topic(const std::string& name);
  // Asks the server to make the topic if it lacks it, as its settings for that say.
  Result<Topic> topic_or_new(const std::string& name);

 private:
  struct Broker {
    ServerAddress address;
    std::shared_ptr<Connection> connection;
  };

  // Opens it unless it is open.
  Result<void> ready(std::shared_ptr<Connection>& connection, const ServerAddress& address);
  Result<std::vector<Topic>> fetch_topics(const std::string* name, bool create);

  const ClientOptions options_;
  std::shared_ptr<Connection> any_;
  std::map<std::int32_t, Broker> brokers_;
  std::shared_ptr<Connection> coordinator_;
  std::string coordinated_group_;
};

}  // namespace millrace::client

// What a command knows besides its request: the broker, the connection, and how this broker
// presents itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "broker/broker.h"
#include "protocols/kafka/commands/fetch_session.h"
#include "protocols/kafka/commands/stats.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::kafka {

// How clients reach this broker.
struct Endpoint {
  std::string host;
  std::int32_t port = 0;
  std::int32_t node_id = 1;
  std::string cluster_id;
};

struct ConnectionLimits {
  // connections.max.idle.ms; up to a tenth more, because that is how often the server looks.
  Duration idle_max = std::chrono::minutes(10);
  std::size_t fetch_bytes_max = 55 << 20;  // fetch.max.bytes, of one answer
  // What a fetch has before it looks for records, however little memory is left.
  std::size_t fetch_bytes_least = 1 << 20;
};

// Of one connection; outlives its requests.
struct Connection {
  BrokerCore& broker;
  const Endpoint& endpoint;
  FetchSessions& fetch_sessions;   // of this core
  KafkaStats& stats;               // of this core
  const ConnectionLimits& limits;  // of all connections
  std::string peer_host;
  std::uint32_t fetches = 0;  // so far

  // A small part of what there is for all.
  std::size_t fetch_bytes_least() const {
    constexpr std::uint64_t kPart = 32;
    return std::min<std::uint64_t>(limits.fetch_bytes_least,
                                   broker.memory().budget().bytes_max() / kPart);
  }
};

struct Context {
  Connection& connection;
  std::int16_t version;
  std::string client_id;
  MemoryLease* answer_memory = nullptr;  // of requests that run one by one

  BrokerCore& broker() const { return connection.broker; }
  const Endpoint& endpoint() const { return connection.endpoint; }
};

inline TopicId to_topic_id(const Uuid& uuid) { return uuid.bytes; }
inline Uuid to_uuid(const TopicId& id) { return Uuid{id}; }
inline std::int16_t code_of(const Error& error) { return kafka_error_code(error.code); }
inline std::int16_t code_of(ErrorCode code) { return kafka_error_code(code); }
// The text of an error for a client that shows it; none when there is no error.
std::optional<std::string> text_of(const Error& error);

// A topic by name, or by id in the versions that carry ids.
std::shared_ptr<const TopicInfo> find_topic(const Context& context, const std::string& name,
                                            const Uuid& id);
// What to answer when find_topic gave nothing.
ErrorCode unknown_topic(const Uuid& id);

}  // namespace millrace::kafka

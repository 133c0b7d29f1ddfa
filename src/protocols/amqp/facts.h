// What operators are told of connections.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace millrace::amqp {

// Clients and tools read features off this number: that of the RabbitMQ whose behaviour is
// followed.
inline constexpr std::string_view kFollowedVersion = "4.3.0";

struct ConsumerFacts {
  std::string tag;
  std::string queue;
  bool no_ack = false;
  std::int64_t prefetch = 0;
  std::int64_t unacked = 0;
};

struct ChannelFacts {
  std::uint16_t number = 0;
  bool confirms = false;
  bool transactional = false;
  std::size_t unacked = 0;
  std::size_t unconfirmed = 0;
  std::int64_t prefetch = 0;         // of consumers to come
  std::int64_t prefetch_shared = 0;  // of all together
  std::vector<ConsumerFacts> consumers;
};

struct ConnectionFacts {
  std::string name;  // "127.0.0.1:40000 -> 127.0.0.1:5672"
  std::string peer;
  std::string user;
  std::string tenant;
  std::string client;   // the name that it gave itself
  std::string product;  // what it says it is
  bool is_open = false;
  WallMs since{0};
  std::chrono::seconds heartbeat{0};
  std::uint32_t frame_bytes_max = 0;
  std::uint16_t channels_max = 0;
  std::vector<ChannelFacts> channels;
};

}  // namespace millrace::amqp

// ReplyConsumers: channels that wait for direct replies (RabbitMQ's direct reply-to). A requester
// consumes amq.rabbitmq.reply-to; what it publishes with that in its property reply-to carries a
// token in its place, and what somebody publishes to the token through the default exchange goes to
// the requester's channel, past all queues: nothing is stored, and a reply to who is gone is
// dropped, or returned when it is mandatory.
//
// One for all cores of a server. The tokens can't be guessed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/core.h"

namespace millrace::amqp {

class Connection;

inline constexpr std::string_view kReplyTo = "amq.rabbitmq.reply-to";
inline constexpr std::string_view kReplyToPrefix = "amq.rabbitmq.reply-to.";

class ReplyConsumers {
 public:
  struct Place {
    Core* core = nullptr;
    std::weak_ptr<Connection> connection;  // to be locked on its core
    std::uint16_t channel = 0;
    std::uint64_t generation = 0;
  };
  // Any thread.
  void add(std::string token, Place place);
  void remove(const std::string& token);
  std::optional<Place> find(std::string_view token) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace millrace::amqp

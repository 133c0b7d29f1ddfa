// QueueConfig: what the arguments of a queue's declaration ask for, checked and with defaults.
//
//   Result<QueueConfig> config = parse_queue_config(arguments);   // precondition_failed says why
//   not
//
// The names are RabbitMQ's. An argument that this broker knows and can't honour is refused; one
// that nobody knows is kept and means nothing, as there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/value.h"

namespace millrace {

enum class QueueType : std::uint8_t { classic, quorum };
enum class Overflow : std::uint8_t {
  drop_head,       // the oldest go
  reject_publish,  // the newest is refused
};

struct QueueConfig {
  // All have one set of features; the type decides what RabbitMQ's types differ in: where a
  // returned message goes, and what limits its deliveries.
  QueueType type = QueueType::classic;
  std::optional<std::int64_t> expires_ms;      // unused for so long: it goes
  std::optional<std::int64_t> message_ttl_ms;  // of each message, from its arrival
  std::optional<std::int64_t> length_max;      // messages that are ready
  Overflow overflow = Overflow::drop_head;
  std::optional<std::string> dead_letter_exchange;
  std::optional<std::string> dead_letter_routing_key;
  // Failed deliveries; one more and the message is a dead letter.
  std::optional<std::int64_t> delivery_limit;
  bool single_active_consumer = false;
};

Result<QueueConfig> parse_queue_config(const ValueTable& arguments);

// The arguments that must be the same when a queue is declared again.
bool is_compared_argument(std::string_view name);

}  // namespace millrace

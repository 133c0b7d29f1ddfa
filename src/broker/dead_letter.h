// Dead letters: what is told of where a message died.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "queues/cursor_state.h"

namespace millrace {

// As RabbitMQ calls it: rejected, expired, maxlen, delivery_limit.
std::string_view name_of(RemovalReason reason);

struct Death {
  std::string_view queue;
  RemovalReason reason = RemovalReason::rejected;
  WallMs time;
  std::string_view exchange;
  std::vector<std::string_view> routing_keys;       // with those of its copies
  std::optional<std::string_view> expiration = {};  // its own, which it loses
};

// The headers that say so, on top of those of earlier deaths: x-death, newest first, one entry for
// each queue and reason; x-first-death-* and x-last-death-*.
ValueTable add_death(ValueTable deaths, const Death& death);

// Whether it comes back to `queue` in a circle in which nobody rejected it: it would go round for
// ever.
bool is_circle(const ValueTable& deaths, std::string_view queue);

}  // namespace millrace

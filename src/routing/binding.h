// Binding: messages of `source` whose key and headers fit go to `destination` too.
//
// Two bindings are the same when all four parts are: several with one key and different arguments
// stand beside each other. Arguments are compared by canonical_text(): in any order, and numbers by
// value.
#pragma once

#include <cstddef>
#include <string>
#include <variant>

#include "base/ids.h"
#include "base/value.h"

namespace millrace {

using Destination = std::variant<QueueId, ExchangeId>;

struct Binding {
  ExchangeId source;
  Destination destination;
  std::string key;  // the routing key or pattern, at most 255 bytes in AMQP
  ValueTable arguments;
};

bool same_binding(const Binding& a, const Binding& b);
// Equal for those that are the same.
std::size_t hash_of(const Binding& binding);

}  // namespace millrace

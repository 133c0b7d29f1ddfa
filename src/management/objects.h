// Exchanges, queues and bindings as the management API shows them.
#pragma once

#include <string>
#include <unordered_map>

#include "broker/queues.h"
#include "management/api.h"
#include "management/json.h"

namespace millrace::management {

// What the default exchange is called in paths.
inline constexpr std::string_view kDefaultExchange = "amq.default";
// In paths of bindings, for an empty routing key.
inline constexpr std::string_view kEmptyKey = "~";

// "amq.default" is "".
std::string exchange_name(const HttpRequest& request, std::string_view parameter);

Json exchange_json(const ExchangeInfo& exchange);
// What it is, and when `figures` are there how it stands.
Json queue_json(Api& api, const QueueInfo& queue, const std::optional<QueueFigures>& figures);

// A binding with names in the place of ids.
struct NamedBinding {
  std::string tenant;
  std::string source;
  std::string destination;
  bool to_queue = true;
  std::string key;
  ValueTable arguments;

  // What tells it from others between the same two: the last part of its path. Percent-encoded
  // as RabbitMQ's, and so once more in the path by those who encode what they were given.
  std::string properties_key() const;
  bool is_called(std::string_view properties_key) const;
};
Json binding_json(const NamedBinding& binding);
// With those that every queue has to the default exchange when `with_default`.
std::vector<NamedBinding> named_bindings(const Queues::Listing& listing, bool with_default);

}  // namespace millrace::management

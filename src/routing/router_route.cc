// The way of a message through a Router. Nothing here allocates but scratch memory that stays.
#include "routing/key_index.h"
#include "routing/router.h"

namespace millrace {

using routing::BindingNode;
using routing::ExchangeNode;
using routing::Node;
using routing::Tenant;

struct Router::Way {
  const RoutedMessage& message;
  Targets& targets;
  // Whether a binding of the exchange that is being asked matched, even if it leads where the
  // message was already.
  bool matched = false;
};

bool Router::route(ExchangeId exchange, const RoutedMessage& message, Targets& targets) {
  targets.clear();
  auto found = exchanges_.find(exchange);
  if (found == exchanges_.end()) return false;
  ++message_number_;
  pending_.clear();
  Way way{message, targets};
  reach(*found->second, way);
  follow(way);
  return true;
}

void Router::route_to_default(std::string_view tenant, const RoutedMessage& message,
                              Targets& targets) {
  targets.clear();
  const Tenant* home = find_tenant(tenant);
  if (home == nullptr) return;
  ++message_number_;
  Way way{message, targets};
  reach_by_default(*home, way);
}

// What is reached on the way is appended, and asked in its turn.
void Router::follow(Way& way) {
  for (std::size_t at = 0; at < pending_.size(); ++at) {
    ExchangeNode& exchange = *pending_[at];
    way.matched = false;
    match(exchange, way);
    if (!way.matched && exchange.alternate) reach_alternate(exchange, way);
  }
}

void Router::match(ExchangeNode& exchange, Way& way) {
  if (exchange.name.empty()) return reach_by_default(*exchange.tenant, way);
  switch (exchange.kind) {
    case ExchangeKind::direct:
      return match_keys(*exchange.direct, way);
    case ExchangeKind::topic:
      return match_keys(*exchange.topic, way);
    case ExchangeKind::headers:
      return match_headers(exchange, way);
    case ExchangeKind::fanout:
      for (BindingNode& binding : exchange.outgoing) reach(*binding.destination, way);
  }
}

template <class Index>
void Router::match_keys(Index& index, Way& way) {
  auto take = [&](BindingNode& binding) { reach(*binding.destination, way); };
  index.match(way.message.key, take);
  for (const std::string_view key : way.message.more_keys) index.match(key, take);
}

void Router::match_headers(ExchangeNode& exchange, Way& way) {
  if (exchange.outgoing.empty()) return;
  static const ValueTable kNoHeaders;
  HeaderSource* source = way.message.headers;
  const ValueTable& headers = source == nullptr ? kNoHeaders : source->headers();
  for (BindingNode& binding : exchange.outgoing) {
    if (headers_match(binding.headers_mode, binding.binding.arguments, headers)) {
      reach(*binding.destination, way);
    }
  }
}

void Router::reach(Node& node, Way& way) {
  way.matched = true;
  if (node.reached == message_number_) return;
  node.reached = message_number_;
  if (node.is_exchange) {
    pending_.push_back(static_cast<ExchangeNode*>(&node));
  } else {
    way.targets.emplace_back(node.id);
  }
}

void Router::reach_by_default(const Tenant& tenant, Way& way) {
  auto reach_named = [&](std::string_view name) {
    auto found = tenant.queues.find(name);
    if (found != tenant.queues.end()) reach(**found, way);
  };
  reach_named(way.message.key);
  for (const std::string_view key : way.message.more_keys) reach_named(key);
}

void Router::reach_alternate(ExchangeNode& exchange, Way& way) {
  const Tenant& tenant = *exchange.tenant;
  if (exchange.alternate->empty()) return reach_by_default(tenant, way);
  auto found = tenant.exchanges.find(std::string_view(*exchange.alternate));
  if (found != tenant.exchanges.end()) reach(**found, way);
}

}  // namespace millrace

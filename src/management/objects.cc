#include "management/objects.h"

#include <fmt/format.h>

#include "base/canonical_value.h"
#include "base/percent.h"

namespace millrace::management {
namespace {

std::string_view type_of(const QueueInfo& queue) {
  return queue.config.type == QueueType::quorum ? "quorum" : "classic";
}

Json rate_json(double rate) { return {{"rate", rate}}; }

// FNV-1a: it names a binding among few, and guards nothing.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ull;
  return hash;
}

}  // namespace

std::string exchange_name(const HttpRequest& request, std::string_view parameter) {
  const std::string& name = request.parameter(parameter);
  return name == kDefaultExchange ? "" : name;
}

Json exchange_json(const ExchangeInfo& exchange) {
  Json out;
  out["name"] = exchange.name;
  out["vhost"] = exchange.tenant;
  out["type"] = name_of(exchange.type);
  out["durable"] = exchange.durable;
  out["auto_delete"] = exchange.auto_delete;
  out["internal"] = exchange.internal;
  out["arguments"] = to_json(exchange.arguments);
  return out;
}

Json queue_json(Api& api, const QueueInfo& queue, const std::optional<QueueFigures>& figures) {
  Json out;
  out["name"] = queue.name;
  out["vhost"] = queue.tenant;
  out["type"] = type_of(queue);
  out["durable"] = queue.durable;
  out["auto_delete"] = queue.auto_delete;
  out["exclusive"] = queue.exclusive;
  out["arguments"] = to_json(queue.arguments);
  out["node"] = api.facts().node;
  out["policy"] = nullptr;
  out["operator_policy"] = nullptr;
  out["effective_policy_definition"] = Json::object();
  if (!figures) return out;
  BrokerCore& home = api.home();
  out["state"] = "running";
  out["messages"] = figures->ready + figures->in_flight;
  out["messages_ready"] = figures->ready;
  out["messages_unacknowledged"] = figures->in_flight;
  out["consumers"] = figures->consumers;
  const CursorCounters& counters = figures->counters;
  const auto acknowledged = static_cast<std::uint64_t>(counters.acknowledged);
  const auto rates = api.rates().look(
      queue.id, {figures->published, figures->delivered, acknowledged}, home.core().now());
  Json& stats = out["message_stats"];
  stats["publish"] = figures->published;
  stats["publish_details"] = rate_json(rates[0]);
  stats["deliver_get"] = figures->delivered;
  stats["deliver_get_details"] = rate_json(rates[1]);
  stats["ack"] = acknowledged;
  stats["ack_details"] = rate_json(rates[2]);
  Json& own = out["millrace"];
  own["log_bytes"] = figures->bytes;
  own["oldest_ms"] = nullptr;
  if (figures->oldest) {
    own["oldest_ms"] = std::max<std::int64_t>(0, home.broker_time() - *figures->oldest);
  }
  own["dead_lettered"] = counters.dead_lettered;
  own["dropped"] = counters.dropped;
  own["expired"] = counters.expired;
  own["purged"] = counters.purged;
  return out;
}

std::string NamedBinding::properties_key() const {
  if (arguments.empty()) return key.empty() ? std::string(kEmptyKey) : percent_encoded(key);
  return fmt::format("{}~{:x}", percent_encoded(key), hash_of(canonical_text(arguments)));
}

bool NamedBinding::is_called(std::string_view name) const {
  return name == properties_key() || (arguments.empty() && !key.empty() && name == key);
}

Json binding_json(const NamedBinding& binding) {
  Json out;
  out["source"] = binding.source;
  out["vhost"] = binding.tenant;
  out["destination"] = binding.destination;
  out["destination_type"] = binding.to_queue ? "queue" : "exchange";
  out["routing_key"] = binding.key;
  out["arguments"] = to_json(binding.arguments);
  out["properties_key"] = binding.properties_key();
  return out;
}

std::vector<NamedBinding> named_bindings(const Queues::Listing& listing, bool with_default) {
  std::unordered_map<ExchangeId, const ExchangeInfo*> exchanges;
  for (const auto& exchange : listing.exchanges) exchanges[exchange->id] = exchange.get();
  std::unordered_map<QueueId, const QueueInfo*> queues;
  for (const auto& queue : listing.queues) queues[queue->id] = queue.get();
  std::vector<NamedBinding> named;
  if (with_default) {
    for (const auto& queue : listing.queues) {
      named.push_back({queue->tenant, "", queue->name, true, queue->name, {}});
    }
  }
  for (const BindingInfo& binding : listing.bindings) {
    const auto source = exchanges.find(binding.source);
    if (source == exchanges.end()) continue;
    NamedBinding one{source->second->tenant, source->second->name, "", true, binding.key,
                     binding.arguments};
    if (const auto* queue = std::get_if<QueueId>(&binding.destination)) {
      const auto found = queues.find(*queue);
      if (found == queues.end()) continue;
      one.destination = found->second->name;
    } else {
      const auto found = exchanges.find(std::get<ExchangeId>(binding.destination));
      if (found == exchanges.end()) continue;
      one.destination = found->second->name;
      one.to_queue = false;
    }
    named.push_back(std::move(one));
  }
  return named;
}

}  // namespace millrace::management

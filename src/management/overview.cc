// The broker as a whole.
#include <unistd.h>

#include "management/handlers.h"
#include "management/list_query.h"
#include "observe/process_figures.h"
#include "protocols/amqp/facts.h"

namespace millrace::management {
namespace {

Json listeners_json(const Facts& facts) {
  Json rows = Json::array();
  for (const ListenerFacts& listener : facts.listeners) {
    rows.push_back({{"node", facts.node},
                    {"protocol", listener.protocol},
                    {"ip_address", listener.host},
                    {"port", listener.port}});
  }
  return rows;
}

Task<Json> node_json(Api& api) {
  const Facts& facts = api.facts();
  const auto process = co_await call_on(api.home().core(), api.worker(), [&facts] {
    return read_process_figures(facts.data_directory);
  });
  const StoreHealth health = api.broker().store().health();
  const auto up = std::chrono::nanoseconds(api.home().core().now() - api.began());
  Json out;
  out["name"] = facts.node;
  out["type"] = "disc";
  out["running"] = true;
  out["os_pid"] = std::to_string(::getpid());
  out["uptime"] = std::chrono::duration_cast<std::chrono::milliseconds>(up).count();
  out["processors"] = api.broker().runtime().core_count();
  out["mem_used"] = process.resident_bytes;
  out["mem_limit"] = facts.memory_bytes_max;
  out["mem_alarm"] = false;
  out["disk_free"] = process.disk_free_bytes;
  out["disk_free_limit"] = facts.disk_reserve_bytes;
  out["disk_free_alarm"] = health == StoreHealth::disk_full;
  out["fd_used"] = process.open_fds;
  out["fd_total"] = process.max_fds;
  out["partitions"] = Json::array();
  out["enabled_plugins"] = Json::array();
  co_return out;
}

}  // namespace

Task<HttpAnswer> overview(Api& api, HttpRequest request) {
  const auto connections = co_await api.connections();
  std::size_t channels = 0;
  for (const auto& connection : connections) channels += connection.channels.size();
  const auto listing = co_await api.queues().list("");
  std::vector<QueueId> ids;
  for (const auto& queue : listing.queues) ids.push_back(queue->id);
  const auto figures = co_await api.queues().figures_of(std::move(ids));
  QueueFigures total;
  for (const auto& each : figures) {
    if (!each) continue;
    total.ready += each->ready;
    total.in_flight += each->in_flight;
    total.consumers += each->consumers;
    total.published += each->published;
    total.delivered += each->delivered;
    total.counters.acknowledged += each->counters.acknowledged;
  }
  Json out;
  out["management_version"] = amqp::kFollowedVersion;
  out["rates_mode"] = "basic";
  out["product_name"] = "Millrace";
  out["product_version"] = api.facts().version;
  out["rabbitmq_version"] = amqp::kFollowedVersion;
  out["cluster_name"] = "millrace";
  out["erlang_version"] = "none";
  out["erlang_full_version"] = "none";
  out["node"] = api.facts().node;
  out["message_stats"] = {{"publish", total.published},
                          {"deliver_get", total.delivered},
                          {"ack", total.counters.acknowledged}};
  out["queue_totals"] = {{"messages", total.ready + total.in_flight},
                         {"messages_ready", total.ready},
                         {"messages_unacknowledged", total.in_flight}};
  out["object_totals"] = {{"channels", channels},
                          {"connections", connections.size()},
                          {"consumers", total.consumers},
                          {"exchanges", listing.exchanges.size()},
                          {"queues", listing.queues.size()}};
  out["statistics_db_event_queue"] = 0;
  out["listeners"] = listeners_json(api.facts());
  out["contexts"] = Json::array();
  co_return answer_object(out, request);
}

Task<HttpAnswer> nodes(Api& api, HttpRequest request) {
  Json rows = Json::array();
  rows.push_back(co_await node_json(api));
  co_return answer_list(std::move(rows), request);
}

Task<HttpAnswer> node(Api& api, HttpRequest request) {
  if (request.parameter("node") != api.facts().node) co_return refuse(404, "Not Found");
  co_return answer_object(co_await node_json(api), request);
}

Task<HttpAnswer> cluster_name(Api&, HttpRequest) { co_return answer_json({{"name", "millrace"}}); }

Task<HttpAnswer> extensions(Api&, HttpRequest) { co_return answer_json(Json::array()); }

// Of what there is nothing of.
Task<HttpAnswer> empty_list(Api&, HttpRequest request) {
  co_return answer_list(Json::array(), request);
}

Task<HttpAnswer> not_there(Api&, HttpRequest request) {
  co_return refuse(
      501, "'" + request.segments[1] + "' can't be changed: there is no support for it yet");
}

}  // namespace millrace::management

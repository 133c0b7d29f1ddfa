// Virtual hosts: tenants.
#include <fmt/format.h>

#include "management/body.h"
#include "management/handlers.h"
#include "management/list_query.h"

namespace millrace::management {
namespace {

Json vhost_json(const Api& api, const std::string& name) {
  Json out;
  out["name"] = name;
  out["description"] = "";
  out["tags"] = Json::array();
  out["default_queue_type"] = "classic";
  out["metadata"] = {{"description", ""}, {"tags", Json::array()}};
  out["tracing"] = false;
  out["cluster_state"] = {{api.facts().node, "running"}};
  return out;
}

}  // namespace

Task<HttpAnswer> list_vhosts(Api& api, HttpRequest request) {
  const auto listing = co_await api.queues().list("");
  std::vector<QueueId> ids;
  for (const auto& queue : listing.queues) ids.push_back(queue->id);
  const auto figures = co_await api.queues().figures_of(ids);
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> counts;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!figures[i]) continue;
    counts[listing.queues[i]->tenant].first += figures[i]->ready;
    counts[listing.queues[i]->tenant].second += figures[i]->in_flight;
  }
  Json rows = Json::array();
  for (const std::string& name : listing.tenants) {
    Json& row = rows.emplace_back(vhost_json(api, name));
    const auto& [ready, in_flight] = counts[name];
    row["messages"] = ready + in_flight;
    row["messages_ready"] = ready;
    row["messages_unacknowledged"] = in_flight;
  }
  co_return answer_list(std::move(rows), request);
}

Task<HttpAnswer> get_vhost(Api& api, HttpRequest request) {
  const std::string& name = request.parameter("vhost");
  if (!api.queues().has_tenant(name)) co_return refuse(404, "Not Found");
  co_return answer_object(vhost_json(api, name), request);
}

Task<HttpAnswer> put_vhost(Api& api, HttpRequest request) {
  Body body(request.body);
  bool tracing = false;
  std::string queue_type = "classic";
  body.need_short("name", request.parameter("vhost"));
  body.take("tracing", tracing);
  body.take("default_queue_type", queue_type);
  if (tracing) body.wrong("tracing", "it is not there");
  if (queue_type != "classic" && queue_type != "undefined") {
    body.wrong("default_queue_type", "queues that do not say their type are classic");
  }
  if (body.error()) co_return refuse(*body.error());
  const auto reply = co_await api.queues().change(CreateTenant{request.parameter("vhost")});
  if (reply.error) co_return refuse(*reply.error);
  co_return reply.changes.empty() ? no_content() : HttpAnswer{.status = 201};
}

Task<HttpAnswer> delete_vhost(Api& api, HttpRequest request) {
  const std::string name = request.parameter("vhost");
  if (!api.queues().has_tenant(name)) co_return refuse(404, "Not Found");
  const auto reply = co_await api.queues().change(DeleteTenant{name});
  if (reply.error) co_return refuse(*reply.error);
  if (api.amqp()) {
    co_await api.amqp()->close_connections(
        [name](const amqp::ConnectionFacts& connection) { return connection.tenant == name; },
        fmt::format("vhost '{}' is deleted", name));
  }
  co_return no_content();
}

}  // namespace millrace::management

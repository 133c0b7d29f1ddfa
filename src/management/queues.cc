// Queues.
#include "management/body.h"
#include "management/handlers.h"
#include "management/list_query.h"
#include "management/objects.h"

namespace millrace::management {

Task<HttpAnswer> list_queues(Api& api, HttpRequest request) {
  std::string vhost;
  if (request.parameters.contains("vhost")) {
    vhost = request.parameter("vhost");
    if (!api.queues().has_tenant(vhost)) co_return refuse(404, "Not Found");
  }
  const auto listing = co_await api.queues().list(vhost);
  std::vector<QueueId> ids;
  for (const auto& queue : listing.queues) ids.push_back(queue->id);
  const auto figures = co_await api.queues().figures_of(ids);
  if (vhost.empty()) api.rates().keep_only({ids.begin(), ids.end()});
  Json rows = Json::array();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (figures[i]) rows.push_back(queue_json(api, *listing.queues[i], figures[i]));
  }
  co_return answer_list(std::move(rows), request);
}

Task<HttpAnswer> get_queue(Api& api, HttpRequest request) {
  const auto queue = api.queues().find_queue(request.parameter("vhost"), request.parameter("name"));
  if (!queue) co_return refuse(404, "Not Found");
  auto figures = co_await api.queues().figures(queue->id);
  if (!figures) co_return refuse(figures.error());
  co_return answer_object(queue_json(api, *queue, *figures), request);
}

Task<HttpAnswer> put_queue(Api& api, HttpRequest request) {
  // Durable when it is said: RabbitMQ's default.
  DeclareQueue command{.tenant = request.parameter("vhost"), .name = request.parameter("name")};
  Body body(request.body);
  body.need_short("name", command.name);
  body.take("durable", command.durable);
  body.take("auto_delete", command.auto_delete);
  body.take("arguments", command.arguments);
  bool exclusive = false;
  body.take("exclusive", exclusive);
  if (exclusive) body.wrong("exclusive", "such a queue belongs to a connection of its own");
  if (body.error()) co_return refuse(*body.error());
  const auto reply = co_await api.queues().change(std::move(command));
  if (reply.error) co_return refuse(*reply.error);
  co_return reply.changes.empty() ? no_content() : HttpAnswer{.status = 201};
}

Task<HttpAnswer> delete_queue(Api& api, HttpRequest request) {
  const auto queue = api.queues().find_queue(request.parameter("vhost"), request.parameter("name"));
  if (!queue) co_return refuse(404, "Not Found");
  const auto is_asked = [&](std::string_view name) {
    const std::string* value = request.query_value(name);
    return value && *value == "true";
  };
  const auto length = co_await api.queues().length(queue->id);
  if (!length) co_return refuse(length.error());
  if (is_asked("if-unused") && length->consumers > 0) {
    co_return refuse(400, "the queue is in use");
  }
  if (is_asked("if-empty") && length->ready > 0) co_return refuse(400, "the queue is not empty");
  // By its name: then it must not belong to a connection.
  const auto reply =
      co_await api.queues().change(DeleteQueue{.tenant = queue->tenant, .name = queue->name});
  if (reply.error) co_return refuse(*reply.error);
  co_return no_content();
}

Task<HttpAnswer> purge_queue(Api& api, HttpRequest request) {
  const auto queue = api.queues().find_queue(request.parameter("vhost"), request.parameter("name"));
  if (!queue) co_return refuse(404, "Not Found");
  if (queue->exclusive) co_return refuse(400, "the queue belongs to a connection alone");
  const auto purged = co_await api.queues().purge(queue->id);
  if (!purged) co_return refuse(purged.error());
  co_return no_content();
}

}  // namespace millrace::management

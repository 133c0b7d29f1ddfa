// Exchanges.
#include <fmt/format.h>

#include "management/body.h"
#include "management/handlers.h"
#include "management/list_query.h"
#include "management/objects.h"

namespace millrace::management {

Task<HttpAnswer> list_exchanges(Api& api, HttpRequest request) {
  std::string vhost;
  if (request.parameters.contains("vhost")) {
    vhost = request.parameter("vhost");
    if (!api.queues().has_tenant(vhost)) co_return refuse(404, "Not Found");
  }
  const auto listing = co_await api.queues().list(vhost);
  Json rows = Json::array();
  for (const auto& exchange : listing.exchanges) rows.push_back(exchange_json(*exchange));
  co_return answer_list(std::move(rows), request);
}

Task<HttpAnswer> get_exchange(Api& api, HttpRequest request) {
  const auto found =
      api.queues().find_exchange(request.parameter("vhost"), exchange_name(request, "name"));
  if (!found) co_return refuse(404, "Not Found");
  co_return answer_object(exchange_json(*found), request);
}

Task<HttpAnswer> put_exchange(Api& api, HttpRequest request) {
  DeclareExchange command{.tenant = request.parameter("vhost"),
                          .name = exchange_name(request, "name"),
                          .type = "direct"};
  Body body(request.body);
  body.need_short("name", command.name);
  body.take("type", command.type);
  body.take("durable", command.durable);
  body.take("auto_delete", command.auto_delete);
  body.take("internal", command.internal);
  body.take("arguments", command.arguments);
  if (body.error()) co_return refuse(*body.error());
  if (command.name.empty()) co_return refuse(400, "the default exchange can't be changed");
  const auto reply = co_await api.queues().change(std::move(command));
  if (reply.error) co_return refuse(*reply.error);
  co_return reply.changes.empty() ? no_content() : HttpAnswer{.status = 201};
}

Task<HttpAnswer> delete_exchange(Api& api, HttpRequest request) {
  const std::string vhost = request.parameter("vhost");
  const std::string name = exchange_name(request, "name");
  if (!api.queues().find_exchange(vhost, name)) co_return refuse(404, "Not Found");
  const std::string* if_unused = request.query_value("if-unused");
  const auto reply = co_await api.queues().change(DeleteExchange{
      .tenant = vhost, .name = name, .if_unused = if_unused && *if_unused == "true"});
  if (reply.error) co_return refuse(*reply.error);
  co_return no_content();
}

}  // namespace millrace::management

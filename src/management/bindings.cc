// Bindings.
#include <fmt/format.h>

#include "management/body.h"
#include "management/handlers.h"
#include "management/list_query.h"
#include "management/objects.h"

namespace millrace::management {
namespace {

template <class Keep>
Json rows_of(const Queues::Listing& listing, Keep keep) {
  Json rows = Json::array();
  for (const NamedBinding& binding : named_bindings(listing, true)) {
    if (keep(binding)) rows.push_back(binding_json(binding));
  }
  return rows;
}

// The two ends that a path names.
struct Ends {
  std::string tenant;
  std::string source;
  std::string destination;
  bool to_queue = true;

  bool are_of(const NamedBinding& binding) const {
    return binding.source == source && binding.destination == destination &&
           binding.to_queue == to_queue;
  }
};

// Nothing: one of them is not there.
std::optional<Ends> ends_of(Api& api, const HttpRequest& request) {
  Ends ends{.tenant = request.parameter("vhost"),
            .source = exchange_name(request, "source"),
            .destination = request.parameter("destination"),
            .to_queue = request.parameter("kind") == "q"};
  if (!ends.to_queue && request.parameter("kind") != "e") return std::nullopt;
  if (!ends.to_queue) ends.destination = exchange_name(request, "destination");
  if (!api.queues().find_exchange(ends.tenant, ends.source)) return std::nullopt;
  const bool has_destination =
      ends.to_queue ? api.queues().find_queue(ends.tenant, ends.destination) != nullptr
                    : api.queues().find_exchange(ends.tenant, ends.destination) != nullptr;
  if (!has_destination) return std::nullopt;
  return ends;
}

Task<std::optional<NamedBinding>> find(Api& api, Ends ends, std::string properties_key) {
  const auto listing = co_await api.queues().list(ends.tenant);
  for (NamedBinding& binding : named_bindings(listing, true)) {
    if (ends.are_of(binding) && binding.is_called(properties_key)) {
      co_return std::move(binding);
    }
  }
  co_return std::nullopt;
}

}  // namespace

Task<HttpAnswer> list_bindings(Api& api, HttpRequest request) {
  std::string vhost;
  if (request.parameters.contains("vhost")) {
    vhost = request.parameter("vhost");
    if (!api.queues().has_tenant(vhost)) co_return refuse(404, "Not Found");
  }
  const auto listing = co_await api.queues().list(vhost);
  co_return answer_list(rows_of(listing, [](const NamedBinding&) { return true; }), request);
}

Task<HttpAnswer> list_queue_bindings(Api& api, HttpRequest request) {
  const std::string vhost = request.parameter("vhost");
  const std::string name = request.parameter("name");
  if (!api.queues().find_queue(vhost, name)) co_return refuse(404, "Not Found");
  const auto listing = co_await api.queues().list(vhost);
  co_return answer_list(rows_of(listing,
                                [&](const NamedBinding& binding) {
                                  return binding.to_queue && binding.destination == name;
                                }),
                        request);
}

Task<HttpAnswer> list_source_bindings(Api& api, HttpRequest request) {
  const std::string vhost = request.parameter("vhost");
  const std::string name = exchange_name(request, "name");
  if (!api.queues().find_exchange(vhost, name)) co_return refuse(404, "Not Found");
  const auto listing = co_await api.queues().list(vhost);
  co_return answer_list(
      rows_of(listing, [&](const NamedBinding& binding) { return binding.source == name; }),
      request);
}

Task<HttpAnswer> list_destination_bindings(Api& api, HttpRequest request) {
  const std::string vhost = request.parameter("vhost");
  const std::string name = exchange_name(request, "name");
  if (!api.queues().find_exchange(vhost, name)) co_return refuse(404, "Not Found");
  const auto listing = co_await api.queues().list(vhost);
  co_return answer_list(rows_of(listing,
                                [&](const NamedBinding& binding) {
                                  return !binding.to_queue && binding.destination == name;
                                }),
                        request);
}

Task<HttpAnswer> list_bindings_between(Api& api, HttpRequest request) {
  const auto ends = ends_of(api, request);
  if (!ends) co_return refuse(404, "Not Found");
  const auto listing = co_await api.queues().list(ends->tenant);
  co_return answer_list(
      rows_of(listing, [&](const NamedBinding& binding) { return ends->are_of(binding); }),
      request);
}

Task<HttpAnswer> post_binding(Api& api, HttpRequest request) {
  const auto ends = ends_of(api, request);
  if (!ends) co_return refuse(404, "Not Found");
  NamedBinding binding{ends->tenant, ends->source, ends->destination, ends->to_queue, "", {}};
  Body body(request.body);
  body.take("routing_key", binding.key);
  body.need_short("routing_key", binding.key);
  body.take("arguments", binding.arguments);
  if (body.error()) co_return refuse(*body.error());
  const auto reply = co_await api.queues().change(ChangeBinding{.tenant = ends->tenant,
                                                                .source = ends->source,
                                                                .destination = ends->destination,
                                                                .to_queue = ends->to_queue,
                                                                .key = binding.key,
                                                                .arguments = binding.arguments});
  if (reply.error) co_return refuse(*reply.error);
  HttpAnswer answer{.status = 201, .content_type = "application/json"};
  answer.headers.emplace_back("Location", binding.properties_key());
  co_return answer;
}

Task<HttpAnswer> get_binding(Api& api, HttpRequest request) {
  const auto ends = ends_of(api, request);
  if (!ends) co_return refuse(404, "Not Found");
  const auto found = co_await find(api, *ends, request.parameter("properties"));
  if (!found) co_return refuse(404, "Not Found");
  co_return answer_object(binding_json(*found), request);
}

Task<HttpAnswer> delete_binding(Api& api, HttpRequest request) {
  const auto ends = ends_of(api, request);
  if (!ends) co_return refuse(404, "Not Found");
  const auto found = co_await find(api, *ends, request.parameter("properties"));
  if (!found) co_return refuse(404, "Not Found");
  const auto reply = co_await api.queues().change(ChangeBinding{.tenant = ends->tenant,
                                                                .source = ends->source,
                                                                .destination = ends->destination,
                                                                .to_queue = ends->to_queue,
                                                                .key = found->key,
                                                                .arguments = found->arguments,
                                                                .remove = true});
  if (reply.error) co_return refuse(*reply.error);
  co_return no_content();
}

}  // namespace millrace::management

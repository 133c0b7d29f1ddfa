// Users and permissions: there is one, who may do everything.
#include "broker/login.h"
#include "management/body.h"
#include "management/handlers.h"
#include "management/list_query.h"

namespace millrace::management {
namespace {

Json user_json() {
  return {{"name", kGuest}, {"tags", Json::array({"administrator"})}, {"limits", Json::object()}};
}

Json permission_json(const std::string& vhost) {
  return {{"user", kGuest}, {"vhost", vhost}, {"configure", ".*"}, {"write", ".*"}, {"read", ".*"}};
}

}  // namespace

Task<HttpAnswer> whoami(Api&, HttpRequest) {
  co_return answer_json({{"name", kGuest}, {"tags", Json::array({"administrator"})}});
}

Task<HttpAnswer> list_users(Api&, HttpRequest request) {
  co_return answer_list(Json::array({user_json()}), request);
}

Task<HttpAnswer> get_user(Api&, HttpRequest request) {
  if (request.parameter("user") != kGuest) co_return refuse(404, "Not Found");
  co_return answer_object(user_json(), request);
}

Task<HttpAnswer> list_permissions(Api& api, HttpRequest request) {
  if (request.parameters.contains("user") && request.parameter("user") != kGuest) {
    co_return refuse(404, "Not Found");
  }
  Json rows = Json::array();
  if (request.parameters.contains("vhost")) {
    if (!api.queues().has_tenant(request.parameter("vhost"))) co_return refuse(404, "Not Found");
    rows.push_back(permission_json(request.parameter("vhost")));
  } else {
    const auto listing = co_await api.queues().list("");
    for (const std::string& name : listing.tenants) rows.push_back(permission_json(name));
  }
  co_return answer_list(std::move(rows), request);
}

Task<HttpAnswer> get_permission(Api& api, HttpRequest request) {
  const std::string& vhost = request.parameter("vhost");
  if (!api.queues().has_tenant(vhost) || request.parameter("user") != kGuest) {
    co_return refuse(404, "Not Found");
  }
  co_return answer_object(permission_json(vhost), request);
}

// Who makes a virtual host gives a user permissions in it next.
Task<HttpAnswer> put_permission(Api& api, HttpRequest request) {
  if (!api.queues().has_tenant(request.parameter("vhost"))) co_return refuse(404, "Not Found");
  if (request.parameter("user") != kGuest) {
    co_return refuse(501, "there are no users besides guest yet");
  }
  Body body(request.body);
  for (const std::string_view name : {"configure", "write", "read"}) {
    std::string pattern;
    body.need(name, pattern);
    if (pattern != ".*") body.wrong(name, "guest may do everything: only '.*' can be said here");
  }
  if (body.error()) co_return refuse(*body.error());
  co_return no_content();
}

}  // namespace millrace::management

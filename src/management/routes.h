// The methods and paths of the management API.
#pragma once

#include <span>
#include <string_view>

#include "management/handlers.h"

namespace millrace::management {

struct Route {
  std::string_view method;
  std::string_view pattern;  // admin/http_routes.h
  Task<HttpAnswer> (*handler)(Api& api, HttpRequest request);
  std::string_view query = {};  // the names it knows, '|' between them: others are refused
};

std::span<const Route> all_routes();

// What the route does not know of the query; empty when it knows all.
std::string_view unknown_query(const Route& route, const HttpRequest& request);

}  // namespace millrace::management

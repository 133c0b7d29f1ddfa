// HttpRoutes: from a method and a path to its handler.
//
//   HttpRoutes routes;
//   routes.add("GET", "/api/queues/{vhost}/{name}", handler);
//   auto found = routes.find(request);        // sets request.parameters
//   if (!found.handler) ... found.allowed: empty, there is no such path; else the methods it has
//
// A part in braces takes any segment that is not empty. Of routes that take a path the first that
// was added counts. A handler of GET is asked for HEAD too. Scanned one by one: for some hundred
// routes, not for load.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http_request.h"
#include "runtime/task.h"

namespace millrace {

using HttpHandler = std::function<Task<HttpAnswer>(HttpRequest request)>;

class HttpRoutes {
 public:
  void add(std::string_view method, std::string_view pattern, HttpHandler handler);

  struct Found {
    const HttpHandler* handler = nullptr;
    std::string allowed;  // "GET, HEAD, PUT"
  };
  Found find(HttpRequest& request) const;
  // The paths of all routes, each once.
  std::string paths() const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> parts;
    HttpHandler handler;
  };
  static bool matches(const Route& route, const HttpRequest& request);

  std::vector<Route> routes_;
};

}  // namespace millrace

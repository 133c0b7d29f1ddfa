#include "admin/http_routes.h"

#include <algorithm>

#include "base/assert.h"

namespace millrace {
namespace {

bool is_parameter(std::string_view part) { return part.starts_with('{') && part.ends_with('}'); }

}  // namespace

void HttpRoutes::add(std::string_view method, std::string_view pattern, HttpHandler handler) {
  HttpRequest parsed;
  const bool is_path = take_target(parsed, pattern).has_value();
  ASSERT(is_path && !parsed.segments.empty());
  routes_.push_back(
      {std::string(method), std::string(pattern), std::move(parsed.segments), std::move(handler)});
}

bool HttpRoutes::matches(const Route& route, const HttpRequest& request) {
  return std::ranges::equal(route.parts, request.segments,
                            [](const std::string& part, const std::string& segment) {
                              return is_parameter(part) ? !segment.empty() : part == segment;
                            });
}

HttpRoutes::Found HttpRoutes::find(HttpRequest& request) const {
  Found found;
  auto allow = [&found](std::string_view method) {
    found.allowed += found.allowed.empty() ? "" : ", ";
    found.allowed += method;
  };
  for (const Route& route : routes_) {
    if (!matches(route, request)) continue;
    const bool asked =
        route.method == request.method || (route.method == "GET" && request.method == "HEAD");
    if (!asked) {
      allow(route.method);
      if (route.method == "GET") allow("HEAD");
      continue;
    }
    for (std::size_t at = 0; at < route.parts.size(); ++at) {
      const std::string_view part = route.parts[at];
      if (!is_parameter(part)) continue;
      request.parameters.emplace(part.substr(1, part.size() - 2), request.segments[at]);
    }
    found.handler = &route.handler;
    return found;
  }
  return found;
}

std::string HttpRoutes::paths() const {
  std::vector<std::string_view> patterns;
  for (const Route& route : routes_) {
    if (std::ranges::find(patterns, route.pattern) == patterns.end()) {
      patterns.push_back(route.pattern);
    }
  }
  std::string text;
  for (const std::string_view pattern : patterns) {
    text += text.empty() ? "" : " ";
    text += pattern;
  }
  return text;
}

}  // namespace millrace

// HttpRequest and HttpAnswer: what a handler is asked, and what it says.
//
//   request.method                   "PUT"
//   request.segments                 of /api/queues/%2F/a%20b: "api", "queues", "/", "a b"
//   request.parameter("name")        of the route /api/queues/{vhost}/{name}: "a b"
//   request.query_value("columns")   of ?columns=name,messages: "name,messages"
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace millrace {

struct HttpRequest {
  // Header names as HTTP compares them.
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
  };

  std::string method;
  std::string target;                 // as it came
  std::vector<std::string> segments;  // of the path, decoded
  std::vector<std::pair<std::string, std::string>> query;
  std::map<std::string, std::string, Less> headers;  // of several with a name the first
  std::string body;
  std::string peer;  // HOST:PORT
  std::map<std::string, std::string, std::less<>> parameters;

  // Of the route, which names it.
  const std::string& parameter(std::string_view name) const;
  // Null when it is not there.
  const std::string* query_value(std::string_view name) const;
  const std::string* header(std::string_view name) const;
};

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// Sets target, segments and query. invalid_request when it is no path, or what a '%' begins is no
// byte.
Result<void> take_target(HttpRequest& request, std::string_view target);

}  // namespace millrace

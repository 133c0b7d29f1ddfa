// What the commands on queues have: the management API of a broker, and how to ask it.
//
//   Management management(options.shared);
//   auto queue = management.get(management.path("queues", {name}));      // .../api/queues/%2F/name
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "cli/json.h"
#include "cli/options.h"
#include "client/http_client.h"

namespace millrace::cli {

inline constexpr std::uint16_t kManagementPort = 15672;

struct ManagementShared {
  std::string management = "127.0.0.1:15672";
  std::string vhost = "/";
  double timeout_s = 10;
  bool json = false;
};

void add_shared_options(CLI::App& command, ManagementShared& shared);

class Management {
 public:
  explicit Management(const ManagementShared& shared);

  // "/api/KIND/VHOST/PART/..."
  std::string path(std::string_view kind, std::initializer_list<std::string_view> parts) const;

  // What the answer holds, null when it is empty. Errors: not_found, and what the broker says.
  Result<Json> get(const std::string& path) { return ask("GET", path, {}); }
  Result<Json> put(const std::string& path, const Json& body) {
    return ask("PUT", path, dump(body));
  }
  Result<Json> post(const std::string& path, const Json& body) {
    return ask("POST", path, dump(body));
  }
  Result<Json> remove(const std::string& path) { return ask("DELETE", path, {}); }
  // The status of the last answer.
  unsigned status() const { return status_; }

 private:
  Result<Json> ask(std::string_view method, const std::string& path, const std::string& body);

  const std::string vhost_;
  client::HttpClient http_;
  unsigned status_ = 0;
};

// Of an object of an answer, which is not trusted: null, 0 or empty when it is not there or is
// something else.
const Json& field(const Json& object, std::string_view name);
std::int64_t number_in(const Json& object, std::string_view name);
std::string text_in(const Json& object, std::string_view name);

// What to do when a queue is not there.
Error about_queue(Error error);

}  // namespace millrace::cli

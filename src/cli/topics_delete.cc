// millrace topics delete
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/outcomes.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/delete_topics.h"

namespace millrace::cli {
namespace {

using kafka::DeleteTopicsRequest;
using kafka::DeleteTopicsResponse;

constexpr std::int16_t kNamesCap = 5;

struct DeleteOptions {
  Shared shared;
  std::vector<std::string> names;
  bool if_exists = false;
};

Result<int> remove(const DeleteOptions& options) {
  client::Client client(client_options(options.shared));
  DeleteTopicsRequest request;
  request.topic_names = options.names;
  request.timeout_ms = static_cast<std::int32_t>(client.options().timeout.count());
  auto response = client.call<DeleteTopicsResponse>(request, kNamesCap);
  if (!response) return std::unexpected(response.error());
  Outcomes outcomes("topics", options.shared.json);
  for (const auto& topic : response->responses) {
    const std::string name = topic.name.value_or("");
    Error error = client::server_error(topic.error_code, topic.error_message);
    Json facts;
    facts["deleted"] = error.code == ErrorCode::ok;
    if (error.code == ErrorCode::ok) {
      outcomes.done(name, "deleted " + name, facts);
    } else if (error.code == ErrorCode::unknown_topic_or_partition && options.if_exists) {
      outcomes.done(name, fmt::format("{} does not exist", name), facts);
    } else {
      if (error.code == ErrorCode::unknown_topic_or_partition)
        error.detail = "there is no topic of exactly this name, see 'millrace topics list'";
      outcomes.failed(name, "delete " + name, error);
    }
  }
  return outcomes.finish();
}

}  // namespace

void add_topics_delete(CLI::App& command, Action& action) {
  auto options = std::make_shared<DeleteOptions>();
  command.add_option("NAME", options->names, "One or more names, exactly as they are")->required();
  command.add_flag("--if-exists", options->if_exists, "A topic that does not exist is no failure");
  run_with(command, action, options, remove);
}

}  // namespace millrace::cli

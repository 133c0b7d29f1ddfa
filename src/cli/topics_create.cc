// millrace topics create
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/assignments.h"
#include "cli/handlers.h"
#include "cli/outcomes.h"
#include "cli/text.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/create_topics.h"

namespace millrace::cli {
namespace {

using kafka::CreateTopicsRequest;
using kafka::CreateTopicsResponse;

struct CreateOptions {
  Shared shared;
  std::vector<std::string> names;
  std::int32_t partitions = 1;
  std::int16_t replicas = -1;
  std::vector<std::string> configs;
  bool if_not_exists = false;
};

Result<int> create(const CreateOptions& options) {
  client::Client client(client_options(options.shared));
  CreateTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(client.options().timeout.count());
  for (const std::string& name : options.names) {
    CreateTopicsRequest::Topic& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = options.partitions;
    topic.replication_factor = options.replicas;
    for (const std::string& text : options.configs) {
      auto [key, value] = split_assignment(text);
      topic.configs.push_back({.name = std::move(key), .value = std::move(value)});
    }
  }
  auto response = client.call<CreateTopicsResponse>(request);
  if (!response) return std::unexpected(response.error());
  Outcomes outcomes("topics", options.shared.json);
  for (const auto& topic : response->topics) {
    const Error error = client::server_error(topic.error_code, topic.error_message);
    Json facts;
    if (error.code == ErrorCode::ok) {
      facts["created"] = true;
      facts["partitions"] = topic.num_partitions >= 0 ? topic.num_partitions : options.partitions;
      outcomes.done(topic.name,
                    fmt::format("created {} with {}", topic.name,
                                counted(facts["partitions"].get<int>(), "partition")),
                    facts);
    } else if (error.code == ErrorCode::topic_already_exists && options.if_not_exists) {
      facts["created"] = false;
      outcomes.done(topic.name, fmt::format("{} exists already and was left as it is", topic.name),
                    facts);
    } else {
      outcomes.failed(topic.name, "create " + topic.name, error);
    }
  }
  return outcomes.finish();
}

}  // namespace

void add_topics_create(CLI::App& command, Action& action) {
  auto options = std::make_shared<CreateOptions>();
  command.add_option("NAME", options->names, "One or more names: letters, digits, '.', '_', '-'")
      ->required();
  command
      .add_option("-p,--partitions", options->partitions,
                  "In how many partitions; more can be added later, never fewer")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      .add_option("-c,--config", options->configs,
                  "NAME=VALUE, as in retention.ms=86400000; may be repeated")
      ->check(check_assignment)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--replication-factor", options->replicas,
                  "How many copies, where the server keeps several [its default]")
      ->check(CLI::Range(1, 32'767));
  command.add_flag("--if-not-exists", options->if_not_exists,
                   "A topic that exists is no failure, and is left as it is");
  run_with(command, action, options, create);
}

}  // namespace millrace::cli

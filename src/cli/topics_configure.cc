// millrace topics configure
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/assignments.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/text.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/create_partitions.h"
#include "protocols/kafka/wire/gen/incremental_alter_configs.h"

namespace millrace::cli {
namespace {

using kafka::CreatePartitionsRequest;
using kafka::CreatePartitionsResponse;
using kafka::IncrementalAlterConfigsRequest;
using kafka::IncrementalAlterConfigsResponse;

constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kSet = 0;
constexpr std::int8_t kUnset = 1;

struct ConfigureOptions {
  Shared shared;
  std::string name;
  std::vector<std::string> set;
  std::vector<std::string> unset;
  std::int32_t partitions = 0;
};

Result<void> change_configs(client::Client& client, const ConfigureOptions& options) {
  IncrementalAlterConfigsRequest request;
  IncrementalAlterConfigsRequest::Resource& topic = request.resources.emplace_back();
  topic.resource_type = kTopicResource;
  topic.resource_name = options.name;
  for (const std::string& text : options.set) {
    auto [key, value] = split_assignment(text);
    topic.configs.push_back(
        {.name = std::move(key), .config_operation = kSet, .value = std::move(value)});
  }
  for (const std::string& key : options.unset)
    topic.configs.push_back({.name = key, .config_operation = kUnset, .value = std::nullopt});
  auto response = client.call<IncrementalAlterConfigsResponse>(request);
  if (!response) return std::unexpected(response.error());
  for (const auto& answered : response->responses)
    TRY(client::check(answered.error_code, answered.error_message));
  return {};
}

Result<void> add_partitions(client::Client& client, const ConfigureOptions& options) {
  CreatePartitionsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(client.options().timeout.count());
  CreatePartitionsRequest::Topic& topic = request.topics.emplace_back();
  topic.name = options.name;
  topic.count = options.partitions;
  topic.assignments = std::nullopt;
  auto response = client.call<CreatePartitionsResponse>(request);
  if (!response) return std::unexpected(response.error());
  for (const auto& answered : response->results)
    TRY(client::check(answered.error_code, answered.error_message));
  return {};
}

Result<int> configure(const ConfigureOptions& options) {
  if (options.set.empty() && options.unset.empty() && options.partitions == 0)
    return misused("say what to change: --set NAME=VALUE, --unset NAME or --partitions N");
  client::Client client(client_options(options.shared));
  auto topic = client.topic(options.name);
  if (!topic) return std::unexpected(topic.error());
  if (!options.set.empty() || !options.unset.empty()) TRY(change_configs(client, options));
  if (options.partitions > 0) TRY(add_partitions(client, options));
  if (options.shared.json) {
    Json out;
    out["name"] = options.name;
    out["set"] = Json::object();
    for (const std::string& text : options.set) {
      const auto [key, value] = split_assignment(text);
      out["set"][key] = value;
    }
    out["unset"] = options.unset;
    out["partitions"] = options.partitions > 0 ? static_cast<std::size_t>(options.partitions)
                                               : topic->partitions.size();
    print_json(out);
    return kDone;
  }
  for (const std::string& text : options.set) fmt::print("{}: {}\n", options.name, text);
  for (const std::string& key : options.unset)
    fmt::print("{}: {} is the default again\n", options.name, key);
  if (options.partitions > 0)
    fmt::print("{}: {} (was {})\n", options.name, counted(options.partitions, "partition"),
               topic->partitions.size());
  return kDone;
}

}  // namespace

void add_topics_configure(CLI::App& command, Action& action) {
  auto options = std::make_shared<ConfigureOptions>();
  command.alias("alter");
  command.add_option("NAME", options->name, "The topic")->required();
  command
      .add_option("--set", options->set, "NAME=VALUE, as in retention.ms=86400000; may be repeated")
      ->check(check_assignment)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--unset", options->unset, "A config to be the default again; may be repeated")
      ->allow_extra_args(false);
  command
      .add_option("-p,--partitions", options->partitions,
                  "How many partitions it shall have, more than now; keys move to others then")
      ->check(CLI::Range(1, 1'000'000));
  run_with(command, action, options, configure);
}

}  // namespace millrace::cli

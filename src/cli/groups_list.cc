// millrace groups list
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/list_groups.h"

namespace millrace::cli {
namespace {

using kafka::ListGroupsRequest;
using kafka::ListGroupsResponse;

struct ListOptions {
  Shared shared;
  std::string state;
};

// A broker lists the groups that it keeps: all of them are asked.
Result<std::vector<ListGroupsResponse::Group>> all_groups(client::Client& client) {
  TRY(client.topics());
  std::map<std::string, ListGroupsResponse::Group> groups;
  for (const std::int32_t node : client.nodes()) {
    auto connection = client.broker(node);
    if (!connection) return std::unexpected(connection.error());
    auto response = (*connection)->call<ListGroupsResponse>(ListGroupsRequest{});
    if (!response) return std::unexpected(response.error());
    TRY(client::check(response->error_code));
    for (auto& group : response->groups) groups[group.group_id] = std::move(group);
  }
  std::vector<ListGroupsResponse::Group> sorted;
  for (auto& [name, group] : groups) sorted.push_back(std::move(group));
  return sorted;
}

Result<int> list(const ListOptions& options) {
  client::Client client(client_options(options.shared));
  auto groups = all_groups(client);
  if (!groups) return std::unexpected(groups.error());
  if (!options.state.empty())
    std::erase_if(*groups, [&](const ListGroupsResponse::Group& group) {
      return CLI::detail::to_lower(group.group_state) != CLI::detail::to_lower(options.state);
    });
  Json out;
  out["groups"] = Json::array();
  Table table({"GROUP", "STATE", "PROTOCOL"});
  for (const auto& group : *groups) {
    Json row;
    row["name"] = group.group_id;
    row["state"] = group.group_state;
    row["protocol"] = group.protocol_type;
    out["groups"].push_back(std::move(row));
    table.add({group.group_id, group.group_state.empty() ? "-" : group.group_state,
               group.protocol_type.empty() ? "-" : group.protocol_type});
  }
  if (options.shared.json) {
    print_json(out);
  } else if (table.empty()) {
    const std::string_view none =
        options.state.empty()
            ? "There are no groups yet: 'millrace consume TOPIC --group NAME' makes one."
            : "No group is in this state.";
    fmt::print("{}\n", none);
  } else {
    table.print();
  }
  return kDone;
}

}  // namespace

void add_groups_list(CLI::App& command, Action& action) {
  auto options = std::make_shared<ListOptions>();
  command.add_option("--state", options->state, "Only groups in this state: Stable, Empty, ...");
  run_with(command, action, options, list);
}

}  // namespace millrace::cli

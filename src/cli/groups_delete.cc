// millrace groups delete
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/outcomes.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/delete_groups.h"

namespace millrace::cli {
namespace {

using kafka::DeleteGroupsRequest;
using kafka::DeleteGroupsResponse;

struct DeleteOptions {
  Shared shared;
  std::vector<std::string> names;
};

Result<void> remove(client::Client& client, const std::string& name) {
  auto coordinator = client.coordinator(name);
  if (!coordinator) return std::unexpected(coordinator.error());
  DeleteGroupsRequest request;
  request.groups_names.push_back(name);
  auto response = (*coordinator)->call<DeleteGroupsResponse>(request);
  if (!response) return std::unexpected(response.error());
  for (const auto& group : response->results) {
    Error error = client::server_error(group.error_code);
    if (error.code == ErrorCode::ok) continue;
    if (error.code == ErrorCode::non_empty_group)
      error.detail = "it has members: stop its consumers first, see 'millrace groups describe'";
    if (error.code == ErrorCode::group_id_not_found)
      error.detail = "there is no such group, see 'millrace groups list'";
    return std::unexpected(error);
  }
  return {};
}

Result<int> remove_all(const DeleteOptions& options) {
  client::Client client(client_options(options.shared));
  TRY(client.any());  // one message, not one a group, when there is no broker
  Outcomes outcomes("groups", options.shared.json);
  for (const std::string& name : options.names) {
    auto removed = remove(client, name);
    Json facts;
    facts["deleted"] = true;
    if (removed)
      outcomes.done(name, fmt::format("deleted {} and its offsets", name), facts);
    else
      outcomes.failed(name, fmt::format("delete the group {}", name), removed.error());
  }
  return outcomes.finish();
}

}  // namespace

void add_groups_delete(CLI::App& command, Action& action) {
  auto options = std::make_shared<DeleteOptions>();
  command.add_option("GROUP", options->names, "One or more groups without members")->required();
  run_with(command, action, options, remove_all);
}

}  // namespace millrace::cli

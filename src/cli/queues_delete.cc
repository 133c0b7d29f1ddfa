// millrace queues delete, millrace queues purge
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/management.h"
#include "cli/outcomes.h"

namespace millrace::cli {
namespace {

struct DeleteOptions {
  ManagementShared shared;
  std::vector<std::string> names;
  bool if_empty = false;
  bool if_unused = false;
};

struct PurgeOptions {
  ManagementShared shared;
  std::vector<std::string> names;
};

Result<int> remove_all(const DeleteOptions& options) {
  Management management(options.shared);
  TRY(management.get("/api/whoami"));
  std::string query;
  if (options.if_empty) query += "?if-empty=true";
  if (options.if_unused) query += (query.empty() ? "?" : "&") + std::string("if-unused=true");
  Outcomes outcomes("queues", options.shared.json);
  for (const std::string& name : options.names) {
    const auto done = management.remove(management.path("queues", {name}) + query);
    Json facts;
    facts["deleted"] = true;
    if (done)
      outcomes.done(name, fmt::format("deleted {} and its messages", name), facts);
    else
      outcomes.failed(name, "delete the queue " + name, about_queue(done.error()));
  }
  return outcomes.finish();
}

Result<int> purge_all(const PurgeOptions& options) {
  Management management(options.shared);
  TRY(management.get("/api/whoami"));
  Outcomes outcomes("queues", options.shared.json);
  for (const std::string& name : options.names) {
    const auto done = management.remove(management.path("queues", {name, "contents"}));
    Json facts;
    facts["purged"] = true;
    if (done)
      outcomes.done(name, fmt::format("purged {}: what was ready is gone", name), facts);
    else
      outcomes.failed(name, "purge the queue " + name, about_queue(done.error()));
  }
  return outcomes.finish();
}

}  // namespace

void add_queues_delete(CLI::App& command, Action& action) {
  auto options = std::make_shared<DeleteOptions>();
  command.add_option("NAME", options->names, "One or more queues")->required();
  command.add_flag("--if-empty", options->if_empty, "Not when messages are ready in it");
  command.add_flag("--if-unused", options->if_unused, "Not when it has consumers");
  run_with(command, action, options, remove_all);
}

void add_queues_purge(CLI::App& command, Action& action) {
  auto options = std::make_shared<PurgeOptions>();
  command.add_option("NAME", options->names, "One or more queues")->required();
  run_with(command, action, options, purge_all);
}

}  // namespace millrace::cli

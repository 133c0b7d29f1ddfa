// millrace queues list
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/management.h"
#include "cli/table.h"
#include "cli/text.h"

namespace millrace::cli {
namespace {

struct ListOptions {
  ManagementShared shared;
};

std::string lifetime(const Json& queue) {
  if (field(queue, "exclusive") == true) return "with its connection";
  if (field(queue, "auto_delete") == true) return "with its consumers";
  if (field(queue, "durable") == false) return "until the broker ends";
  return "until it is deleted";
}

Result<int> list(const ListOptions& options) {
  Management management(options.shared);
  auto queues = management.get(management.path("queues", {}));
  if (!queues && queues.error().code == ErrorCode::not_found)
    return fail(ErrorCode::not_found,
                fmt::format("there is no virtual host '{}'", options.shared.vhost));
  if (!queues) return std::unexpected(queues.error());
  Json out;
  out["queues"] = Json::array();
  Table table({"QUEUE", "TYPE", Table::right("READY"), Table::right("IN FLIGHT"),
               Table::right("CONSUMERS"), "LIVES"});
  for (const Json& queue : *queues) {
    Json row;
    for (const char* key : {"name", "type", "durable", "exclusive", "auto_delete", "arguments"})
      row[key] = field(queue, key);
    row["ready"] = number_in(queue, "messages_ready");
    row["in_flight"] = number_in(queue, "messages_unacknowledged");
    row["consumers"] = number_in(queue, "consumers");
    table.add({text_in(queue, "name"), text_in(queue, "type"), human_count(row["ready"]),
               human_count(row["in_flight"]), human_count(row["consumers"]), lifetime(queue)});
    out["queues"].push_back(std::move(row));
  }
  if (options.shared.json) {
    print_json(out);
  } else if (table.empty()) {
    fmt::print("There are no queues yet: 'millrace queues declare NAME' makes one.\n");
  } else {
    table.print();
  }
  return kDone;
}

}  // namespace

void add_queues_list(CLI::App& command, Action& action) {
  run_with(command, action, std::make_shared<ListOptions>(), list);
}

}  // namespace millrace::cli

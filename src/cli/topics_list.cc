// millrace topics list
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/topic_facts.h"

namespace millrace::cli {
namespace {

struct ListOptions {
  Shared shared;
  bool internal = false;
};

Result<int> list(const ListOptions& options) {
  client::Client client(client_options(options.shared));
  auto topics = client.topics();
  if (!topics) return std::unexpected(topics.error());
  if (!options.internal)
    std::erase_if(*topics, [](const client::Topic& topic) { return topic.internal; });
  auto sizes = partition_sizes(client, *topics);
  if (!sizes) return std::unexpected(sizes.error());
  Json out;
  out["topics"] = Json::array();
  Table table(
      {"TOPIC", Table::right("PARTITIONS"), Table::right("REPLICAS"), Table::right("SIZE")});
  for (const client::Topic& topic : *topics) {
    const auto bytes = sizes->of_topic(topic.name);
    Json row;
    row["name"] = topic.name;
    row["partitions"] = topic.partitions.size();
    row["replicas"] = topic.replicas;
    row["bytes"] = bytes ? Json(*bytes) : Json();
    row["internal"] = topic.internal;
    out["topics"].push_back(std::move(row));
    table.add({topic.name, fmt::to_string(topic.partitions.size()), fmt::to_string(topic.replicas),
               bytes ? human_bytes(*bytes) : "-"});
  }
  if (options.shared.json) {
    print_json(out);
  } else if (table.empty()) {
    fmt::print("There are no topics yet: 'millrace topics create NAME' makes one.\n");
  } else {
    table.print();
  }
  return kDone;
}

}  // namespace

void add_topics_list(CLI::App& command, Action& action) {
  auto options = std::make_shared<ListOptions>();
  command.add_flag("--internal", options->internal, "Also topics that the server keeps for itself");
  run_with(command, action, options, list);
}

}  // namespace millrace::cli

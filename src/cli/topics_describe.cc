// millrace topics describe
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/topic_facts.h"
#include "cli/when.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::cli {
namespace {

struct DescribeOptions {
  Shared shared;
  std::vector<std::string> names;
  bool all_configs = false;
};

struct Described {
  client::Topic topic;
  Ranges ranges;
  std::vector<TopicConfigValue> configs;  // those to show
};

Result<Described> look_at(client::Client& client, client::Topic topic, bool all_configs) {
  auto ranges = find_ranges(client, topic, client::all_partitions(topic));
  if (!ranges) return std::unexpected(ranges.error());
  auto configs = topic_configs(client, topic.name);
  if (!configs) return std::unexpected(configs.error());
  if (!all_configs)
    std::erase_if(*configs, [](const TopicConfigValue& config) { return !config.is_set; });
  return Described{std::move(topic), std::move(*ranges), std::move(*configs)};
}

Json to_json(const Described& described, const PartitionSizes& sizes) {
  const client::Topic& topic = described.topic;
  Json out;
  out["name"] = topic.name;
  out["id"] = topic.id.is_zero() ? Json() : Json(kafka::to_text(topic.id));
  out["internal"] = topic.internal;
  out["replicas"] = topic.replicas;
  out["partitions"] = Json::array();
  for (const client::Partition& partition : topic.partitions) {
    const Range& range = described.ranges.at(partition.index);
    const auto bytes = sizes.of(topic.name, partition.index);
    Json row;
    row["partition"] = partition.index;
    row["leader"] = partition.leader;
    row["first_offset"] = range.first;
    row["next_offset"] = range.next;
    row["bytes"] = bytes ? Json(*bytes) : Json();
    out["partitions"].push_back(std::move(row));
  }
  out["configs"] = Json::array();
  for (const TopicConfigValue& config : described.configs) {
    Json row;
    row["name"] = config.name;
    row["value"] = config.value ? Json(*config.value) : Json();
    row["default"] = config.default_value ? Json(*config.default_value) : Json();
    row["is_set"] = config.is_set;
    out["configs"].push_back(std::move(row));
  }
  return out;
}

void print(const Described& described, const PartitionSizes& sizes) {
  const client::Topic& topic = described.topic;
  fmt::print("{}  ({}, {}{}{})\n", topic.name,
             counted(static_cast<std::int64_t>(topic.partitions.size()), "partition"),
             counted(topic.replicas, "replica"),
             topic.id.is_zero() ? "" : ", id " + kafka::to_text(topic.id),
             topic.internal ? ", internal" : "");
  for (const TopicConfigValue& config : described.configs) {
    const std::string usual = config.default_value && config.is_set
                                  ? fmt::format("  (default {})", *config.default_value)
                                  : "";
    fmt::print("  {} = {}{}\n", config.name, config.value.value_or("(hidden)"), usual);
  }
  Table table({Table::right("PARTITION"), Table::right("LEADER"), Table::right("FIRST"),
               Table::right("NEXT"), Table::right("SIZE")},
              "  ");
  for (const client::Partition& partition : topic.partitions) {
    const Range& range = described.ranges.at(partition.index);
    const auto bytes = sizes.of(topic.name, partition.index);
    table.add({fmt::to_string(partition.index), fmt::to_string(partition.leader),
               fmt::to_string(range.first), fmt::to_string(range.next),
               bytes ? human_bytes(*bytes) : "-"});
  }
  table.print();
}

Result<int> describe(const DescribeOptions& options) {
  client::Client client(client_options(options.shared));
  std::vector<client::Topic> topics;
  if (options.names.empty()) {
    auto all = client.topics();
    if (!all) return std::unexpected(all.error());
    topics = std::move(*all);
  }
  for (const std::string& name : options.names) {
    auto topic = client.topic(name);
    if (!topic) return std::unexpected(topic.error());
    topics.push_back(std::move(*topic));
  }
  auto sizes = partition_sizes(client, topics);
  if (!sizes) return std::unexpected(sizes.error());
  Json out;
  out["topics"] = Json::array();
  bool first = true;
  for (client::Topic& topic : topics) {
    auto described = look_at(client, std::move(topic), options.all_configs);
    if (!described) return std::unexpected(described.error());
    if (options.shared.json) {
      out["topics"].push_back(to_json(*described, *sizes));
    } else {
      if (!first) fmt::print("\n");
      print(*described, *sizes);
    }
    first = false;
  }
  if (options.shared.json) print_json(out);
  if (!options.shared.json && first)
    fmt::print("There are no topics yet: 'millrace topics create NAME' makes one.\n");
  return kDone;
}

}  // namespace

void add_topics_describe(CLI::App& command, Action& action) {
  auto options = std::make_shared<DescribeOptions>();
  command.add_option("NAME", options->names, "One or more names [all topics]");
  command.add_flag("--all-configs", options->all_configs,
                   "Every config, not only those set on the topic");
  run_with(command, action, options, describe);
}

}  // namespace millrace::cli

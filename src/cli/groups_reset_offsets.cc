// millrace groups reset-offsets
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <set>

#include "cli/group_facts.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/when.h"

namespace millrace::cli {
namespace {

struct ResetOptions {
  Shared shared;
  std::string group;
  std::string to;
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  bool dry_run = false;
};

struct Change {
  std::string topic;
  std::int32_t partition = 0;
  std::optional<std::int64_t> from;
  std::int64_t to = 0;
};

// The partitions of one topic that are meant: those named, or all of them.
Result<void> plan_topic(client::Client& client, const ResetOptions& options,
                        const std::string& name, client::GroupOffsets& committed,
                        std::vector<Change>& changes) {
  auto topic = client.topic(name);
  if (!topic) return std::unexpected(topic.error());
  auto partitions =
      options.partitions.empty() ? client::all_partitions(*topic) : options.partitions;
  // Without --topic only what the group has read.
  if (options.topics.empty())
    std::erase_if(partitions, [&](std::int32_t each) { return !committed[name].contains(each); });
  auto ranges = find_ranges(client, *topic, partitions);
  if (!ranges) return std::unexpected(ranges.error());
  std::vector<std::string> moved;
  auto offsets = resolve(client, *topic, *ranges,
                         parse_when(options.to, unix_ms_now()).value_or(When{}), &moved);
  if (!offsets) return std::unexpected(offsets.error());
  for (const std::string& text : moved) warn(text);
  for (const auto& [partition, offset] : *offsets) {
    const auto known = committed[name].find(partition);
    changes.push_back({name, partition,
                       known == committed[name].end() ? std::nullopt : std::optional(known->second),
                       offset});
  }
  return {};
}

void print(const ResetOptions& options, const std::vector<Change>& changes) {
  if (options.shared.json) {
    Json out;
    out["group"] = options.group;
    out["dry_run"] = options.dry_run;
    out["partitions"] = Json::array();
    for (const Change& change : changes) {
      Json row;
      row["topic"] = change.topic;
      row["partition"] = change.partition;
      row["before"] = change.from ? Json(*change.from) : Json();
      row["after"] = change.to;
      out["partitions"].push_back(std::move(row));
    }
    print_json(out);
    return;
  }
  Table table({"TOPIC", Table::right("PARTITION"), Table::right("BEFORE"), Table::right("AFTER")});
  for (const Change& change : changes)
    table.add({change.topic, fmt::to_string(change.partition),
               change.from ? fmt::to_string(*change.from) : "-", fmt::to_string(change.to)});
  table.print();
  if (options.dry_run) fmt::print("Nothing was changed: leave --dry-run away to do it.\n");
}

Result<int> reset(const ResetOptions& options) {
  if (!options.partitions.empty() && options.topics.size() != 1)
    return misused("--partition needs one --topic, whose partitions are meant");
  client::Client client(client_options(options.shared));
  auto group = describe_group(client, options.group);
  // A group may be made by giving it offsets, but then it must be said of which topics.
  const bool unknown = !group && group.error().code == ErrorCode::group_id_not_found;
  if (!group && !(unknown && !options.topics.empty())) return std::unexpected(group.error());
  if (group && !group->members.empty())
    return fail(ErrorCode::non_empty_group,
                fmt::format("the group {} has {} member(s), which would go on from where they "
                            "are: stop its consumers first",
                            options.group, group->members.size()));
  client::GroupOffsets committed;
  if (!unknown) {
    auto known = client::committed_offsets(client, options.group);
    if (!known) return std::unexpected(known.error());
    committed = std::move(*known);
  }
  std::vector<std::string> names = options.topics;
  if (names.empty())
    for (const auto& [name, partitions] : committed) names.push_back(name);
  std::vector<Change> changes;
  for (const std::string& name : names) TRY(plan_topic(client, options, name, committed, changes));
  if (changes.empty())
    return fail(ErrorCode::not_found,
                fmt::format("the group {} has no committed offsets: name the topic to give it some "
                            "with --topic",
                            options.group));
  if (!options.dry_run) {
    client::GroupOffsets wanted;
    for (const Change& change : changes) wanted[change.topic][change.partition] = change.to;
    auto outcome = client::commit_offsets(client, options.group, wanted, {});
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->member_error != 0)
      return fail(ErrorCode::non_empty_group,
                  "a consumer joined the group meanwhile: stop it and try again");
  }
  print(options, changes);
  return kDone;
}

}  // namespace

void add_groups_reset_offsets(CLI::App& command, Action& action) {
  auto options = std::make_shared<ResetOptions>();
  command.add_option("GROUP", options->group, "A group without members")->required();
  command
      .add_option("--to", options->to,
                  "Where it shall go on: earliest, latest, OFFSET, -N, a time "
                  "(2026-11-21T10:00:00Z, @MS), or how long ago (5m)")
      ->required()
      ->check(check_when)
      ->type_name("PLACE");
  command
      .add_option("-t,--topic", options->topics,
                  "Only this topic; may be repeated [all that the group has read]")
      ->allow_extra_args(false);
  command.add_option("-p,--partition", options->partitions, "Only this partition of the topic")
      ->allow_extra_args(false);
  command.add_flag("--dry-run", options->dry_run, "Only show what would be changed");
  run_with(command, action, options, reset);
}

}  // namespace millrace::cli

// millrace groups describe
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/group_facts.h"
#include "cli/handlers.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"

namespace millrace::cli {
namespace {

struct DescribeOptions {
  Shared shared;
  std::vector<std::string> names;
};

std::string or_dash(const std::optional<std::int64_t>& number) {
  return number ? fmt::to_string(*number) : "-";
}

Json or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(); }

std::int64_t total_lag(const std::vector<GroupPosition>& positions) {
  std::int64_t sum = 0;
  for (const GroupPosition& position : positions) sum += position.lag().value_or(0);
  return sum;
}

Json to_json(const Group& group, const std::vector<GroupPosition>& positions) {
  Json out;
  out["name"] = group.name;
  out["state"] = group.state;
  out["protocol"] = group.protocol_type;
  out["assignor"] = group.assignor;
  out["lag"] = total_lag(positions);
  out["members"] = Json::array();
  for (const GroupMember& member : group.members) {
    Json row;
    row["id"] = member.id;
    row["client_id"] = member.client_id;
    row["host"] = member.host;
    out["members"].push_back(std::move(row));
  }
  out["partitions"] = Json::array();
  for (const GroupPosition& position : positions) {
    Json row;
    row["topic"] = position.topic;
    row["partition"] = position.partition;
    row["committed"] = or_null(position.committed);
    row["end"] = or_null(position.end);
    row["lag"] = or_null(position.lag());
    row["member"] = position.member.empty() ? Json() : Json(position.member);
    out["partitions"].push_back(std::move(row));
  }
  return out;
}

void print(const Group& group, const std::vector<GroupPosition>& positions) {
  fmt::print("{}  ({}, {}{}, lag {})\n", group.name, group.state,
             counted(static_cast<std::int64_t>(group.members.size()), "member"),
             group.assignor.empty() ? "" : ", " + group.assignor,
             human_count(total_lag(positions)));
  Table table({"TOPIC", Table::right("PARTITION"), Table::right("COMMITTED"), Table::right("END"),
               Table::right("LAG"), "MEMBER", "HOST"},
              "  ");
  for (const GroupPosition& position : positions) {
    table.add({position.topic, fmt::to_string(position.partition), or_dash(position.committed),
               or_dash(position.end), or_dash(position.lag()),
               position.member.empty() ? "-" : position.member,
               position.host.empty() ? "-" : position.host});
  }
  if (!table.empty()) table.print();
  for (const GroupMember& member : group.members)
    if (member.partitions.empty())
      fmt::print("  without partitions: {} ({})\n", member.id, member.host);
}

Result<int> describe(const DescribeOptions& options) {
  client::Client client(client_options(options.shared));
  Json out;
  out["groups"] = Json::array();
  bool first = true;
  for (const std::string& name : options.names) {
    auto group = describe_group(client, name);
    if (!group) return std::unexpected(group.error());
    auto positions = group_positions(client, *group);
    if (!positions) return std::unexpected(positions.error());
    if (options.shared.json) {
      out["groups"].push_back(to_json(*group, *positions));
    } else {
      if (!first) fmt::print("\n");
      print(*group, *positions);
    }
    first = false;
  }
  if (options.shared.json) print_json(out);
  return kDone;
}

}  // namespace

void add_groups_describe(CLI::App& command, Action& action) {
  auto options = std::make_shared<DescribeOptions>();
  command.add_option("GROUP", options->names, "One or more groups")->required();
  run_with(command, action, options, describe);
}

}  // namespace millrace::cli

#include "cli/group_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "client/assignor.h"
#include "client/offsets.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/describe_groups.h"

namespace millrace::cli {
namespace {

using kafka::DescribeGroupsRequest;
using kafka::DescribeGroupsResponse;

constexpr std::string_view kDead = "Dead";
constexpr std::string_view kConsumers = "consumer";

GroupMember to_member(const DescribeGroupsResponse::Member& in, bool consumers) {
  GroupMember member;
  member.id = in.member_id;
  member.client_id = in.client_id;
  member.host = in.client_host.starts_with('/') ? in.client_host.substr(1) : in.client_host;
  // Groups of other kinds have assignments of their own.
  if (!consumers) return member;
  auto assignment = client::decode_assignment(in.member_assignment);
  if (!assignment) return member;
  for (const auto& [topic, partitions] : *assignment)
    for (const std::int32_t partition : partitions)
      member.partitions.emplace_back(topic, partition);
  return member;
}

}  // namespace

Result<Group> describe_group(client::Client& client, const std::string& name) {
  auto coordinator = client.coordinator(name);
  if (!coordinator) return std::unexpected(coordinator.error());
  DescribeGroupsRequest request;
  request.groups.push_back(name);
  auto response = (*coordinator)->call<DescribeGroupsResponse>(request);
  if (!response) return std::unexpected(response.error());
  const Error unknown(ErrorCode::group_id_not_found,
                      fmt::format("there is no group '{}', see 'millrace groups list'", name));
  if (response->groups.empty()) return std::unexpected(unknown);
  const auto& answered = response->groups.front();
  const Error error = client::server_error(answered.error_code, answered.error_message);
  if (error.code == ErrorCode::group_id_not_found || answered.group_state == kDead)
    return std::unexpected(unknown);
  if (error.code != ErrorCode::ok) return std::unexpected(error);
  Group group{name, answered.group_state, answered.protocol_type, answered.protocol_data, {}};
  for (const auto& member : answered.members)
    group.members.push_back(to_member(member, answered.protocol_type == kConsumers));
  std::ranges::sort(group.members, {}, &GroupMember::id);
  return group;
}

std::optional<std::int64_t> GroupPosition::lag() const {
  if (!committed || !end) return std::nullopt;
  return std::max<std::int64_t>(0, *end - *committed);
}

Result<std::vector<GroupPosition>> group_positions(client::Client& client, const Group& group) {
  std::map<std::pair<std::string, std::int32_t>, GroupPosition> positions;
  const auto position_of = [&](const std::string& topic, std::int32_t partition) -> auto& {
    GroupPosition& position = positions[{topic, partition}];
    position.topic = topic;
    position.partition = partition;
    return position;
  };
  auto committed = client::committed_offsets(client, group.name);
  if (!committed) return std::unexpected(committed.error());
  for (const auto& [topic, partitions] : *committed)
    for (const auto& [partition, offset] : partitions)
      position_of(topic, partition).committed = offset;
  for (const GroupMember& member : group.members) {
    for (const auto& [topic, partition] : member.partitions) {
      position_of(topic, partition).member = member.id;
      position_of(topic, partition).host = member.host;
    }
  }
  std::map<std::string, std::vector<std::int32_t>> wanted;
  for (const auto& [place, position] : positions) wanted[place.first].push_back(place.second);
  for (auto& [name, partitions] : wanted) {
    auto topic = client.topic(name);
    if (!topic && topic.error().code == ErrorCode::unknown_topic_or_partition) continue;
    if (!topic) return std::unexpected(topic.error());
    std::erase_if(partitions, [&](std::int32_t partition) {
      return !topic->check_partition(partition).has_value();
    });
    auto ends = client::find_offsets(client, *topic, partitions, client::kLatest);
    if (!ends) return std::unexpected(ends.error());
    for (const auto& [partition, end] : *ends) positions[{name, partition}].end = end;
  }
  std::vector<GroupPosition> list;
  for (auto& [place, position] : positions) list.push_back(std::move(position));
  return list;
}

}  // namespace millrace::cli

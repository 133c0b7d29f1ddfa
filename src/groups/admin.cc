// What operators ask: describe, list, delete.
#include "groups/events.h"
#include "groups/group_machine.h"

namespace millrace {

void GroupMachine::handle(Turn& turn, DescribeGroup& command) {
  const Group* group = find(command.group);
  DescribeGroupReply reply;
  reply.group = std::move(command.group);
  if (!group) {
    reply.error = ErrorCode::group_id_not_found;
    return turn.answer(std::move(reply));
  }
  bool stable = group->state == GroupState::stable;
  reply.state = group->state;
  reply.protocol_type = group->protocol_type;
  if (stable) reply.protocol_name = group->protocol_name;
  reply.members.reserve(group->members().size());
  for (const auto& [id, member] : group->members()) {
    const MemberInfo& info = member.info;
    DescribeGroupReply::Member& described = reply.members.emplace_back();
    described.member_id = id;
    described.instance_id = info.instance_id;
    described.client_id = info.client_id;
    described.client_host = info.client_host;
    if (!stable) continue;
    described.metadata = *info.metadata(group->protocol_name);
    described.assignment = info.assignment;
  }
  turn.answer(std::move(reply));
}

void GroupMachine::handle(Turn& turn, ListGroups&) {
  ListGroupsReply reply;
  reply.groups.reserve(groups_.size());
  for (const auto& [id, group] : groups_) {
    reply.groups.push_back({id, group.protocol_type, group.state});
  }
  turn.answer(std::move(reply));
}

void GroupMachine::handle(Turn& turn, DeleteGroup& command) {
  Group* group = find(command.group);
  if (!group) return turn.answer(DeleteGroupReply{ErrorCode::group_id_not_found});
  if (group->state != GroupState::empty) {
    return turn.answer(DeleteGroupReply{ErrorCode::non_empty_group});
  }
  while (!group->pending.empty()) drop_pending(*group, MemberId(group->pending.begin()->first));
  if (group->is_durable()) turn.record(group_deleted(command.group));
  turn.answer(DeleteGroupReply{});
  forget_if_nothing(command.group);
}

}  // namespace millrace

// Syncing: the leader hands out the assignments, which makes its generation durable.
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/rare.h"
#include "groups/events.h"
#include "groups/group_machine.h"

namespace millrace {
namespace {

SyncReply assignment_reply(const Group& group, const Member& member) {
  return {.protocol_type = group.protocol_type,
          .protocol_name = group.protocol_name,
          .assignment = member.info.assignment};
}

ErrorCode check_sync(const Group& group, const SyncGroup& command) {
  ErrorCode error = group.check_member(command.member_id, command.instance_id);
  if (error != ErrorCode::ok) return error;
  if (command.generation != group.generation) return ErrorCode::illegal_generation;
  // Before the generation is complete the protocol is that of the one before.
  if ((command.protocol_type && *command.protocol_type != group.protocol_type) ||
      (command.protocol_name && *command.protocol_name != group.protocol_name)) {
    return ErrorCode::inconsistent_group_protocol;
  }
  return ErrorCode::ok;
}

}  // namespace

void GroupMachine::handle(Turn& turn, SyncGroup& command) {
  if (command.group.empty()) return turn.answer(SyncReply{.error = ErrorCode::invalid_group_id});
  auto found = groups_.find(command.group);
  if (found == groups_.end() || found->second.state == GroupState::empty) {
    return turn.answer(SyncReply{.error = ErrorCode::unknown_member_id});
  }
  const GroupId& id = found->first;
  Group& group = found->second;
  ErrorCode error = check_sync(group, command);
  if (error != ErrorCode::ok) return turn.answer(SyncReply{.error = error});
  if (group.state == GroupState::preparing_rebalance) {
    return turn.answer(SyncReply{.error = ErrorCode::rebalance_in_progress});
  }
  Member& member = *group.find(command.member_id);
  set_synced(group, member);
  extend_session(turn, id, member);
  if (group.state == GroupState::stable) return turn.answer(assignment_reply(group, member));

  ASSERT(group.state == GroupState::completing_rebalance);
  if (auto before = std::exchange(member.parked_sync, turn.request)) {
    RARE("a member asks for its assignment twice");
    turn.answer(*before, SyncReply{.error = ErrorCode::rebalance_in_progress});
  }
  if (group.is_leader(command.member_id)) commit_generation(turn, id, group, command);
}

// The replies of this turn leave when the generation is durable, and so do those of later syncs.
void GroupMachine::commit_generation(Turn& turn, const GroupId& id, Group& group,
                                     SyncGroup& command) {
  for (SyncGroup::Assignment& assignment : command.assignments) {
    Member* member = group.find(assignment.member_id);
    if (member) member->info.assignment = std::move(assignment.assignment);
  }
  group.state = GroupState::stable;
  turn.record(generation_committed(id, view_of(group)));
  for (auto& [member_id, member] : group.members()) {
    auto sync = std::exchange(member.parked_sync, std::nullopt);
    if (!sync) continue;
    turn.answer(*sync, assignment_reply(group, member));
    extend_session(turn, id, member);
  }
}

void GroupMachine::set_synced(Group& group, Member& member) {
  group.set_sync_pending(member, false);
  if (!group.any_sync_pending()) timers_.cancel(group.sync_timer);
}

// Members that joined and then did not ask for their assignment are put out, also when the leader
// and the others are long at work.
void GroupMachine::sync_timed_out(Turn& turn, const GroupId& id, Group& group) {
  ASSERT(group.state == GroupState::completing_rebalance || group.state == GroupState::stable);
  ASSERT(group.any_sync_pending());
  std::vector<MemberId> late;
  for (const auto& [member_id, member] : group.members()) {
    if (member.sync_pending) late.push_back(member_id);
  }
  RARE("members that do not ask for their assignment are put out");
  for (const MemberId& member_id : late) drop_member(turn, group, member_id);
  prepare_rebalance(turn, id, group);
}

}  // namespace millrace

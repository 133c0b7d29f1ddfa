// Staying in a group and leaving it: heartbeats, sessions, LeaveGroup.
#include "base/assert.h"
#include "base/rare.h"
#include "groups/group_machine.h"
#include "groups/monotonic.h"

namespace millrace {

void GroupMachine::handle(Turn& turn, Heartbeat& command) {
  if (command.group.empty()) {
    return turn.answer(HeartbeatReply{ErrorCode::invalid_group_id});
  }
  auto found = groups_.find(command.group);
  if (found == groups_.end()) return turn.answer(HeartbeatReply{ErrorCode::unknown_member_id});
  Group& group = found->second;
  ErrorCode error = group.check_member(command.member_id, command.instance_id);
  if (error == ErrorCode::ok && command.generation != group.generation) {
    error = ErrorCode::illegal_generation;
  }
  if (error != ErrorCode::ok) return turn.answer(HeartbeatReply{error});
  extend_session(turn, found->first, *group.find(command.member_id));
  bool rebalancing = group.state == GroupState::preparing_rebalance;
  turn.answer(HeartbeatReply{rebalancing ? ErrorCode::rebalance_in_progress : ErrorCode::ok});
}

void GroupMachine::extend_session(const Turn& turn, const GroupId& id, Member& member) {
  extend_session(turn.context, id, member, member.info.session_timeout);
}

void GroupMachine::extend_session(const MachineContext& context, const GroupId& id, Member& member,
                                  std::chrono::milliseconds by) {
  member.session_deadline = after(context.now, by);
  if (member.session_timer && member.session_timer->first <= member.session_deadline) return;
  timers_.cancel(member.session_timer);
  member.session_timer =
      timers_.add(member.session_deadline, {TimerKind::session, id, member.info.id});
}

void GroupMachine::session_timed_out(Turn& turn, const GroupId& id, Group& group,
                                     const MemberId& member_id, TimerKey key) {
  if (auto pending = group.pending.find(member_id); pending != group.pending.end()) {
    ASSERT(pending->second == key);
    group.pending.erase(pending);
    return complete_join_if_ready(turn, id, group);
  }
  Member* member = group.find(member_id);
  ASSERT(member != nullptr && member->session_timer == key);
  member->session_timer.reset();
  if (member->session_deadline > turn.context.now) {
    member->session_timer =
        timers_.add(member->session_deadline, {TimerKind::session, id, member_id});
    return;
  }
  // Who waits for a reply of ours can't send heartbeats; the session begins anew with the reply. A
  // new member is different: it may have gone without ever having known its id.
  bool waits = member->parked_join || member->parked_sync;
  if (waits && !member->is_new) {
    RARE("the session of a member that waits for an answer is over");
    return;
  }
  RARE("a member's session is over");
  drop_member(turn, group, member_id);
  members_left(turn, id, group);
}

void GroupMachine::drop_member(Turn& turn, Group& group, const MemberId& member_id) {
  Member member = group.remove(member_id);
  timers_.cancel(member.session_timer);
  if (member.parked_join) {
    turn.answer(*member.parked_join, JoinReply{.error = ErrorCode::unknown_member_id});
  }
  if (member.parked_sync) {
    RARE("a member is put out while it waits for its assignment");
    turn.answer(*member.parked_sync, SyncReply{.error = ErrorCode::unknown_member_id});
  }
}

void GroupMachine::drop_pending(Group& group, const MemberId& member_id) {
  auto pending = group.pending.find(member_id);
  if (pending == group.pending.end()) return;
  timers_.cancel(pending->second);
  group.pending.erase(pending);
}

void GroupMachine::members_left(Turn& turn, const GroupId& id, Group& group) {
  if (group.state != GroupState::empty) rebalance_or_complete(turn, id, group);
}

void GroupMachine::handle(Turn& turn, LeaveGroup& command) {
  if (command.group.empty()) return turn.answer(LeaveReply{.error = ErrorCode::invalid_group_id});
  LeaveReply reply;
  reply.members.reserve(command.members.size());
  auto found = groups_.find(command.group);
  std::size_t members_before = found == groups_.end() ? 0 : found->second.members().size();
  for (LeaveGroup::Member& member : command.members) {
    ErrorCode error =
        found == groups_.end() ? ErrorCode::unknown_member_id : leave(turn, found->second, member);
    reply.members.push_back({std::move(member.member_id), std::move(member.instance_id), error});
  }
  turn.answer(std::move(reply));
  if (found == groups_.end()) return;
  // An id that never joined leaves no partitions behind, but the others may have waited for it.
  if (found->second.members().size() < members_before) {
    members_left(turn, found->first, found->second);
  } else {
    complete_join_if_ready(turn, found->first, found->second);
  }
  forget_if_nothing(command.group);
}

ErrorCode GroupMachine::leave(Turn& turn, Group& group, const LeaveGroup::Member& member) {
  if (member.member_id.empty()) {  // put out by an operator
    const MemberId* holder =
        member.instance_id ? group.static_member(*member.instance_id) : nullptr;
    if (!holder) return ErrorCode::unknown_member_id;
    drop_member(turn, group, MemberId(*holder));
    return ErrorCode::ok;
  }
  if (group.pending.contains(member.member_id)) {
    drop_pending(group, member.member_id);
    return ErrorCode::ok;
  }
  ErrorCode error = group.check_member(member.member_id, member.instance_id);
  if (error == ErrorCode::ok) drop_member(turn, group, member.member_id);
  return error;
}

}  // namespace millrace

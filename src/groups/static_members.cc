// Static members: a consumer with an instance id that starts again takes its old place, under a new
// member id that fences the old one.
#include "base/assert.h"
#include "groups/events.h"
#include "groups/group_machine.h"

namespace millrace {

void GroupMachine::replace_static_member(Turn& turn, const GroupId& id, Group& group,
                                         JoinGroup& command) {
  ASSERT(group.state != GroupState::empty);
  const MemberId leader_before = group.leader();
  const MemberId old_id = *group.static_member(*command.instance_id);
  MemberId new_id = new_member_id(turn, group, *command.instance_id);

  Member old = group.replace(old_id, new_id);
  timers_.cancel(old.session_timer);
  if (old.parked_join) {
    turn.answer(*old.parked_join,
                JoinReply{.error = ErrorCode::fenced_instance_id, .member_id = old_id});
  }
  if (old.parked_sync) {
    turn.answer(*old.parked_sync, SyncReply{.error = ErrorCode::fenced_instance_id});
  }

  Member& member = *group.find(new_id);
  update_member(group, member, command);
  extend_session(turn, id, member);

  if (group.state == GroupState::stable && group.select_protocol() == group.protocol_name) {
    // Nobody else needs to know: the member goes on with the assignment it had.
    turn.record(generation_committed(id, view_of(group)));
    JoinReply reply = generation_reply(group, new_id);
    if (command.can_skip_assignment) {
      reply.skip_assignment = group.is_leader(new_id);
    } else {
      // An older client that found itself leader would assign anew, so it is shown the leader
      // before it: itself, under the id that is gone.
      reply.leader = leader_before;
      reply.members.clear();
    }
    return turn.answer(std::move(reply));
  }
  // While the members sync, the leader may have been given the old id already: join again.
  park_join(turn, group, member);
  rebalance_or_complete(turn, id, group);
}

}  // namespace millrace

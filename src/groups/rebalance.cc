// Joining: a group gathers its members and opens the next generation.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/rare.h"
#include "groups/events.h"
#include "groups/group_machine.h"
#include "groups/monotonic.h"

namespace millrace {
namespace {

JoinReply refusal(ErrorCode error, MemberId member_id = {}) {
  return JoinReply{.error = error, .member_id = std::move(member_id)};
}

// One round of a mixing function (splitmix64): spreads a 64-bit number over all its bits.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

constexpr std::int64_t kTimeoutMsMax = std::numeric_limits<std::int32_t>::max();

}  // namespace

void GroupMachine::handle(Turn& turn, JoinGroup& command) {
  if (command.group.empty()) {
    return turn.answer(refusal(ErrorCode::invalid_group_id, command.member_id));
  }
  if (command.session_timeout < limits_.session_timeout_min ||
      command.session_timeout > limits_.session_timeout_max ||
      command.session_timeout.count() > kTimeoutMsMax ||
      command.rebalance_timeout.count() > kTimeoutMsMax) {
    return turn.answer(refusal(ErrorCode::invalid_session_timeout, command.member_id));
  }
  if (command.rebalance_timeout.count() < 0) command.rebalance_timeout = command.session_timeout;

  auto found = groups_.find(command.group);
  if (found == groups_.end()) {
    if (!command.member_id.empty()) {
      return turn.answer(refusal(ErrorCode::unknown_member_id, command.member_id));
    }
    if (groups_.size() >= limits_.groups_max) {
      return turn.answer(refusal(ErrorCode::policy_violation));
    }
    found = groups_.emplace(command.group, Group()).first;
  }
  const GroupId& id = found->first;
  Group& group = found->second;

  if (!has_room(group, command)) {
    // A member that comes last to a rebalance of a group that is too large is put out.
    drop_pending(group, command.member_id);
    if (group.find(command.member_id)) drop_member(turn, group, command.member_id);
    turn.answer(refusal(ErrorCode::group_max_size_reached));
    complete_join_if_ready(turn, id, group);
  } else if (!group.supports(command.protocol_type, command.protocols)) {
    turn.answer(refusal(ErrorCode::inconsistent_group_protocol, command.member_id));
  } else if (command.member_id.empty()) {
    join_new_member(turn, id, group, command);
  } else {
    join_known_member(turn, id, group, command);
  }
  forget_if_nothing(GroupId(id));
}

// While the members gather, the joins count and not the members, so that the last to rejoin a group
// above its limit are put out; afterwards everybody in the group has joined.
bool GroupMachine::has_room(const Group& group, const JoinGroup& command) const {
  if (group.state == GroupState::empty) return true;
  const MemberId* known = &command.member_id;
  if (command.member_id.empty() && command.instance_id) {
    const MemberId* holder = group.static_member(*command.instance_id);
    if (holder) known = holder;
  }
  auto member = group.members().find(*known);
  bool is_member = member != group.members().end();
  if (group.state == GroupState::preparing_rebalance) {
    return (is_member && member->second.parked_join) || group.joins_parked() < limits_.members_max;
  }
  return is_member || group.members().size() < limits_.members_max;
}

void GroupMachine::join_new_member(Turn& turn, const GroupId& id, Group& group,
                                   JoinGroup& command) {
  if (command.instance_id) {
    if (group.static_member(*command.instance_id)) {
      return replace_static_member(turn, id, group, command);
    }
    MemberId member_id = new_member_id(turn, group, *command.instance_id);
    return join_first_time(turn, id, group, std::move(member_id), command);
  }
  MemberId member_id = new_member_id(turn, group, command.client_id);
  if (!command.require_known_member_id) {
    return join_first_time(turn, id, group, std::move(member_id), command);
  }
  // The member has to come back with its id, so that one that retries a lost join is not counted
  // twice. If it does not come, the id expires.
  if (group.pending.size() >= limits_.pending_members_max) {
    return turn.answer(refusal(ErrorCode::group_max_size_reached));
  }
  group.pending[member_id] = timers_.add(after(turn.context.now, command.session_timeout),
                                         {TimerKind::session, id, member_id});
  turn.answer(refusal(ErrorCode::member_id_required, member_id));
}

void GroupMachine::join_known_member(Turn& turn, const GroupId& id, Group& group,
                                     JoinGroup& command) {
  if (group.pending.contains(command.member_id)) {
    if (command.instance_id) {  // ids are only given out ahead to dynamic members
      return turn.answer(refusal(ErrorCode::invalid_request, command.member_id));
    }
    return join_first_time(turn, id, group, command.member_id, command);
  }
  ErrorCode error = group.check_member(command.member_id, command.instance_id);
  if (error != ErrorCode::ok) return turn.answer(refusal(error, command.member_id));
  rejoin(turn, id, group, *group.find(command.member_id), command);
}

void GroupMachine::join_first_time(Turn& turn, const GroupId& id, Group& group, MemberId member_id,
                                   JoinGroup& command) {
  drop_pending(group, member_id);
  if (group.members().empty()) group.protocol_type = command.protocol_type;
  Member& member = group.add({.id = std::move(member_id),
                              .instance_id = std::move(command.instance_id),
                              .client_id = std::move(command.client_id),
                              .client_host = std::move(command.client_host),
                              .session_timeout = command.session_timeout,
                              .rebalance_timeout = command.rebalance_timeout,
                              .protocols = std::move(command.protocols)});
  member.is_new = true;
  park_join(turn, group, member);
  if (group.state == GroupState::preparing_rebalance) group.joined_since_delay = true;
  extend_session(turn.context, id, member, limits_.new_member_join_timeout);
  rebalance_or_complete(turn, id, group);
}

void GroupMachine::rejoin(Turn& turn, const GroupId& id, Group& group, Member& member,
                          JoinGroup& command) {
  ASSERT(group.state != GroupState::empty);
  if (!member.is_new) extend_session(turn, id, member);
  // A member that joins again with nothing new has missed the reply of its join: it is told the
  // current generation. The leader of a stable group asks for a rebalance by joining, because it
  // sees changes (of topics) that no member's metadata shows.
  bool unchanged = member.info.protocols == command.protocols;
  bool asks_for_rebalance = group.state == GroupState::preparing_rebalance || !unchanged ||
                            (group.state == GroupState::stable && group.is_leader(member.info.id));
  if (!asks_for_rebalance) return turn.answer(generation_reply(group, member.info.id));
  update_member(group, member, command);
  park_join(turn, group, member);
  rebalance_or_complete(turn, id, group);
}

void GroupMachine::update_member(Group& group, Member& member, JoinGroup& command) {
  group.set_protocols(member, std::move(command.protocols));
  member.info.client_id = std::move(command.client_id);
  member.info.client_host = std::move(command.client_host);
  member.info.session_timeout = command.session_timeout;
  member.info.rebalance_timeout = command.rebalance_timeout;
}

void GroupMachine::park_join(Turn& turn, Group& group, Member& member) {
  std::optional<RequestId> before = group.park_join(member, turn.request);
  if (before) {
    turn.answer(*before, refusal(ErrorCode::rebalance_in_progress, member.info.id));
  }
}

MemberId GroupMachine::new_member_id(const Turn& turn, const Group& group,
                                     const std::string& prefix) {
  for (;;) {
    std::uint64_t high = mix(turn.context.random ^ mix(++member_counter_));
    std::uint64_t low = mix(high ^ turn.context.random);
    MemberId id = fmt::format("{}-{:016x}{:016x}", prefix, high, low);
    if (!group.members().contains(id) && !group.pending.contains(id)) return id;
  }
}

JoinReply GroupMachine::generation_reply(const Group& group, const MemberId& member_id) const {
  ASSERT(group.state == GroupState::completing_rebalance || group.state == GroupState::stable);
  JoinReply reply{.generation = group.generation,
                  .protocol_type = group.protocol_type,
                  .protocol_name = group.protocol_name,
                  .leader = group.leader(),
                  .member_id = member_id};
  if (!group.is_leader(member_id)) return reply;
  reply.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) {
    const Blob* metadata = member.info.metadata(group.protocol_name);
    ASSERT(metadata != nullptr);
    reply.members.push_back({id, member.info.instance_id, *metadata});
  }
  return reply;
}

void GroupMachine::rebalance_or_complete(Turn& turn, const GroupId& id, Group& group) {
  if (group.state == GroupState::preparing_rebalance) {
    complete_join_if_ready(turn, id, group);
  } else {
    prepare_rebalance(turn, id, group);
  }
}

void GroupMachine::prepare_rebalance(Turn& turn, const GroupId& id, Group& group) {
  ASSERT(group.state != GroupState::preparing_rebalance && !group.join_timer);
  for (auto& [member_id, member] : group.members()) {
    member.info.assignment.clear();
    group.set_sync_pending(member, false);
    if (auto sync = std::exchange(member.parked_sync, std::nullopt)) {
      turn.answer(*sync, SyncReply{.error = ErrorCode::rebalance_in_progress});
      extend_session(turn, id, member);
    }
  }
  timers_.cancel(group.sync_timer);
  group.initial_rebalance = group.state == GroupState::empty;
  group.state = GroupState::preparing_rebalance;
  if (!group.initial_rebalance) {
    if (group.all_joined()) return complete_join(turn, id, group);
    group.join_timer =
        timers_.add(after(turn.context.now, group.rebalance_timeout()), {TimerKind::join, id, {}});
    return;
  }
  if (limits_.initial_rebalance_delay.count() <= 0) return complete_join(turn, id, group);
  group.initial_began = turn.context.now;
  group.joined_since_delay = false;
  group.join_timer = timers_.add(after(turn.context.now, limits_.initial_rebalance_delay),
                                 {TimerKind::join, id, {}});
}

// The first rebalance of a group waits for its delay, whoever is there: unless nobody is.
void GroupMachine::complete_join_if_ready(Turn& turn, const GroupId& id, Group& group) {
  if (group.state != GroupState::preparing_rebalance || !group.all_joined()) return;
  if (group.initial_rebalance && !group.members().empty()) return;
  complete_join(turn, id, group);
}

void GroupMachine::join_timed_out(Turn& turn, const GroupId& id, Group& group) {
  ASSERT(group.state == GroupState::preparing_rebalance);
  if (group.initial_rebalance && group.joined_since_delay) {
    MonotonicTime end = after(group.initial_began, group.rebalance_timeout());
    if (turn.context.now < end) {
      group.joined_since_delay = false;
      MonotonicTime next = after(turn.context.now, limits_.initial_rebalance_delay);
      group.join_timer = timers_.add(std::min(next, end), {TimerKind::join, id, {}});
      return;
    }
  }
  complete_join(turn, id, group);
}

void GroupMachine::complete_join(Turn& turn, const GroupId& id, Group& group) {
  ASSERT(group.state == GroupState::preparing_rebalance);
  timers_.cancel(group.join_timer);
  std::vector<MemberId> late;  // static members stay until their session times out
  for (const auto& [member_id, member] : group.members()) {
    if (!member.parked_join && !member.info.instance_id) late.push_back(member_id);
  }
  if (!late.empty()) RARE("members that do not join in time are put out");
  for (const MemberId& member_id : late) drop_member(turn, group, member_id);

  if (!group.members().empty() && !group.elect_joined_leader()) {
    group.join_timer =
        timers_.add(after(turn.context.now, group.rebalance_timeout()), {TimerKind::join, id, {}});
    return;
  }
  group.initial_rebalance = false;
  if (group.members().empty()) RARE("the last member of a group is gone");
  bool last = group.generation.value() == std::numeric_limits<std::int32_t>::max();
  group.generation = last ? GenerationId(1) : group.generation + 1;
  if (group.members().empty()) {
    group.state = GroupState::empty;
    group.protocol_name.clear();
    // A group that never was more than joins is not worth an event: it is forgotten.
    if (group.is_durable()) turn.record(generation_committed(id, view_of(group)));
    return;
  }
  group.protocol_name = group.select_protocol();
  group.state = GroupState::completing_rebalance;
  for (auto& [member_id, member] : group.members()) {
    if (auto join = group.take_join(member)) {
      turn.answer(*join, generation_reply(group, member_id));
    }
    member.is_new = false;
    group.set_sync_pending(member, true);
    extend_session(turn, id, member);
  }
  group.sync_timer =
      timers_.add(after(turn.context.now, group.rebalance_timeout()), {TimerKind::sync, id, {}});
}

}  // namespace millrace

#include "groups/group_machine.h"

#include <algorithm>

#include "base/assert.h"
#include "groups/events.h"
#include "groups/monotonic.h"

namespace millrace {

void GroupMachine::start(const MachineContext& context) {
  if (started_) return;
  started_ = true;
  for (auto& [id, group] : groups_) {
    group.begin_life();
    for (auto& [member_id, member] : group.members()) {
      extend_session(context, id, member, member.info.session_timeout);
    }
  }
  retention_due_ = after(context.now, limits_.retention_check_interval);
}

Outcome<GroupReply> GroupMachine::decide(const MachineContext& context, RequestId request,
                                         GroupCommand command) {
  start(context);
  Turn turn{.context = context, .request = request};
  std::visit([&](auto& verb) { handle(turn, verb); }, command);
  return std::move(turn.outcome);
}

Outcome<GroupReply> GroupMachine::on_timer(const MachineContext& context) {
  start(context);
  Turn turn{.context = context};
  for (std::size_t fired = 0; fired < limits_.timers_per_call_max; ++fired) {
    auto due = timers_.take_due(context.now);
    if (!due) break;
    fire(turn, due->first, due->second);
  }
  // The retention check reads durable state, so what was just decided has to be applied first: it
  // stays due for the next call.
  if (turn.outcome.events.empty() && retention_due_ <= context.now) check_retention(turn);
  return std::move(turn.outcome);
}

std::optional<MonotonicTime> GroupMachine::next_timer() const {
  if (!started_) return MonotonicTime(0);
  auto next = timers_.next();
  return next ? std::min(*next, retention_due_) : retention_due_;
}

// A timer that was cancelled is gone from the queue, so what fires has its target.
void GroupMachine::fire(Turn& turn, TimerKey key, const TimerTarget& target) {
  Group* group = find(target.group);
  ASSERT(group != nullptr);
  switch (target.kind) {
    case TimerKind::session:
      session_timed_out(turn, target.group, *group, target.member, key);
      break;
    case TimerKind::join:
      ASSERT(group->join_timer == key);
      group->join_timer.reset();
      join_timed_out(turn, target.group, *group);
      break;
    case TimerKind::sync:
      ASSERT(group->sync_timer == key);
      group->sync_timer.reset();
      sync_timed_out(turn, target.group, *group);
      break;
  }
  forget_if_nothing(target.group);
}

void GroupMachine::apply(WallMs time, ByteView bytes) {
  std::optional<GroupEvent> event = read_event(bytes);
  ASSERT(event.has_value());
  if (auto* committed = std::get_if<GenerationCommitted>(&*event)) {
    Group& group = groups_[GroupId(committed->group)];
    group.committed = std::move(committed->generation);
    group.committed->since = time;
  } else if (auto* offsets = std::get_if<OffsetsCommitted>(&*event)) {
    Group& group = groups_[GroupId(offsets->group)];
    auto topic = group.offsets.end();
    for (const OffsetsCommitted::Entry& entry : offsets->entries) {
      if (topic == group.offsets.end() || topic->first != entry.topic) {
        topic = group.offsets.find(entry.topic);
        if (topic == group.offsets.end()) {
          topic = group.offsets.emplace(entry.topic, TopicOffsets::mapped_type()).first;
        }
      }
      CommittedOffset& kept = topic->second[entry.partition];
      kept.offset = entry.offset;
      kept.leader_epoch = entry.leader_epoch;
      kept.metadata = entry.metadata;
      kept.time = time;
      kept.expires = entry.expires;
    }
  } else if (auto* deleted = std::get_if<OffsetsDeleted>(&*event)) {
    auto group = groups_.find(deleted->group);
    ASSERT(group != groups_.end());
    for (const OffsetsDeleted::Entry& entry : deleted->entries) {
      auto topic = group->second.offsets.find(entry.topic);
      if (topic == group->second.offsets.end()) continue;
      topic->second.erase(entry.partition);
      if (topic->second.empty()) group->second.offsets.erase(topic);
    }
    forget_if_nothing(group->first);
  } else if (auto* gone = std::get_if<GroupDeleted>(&*event)) {
    auto group = groups_.find(gone->group);
    ASSERT(group != groups_.end());
    ASSERT(group->second.members().empty() && group->second.pending.empty());
    groups_.erase(group);
  }
}

Group* GroupMachine::find(std::string_view group) {
  auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

void GroupMachine::forget_if_nothing(const GroupId& id) {
  auto found = groups_.find(id);
  if (found == groups_.end() || !found->second.is_nothing()) return;
  ASSERT(!found->second.join_timer && !found->second.sync_timer);
  groups_.erase(found);
}

}  // namespace millrace

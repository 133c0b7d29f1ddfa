// Retention: offsets nobody has used for long are deleted, and groups of which nothing is left.
//
// Decided by the durable time that comes with the call, recorded as events like everything else.
#include "groups/events.h"
#include "groups/group_machine.h"
#include "groups/monotonic.h"
#include "groups/subscription.h"

namespace millrace {

// One step of the check: a bounded number of groups. The check stays due until all were seen.
void GroupMachine::check_retention(Turn& turn) {
  auto group = groups_.lower_bound(retention_cursor_);
  for (std::size_t seen = 0; seen < limits_.groups_per_retention_step_max; ++seen, ++group) {
    if (group == groups_.end()) break;
    expire_offsets(turn, group->first, group->second);
  }
  if (group == groups_.end()) {
    retention_cursor_.clear();
    retention_due_ = after(turn.context.now, limits_.retention_check_interval);
  } else {
    retention_cursor_ = group->first;
  }
}

// The retention of an empty group counts from when it became empty, of offsets alone (a simple
// consumer's) from their commit. A stable group loses only offsets of topics it no longer reads;
// one that is rebalancing loses nothing. An offset with a time of its own goes by that instead.
void GroupMachine::expire_offsets(Turn& turn, const GroupId& id, const Group& group) {
  bool empty = group.state == GroupState::empty;
  std::optional<TopicNames> subscribed = TopicNames();
  if (group.state == GroupState::stable && !group.offsets.empty()) {
    subscribed = subscribed_topics(group);
  } else if (!empty) {
    return;
  }
  if (!subscribed) return;
  WallMs kept_since = turn.context.time - limits_.offsets_retention.count();
  const bool all_kept = empty && group.committed && group.committed->since > kept_since;
  bool all_expired = true;
  std::vector<TopicPartitions> expired;
  for (const auto& [name, partitions] : group.offsets) {
    TopicPartitions gone{.name = name};
    for (const auto& [partition, committed] : partitions) {
      bool keep = committed.expires ? *committed.expires > turn.context.time
                                    : all_kept || committed.time > kept_since;
      keep = keep || subscribed->contains(name);
      keep ? void(all_expired = false) : gone.partitions.push_back(partition);
    }
    if (!gone.partitions.empty()) expired.push_back(std::move(gone));
  }
  if (empty && all_expired && group.pending.empty() && group.is_durable()) {
    turn.record(group_deleted(id));
  } else if (!expired.empty()) {
    turn.record(offsets_deleted(id, expired));
  }
}

}  // namespace millrace

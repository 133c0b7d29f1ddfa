// Committed offsets: how far a group has read.
#include <limits>

#include "base/assert.h"
#include "groups/events.h"
#include "groups/group_machine.h"
#include "groups/subscription.h"

namespace millrace {
namespace {

OffsetFetchReply::Partition fetched(std::int32_t partition, const CommittedOffset& committed) {
  return {.partition = partition,
          .offset = committed.offset,
          .leader_epoch = committed.leader_epoch,
          .metadata = committed.metadata};
}

OffsetFetchReply fetch_all(const TopicOffsets& offsets) {
  OffsetFetchReply reply;
  for (const auto& [name, partitions] : offsets) {
    OffsetFetchReply::Topic& topic = reply.topics.emplace_back();
    topic.name = name;
    for (const auto& [partition, committed] : partitions) {
      topic.partitions.push_back(fetched(partition, committed));
    }
  }
  return reply;
}

// Also for a retention that is as good as for ever.
std::optional<WallMs> expiry(const OffsetCommit& command, WallMs now) {
  if (!command.retention) return std::nullopt;
  constexpr WallMs kLast(std::numeric_limits<std::int64_t>::max());
  ASSERT(command.retention->count() >= 0 && now.value() >= 0);
  return command.retention->count() > kLast - now ? kLast : now + command.retention->count();
}

}  // namespace

ErrorCode GroupMachine::check_commit(const Group* group, const OffsetCommit& command) const {
  bool has_generation = command.generation.value() >= 0;
  if (!group) {
    if (has_generation) return ErrorCode::group_id_not_found;
    return groups_.size() < limits_.groups_max ? ErrorCode::ok : ErrorCode::policy_violation;
  }
  bool empty = group->state == GroupState::empty;
  if (!has_generation && empty) return ErrorCode::ok;
  if (!has_generation && command.member_id.empty() && !command.instance_id) {
    return ErrorCode::unknown_member_id;  // a simple consumer must not disturb a group at work
  }
  ErrorCode error = group->check_member(command.member_id, command.instance_id);
  if (error != ErrorCode::ok) return error;
  if (command.generation != group->generation) return ErrorCode::illegal_generation;
  if (group->state == GroupState::completing_rebalance) return ErrorCode::rebalance_in_progress;
  return ErrorCode::ok;
}

ErrorCode GroupMachine::check_committed_offset(const OffsetCommit::Partition& partition) const {
  if (partition.partition < 0) return ErrorCode::unknown_topic_or_partition;
  if (partition.metadata.size() > limits_.offset_metadata_bytes_max) {
    return ErrorCode::offset_metadata_too_large;
  }
  return ErrorCode::ok;
}

void GroupMachine::handle(Turn& turn, OffsetCommit& command) {
  auto found = groups_.find(command.group);
  Group* group = found == groups_.end() ? nullptr : &found->second;
  OffsetCommitReply reply{.error = check_commit(group, command)};
  OffsetsCommittedWriter event(command.group);
  const std::optional<WallMs> expires = expiry(command, turn.context.time);
  reply.topics.reserve(command.topics.size());
  for (OffsetCommit::Topic& topic : command.topics) {
    TopicErrors& answers = reply.topics.emplace_back();
    answers.partitions.reserve(topic.partitions.size());
    event.topic(topic.name);
    for (const OffsetCommit::Partition& partition : topic.partitions) {
      ErrorCode error = reply.error;
      if (error == ErrorCode::ok) error = check_committed_offset(partition);
      if (error == ErrorCode::ok) {
        auto epoch = partition.leader_epoch;
        if (epoch && epoch->value() < 0) epoch.reset();
        event.partition(partition.partition, partition.offset, epoch, partition.metadata, expires);
      }
      answers.partitions.push_back({partition.partition, error});
    }
    answers.name = topic.name;
  }
  if (reply.error == ErrorCode::ok && group && !command.member_id.empty()) {
    if (Member* member = group->find(command.member_id))
      extend_session(turn, found->first, *member);
  }
  if (!event.empty()) turn.record(event.take());
  turn.answer(std::move(reply));
}

void GroupMachine::handle(Turn& turn, OffsetFetch& command) {
  static const TopicOffsets kNothing;
  const Group* group = find(command.group);
  const TopicOffsets& offsets = group ? group->offsets : kNothing;
  if (!command.topics) return turn.answer(fetch_all(offsets));
  OffsetFetchReply reply;
  reply.topics.reserve(command.topics->size());
  for (TopicPartitions& asked : *command.topics) {
    auto found = offsets.find(asked.name);
    OffsetFetchReply::Topic& topic = reply.topics.emplace_back();
    topic.name = std::move(asked.name);
    topic.partitions.reserve(asked.partitions.size());
    for (std::int32_t partition : asked.partitions) {
      const CommittedOffset* committed = nullptr;
      if (found != offsets.end()) {
        auto kept = found->second.find(partition);
        if (kept != found->second.end()) committed = &kept->second;
      }
      topic.partitions.push_back(committed ? fetched(partition, *committed)
                                           : OffsetFetchReply::Partition{.partition = partition});
    }
  }
  turn.answer(std::move(reply));
}

void GroupMachine::handle(Turn& turn, OffsetDelete& command) {
  const Group* group = find(command.group);
  if (!group) return turn.answer(OffsetDeleteReply{.error = ErrorCode::group_id_not_found});
  bool is_consumer = group->protocol_type == kConsumerProtocolType;
  if (group->state != GroupState::empty && !is_consumer) {
    return turn.answer(OffsetDeleteReply{.error = ErrorCode::non_empty_group});
  }
  std::optional<TopicNames> subscribed = subscribed_topics(*group);
  OffsetDeleteReply reply;
  std::vector<TopicPartitions> deleted;
  for (const TopicPartitions& asked : command.topics) {
    bool in_use = !subscribed || subscribed->contains(asked.name);
    TopicErrors& answers = reply.topics.emplace_back();
    answers.name = asked.name;
    auto offsets = group->offsets.find(asked.name);
    TopicPartitions gone{.name = asked.name};
    for (std::int32_t partition : asked.partitions) {
      answers.partitions.push_back(
          {partition, in_use ? ErrorCode::group_subscribed_to_topic : ErrorCode::ok});
      if (!in_use && offsets != group->offsets.end() && offsets->second.contains(partition)) {
        gone.partitions.push_back(partition);
      }
    }
    if (!gone.partitions.empty()) deleted.push_back(std::move(gone));
  }
  if (!deleted.empty()) turn.record(offsets_deleted(command.group, deleted));
  turn.answer(std::move(reply));
}

}  // namespace millrace

// OffsetCommit - record how far a group has read.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<OffsetCommitResponse> offset_commit(Context context, OffsetCommitRequest request) {
  constexpr std::int16_t kGroupIdNotFoundFrom = 9;
  OffsetCommitResponse response;
  OffsetCommit command;
  command.group = std::move(request.group_id);
  command.generation = GenerationId(request.generation_id_or_member_epoch);
  command.member_id = std::move(request.member_id);
  command.instance_id = std::move(request.group_instance_id);
  if (request.retention_time_ms >= 0) {
    command.retention = std::chrono::milliseconds(request.retention_time_ms);
  }
  // Where in the response each partition of the command belongs.
  std::vector<OffsetCommitResponse::Partition*> answers;
  response.topics.reserve(request.topics.size());
  for (OffsetCommitRequest::Topic& topic : request.topics) {
    auto info = find_topic(context, topic.name, topic.topic_id);
    OffsetCommitResponse::Topic& out = response.topics.emplace_back();
    out.partitions.reserve(topic.partitions.size());
    OffsetCommit::Topic known;
    for (OffsetCommitRequest::Partition& partition : topic.partitions) {
      out.partitions.push_back({.partition_index = partition.partition_index});
      bool exists = info && partition.partition_index >= 0 &&
                    static_cast<std::size_t>(partition.partition_index) < info->partitions.size();
      if (!exists) {
        out.partitions.back().error_code =
            code_of(info ? ErrorCode::unknown_topic_or_partition : unknown_topic(topic.topic_id));
        continue;
      }
      std::optional<LeaderEpoch> epoch;
      if (partition.committed_leader_epoch >= 0) {
        epoch = LeaderEpoch(partition.committed_leader_epoch);
      }
      known.partitions.push_back({partition.partition_index, Offset(partition.committed_offset),
                                  epoch, std::move(partition.committed_metadata).value_or("")});
      answers.push_back(&out.partitions.back());
    }
    out.topic_id = topic.topic_id;
    if (!known.partitions.empty()) {
      known.name = info->name;
      command.topics.push_back(std::move(known));
    }
    out.name = std::move(topic.name);
  }
  auto reply = co_await call_group<OffsetCommitReply>(&context.broker(), std::move(command));
  if (reply.error == ErrorCode::group_id_not_found && context.version < kGroupIdNotFoundFrom) {
    reply.error = ErrorCode::illegal_generation;
  }
  std::size_t next = 0;
  if (reply.error == ErrorCode::ok) {
    for (const TopicErrors& topic : reply.topics) {
      for (const PartitionError& partition : topic.partitions) {
        answers[next++]->error_code = code_of(partition.error);
      }
    }
    ASSERT(next == answers.size());
  } else {
    for (auto* answer : answers) answer->error_code = code_of(reply.error);
  }
  co_return response;
}

}  // namespace millrace::kafka

// OffsetFetch - how far groups have read: one group before version 8, several from then on.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::int16_t kGroupsFrom = 8;
constexpr std::int16_t kTopicIdsFrom = 10;

template <class Out>
std::vector<Out> to_partitions(std::vector<OffsetFetchReply::Partition>& partitions) {
  std::vector<Out> out;
  for (OffsetFetchReply::Partition& partition : partitions) {
    out.push_back(
        {.partition_index = partition.partition,
         .committed_offset = partition.offset.value(),
         .committed_leader_epoch = partition.leader_epoch.value_or(LeaderEpoch(-1)).value(),
         .metadata = std::move(partition.metadata),
         .error_code = code_of(partition.error)});
  }
  return out;
}

Task<OffsetFetchResponse> fetch_one(Context context, OffsetFetchRequest request) {
  OffsetFetch command;
  command.group = std::move(request.group_id);
  command.require_stable = request.require_stable;
  if (request.topics) {
    command.topics.emplace();
    for (OffsetFetchRequest::Topic& topic : *request.topics) {
      command.topics->push_back({std::move(topic.name), std::move(topic.partition_indexes)});
    }
  }
  auto reply = co_await call_group<OffsetFetchReply>(&context.broker(), std::move(command));
  OffsetFetchResponse response;
  response.error_code = code_of(reply.error);
  for (OffsetFetchReply::Topic& topic : reply.topics) {
    response.topics.push_back(
        {.name = std::move(topic.name),
         .partitions = to_partitions<OffsetFetchResponse::Partition>(topic.partitions)});
  }
  co_return response;
}

// A topic that the request names by an id nobody knows: each of its partitions says so.
OffsetFetchResponse::GroupTopic unknown_id(const OffsetFetchRequest::GroupTopic& topic) {
  OffsetFetchResponse::GroupTopic out;
  out.topic_id = topic.topic_id;
  for (std::int32_t partition : topic.partition_indexes) {
    out.partitions.push_back({.partition_index = partition,
                              .committed_offset = -1,
                              .error_code = code_of(ErrorCode::unknown_topic_id)});
  }
  return out;
}

Task<OffsetFetchResponse::Group> fetch_group(Context context, OffsetFetchRequest::Group group,
                                             bool require_stable) {
  OffsetFetchResponse::Group out;
  out.group_id = group.group_id;
  OffsetFetch command;
  command.group = std::move(group.group_id);
  command.require_stable = require_stable;
  if (group.topics) {
    command.topics.emplace();
    for (OffsetFetchRequest::GroupTopic& topic : *group.topics) {
      if (context.version >= kTopicIdsFrom) {
        auto info = find_topic(context, topic.name, topic.topic_id);
        if (!info) {
          out.topics.push_back(unknown_id(topic));
          continue;
        }
        topic.name = info->name;
      }
      command.topics->push_back({std::move(topic.name), std::move(topic.partition_indexes)});
    }
  }
  auto reply = co_await call_group<OffsetFetchReply>(&context.broker(), std::move(command));
  out.error_code = code_of(reply.error);
  for (OffsetFetchReply::Topic& topic : reply.topics) {
    OffsetFetchResponse::GroupTopic& answer = out.topics.emplace_back();
    if (auto info = context.broker().image().find(topic.name)) answer.topic_id = to_uuid(info->id);
    answer.name = std::move(topic.name);
    answer.partitions = to_partitions<OffsetFetchResponse::GroupTopicPartition>(topic.partitions);
  }
  co_return out;
}

}  // namespace

Task<OffsetFetchResponse> offset_fetch(Context context, OffsetFetchRequest request) {
  if (context.version < kGroupsFrom) {
    co_return co_await fetch_one(std::move(context), std::move(request));
  }
  OffsetFetchResponse response;
  for (OffsetFetchRequest::Group& group : request.groups) {
    auto fetched = co_await fetch_group(context, std::move(group), request.require_stable);
    response.groups.push_back(std::move(fetched));
  }
  co_return response;
}

}  // namespace millrace::kafka

// OffsetDelete - forget what a group committed for partitions that it does not read any more.
#include <algorithm>
#include <iterator>

#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<OffsetDeleteResponse> offset_delete(Context context, OffsetDeleteRequest request) {
  OffsetDelete command;
  command.group = std::move(request.group_id);
  std::vector<OffsetDeleteResponse::Topic> unknown;
  for (OffsetDeleteRequest::Topic& topic : request.topics) {
    auto info = context.broker().image().find(topic.name);
    std::size_t count = info ? info->partitions.size() : 0;
    TopicPartitions known{.name = topic.name, .partitions = {}};
    OffsetDeleteResponse::Topic refused;
    for (const OffsetDeleteRequest::Partition& partition : topic.partitions) {
      std::int32_t index = partition.partition_index;
      if (index >= 0 && static_cast<std::size_t>(index) < count) {
        known.partitions.push_back(index);
      } else {
        refused.partitions.push_back(
            {.partition_index = index,
             .error_code = code_of(ErrorCode::unknown_topic_or_partition)});
      }
    }
    if (!known.partitions.empty()) command.topics.push_back(std::move(known));
    if (refused.partitions.empty()) continue;
    refused.name = std::move(topic.name);
    unknown.push_back(std::move(refused));
  }
  auto reply = co_await call_group<OffsetDeleteReply>(&context.broker(), std::move(command));
  OffsetDeleteResponse response;
  response.error_code = code_of(reply.error);
  if (reply.error != ErrorCode::ok) co_return response;
  response.topics = std::move(unknown);
  for (TopicErrors& topic : reply.topics) {
    // A topic that has unknown partitions too is answered in one piece.
    auto out = std::ranges::find(response.topics, topic.name, &OffsetDeleteResponse::Topic::name);
    if (out == response.topics.end()) {
      response.topics.push_back({.name = topic.name, .partitions = {}});
      out = std::prev(response.topics.end());
    }
    for (const PartitionError& partition : topic.partitions) {
      out->partitions.push_back(
          {.partition_index = partition.partition, .error_code = code_of(partition.error)});
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

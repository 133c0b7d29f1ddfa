// ElectLeaders - there is one broker and it leads every partition, so there is nothing to elect.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

// What to answer for a partition; never ok.
Error outcome(const TopicInfo* topic, std::int32_t partition) {
  bool exists =
      topic && partition >= 0 && static_cast<std::size_t>(partition) < topic->partitions.size();
  return exists ? ErrorCode::election_not_needed : ErrorCode::unknown_topic_or_partition;
}

}  // namespace

Task<ElectLeadersResponse> elect_leaders(Context context, ElectLeadersRequest request) {
  constexpr std::int8_t kPreferred = 0;
  constexpr std::int8_t kUnclean = 1;
  ElectLeadersResponse response;
  if (request.election_type != kPreferred && request.election_type != kUnclean) {
    response.error_code = code_of(ErrorCode::invalid_request);
    co_return response;
  }
  // All partitions: only those that need an election are answered, so none.
  if (!request.topic_partitions) co_return response;
  for (ElectLeadersRequest::Topic& topic : *request.topic_partitions) {
    auto info = context.broker().image().find(topic.topic);
    ElectLeadersResponse::Topic& out = response.replica_election_results.emplace_back();
    out.topic = std::move(topic.topic);
    for (std::int32_t partition : topic.partitions) {
      Error error = outcome(info.get(), partition);
      out.partition_result.push_back({.partition_id = partition,
                                      .error_code = code_of(error),
                                      .error_message = text_of(error)});
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

// ListOffsets - the first, the next, or the offset at a time.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

// Timestamps with a meaning of their own.
constexpr std::int64_t kLatest = -1;
constexpr std::int64_t kEarliest = -2;
constexpr std::int64_t kNewestTimestamp = -3;
constexpr std::int64_t kEarliestLocal = -4;
constexpr std::int64_t kLatestTiered = -5;  // nothing is tiered: answered with -1

TimeQuery query_of(std::int64_t timestamp) {
  using Kind = TimeQuery::Kind;
  switch (timestamp) {
    case kLatest:
      return {Kind::latest};
    case kEarliest:
    case kEarliestLocal:
      return {Kind::earliest};
    case kNewestTimestamp:
      return {Kind::newest_timestamp};
    default:
      return {Kind::at_time, WallMs(timestamp)};
  }
}

}  // namespace

Task<ListOffsetsResponse> list_offsets(Context context, ListOffsetsRequest request) {
  ListOffsetsResponse response;
  for (ListOffsetsRequest::Topic& topic : request.topics) {
    auto info = context.broker().image().find(topic.name);
    ListOffsetsResponse::Topic& out = response.topics.emplace_back();
    out.name = std::move(topic.name);
    for (const ListOffsetsRequest::Partition& wanted : topic.partitions) {
      ListOffsetsResponse::Partition answer;
      answer.partition_index = wanted.partition_index;
      if (wanted.timestamp < kLatestTiered) {
        answer.error_code = code_of(ErrorCode::unsupported_version);
      } else if (wanted.timestamp != kLatestTiered) {
        auto position = co_await context.broker().find_position(
            info, wanted.partition_index, LeaderEpoch(wanted.current_leader_epoch),
            query_of(wanted.timestamp));
        if (position) {
          answer.offset = position->offset.value();
          answer.timestamp = position->timestamp.value();
          answer.leader_epoch = position->epoch.value();
        } else {
          answer.error_code = code_of(position.error());
        }
      }
      response.topics.back().partitions.push_back(answer);
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

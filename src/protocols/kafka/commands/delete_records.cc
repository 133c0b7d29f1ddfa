// DeleteRecords - the start of partitions moves forward; what is below it is gone.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

Task<Result<Offset>> delete_before(BrokerCore* broker, std::shared_ptr<const TopicInfo> topic,
                                   DeleteRecordsRequest::Partition wanted) {
  constexpr std::int64_t kHighWatermark = -1;
  std::int32_t index = wanted.partition_index;
  if (!topic || index < 0 || static_cast<std::size_t>(index) >= topic->partitions.size()) {
    co_return fail(ErrorCode::unknown_topic_or_partition);
  }
  if (wanted.offset < kHighWatermark) co_return fail(ErrorCode::offset_out_of_range);
  co_return co_await broker->delete_records(std::move(topic), index, Offset(wanted.offset));
}

}  // namespace

Task<DeleteRecordsResponse> delete_records(Context context, DeleteRecordsRequest request) {
  constexpr std::int64_t kNoLowWatermark = -1;
  BrokerCore& broker = context.broker();
  // All at once: their changes share a flush.
  std::vector<Future<Result<Offset>>> deletions;
  for (const DeleteRecordsRequest::Topic& topic : request.topics) {
    auto info = broker.image().find(topic.name);
    for (const DeleteRecordsRequest::Partition& wanted : topic.partitions) {
      deletions.push_back(
          start_on(broker.core(), broker.core(), delete_before(&broker, info, wanted)));
    }
  }
  DeleteRecordsResponse response;
  std::size_t next = 0;
  for (DeleteRecordsRequest::Topic& topic : request.topics) {
    DeleteRecordsResponse::Topic out;
    out.name = std::move(topic.name);
    for (const DeleteRecordsRequest::Partition& wanted : topic.partitions) {
      auto start = co_await deletions[next++];
      DeleteRecordsResponse::Partition& answer = out.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      answer.low_watermark = start ? start->value() : kNoLowWatermark;
      if (!start) answer.error_code = code_of(start.error());
    }
    response.topics.push_back(std::move(out));
  }
  co_return response;
}

}  // namespace millrace::kafka

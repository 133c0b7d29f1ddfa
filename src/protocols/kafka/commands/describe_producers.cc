// DescribeProducers - the idempotent producers whose sequences a partition remembers.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

DescribeProducersResponse::Partition describe(std::int32_t index,
                                              const std::vector<PartitionSummary>& partitions) {
  DescribeProducersResponse::Partition out;
  out.partition_index = index;
  Error error = ErrorCode::unknown_topic_or_partition;
  auto at = static_cast<std::size_t>(index);
  if (index >= 0 && at < partitions.size()) error = partitions[at].error;
  out.error_code = code_of(error);
  out.error_message = text_of(error);
  if (error.code != ErrorCode::ok) return out;
  constexpr std::int32_t kNoTransaction = -1;
  for (const PartitionSummary::Producer& producer : partitions[at].producers) {
    out.active_producers.push_back({.producer_id = producer.id.value(),
                                    .producer_epoch = producer.epoch,
                                    .last_sequence = producer.last_sequence,
                                    .last_timestamp = producer.last_timestamp.value(),
                                    .coordinator_epoch = kNoTransaction,
                                    .current_txn_start_offset = kNoTransaction});
  }
  return out;
}

}  // namespace

Task<DescribeProducersResponse> describe_producers(Context context,
                                                   DescribeProducersRequest request) {
  DescribeProducersResponse response;
  for (DescribeProducersRequest::Topic& topic : request.topics) {
    std::vector<PartitionSummary> partitions;
    if (auto info = context.broker().image().find(topic.name)) {
      partitions = co_await context.broker().describe_partitions(std::move(info));
    }
    DescribeProducersResponse::Topic& out = response.topics.emplace_back();
    out.name = std::move(topic.name);
    for (std::int32_t index : topic.partition_indexes) {
      out.partitions.push_back(describe(index, partitions));
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

// Fetch - read record batches, waiting for new ones.
//
// Fetch sessions (KIP-227) are not kept: every answer says session 0, which tells the client to
// name all of its partitions each time.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::int8_t kReadCommitted = 1;
constexpr std::size_t kFetchBytesMax = 55 << 20;  // Kafka's fetch.max.bytes of a broker

FetchResponse::Partition answer(const FetchRequest::Partition& wanted, FetchResult result,
                                bool read_committed) {
  FetchResponse::Partition out;
  out.partition_index = wanted.partition;
  out.error_code = code_of(result.error);
  out.high_watermark = result.high_watermark.value();
  // Without transactions everything below the high watermark is stable.
  out.last_stable_offset = result.high_watermark.value();
  out.log_start_offset = result.log_start.value();
  if (!read_committed) out.aborted_transactions = std::nullopt;
  out.records = std::move(result.batches);
  return out;
}

}  // namespace

Task<FetchResponse> fetch(Context context, FetchRequest request) {
  FetchResponse response;
  bool is_replica = request.replica_id >= 0 || request.replica_state.replica_id >= 0;
  if (request.session_id != 0 || is_replica) {
    response.error_code =
        code_of(is_replica ? ErrorCode::invalid_request : ErrorCode::fetch_session_not_found);
    co_return response;
  }
  FetchCommand command;
  command.bytes_min = static_cast<std::size_t>(std::max(request.min_bytes, 0));
  command.bytes_max = std::min<std::size_t>(
      static_cast<std::size_t>(std::max(request.max_bytes, 0)), kFetchBytesMax);
  command.wait_max = std::chrono::milliseconds(std::max(request.max_wait_ms, 0));
  for (const FetchRequest::Topic& topic : request.topics) {
    auto info = find_topic(context, topic.topic, topic.topic_id);
    for (const FetchRequest::Partition& partition : topic.partitions) {
      FetchItem item;
      item.topic = info;
      item.partition = partition.partition;
      item.from = Offset(partition.fetch_offset);
      item.current_epoch = LeaderEpoch(partition.current_leader_epoch);
      item.bytes_max = static_cast<std::size_t>(std::max(partition.partition_max_bytes, 0));
      command.items.push_back(std::move(item));
    }
  }
  auto results = co_await context.broker().fetch(std::move(command));
  std::size_t next = 0;
  for (FetchRequest::Topic& topic : request.topics) {
    FetchResponse::Topic& out = response.responses.emplace_back();
    bool known = find_topic(context, topic.topic, topic.topic_id) != nullptr;
    for (const FetchRequest::Partition& wanted : topic.partitions) {
      FetchResult& result = results[next++];
      if (!known) result.error = unknown_topic(topic.topic_id);
      out.partitions.push_back(
          answer(wanted, std::move(result), request.isolation_level == kReadCommitted));
    }
    out.topic = std::move(topic.topic);
    out.topic_id = topic.topic_id;
  }
  co_return response;
}

}  // namespace millrace::kafka

// Produce - append record batches; the answer keeps the promise of its acks.
//
// Kafka answers per partition: one bad partition must not fail the others.
#include <fmt/format.h>

#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

std::optional<AckLevel> level_of(std::int16_t acks) {
  switch (acks) {
    case -1:
      return AckLevel::durable;
    case 0:
      return AckLevel::none;
    case 1:
      return AckLevel::written;
    default:
      return std::nullopt;
  }
}

}  // namespace

Task<ProduceResponse> produce(Context context, ProduceRequest request) {
  std::optional<AckLevel> level = level_of(request.acks);
  Error refused;
  if (!level) {
    refused = Error(ErrorCode::invalid_required_acks,
                    fmt::format("acks is {}, it must be -1, 0 or 1", request.acks));
  } else if (request.transactional_id) {
    refused = ErrorCode::transactions_unsupported;
  }
  ProduceResponse response;
  std::vector<ProduceItem> items;
  for (ProduceRequest::Topic& topic : request.topic_data) {
    auto info = find_topic(context, topic.name, topic.topic_id);
    ProduceResponse::Topic& out = response.responses.emplace_back();
    for (ProduceRequest::Partition& partition : topic.partition_data) {
      out.partition_responses.push_back({.index = partition.index, .base_offset = -1});
      if (refused.code != ErrorCode::ok) continue;
      items.push_back({info, partition.index, std::move(partition.records).value_or(Bytes{})});
    }
    out.name = std::move(topic.name);
    out.topic_id = topic.topic_id;
  }
  std::vector<ProduceResult> results;
  if (refused.code == ErrorCode::ok) {
    results = co_await context.broker().produce(std::move(items), *level,
                                                std::chrono::milliseconds(request.timeout_ms));
  }
  std::size_t next = 0;
  for (ProduceResponse::Topic& topic : response.responses) {
    for (ProduceResponse::Partition& out : topic.partition_responses) {
      Error error = refused;
      if (refused.code == ErrorCode::ok) {
        ProduceResult& result = results[next++];
        error = std::move(result.error);
        if (error.code == ErrorCode::unknown_topic_or_partition &&
            !find_topic(context, topic.name, topic.topic_id)) {
          error.code = unknown_topic(topic.topic_id);
        }
        out.base_offset = error.code == ErrorCode::ok ? result.base_offset.value() : -1;
        out.log_append_time_ms = result.log_append_time.value();
        out.log_start_offset = result.log_start.value();
      }
      out.error_code = code_of(error);
      out.error_message = text_of(error);
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

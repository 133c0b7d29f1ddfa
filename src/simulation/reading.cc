#include "simulation/reading.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"
#include "record/batch.h"

namespace millrace::simulation {

kafka::FetchRequest fetch_request(const TopicFacts& topic, std::int32_t partition,
                                  std::int64_t offset, std::int32_t wait_ms,
                                  std::int32_t bytes_max) {
  auto id = kafka::parse_uuid(topic.id);
  ASSERT(id.has_value());
  kafka::FetchRequest request;
  request.max_wait_ms = wait_ms;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  kafka::FetchRequest::Topic& wanted = request.topics.emplace_back();
  wanted.topic_id = *id;
  wanted.partitions.push_back(
      {.partition = partition, .fetch_offset = offset, .partition_max_bytes = bytes_max});
  return request;
}

ReadRecords read_records(Ledger& ledger, const TopicFacts& topic, std::int32_t partition,
                         std::int64_t offset, const kafka::FetchResponse::Partition& answer) {
  ReadRecords read;
  const Bytes batches = answer.records.value_or(ByteChain{}).flatten();
  for (ByteView rest = batches.view(); !rest.empty();) {
    auto header = read_batch_header(rest);
    if (!header || !checksum_matches(rest.first(header->size))) {
      read.damaged = true;
      return read;
    }
    RecordReader reader(rest.first(header->size), BatchLimits{});
    while (auto record = reader.next()) {
      const std::int64_t next = offset + static_cast<std::int64_t>(read.values.size());
      if (record->offset.value() < offset) continue;  // before what was asked for
      if (record->offset.value() != next) {
        ledger.fault(fmt::format("{}/{}: offset {} comes where {} should", topic.name, partition,
                                 record->offset.value(), next));
        return read;
      }
      read.values.emplace_back(as_text(record->value.value_or(ByteView{})));
    }
    rest = rest.subspan(header->size);
  }
  return read;
}

Task<std::optional<std::int64_t>> log_start(Ledger* ledger, Client* client, std::string topic,
                                            std::int32_t partition) {
  constexpr std::int64_t kEarliest = -2;
  kafka::ListOffsetsRequest request;
  request.replica_id = -1;
  kafka::ListOffsetsRequest::Topic& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.partitions.push_back({.partition_index = partition, .timestamp = kEarliest});
  auto response = co_await client->call<kafka::ListOffsetsResponse>(std::move(request), 7);
  if (!response) co_return std::nullopt;
  const auto& answer = response->topics.at(0).partitions.at(0);
  if (answer.error_code == 0) co_return answer.offset;
  if (!is_trouble(answer.error_code)) {
    ledger->fault(fmt::format("where {}/{} begins: error {}", topic, partition, answer.error_code));
  }
  co_return std::nullopt;
}

}  // namespace millrace::simulation

#include "generator/filler.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace {
namespace {

constexpr std::size_t kProducers = 8;
constexpr std::size_t kBatchBytes = 1'000'000;  // below max.message.bytes
constexpr std::size_t kRecordOverhead = 100;    // more than the headers of a batch and its record
// In one request: so much that it goes straight to a segment, and a few of them fit in a group.
constexpr std::size_t kRequestBytes = 4 * kBatchBytes;
constexpr int kAtOnce = 8;

}  // namespace

Filler::Filler(Broker& broker, FillOptions options)
    : home_(broker.core(CoreId(0))), options_(std::move(options)) {}

std::string Filler::last_value(const std::string& topic, std::int32_t partition, int record) {
  return fmt::format("{} {} last {}", topic, partition, record);
}

Task<Result<void>> Filler::run() {
  auto made = co_await make_topics();
  if (made) made = co_await make_producers();
  if (!made) co_return made;
  std::vector<Future<Result<void>>> under_way;
  for (int i = 0; i < kAtOnce; ++i) {
    under_way.push_back(start_on(home_.core(), home_.core(), fill_next()));
  }
  Result<void> outcome;
  for (auto& one : under_way) {
    auto filled = co_await one;
    if (!filled) outcome = filled;
  }
  co_return outcome;
}

Task<Result<void>> Filler::make_topics() {
  std::vector<CreateTopic> commands;
  for (std::int32_t i = 0; i < options_.topics; ++i) {
    CreateTopic& command = commands.emplace_back();
    command.name = options_.topics == 1 ? options_.name : fmt::format("{}-{}", options_.name, i);
    command.partitions = options_.partitions;
    if (options_.segment_bytes > 0) {
      command.config["segment.bytes"] = std::to_string(options_.segment_bytes);
    }
  }
  auto replies = co_await home_.create_topics(std::move(commands));
  for (TopicReply& reply : replies) {
    if (reply.error) co_return std::unexpected(*reply.error);
    topics_.push_back(std::move(reply.topic));
  }
  co_return Result<void>{};
}

Task<Result<void>> Filler::make_producers() {
  while (producers_.size() < kProducers) {
    auto id = co_await home_.new_producer_id();
    if (!id) co_return std::unexpected(id.error());
    producers_.push_back(*id);
  }
  co_return Result<void>{};
}

// One partition after the other, while there are any.
Task<Result<void>> Filler::fill_next() {
  while (next_ < std::int64_t{options_.topics} * options_.partitions) {
    std::int64_t number = next_++;
    Topic topic = topics_[static_cast<std::size_t>(number / options_.partitions)];
    auto filled =
        co_await fill(std::move(topic), static_cast<std::int32_t>(number % options_.partitions));
    if (!filled) co_return filled;
  }
  co_return Result<void>{};
}

Task<Result<void>> Filler::fill(Topic topic, std::int32_t partition) {
  std::uint64_t request_bytes = kRequestBytes;
  if (options_.segment_bytes > 0) request_bytes = std::min(request_bytes, options_.segment_bytes);
  std::uint64_t left = options_.partition_bytes;
  std::vector<ProduceItem> items;
  std::size_t bytes = 0;
  for (std::size_t number = 0; left > 2 * kRecordOverhead; ++number) {
    std::size_t size = std::min<std::uint64_t>(left, kBatchBytes);
    left -= size;
    if (!items.empty() && bytes + size > request_bytes) {
      auto done = co_await produce(std::exchange(items, {}));
      if (!done) co_return done;
      bytes = 0;
    }
    // A producer comes again with its next record: they take turns.
    std::size_t producer = (static_cast<std::size_t>(partition) + number) % kProducers;
    Bytes batch = zero_batch(size, producer, static_cast<std::int32_t>(number / kProducers));
    items.push_back({topic, partition, std::move(batch)});
    bytes += size;
  }
  if (!items.empty()) {
    auto done = co_await produce(std::move(items));
    if (!done) co_return done;
  }
  std::vector<ProduceItem> last;
  last.push_back({topic, partition, last_batch(*topic, partition)});
  co_return co_await produce(std::move(last));
}

Task<Result<void>> Filler::produce(std::vector<ProduceItem> items) {
  std::size_t bytes = 0;
  for (const ProduceItem& item : items) bytes += item.records.size();
  if (!home_.has_room(bytes)) co_await home_.room(bytes);
  auto results = co_await home_.produce(std::move(items), AckLevel::durable);
  for (const ProduceResult& result : results) {
    if (result.error.code != ErrorCode::ok) co_return std::unexpected(result.error);
  }
  co_return Result<void>{};
}

Bytes Filler::zero_batch(std::size_t size, std::size_t producer, std::int32_t sequence) {
  Bytes& made = made_[{size, producer, sequence}];
  if (made.empty()) {
    std::vector<std::uint8_t> value(size - kRecordOverhead);
    BatchBuilder builder;
    builder.producer(producers_[producer], ProducerEpoch(0), sequence);
    builder.add(home_.broker_time(), std::nullopt, ByteView(value));
    made = builder.build();
  }
  return Bytes::copy_of(made.view());  // the broker writes offset and epoch into it
}

Bytes Filler::last_batch(const TopicInfo& topic, std::int32_t partition) const {
  BatchBuilder builder;
  for (int i = 0; i < kLastRecords; ++i) {
    std::string value = last_value(topic.name, partition, i);
    builder.add(home_.broker_time(), std::nullopt, as_bytes(value));
  }
  return builder.build();
}

}  // namespace millrace

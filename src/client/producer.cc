#include "client/producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/assert.h"
#include "client/partitioner.h"
#include "client/producer_state.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/init_producer_id.h"

namespace millrace::client {
namespace {

// How long one wait for answers takes at most: then time-outs are looked at.
constexpr Milliseconds kWaitStep{100};

WallMs now_ms() {
  using std::chrono::system_clock;
  const auto since = system_clock::now().time_since_epoch();
  return WallMs(std::chrono::duration_cast<Milliseconds>(since).count());
}

std::size_t size_of(const NewRecord& record) {
  std::size_t size = 0;
  if (record.key) size += record.key->size();
  if (record.value) size += record.value->size();
  for (const RecordHeader& header : record.headers)
    size += header.key.size() + (header.value ? header.value->size() : 0);
  return size;
}

}  // namespace

Producer::Producer(Client& client, ProducerOptions options, OnAcknowledged on_acknowledged)
    : client_(client),
      options_(options),
      on_acknowledged_(std::move(on_acknowledged)),
      sticky_(std::random_device{}()) {}

Producer::~Producer() = default;

Result<void> Producer::open(const Topic& topic) {
  ASSERT(!topic.partitions.empty());
  topic_ = topic;
  partitions_.resize(topic.partitions.size());
  if (options_.acks == -1 && options_.idempotent) TRY(new_identity());
  last_progress_ = Clock::now();
  return refresh_leaders();
}

Result<void> Producer::new_identity() {
  kafka::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = 60'000;
  constexpr std::int16_t kWithoutTwoPhases = 5;
  const Deadline deadline(client_.options().timeout);
  for (;;) {
    auto response = client_.call<kafka::InitProducerIdResponse>(request, kWithoutTwoPhases);
    if (!response) return std::unexpected(response.error());
    if (is_retriable(response->error_code) && !deadline.passed()) continue;
    TRY(check(response->error_code));
    producer_id_ = response->producer_id;
    producer_epoch_ = response->producer_epoch;
    return {};
  }
}

std::int32_t Producer::choose_partition(const NewRecord& record) {
  const auto count = static_cast<std::int32_t>(partitions_.size());
  if (record.partition) return *record.partition;
  if (record.key) return partition_of_key(*record.key, count);
  return static_cast<std::int32_t>(sticky_ % static_cast<std::uint32_t>(count));
}

Result<void> Producer::add(const NewRecord& record) {
  if (record.partition) TRY(topic_.check_partition(*record.partition));
  if (unacknowledged_ == 0) last_progress_ = Clock::now();
  if (unanswered_bytes_ > options_.unanswered_bytes_max)
    for (PartitionState& partition : partitions_) seal(partition);
  while (unanswered_bytes_ > options_.unanswered_bytes_max) TRY(pump(kWaitStep));
  const std::int32_t index = choose_partition(record);
  PartitionState& partition = partitions_[static_cast<std::size_t>(index)];
  // A large record goes alone: with others the batch might be more than the topic takes.
  if (partition.open && partition.open->records_size() + size_of(record) > options_.batch_bytes) {
    seal(partition);
    TRY(pump({}));
  }
  if (!partition.open) {
    partition.open.emplace();
    partition.opened = Clock::now();
  }
  const std::size_t before = partition.open->records_size();
  partition.open->add(now_ms(), record.key, record.value, record.headers);
  partition.begun.push_back(record.begun);
  unanswered_bytes_ += partition.open->records_size() - before;
  ++unacknowledged_;
  if (partition.open->records_size() < options_.batch_bytes) return {};
  seal(partition);
  return pump({});
}

// The batch's size in unanswered_bytes_ turns from that of its records into that of its bytes.
void Producer::seal(PartitionState& partition) {
  if (!partition.open) return;
  BatchBuilder& builder = *partition.open;
  const auto index = static_cast<std::int32_t>(&partition - partitions_.data());
  auto batch = std::make_unique<Batch>();
  batch->partition = index;
  batch->records = builder.record_count();
  builder.compression(options_.compression);
  if (producer_id_ >= 0) {
    builder.producer(ProducerId(producer_id_), ProducerEpoch(producer_epoch_),
                     partition.next_sequence);
    const auto next = static_cast<std::uint32_t>(partition.next_sequence) +
                      static_cast<std::uint32_t>(batch->records);
    partition.next_sequence = static_cast<std::int32_t>(next & 0x7fffffff);
  }
  batch->bytes = builder.build();
  batch->begun = std::move(partition.begun);
  unanswered_bytes_ -= builder.records_size();
  unanswered_bytes_ += batch->bytes.size();
  partition.begun.clear();
  partition.open.reset();
  partition.ready.push_back(std::move(batch));
  const auto count = static_cast<std::uint32_t>(partitions_.size());
  if (index == static_cast<std::int32_t>(sticky_ % count)) ++sticky_;
}

// Not while its leader has all the requests it may have: a batch that could not leave goes on
// filling, so that a slow answer makes larger batches and not a queue of small ones.
bool Producer::may_leave(const PartitionState& partition) const {
  return partition.open && partition.ready.empty() &&
         lanes_[partition.lane]->flights.size() < options_.in_flight_max;
}

void Producer::seal_due(Clock::time_point now) {
  for (PartitionState& partition : partitions_)
    if (may_leave(partition) && now - partition.opened >= options_.linger) seal(partition);
}

std::optional<Clock::time_point> Producer::next_due() const {
  std::optional<Clock::time_point> due;
  for (const PartitionState& partition : partitions_) {
    if (!may_leave(partition)) continue;
    const auto at = partition.opened + options_.linger;
    if (!due || at < *due) due = at;
  }
  return due;
}

Result<void> Producer::poll() {
  seal_due(Clock::now());
  return pump({});
}

Result<void> Producer::poll_until(Clock::time_point until) {
  for (;;) {
    const auto now = Clock::now();
    seal_due(now);
    const auto wake = std::min(until, next_due().value_or(until));
    TRY(pump(std::clamp(wake - now, Clock::duration{}, Clock::duration{kWaitStep})));
    if (Clock::now() >= until) return {};
  }
}

Result<void> Producer::flush() {
  for (PartitionState& partition : partitions_) seal(partition);
  while (unacknowledged_ > 0) TRY(pump(kWaitStep));
  return {};
}

void Producer::acknowledge(const Batch& batch, std::int64_t base_offset) {
  unacknowledged_ -= batch.records;
  unanswered_bytes_ -= batch.bytes.size();
  last_progress_ = Clock::now();
  on_acknowledged_({.partition = batch.partition,
                    .base_offset = base_offset,
                    .records = batch.records,
                    .bytes = batch.bytes.size(),
                    .begun = batch.begun});
}

}  // namespace millrace::client

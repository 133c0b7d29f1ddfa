#include "topics/producer_table.h"

#include <algorithm>
#include <limits>

#include "base/fields.h"
#include "base/rare.h"

namespace millrace {
namespace {

std::int32_t next_sequence(std::int32_t sequence) {
  return sequence == std::numeric_limits<std::int32_t>::max() ? 0 : sequence + 1;
}

}  // namespace

ProducerTable::Verdict ProducerTable::check(const BatchHeader& batch) const {
  using Kind = Verdict::Kind;
  auto found = producers_.find(batch.producer_id);
  // Nothing known: a new producer, or one whose state was let go. Any sequence begins it (KIP-360).
  if (found == producers_.end()) return {};
  const Producer& producer = found->second;
  if (batch.producer_epoch < producer.epoch) {
    RARE("a fenced producer writes");
    return {Kind::refuse, {}, {}, ErrorCode::invalid_producer_epoch};
  }
  if (batch.producer_epoch > producer.epoch) {
    if (batch.base_sequence == 0) return {};
    RARE("a new epoch of a producer does not begin at 0");
    return {Kind::refuse, {}, {}, ErrorCode::out_of_order_sequence_number};
  }
  for (const Written& written : producer.batches) {
    if (written.epoch == producer.epoch && written.first_sequence == batch.base_sequence &&
        written.last_sequence == batch.last_sequence()) {
      return {Kind::duplicate, written.base, written.last + 1, ErrorCode::ok};
    }
  }
  if (producer.batches.empty() ||
      batch.base_sequence == next_sequence(producer.batches.back().last_sequence)) {
    return {};
  }
  return {Kind::refuse, {}, {}, ErrorCode::out_of_order_sequence_number};
}

bool ProducerTable::is_ahead(const BatchHeader& batch) const {
  auto found = producers_.find(batch.producer_id);
  if (found == producers_.end() || found->second.batches.empty()) return true;
  // Sequences begin again at 0 after the largest: what is less than half the way round is ahead.
  auto last = static_cast<std::uint32_t>(found->second.batches.back().last_sequence);
  auto distance = (static_cast<std::uint32_t>(batch.base_sequence) - last) & 0x7fff'ffffU;
  return distance != 0 && distance < 0x4000'0000U;
}

std::vector<ProducerTable::Summary> ProducerTable::list() const {
  std::vector<Summary> all;
  all.reserve(producers_.size());
  for (const auto& [id, producer] : producers_) {
    std::int32_t last = producer.batches.empty() ? -1 : producer.batches.back().last_sequence;
    all.push_back({id, producer.epoch, last, producer.last_timestamp});
  }
  return all;
}

void ProducerTable::apply(const BatchHeader& batch, Offset durable_end) {
  auto found = producers_.find(batch.producer_id);
  if (found == producers_.end()) {
    make_room();
    found = producers_.emplace(batch.producer_id, Producer{batch.producer_epoch, {}, {}}).first;
  }
  Producer& producer = found->second;
  if (!producer.batches.empty() && producer.batches.back().last >= batch.base_offset) return;
  // Batches of an older epoch stay until one of the new epoch is durable: after a crash they may be
  // all there is.
  producer.epoch = batch.producer_epoch;
  producer.last_timestamp = std::max(producer.last_timestamp, batch.max_timestamp);
  producer.batches.push_back({batch.base_sequence, batch.last_sequence(), batch.base_offset,
                              batch.last_offset(), batch.producer_epoch});
  // The five newest durable ones stay whatever is in flight behind them: after a crash only they
  // are left.
  while (producer.batches.size() > kBatchesKept &&
         producer.batches[kBatchesKept].last < durable_end) {
    producer.batches.erase(producer.batches.begin());
  }
  auto newest_durable =
      std::find_if(producer.batches.rbegin(), producer.batches.rend(),
                   [durable_end](const Written& written) { return written.last < durable_end; });
  if (newest_durable == producer.batches.rend()) return;
  ProducerEpoch durable_epoch = newest_durable->epoch;
  std::erase_if(producer.batches,
                [durable_epoch](const Written& written) { return written.epoch < durable_epoch; });
}

void ProducerTable::make_room() {
  if (producers_.size() < kProducersMax) return;
  RARE("a producer is forgotten to make room");
  auto oldest = std::ranges::min_element(
      producers_, {}, [](const auto& entry) { return entry.second.last_timestamp; });
  producers_.erase(oldest);
}

std::vector<std::uint8_t> ProducerTable::encode(Offset durable_end) const {
  FieldWriter out;
  for (const auto& [id, producer] : producers_) {
    auto newest_durable =
        std::find_if(producer.batches.rbegin(), producer.batches.rend(),
                     [durable_end](const Written& written) { return written.last < durable_end; });
    if (newest_durable == producer.batches.rend()) continue;
    ProducerEpoch epoch = newest_durable->epoch;
    FieldWriter message;
    message.put_signed(1, id.value());
    message.put_signed(2, epoch.value());
    message.put_signed(3, producer.last_timestamp.value());
    for (const Written& written : producer.batches) {
      if (written.last >= durable_end || written.epoch != epoch) continue;
      FieldWriter batch;
      batch.put_signed(1, written.first_sequence);
      batch.put_signed(2, written.last_sequence);
      batch.put_signed(3, written.base.value());
      batch.put_signed(4, written.last.value());
      message.put_message(4, batch);
    }
    out.put_message(1, message);
  }
  return out.take();
}

bool ProducerTable::decode(ByteView bytes) {
  FieldReader reader(bytes);
  while (auto entry = reader.next()) {
    ProducerId id;
    Producer producer;
    FieldReader fields(entry->bytes);
    while (auto field = fields.next()) {
      switch (field->number) {
        case 1:
          id = ProducerId(field->as_signed());
          break;
        case 2:
          producer.epoch = ProducerEpoch(static_cast<std::int16_t>(field->as_signed()));
          break;
        case 3:
          producer.last_timestamp = WallMs(field->as_signed());
          break;
        case 4: {
          std::int64_t numbers[5] = {};
          FieldReader batch(field->bytes);
          while (auto number = batch.next()) {
            if (number->number < std::size(numbers)) numbers[number->number] = number->as_signed();
          }
          if (!batch.ok()) return false;
          producer.batches.push_back({static_cast<std::int32_t>(numbers[1]),
                                      static_cast<std::int32_t>(numbers[2]), Offset(numbers[3]),
                                      Offset(numbers[4]), producer.epoch});
          break;
        }
      }
    }
    if (!fields.ok()) return false;
    producers_[id] = std::move(producer);
  }
  return reader.ok();
}

}  // namespace millrace

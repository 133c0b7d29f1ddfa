#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "record/batch.h"
#include "record/batch_layout.h"
#include "record/crc32c.h"
#include "record/endian.h"
#include "record/varint.h"

namespace millrace {

using namespace batch_layout;

namespace {

// Nothing here comes near it; the format's lengths are int32.
constexpr std::size_t kRecordsSizeMax = std::numeric_limits<std::int32_t>::max() / 2;

std::size_t run_size(const std::optional<ByteView>& run) {
  return run ? varint_size(static_cast<std::int32_t>(run->size())) + run->size()
             : varint_size(std::int32_t{-1});
}

void append_run(std::vector<std::uint8_t>& to, const std::optional<ByteView>& run) {
  append_varint(to, run ? static_cast<std::int32_t>(run->size()) : -1);
  if (run) to.insert(to.end(), run->begin(), run->end());
}

std::optional<ByteView> value_of(const RecordHeader& header) {
  if (!header.value) return std::nullopt;
  return as_bytes(*header.value);
}

}  // namespace

BatchBuilder& BatchBuilder::compression(Compression compression) {
  compression_ = compression;
  return *this;
}

BatchBuilder& BatchBuilder::producer(ProducerId id, ProducerEpoch epoch,
                                     std::int32_t base_sequence) {
  producer_id_ = id;
  producer_epoch_ = epoch;
  base_sequence_ = base_sequence;
  return *this;
}

BatchBuilder& BatchBuilder::base_offset(Offset base_offset) {
  base_offset_ = base_offset;
  return *this;
}

BatchBuilder& BatchBuilder::control(bool control) {
  control_ = control;
  return *this;
}

BatchBuilder& BatchBuilder::transactional(bool transactional) {
  transactional_ = transactional;
  return *this;
}

void BatchBuilder::add(WallMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
                       std::vector<RecordHeader> headers) {
  if (record_count_ == 0) base_timestamp_ = max_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  // Times may come from clients: a difference that leaves int64 wraps, and the reader wraps it
  // back.
  const auto timestamp_delta =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp.value()) -
                                static_cast<std::uint64_t>(base_timestamp_.value()));
  const auto header_count = static_cast<std::int32_t>(headers.size());

  std::size_t size = 1 + varint_size(timestamp_delta) + varint_size(record_count_) + run_size(key) +
                     run_size(value) + varint_size(header_count);
  for (const RecordHeader& header : headers)
    size += run_size(as_bytes(header.key)) + run_size(value_of(header));
  ASSERT(size <= kRecordsSizeMax && records_.size() <= kRecordsSizeMax - size);

  append_varint(records_, static_cast<std::int32_t>(size));
  const std::size_t start = records_.size();
  records_.push_back(0);  // attributes, unused
  append_varlong(records_, timestamp_delta);
  append_varint(records_, record_count_);
  append_run(records_, key);
  append_run(records_, value);
  append_varint(records_, header_count);
  for (const RecordHeader& header : headers) {
    append_run(records_, as_bytes(header.key));
    append_run(records_, value_of(header));
  }
  ASSERT(records_.size() - start == size);
  ++record_count_;
}

Bytes BatchBuilder::build() const {
  ASSERT(record_count_ > 0);
  std::vector<std::uint8_t> compressed;
  ByteView records = records_;
  if (compression_ != Compression::none) {
    compressed = compress(compression_, records_);
    records = compressed;
  }
  const std::size_t size = kBatchHeaderSize + records.size();
  std::uint16_t attributes = static_cast<std::uint8_t>(compression_);
  if (transactional_) attributes |= kTransactionalBit;
  if (control_) attributes |= kControlBit;

  BufferRef buffer = Buffer::allocate(size);
  std::uint8_t* at = buffer->data();
  store_big_endian(at + kBaseOffset, base_offset_.value());
  store_big_endian(at + kLength, static_cast<std::int32_t>(size - kBatchLengthEnd));
  store_big_endian(at + kLeaderEpoch, std::int32_t{-1});
  store_big_endian(at + kMagic, kBatchMagic);
  store_big_endian(at + kAttributes, attributes);
  store_big_endian(at + kLastOffsetDelta, record_count_ - 1);
  store_big_endian(at + kBaseTimestamp, base_timestamp_.value());
  store_big_endian(at + kMaxTimestamp, max_timestamp_.value());
  store_big_endian(at + kProducerId, producer_id_.value());
  store_big_endian(at + kProducerEpoch, producer_epoch_.value());
  store_big_endian(at + kBaseSequence, base_sequence_);
  store_big_endian(at + kRecordCount, record_count_);
  std::memcpy(at + kRecords, records.data(), records.size());
  store_big_endian(at + kCrc, crc32c({at + kAttributes, size - kAttributes}));
  return Bytes(std::move(buffer), 0, size);
}

}  // namespace millrace

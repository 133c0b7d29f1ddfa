#include "record/batch.h"

#include <fmt/format.h>

#include <limits>

#include "base/assert.h"
#include "record/batch_layout.h"
#include "record/crc32c.h"
#include "record/endian.h"

namespace millrace {

using namespace batch_layout;

namespace {

constexpr std::int32_t kLengthMin = kBatchHeaderSize - kBatchLengthEnd;
constexpr std::int64_t kBaseOffsetMax =
    std::numeric_limits<std::int64_t>::max() - std::numeric_limits<std::int32_t>::max() - 1;

std::uint32_t checksum_of(ByteView batch) { return crc32c(batch.subspan(kAttributes)); }

}  // namespace

std::int32_t BatchHeader::last_sequence() const {
  if (base_sequence < 0) return -1;
  const auto sum =
      static_cast<std::uint32_t>(base_sequence) + static_cast<std::uint32_t>(last_offset_delta);
  return static_cast<std::int32_t>(sum & 0x7fffffffU);
}

Result<BatchHeader> peek_batch_header(ByteView bytes) {
  // The magic comes first: a message set of the old formats has it in the same place, but may be
  // shorter than our header.
  if (bytes.size() <= kMagic)
    return fail(ErrorCode::corrupt_message,
                fmt::format("{} bytes are too few for a record batch", bytes.size()));
  const std::uint8_t* at = bytes.data();
  const auto magic = load_big_endian<std::int8_t>(at + kMagic);
  if (magic != kBatchMagic)
    return fail(ErrorCode::unsupported_for_message_format,
                fmt::format("the record batch has format v{}, only v2 is accepted", magic));
  const auto length = load_big_endian<std::int32_t>(at + kLength);
  if (bytes.size() < kBatchHeaderSize || length < kLengthMin)
    return fail(ErrorCode::corrupt_message,
                fmt::format("the record batch is cut off or has an impossible length: {} bytes, "
                            "length {}, the header alone takes {}",
                            bytes.size(), length, kBatchHeaderSize));

  BatchHeader header;
  header.base_offset = Offset(load_big_endian<std::int64_t>(at + kBaseOffset));
  header.size = static_cast<std::uint32_t>(length) + static_cast<std::uint32_t>(kBatchLengthEnd);
  header.leader_epoch = LeaderEpoch(load_big_endian<std::int32_t>(at + kLeaderEpoch));
  header.crc = load_big_endian<std::uint32_t>(at + kCrc);
  header.attributes = load_big_endian<std::uint16_t>(at + kAttributes);
  header.last_offset_delta = load_big_endian<std::int32_t>(at + kLastOffsetDelta);
  header.base_timestamp = WallMs(load_big_endian<std::int64_t>(at + kBaseTimestamp));
  header.max_timestamp = WallMs(load_big_endian<std::int64_t>(at + kMaxTimestamp));
  header.producer_id = ProducerId(load_big_endian<std::int64_t>(at + kProducerId));
  header.producer_epoch = ProducerEpoch(load_big_endian<std::int16_t>(at + kProducerEpoch));
  header.base_sequence = load_big_endian<std::int32_t>(at + kBaseSequence);
  header.record_count = load_big_endian<std::int32_t>(at + kRecordCount);
  if (header.last_offset_delta < 0 || header.base_offset.value() > kBaseOffsetMax)
    return fail(ErrorCode::corrupt_message,
                fmt::format("the record batch has impossible offsets: base {}, last delta {}",
                            header.base_offset.value(), header.last_offset_delta));
  return header;
}

Result<BatchHeader> read_batch_header(ByteView bytes) {
  Result<BatchHeader> header = peek_batch_header(bytes);
  if (header && header->size > bytes.size())
    return fail(
        ErrorCode::corrupt_message,
        fmt::format("the record batch is cut off: {} bytes of {}", bytes.size(), header->size));
  return header;
}

bool checksum_matches(ByteView batch) {
  Result<BatchHeader> header = read_batch_header(batch);
  return header && header->size == batch.size() && header->crc == checksum_of(batch);
}

void set_base_offset(std::uint8_t* batch, Offset base_offset) {
  store_big_endian(batch + kBaseOffset, base_offset.value());
}

void set_leader_epoch(std::uint8_t* batch, LeaderEpoch epoch) {
  store_big_endian(batch + kLeaderEpoch, epoch.value());
}

void set_log_append_time(MutableByteView batch, WallMs time) {
  ASSERT(batch.size() >= kBatchHeaderSize);
  // The checksum is made anew: over anything but the whole batch it would make damage look sound.
  ASSERT(load_big_endian<std::uint32_t>(batch.data() + kLength) + kBatchLengthEnd == batch.size());
  const auto attributes = load_big_endian<std::uint16_t>(batch.data() + kAttributes);
  store_big_endian(batch.data() + kAttributes,
                   static_cast<std::uint16_t>(attributes | kLogAppendTimeBit));
  store_big_endian(batch.data() + kMaxTimestamp, time.value());
  store_big_endian(batch.data() + kCrc, checksum_of(batch));
}

}  // namespace millrace

// What a batch of a client must stand before it is kept. Once per batch, over every record: an
// uncompressed batch is walked where it lies.
#include <fmt/format.h>

#include "record/batch.h"
#include "record/record_fields.h"

namespace millrace {

namespace {

// What a thread keeps between two compressed batches.
constexpr std::size_t kScratchKeptBytesMax = 4 * 1024 * 1024;

Result<void> check_header(const BatchHeader& header) {
  if (header.compression() > Compression::zstd)
    return fail(ErrorCode::unsupported_compression_type,
                fmt::format("compression type {} is unknown, the known ones are 0 to 4",
                            static_cast<int>(header.compression())));
  if (header.is_control())
    return fail(ErrorCode::invalid_record, "only the broker writes control batches");
  if (header.timestamp_type() != TimestampType::create_time)
    return fail(ErrorCode::invalid_timestamp,
                "only the broker sets the timestamp type to log append time");
  if (header.record_count < 1)
    return fail(ErrorCode::invalid_record,
                fmt::format("the record batch says it has {} records, it needs at least 1",
                            header.record_count));
  if (header.last_offset_delta != header.record_count - 1)
    return fail(ErrorCode::invalid_record,
                fmt::format("the record batch has {} records but its last offset delta is {}",
                            header.record_count, header.last_offset_delta));
  if (header.producer_id.value() >= 0 &&
      (header.producer_epoch.value() < 0 || header.base_sequence < 0))
    return fail(ErrorCode::invalid_record,
                fmt::format("the record batch of producer {} has epoch {} and base sequence {}, "
                            "both must be set",
                            header.producer_id.value(), header.producer_epoch.value(),
                            header.base_sequence));
  return {};
}

Result<void> check_records(ByteView records, std::int32_t record_count) {
  const std::uint8_t* at = records.data();
  const std::uint8_t* end = at + records.size();
  RecordFields fields;
  for (std::int32_t index = 0; index < record_count; ++index) {
    if (const char* wrong = read_record(at, end, fields))
      return fail(ErrorCode::invalid_record,
                  fmt::format("record {} of {} {}", index, record_count, wrong));
    if (fields.offset_delta != index)
      return fail(ErrorCode::invalid_record, fmt::format("record {} of {} has offset delta {}",
                                                         index, record_count, fields.offset_delta));
  }
  if (at != end)
    return fail(ErrorCode::invalid_record,
                fmt::format("{} bytes follow the last of {} records", end - at, record_count));
  return {};
}

Result<void> check_compressed_records(const BatchHeader& header, ByteView compressed,
                                      std::size_t bytes_max) {
  static thread_local DecompressionBuffer scratch;
  Result<ByteView> records = decompress(header.compression(), compressed, bytes_max, scratch);
  Result<void> result = records ? check_records(*records, header.record_count)
                                : std::unexpected<Error>(std::move(records).error());
  scratch.keep_at_most(kScratchKeptBytesMax);
  return result;
}

}  // namespace

Result<BatchHeader> validate_batch(ByteView bytes, const BatchLimits& limits) {
  Result<BatchHeader> header = read_batch_header(bytes);
  if (!header) return header;
  if (header->size > limits.batch_bytes_max)
    return fail(ErrorCode::message_too_large,
                fmt::format("the record batch has {} bytes, at most {} are accepted", header->size,
                            limits.batch_bytes_max));
  if (header->size != bytes.size())
    return fail(ErrorCode::corrupt_message,
                fmt::format("{} bytes follow the record batch", bytes.size() - header->size));
  if (!checksum_matches(bytes))
    return fail(ErrorCode::corrupt_message, "the record batch failed its checksum");
  TRY(check_header(*header));
  const ByteView records = bytes.subspan(kBatchHeaderSize);
  if (header->compression() == Compression::none)
    TRY(check_records(records, header->record_count));
  else
    TRY(check_compressed_records(*header, records, limits.decompressed_bytes_max));
  return header;
}

}  // namespace millrace

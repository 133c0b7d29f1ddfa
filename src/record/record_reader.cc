#include "base/assert.h"
#include "record/batch.h"
#include "record/record_fields.h"

namespace millrace {

namespace {

// Timestamps come from clients: their sum may leave int64, and then wraps as it does in Java.
WallMs wrapping_add(WallMs base, std::int64_t delta) {
  return WallMs(static_cast<std::int64_t>(static_cast<std::uint64_t>(base.value()) +
                                          static_cast<std::uint64_t>(delta)));
}

std::vector<RecordHeader> headers_of(const RecordFields& fields, const std::uint8_t* end) {
  std::vector<RecordHeader> headers;
  headers.reserve(fields.header_count);  // each of them was seen in the bytes
  const std::uint8_t* at = fields.headers;
  for (std::int32_t left = fields.header_count; left > 0; --left) {
    RunField key;
    RunField value;
    ASSERT(read_header(at, end, key, value));
    RecordHeader& header = headers.emplace_back(as_text(*key.view()));
    if (value.data != nullptr) header.value = as_text(*value.view());
  }
  return headers;
}

}  // namespace

RecordReader::RecordReader(ByteView batch, const BatchLimits& limits) {
  Result<BatchHeader> header = read_batch_header(batch);
  if (!header) return;
  header_ = *header;
  records_ = batch.subspan(kBatchHeaderSize, header_.size - kBatchHeaderSize);
  left_ = header_.record_count;
  if (left_ < 0) {
    left_ = 0;
    return;
  }
  // Compaction leaves empty batches behind, to keep what they say of their producer.
  if (header_.compression() != Compression::none && !(left_ == 0 && records_.empty())) {
    Result<ByteView> decompressed =
        decompress(header_.compression(), records_, limits.decompressed_bytes_max, decompressed_);
    if (!decompressed) {
      left_ = 0;
      return;
    }
    records_ = *decompressed;
  }
  ok_ = left_ > 0 || records_.empty();
}

std::optional<Record> RecordReader::next() {
  if (!ok_ || left_ == 0) return std::nullopt;
  const std::uint8_t* at = records_.data();
  const std::uint8_t* end = at + records_.size();
  RecordFields fields;
  ok_ = read_record(at, end, fields) == nullptr && fields.offset_delta > last_delta_ &&
        fields.offset_delta <= header_.last_offset_delta;
  if (!ok_) return std::nullopt;
  last_delta_ = fields.offset_delta;
  records_ = records_.subspan(at - records_.data());
  // Bytes after the last record: the batch is not what its header says, so this record counts as
  // damaged with it.
  if (--left_ == 0) ok_ = records_.empty();
  if (!ok_) return std::nullopt;

  Record record;
  record.offset = header_.base_offset + fields.offset_delta;
  record.timestamp = header_.timestamp_type() == TimestampType::log_append_time
                         ? header_.max_timestamp
                         : wrapping_add(header_.base_timestamp, fields.timestamp_delta);
  record.key = fields.key.view();
  record.value = fields.value.view();
  if (fields.header_count > 0) record.headers = headers_of(fields, at);
  return record;
}

}  // namespace millrace

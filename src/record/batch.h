// Record batches, Kafka's format v2, byte for byte: what a producer sent is what the log keeps and
// a consumer is sent.
//
//   offset  field                       offset  field
//        0  base offset      int64          23  last offset delta  int32
//        8  batch length     int32          27  base timestamp     int64   (bytes after this field)
//       12  leader epoch     int32          35  max timestamp      int64
//       16  magic (2)        int8           43  producer id        int64
//       17  crc32c           uint32         51  producer epoch     int16
//       21  attributes       int16          53  base sequence      int32
//                                           57  record count       int32
//   61  records, compressed as a whole when the attributes say so
// All big-endian. The checksum covers everything from the attributes on, so base offset and leader
// epoch are set in place. Source: Apache Kafka's protocol guide, "Record Batch".
//
//   Result<BatchHeader> header = read_batch_header(bytes);       // lengths and magic, no checksum
//   Result<BatchHeader> valid = validate_batch(bytes, limits);   // all a broker must check first
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "record/compression.h"
#include "record/decompression_buffer.h"

namespace millrace {

inline constexpr std::size_t kBatchHeaderSize = 61;
// The batch length counts the bytes after this position.
inline constexpr std::size_t kBatchLengthEnd = 12;
inline constexpr std::int8_t kBatchMagic = 2;

enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };

struct BatchHeader {
  Offset base_offset;
  std::uint32_t size = 0;  // of the whole batch in bytes, header included
  LeaderEpoch leader_epoch{-1};
  std::uint32_t crc = 0;
  std::uint16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  WallMs base_timestamp{-1};
  WallMs max_timestamp{-1};
  ProducerId producer_id = kNoProducer;
  ProducerEpoch producer_epoch{-1};
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;

  Offset last_offset() const { return base_offset + last_offset_delta; }
  Offset next_offset() const { return base_offset + last_offset_delta + 1; }
  // Sequences wrap from INT32_MAX to 0. -1 when the batch has no sequence.
  std::int32_t last_sequence() const;
  Compression compression() const { return static_cast<Compression>(attributes & 7); }
  TimestampType timestamp_type() const { return static_cast<TimestampType>(attributes >> 3 & 1); }
  bool is_transactional() const { return attributes & 0x10; }
  bool is_control() const { return attributes & 0x20; }
};

// Reads the header of the batch at the start of `bytes`. Error::corrupt_message when the lengths
// are impossible or `bytes` is shorter than the batch says; Error::unsupported_for_message_format
// when the magic is not 2. What it returns is safe to count with: a negative last offset delta, or
// a base offset so high that the batch's offsets leave int64, is corrupt_message too.
Result<BatchHeader> read_batch_header(ByteView bytes);
// The same from the header alone: `bytes` needs kBatchHeaderSize bytes and may end before the batch
// does.
Result<BatchHeader> peek_batch_header(ByteView bytes);

struct BatchLimits {
  std::uint32_t batch_bytes_max = 1048588;                  // message.max.bytes
  std::uint32_t decompressed_bytes_max = 64 * 1024 * 1024;  // of the records of one batch
};

// Everything to check before a batch of a client is kept: length, magic, checksum, attributes,
// offset deltas 0..n-1, record count, each record's bounds, decompressed size. Does not change it.
// `bytes` is exactly one batch. Errors: message_too_large, corrupt_message, invalid_record,
// unsupported_for_message_format, unsupported_compression_type, and invalid_timestamp when the
// client claims that the broker set the time.
//
// Accepted, for whoever appends to judge: transactional batches, any timestamps, any base offset
// and leader epoch (both are replaced). Unused attribute bits are ignored, as all clients do.
Result<BatchHeader> validate_batch(ByteView bytes, const BatchLimits& limits);

// Length and checksum only: for what this broker validated before (journal, segments).
bool checksum_matches(ByteView batch);

// Sets what the broker assigns; neither is covered by the checksum.
void set_base_offset(std::uint8_t* batch, Offset base_offset);
void set_leader_epoch(std::uint8_t* batch, LeaderEpoch epoch);
// Sets the timestamp type to log_append_time and the max timestamp, and the checksum with them.
void set_log_append_time(MutableByteView batch, WallMs time);

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

// A record of a batch; views the batch's bytes, or the decompressed copy that the reader holds.
struct Record {
  Offset offset;
  WallMs timestamp{-1};
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<RecordHeader> headers;
};

// Goes over the records of one batch, decompressing as needed. For stored batches: no checksum is
// verified, and offsets may have gaps and the batch be empty, as compaction leaves them.
//
//   RecordReader reader(batch, limits);
//   while (auto record = reader.next()) { ... }
//   if (!reader.ok()) -> corrupt
class RecordReader {
 public:
  // `batch` must outlive the reader; bytes after the batch are left alone.
  RecordReader(ByteView batch, const BatchLimits& limits);
  std::optional<Record> next();
  // After next() gave nothing: whether that was the end, rather than damage.
  bool ok() const { return ok_; }
  const BatchHeader& header() const { return header_; }

 private:
  BatchHeader header_;
  DecompressionBuffer decompressed_;
  ByteView records_;
  std::int32_t left_ = 0;
  std::int32_t last_delta_ = -1;
  bool ok_ = false;
};

// Builds one batch: for internal logs, command line clients, protocols that send single messages,
// and tests.
//
//   BatchBuilder builder;
//   builder.add(time, key, value);
//   Bytes batch = builder.build();
class BatchBuilder {
 public:
  BatchBuilder& compression(Compression compression);
  BatchBuilder& producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence);
  BatchBuilder& base_offset(Offset base_offset);
  BatchBuilder& control(bool control);
  BatchBuilder& transactional(bool transactional);
  void add(WallMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
           std::vector<RecordHeader> headers = {});
  std::int32_t record_count() const { return record_count_; }
  // Bytes the records take before compression.
  std::size_t records_size() const { return records_.size(); }
  // Needs at least one record. Checksum and all fields set; leader epoch -1.
  Bytes build() const;

 private:
  std::vector<std::uint8_t> records_;
  std::int32_t record_count_ = 0;
  WallMs base_timestamp_{-1};
  WallMs max_timestamp_{-1};
  Offset base_offset_{0};
  Compression compression_ = Compression::none;
  ProducerId producer_id_ = kNoProducer;
  ProducerEpoch producer_epoch_{-1};
  std::int32_t base_sequence_ = -1;
  bool control_ = false;
  bool transactional_ = false;
};

}  // namespace millrace

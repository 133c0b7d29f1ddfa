#include "record/batch.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "record/batch_test_support.h"

namespace millrace {
namespace {

using namespace test;
using namespace batch_layout;

constexpr BatchLimits kLimits;
constexpr Compression kCompressions[] = {Compression::none, Compression::gzip, Compression::snappy,
                                         Compression::lz4, Compression::zstd};
constexpr auto kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();

Blob small_batch(Compression compression = Compression::none) {
  BatchBuilder builder;
  builder.compression(compression);
  builder.add(WallMs(1000), as_bytes("key"), as_bytes("value"), {{"h", "x"}});
  builder.add(WallMs(1001), std::nullopt, as_bytes("second"));
  return run_of(builder.build());
}

class EveryCompression : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Batch, EveryCompression, testing::ValuesIn(kCompressions));

TEST_P(EveryCompression, records_come_back_as_they_were_added) {
  const std::string large(200000, 'v');
  BatchBuilder builder;
  builder.compression(GetParam()).base_offset(Offset(500));
  builder.add(WallMs(1000), as_bytes("k"), as_bytes(large));
  builder.add(WallMs(900), std::nullopt, std::nullopt);
  builder.add(WallMs(1234567), as_bytes(""), as_bytes(""),
              {{"one", "1"}, {"", std::nullopt}, {"one", ""}});
  const Bytes batch = builder.build();
  Result<BatchHeader> header = validate_batch(batch.view(), kLimits);
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->compression(), GetParam());
  EXPECT_EQ(header->record_count, 3);
  EXPECT_EQ(header->size, batch.size());
  EXPECT_EQ(header->base_timestamp, WallMs(1000));
  EXPECT_EQ(header->max_timestamp, WallMs(1234567));

  RecordReader reader(batch.view(), kLimits);
  auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->offset, Offset(500));
  EXPECT_EQ(record->timestamp, WallMs(1000));
  EXPECT_EQ(as_text(*record->key), "k");
  EXPECT_EQ(as_text(*record->value), large);
  EXPECT_TRUE(record->headers.empty());
  record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->offset, Offset(501));
  EXPECT_EQ(record->timestamp, WallMs(900));
  EXPECT_FALSE(record->key);
  EXPECT_FALSE(record->value);
  record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->timestamp, WallMs(1234567));
  EXPECT_EQ(as_text(record->key.value()), "");
  EXPECT_EQ(as_text(record->value.value()), "");
  ASSERT_EQ(record->headers.size(), 3U);
  EXPECT_EQ(record->headers[0].key, "one");
  EXPECT_EQ(record->headers[0].value, "1");
  EXPECT_EQ(record->headers[1].key, "");
  EXPECT_FALSE(record->headers[1].value);
  EXPECT_EQ(record->headers[2].value, "");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
}

TEST_P(EveryCompression, many_records) {
  BatchBuilder builder;
  builder.compression(GetParam());
  for (int i = 0; i < 20000; ++i) builder.add(WallMs(i), std::nullopt, as_bytes(std::to_string(i)));
  EXPECT_EQ(builder.record_count(), 20000);
  const Bytes batch = builder.build();
  if (GetParam() == Compression::none)
    EXPECT_EQ(batch.size(), kBatchHeaderSize + builder.records_size());
  ASSERT_TRUE(validate_batch(batch.view(), kLimits));
  RecordReader reader(batch.view(), kLimits);
  for (int i = 0; i < 20000; ++i) {
    auto record = reader.next();
    ASSERT_TRUE(record);
    ASSERT_EQ(record->offset, Offset(i));
    ASSERT_EQ(record->timestamp, WallMs(i));
    ASSERT_EQ(as_text(*record->value), std::to_string(i));
  }
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
}

TEST_P(EveryCompression, a_moved_reader_reads_on) {
  const Blob batch = small_batch(GetParam());
  RecordReader first(batch, kLimits);
  ASSERT_TRUE(first.next());
  RecordReader reader(std::move(first));
  auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(as_text(*record->value), "second");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
}

TEST(Batch, the_builder_sets_every_field) {
  BatchBuilder builder;
  builder.producer(ProducerId(77), ProducerEpoch(3), 40).transactional(true).base_offset(Offset(9));
  builder.add(WallMs(5), std::nullopt, std::nullopt);
  builder.add(WallMs(4), std::nullopt, std::nullopt);
  Result<BatchHeader> header = read_batch_header(builder.build().view());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->base_offset, Offset(9));
  EXPECT_EQ(header->last_offset(), Offset(10));
  EXPECT_EQ(header->next_offset(), Offset(11));
  EXPECT_EQ(header->leader_epoch, LeaderEpoch(-1));
  EXPECT_EQ(header->producer_id, ProducerId(77));
  EXPECT_EQ(header->producer_epoch, ProducerEpoch(3));
  EXPECT_EQ(header->base_sequence, 40);
  EXPECT_EQ(header->last_sequence(), 41);
  EXPECT_EQ(header->max_timestamp, WallMs(5));
  EXPECT_TRUE(header->is_transactional());
  EXPECT_FALSE(header->is_control());
  EXPECT_TRUE(read_batch_header(builder.control(true).build().view())->is_control());
}

TEST(Batch, sequences_wrap_to_zero) {
  BatchHeader header;
  header.last_offset_delta = 4;
  EXPECT_EQ(header.last_sequence(), -1);
  header.base_sequence = kInt32Max - 4;
  EXPECT_EQ(header.last_sequence(), kInt32Max);
  header.base_sequence = kInt32Max - 3;
  EXPECT_EQ(header.last_sequence(), 0);
  header.base_sequence = kInt32Max;
  EXPECT_EQ(header.last_sequence(), 3);
}

TEST(Batch, times_that_leave_int64_come_back) {
  const std::int64_t low = std::numeric_limits<std::int64_t>::min();
  BatchBuilder builder;
  builder.add(WallMs(low), std::nullopt, std::nullopt);
  builder.add(WallMs(kInt64Max), std::nullopt, std::nullopt);
  const Bytes batch = builder.build();
  ASSERT_TRUE(validate_batch(batch.view(), kLimits));
  RecordReader reader(batch.view(), kLimits);
  EXPECT_EQ(reader.next()->timestamp, WallMs(low));
  EXPECT_EQ(reader.next()->timestamp, WallMs(kInt64Max));
}

TEST(Batch, what_the_broker_assigns_keeps_the_checksum) {
  Blob batch = small_batch();
  set_base_offset(batch.data(), Offset(1234567890123));
  set_leader_epoch(batch.data(), LeaderEpoch(42));
  ASSERT_TRUE(checksum_matches(batch));
  Result<BatchHeader> header = read_batch_header(batch);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->base_offset, Offset(1234567890123));
  EXPECT_EQ(header->leader_epoch, LeaderEpoch(42));
  RecordReader reader(batch, kLimits);
  EXPECT_EQ(reader.next()->offset, Offset(1234567890123));
  EXPECT_EQ(reader.next()->offset, Offset(1234567890124));
}

TEST_P(EveryCompression, log_append_time_is_the_time_of_every_record) {
  Blob batch = small_batch(GetParam());
  set_log_append_time(batch, WallMs(555));
  EXPECT_TRUE(checksum_matches(batch));
  Result<BatchHeader> header = read_batch_header(batch);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(header->compression(), GetParam());
  EXPECT_EQ(header->max_timestamp, WallMs(555));
  RecordReader reader(batch, kLimits);
  EXPECT_EQ(reader.next()->timestamp, WallMs(555));
  EXPECT_EQ(reader.next()->timestamp, WallMs(555));
}

TEST(Batch, the_header_is_read_from_every_prefix_that_holds_it) {
  const Blob batch = small_batch();
  for (std::size_t size = 0; size <= batch.size(); ++size) {
    const ByteView prefix = ByteView(batch).first(size);
    EXPECT_EQ(peek_batch_header(prefix).has_value(), size >= kBatchHeaderSize) << size;
    EXPECT_EQ(read_batch_header(prefix).has_value(), size == batch.size()) << size;
    EXPECT_EQ(checksum_matches(prefix), size == batch.size()) << size;
  }
}

TEST(Batch, the_header_is_read_with_more_bytes_behind_it) {
  Blob two = small_batch();
  const std::size_t size = two.size();
  const Blob second = small_batch(Compression::gzip);
  two.insert(two.end(), second.begin(), second.end());
  Result<BatchHeader> header = read_batch_header(two);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->size, size);
  EXPECT_FALSE(checksum_matches(two)) << "that one takes exactly one batch";
  EXPECT_EQ(RecordReader(two, kLimits).header().size, size);
}

TEST(Batch, impossible_lengths_are_corrupt) {
  for (std::int32_t length : {0, 1, 48, -1, std::numeric_limits<std::int32_t>::min(), kInt32Max}) {
    Blob batch = small_batch();
    store_big_endian(batch.data() + kLength, length);
    Result<BatchHeader> header = read_batch_header(batch);
    ASSERT_FALSE(header) << length;
    EXPECT_EQ(header.error().code, ErrorCode::corrupt_message) << length;
  }
}

TEST(Batch, only_format_v2_is_read) {
  for (int magic : {0, 1, 3, 127, -1}) {
    Blob batch = small_batch();
    batch[kMagic] = static_cast<std::uint8_t>(magic);
    EXPECT_EQ(read_batch_header(batch).error().code, ErrorCode::unsupported_for_message_format);
  }
  // A message set of v0: offset, size 14, crc, magic 0, attributes, null key, null value.
  Blob old(26, 0);
  old[11] = 14;
  for (std::size_t i = 18; i < 26; ++i) old[i] = 0xff;
  EXPECT_EQ(read_batch_header(old).error().code, ErrorCode::unsupported_for_message_format);
}

TEST(Batch, offsets_that_can_not_be_counted_with_are_corrupt) {
  const Blob batch = small_batch();
  const Blob cases[] = {with_field(batch, kBaseOffset, kInt64Max),
                        with_field(batch, kBaseOffset, kInt64Max - kInt32Max),
                        with_field(batch, kLastOffsetDelta, std::int32_t{-1})};
  for (const Blob& damaged : cases)
    EXPECT_EQ(read_batch_header(damaged).error().code, ErrorCode::corrupt_message);
  Blob highest = with_field(batch, kBaseOffset, kInt64Max - kInt32Max - 1);
  highest = with_field(highest, kLastOffsetDelta, kInt32Max);
  EXPECT_EQ(read_batch_header(highest)->next_offset(), Offset(kInt64Max));
}

TEST(RecordReader, reads_what_compaction_left) {
  // Deltas 2 and 7 of a batch that had ten records.
  Blob records = record_of({0, 0, 4, 1, 1, 0});
  const Blob second = record_of({0, 0, 14, 1, 1, 0});
  records.insert(records.end(), second.begin(), second.end());
  const Blob batch = with_field(with_records(records, 2), kLastOffsetDelta, std::int32_t{9});
  RecordReader reader(batch, kLimits);
  EXPECT_EQ(reader.next()->offset, Offset(2));
  EXPECT_EQ(reader.next()->offset, Offset(7));
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());

  const Blob empty = with_field(with_records({}, 1), kRecordCount, std::int32_t{0});
  RecordReader empty_reader(empty, kLimits);
  EXPECT_FALSE(empty_reader.next());
  EXPECT_TRUE(empty_reader.ok());
}

TEST(RecordReader, stops_at_damage) {
  const Blob whole = small_batch();
  struct Case {
    Blob batch;
    int readable;  // records before the damage shows
  };
  const Case cases[] = {
      {{}, 0},
      {Blob(whole.begin(), whole.end() - 1), 0},                  // shorter than its header says
      {sealed(Blob(whole.begin(), whole.end() - 1)), 1},          // the last record is cut off
      {with_field(whole, kRecordCount, std::int32_t{1}), 0},      // bytes after the last
      {with_field(whole, kRecordCount, std::int32_t{3}), 2},      // too few bytes
      {with_field(whole, kRecordCount, std::int32_t{0}), 0},      // no records, but bytes
      {with_field(whole, kRecordCount, std::int32_t{-5}), 0},     // less than none
      {with_field(whole, kLastOffsetDelta, std::int32_t{0}), 1},  // the second is past it
      {with_field(whole, kAttributes, std::int16_t{5}), 0},       // unknown compression
      {with_field(whole, kAttributes, std::int16_t{4}), 0},       // not zstd at all
      {with_records(record_of({0, 0, 1, 1, 1, 0}), 1), 0},        // offset delta -1
  };
  for (const Case& damaged : cases) {
    SCOPED_TRACE(&damaged - cases);
    RecordReader reader(damaged.batch, kLimits);
    int count = 0;
    while (reader.next()) ++count;
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(count, damaged.readable);
    EXPECT_FALSE(reader.next());
  }
}

TEST(RecordReader, holds_to_its_limit) {
  BatchBuilder builder;
  builder.compression(Compression::zstd);
  builder.add(WallMs(0), std::nullopt, Blob(100000, 0));
  BatchLimits limits;
  limits.decompressed_bytes_max = 99999;
  const Bytes batch = builder.build();
  RecordReader reader(batch.view(), limits);
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace millrace

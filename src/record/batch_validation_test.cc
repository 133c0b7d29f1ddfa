// validate_batch() against clients that are broken or hostile.
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "record/batch.h"
#include "record/batch_test_support.h"

namespace millrace {
namespace {

using namespace test;
using namespace batch_layout;

constexpr BatchLimits kLimits;
constexpr Compression kCompressions[] = {Compression::none, Compression::gzip, Compression::snappy,
                                         Compression::lz4, Compression::zstd};
constexpr auto kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr auto kInt32Min = std::numeric_limits<std::int32_t>::min();

Blob small_batch(Compression compression = Compression::none) {
  BatchBuilder builder;
  builder.compression(compression);
  builder.add(WallMs(1000), as_bytes("key"), as_bytes("value"), {{"h", "x"}, {"n", std::nullopt}});
  builder.add(WallMs(1001), std::nullopt, as_bytes("second"));
  return run_of(builder.build());
}

ErrorCode outcome(ByteView batch, const BatchLimits& limits = kLimits) {
  Result<BatchHeader> header = validate_batch(batch, limits);
  return header ? ErrorCode::ok : header.error().code;
}

ErrorCode outcome_of_records(const Blob& records, std::int32_t record_count = 1) {
  return outcome(with_records(records, record_count));
}

// What was accepted can be read.
void expect_readable(const Blob& batch) {
  RecordReader reader(batch, kLimits);
  int count = 0;
  while (reader.next()) ++count;
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(count, reader.header().record_count);
}

class Validation : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Batch, Validation, testing::ValuesIn(kCompressions));

TEST_P(Validation, every_truncation_is_refused) {
  const Blob batch = small_batch(GetParam());
  for (std::size_t size = 0; size < batch.size(); ++size) {
    EXPECT_EQ(outcome(ByteView(batch).first(size)), ErrorCode::corrupt_message) << size;
    if (size < kBatchHeaderSize) continue;
    // The same with a length and a checksum that fit.
    const ErrorCode code = outcome(sealed(Blob(batch.begin(), batch.begin() + size)));
    EXPECT_TRUE(code == ErrorCode::corrupt_message || code == ErrorCode::invalid_record) << size;
  }
}

TEST_P(Validation, every_flipped_bit_is_refused_but_those_the_broker_sets) {
  const Blob batch = small_batch(GetParam());
  for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
    Blob damaged = batch;
    damaged[bit / 8] ^= 1 << bit % 8;
    const std::size_t position = bit / 8;
    const ErrorCode code = outcome(damaged);
    // Outside of the checksum, and overwritten before the batch is kept.
    const bool set_by_broker =
        position < kLength || (position >= kLeaderEpoch && position < kMagic);
    if (set_by_broker)
      EXPECT_EQ(code, ErrorCode::ok) << position;
    else if (position == kMagic)
      EXPECT_EQ(code, ErrorCode::unsupported_for_message_format);
    else
      EXPECT_TRUE(code == ErrorCode::corrupt_message || code == ErrorCode::message_too_large)
          << position;
  }
}

TEST_P(Validation, flipped_bits_under_a_sound_checksum_are_refused_or_readable) {
  const Blob batch = small_batch(GetParam());
  for (std::size_t bit = kAttributes * 8; bit < batch.size() * 8; ++bit) {
    Blob damaged = batch;
    damaged[bit / 8] ^= 1 << bit % 8;
    damaged = sealed(std::move(damaged));
    if (outcome(damaged) == ErrorCode::ok) expect_readable(damaged);
  }
}

TEST_P(Validation, a_byte_too_many_is_refused) {
  Blob batch = small_batch(GetParam());
  batch.push_back(0);
  EXPECT_EQ(outcome(batch), ErrorCode::corrupt_message);
  const ErrorCode code = outcome(sealed(batch));
  EXPECT_TRUE(code == ErrorCode::corrupt_message || code == ErrorCode::invalid_record);
}

TEST_P(Validation, a_batch_as_large_as_the_limit_is_accepted) {
  const Blob batch = small_batch(GetParam());
  BatchLimits limits;
  limits.batch_bytes_max = static_cast<std::uint32_t>(batch.size());
  EXPECT_EQ(outcome(batch, limits), ErrorCode::ok);
  --limits.batch_bytes_max;
  EXPECT_EQ(outcome(batch, limits), ErrorCode::message_too_large);
}

TEST_P(Validation, records_that_decompress_beyond_the_limit_are_refused) {
  BatchBuilder builder;
  builder.compression(GetParam());
  builder.add(WallMs(0), std::nullopt, Blob(500000, 0));
  BatchLimits limits;
  limits.decompressed_bytes_max = static_cast<std::uint32_t>(builder.records_size());
  const Bytes batch = builder.build();
  EXPECT_EQ(outcome(batch.view(), limits), ErrorCode::ok);
  --limits.decompressed_bytes_max;
  EXPECT_EQ(outcome(batch.view(), limits),
            GetParam() == Compression::none ? ErrorCode::ok : ErrorCode::message_too_large);
}

TEST(BatchValidation, unknown_compression_types) {
  for (std::int16_t type : {5, 6, 7})
    EXPECT_EQ(outcome(with_field(small_batch(), kAttributes, type)),
              ErrorCode::unsupported_compression_type);
}

TEST(BatchValidation, records_that_are_not_what_the_type_says) {
  for (std::int16_t type : {1, 2, 3, 4})
    EXPECT_EQ(outcome(with_field(small_batch(), kAttributes, type)), ErrorCode::corrupt_message);
}

TEST(BatchValidation, what_only_the_broker_may_set) {
  EXPECT_EQ(outcome(with_field(small_batch(), kAttributes, std::int16_t{0x20})),
            ErrorCode::invalid_record);
  EXPECT_EQ(outcome(with_field(small_batch(), kAttributes, std::int16_t{0x08})),
            ErrorCode::invalid_timestamp);
  EXPECT_EQ(outcome(with_field(small_batch(), kAttributes, std::int16_t{0x10})), ErrorCode::ok)
      << "transactions are judged where they are known";
}

TEST(BatchValidation, the_record_count_is_exact) {
  for (std::int32_t count : {0, -1, kInt32Min, 1, 3, kInt32Max}) {
    const Blob batch = with_field(small_batch(), kRecordCount, count);
    EXPECT_EQ(outcome(batch), ErrorCode::invalid_record) << count;
    // With a last offset delta that fits it; a negative one is refused with the header.
    const ErrorCode code =
        outcome(with_field(batch, kLastOffsetDelta, count > 0 ? count - 1 : std::int32_t{-1}));
    EXPECT_EQ(code, count > 0 ? ErrorCode::invalid_record : ErrorCode::corrupt_message) << count;
  }
}

TEST(BatchValidation, a_producer_has_an_epoch_and_a_sequence) {
  auto of = [](std::int64_t id, std::int16_t epoch, std::int32_t sequence) {
    BatchBuilder builder;
    builder.producer(ProducerId(id), ProducerEpoch(epoch), sequence);
    builder.add(WallMs(0), std::nullopt, std::nullopt);
    return outcome(builder.build().view());
  };
  EXPECT_EQ(of(5, 0, 0), ErrorCode::ok);
  EXPECT_EQ(of(0, 7, kInt32Max), ErrorCode::ok);
  EXPECT_EQ(of(-1, -1, -1), ErrorCode::ok);
  EXPECT_EQ(of(5, -1, 0), ErrorCode::invalid_record);
  EXPECT_EQ(of(5, 0, -1), ErrorCode::invalid_record);
}

TEST(BatchValidation, offset_deltas_count_up_from_zero) {
  const Blob first = record_of({0, 0, 0, 1, 1, 0});
  const Blob second = record_of({0, 0, 2, 1, 1, 0});
  auto joined = [](Blob a, const Blob& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  EXPECT_EQ(outcome_of_records(joined(first, second), 2), ErrorCode::ok);
  EXPECT_EQ(outcome_of_records(joined(second, first), 2), ErrorCode::invalid_record);
  EXPECT_EQ(outcome_of_records(joined(first, first), 2), ErrorCode::invalid_record);
  EXPECT_EQ(outcome_of_records(second), ErrorCode::invalid_record);
  EXPECT_EQ(outcome_of_records(record_of({0, 0, 1, 1, 1, 0})), ErrorCode::invalid_record);
}

TEST(BatchValidation, the_smallest_record) {
  EXPECT_EQ(outcome_of_records(record_of({0, 0, 0, 1, 1, 0})), ErrorCode::ok);
}

TEST(BatchValidation, hostile_record_lengths) {
  for (std::int32_t length : {0, -1, -64, 1, 5, 7, 1000, kInt32Max, kInt32Min}) {
    Blob records;
    append_varint(records, length);
    records.insert(records.end(), {0, 0, 0, 1, 1, 0});
    EXPECT_EQ(outcome_of_records(records), ErrorCode::invalid_record) << length;
  }
  EXPECT_EQ(outcome_of_records({}), ErrorCode::invalid_record);
  EXPECT_EQ(outcome_of_records({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), ErrorCode::invalid_record);
  EXPECT_EQ(outcome_of_records({0x80}), ErrorCode::invalid_record);
  EXPECT_EQ(outcome_of_records({0x00}), ErrorCode::invalid_record);
}

TEST(BatchValidation, hostile_key_value_and_header_lengths) {
  const Blob cases[] = {
      record_of({0, 0, 0, 3, 1, 0}),              // key -2
      record_of({0, 0, 0, 1, 3, 0}),              // value -2
      record_of({0, 0, 0, 4, 1, 0}),              // the key takes all that is left
      record_of({0, 0, 0, 6, 1, 0}),              // the key goes past the record
      record_of({0, 0, 0, 1, 2, 0}),              // the value takes the header count
      record_of({0, 0, 0, 1, 4, 0}),              // the value goes past the record
      record_of({0, 0, 0, 1, 1}),                 // no header count
      record_of({0, 0, 0, 1, 1, 0, 0}),           // a byte too many
      record_of({0, 0, 0, 1, 1, 1}),              // -1 headers
      record_of({0, 0, 0, 1, 1, 2}),              // a header that is not there
      record_of({0, 0, 0, 1, 1, 2, 1, 1}),        // a header without key
      record_of({0, 0, 0, 1, 1, 2, 0, 3}),        // header value -2
      record_of({0, 0, 0, 1, 1, 2, 2, 'k', 2}),   // header value past the record
      record_of({0, 0, 0, 1, 1, 2, 0, 1, 0, 1}),  // one header more than counted
      record_of({0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 1}),  // INT32_MAX headers
      record_of({0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0}),        // key of INT32_MAX
      record_of({0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0}),        // key of INT32_MIN
      record_of({0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1, 1, 0}),
  };
  for (const Blob& records : cases)
    EXPECT_EQ(outcome_of_records(records), ErrorCode::invalid_record) << &records - cases;
}

TEST(BatchValidation, a_record_may_not_borrow_from_the_next) {
  // The first one's value would end inside the second; both together have the right size.
  Blob records = record_of({0, 0, 0, 1, 8, 0});
  const Blob second = record_of({0, 0, 2, 1, 1, 0});
  records.insert(records.end(), second.begin(), second.end());
  EXPECT_EQ(outcome_of_records(records, 2), ErrorCode::invalid_record);
}

TEST(BatchValidation, a_record_may_not_hold_the_next) {
  // The first one's length takes in the second, which is whole and would read as record 1.
  Blob records = record_of({0, 0, 0, 1, 1, 0});
  const Blob second = record_of({0, 0, 2, 1, 1, 0});
  records.insert(records.end(), second.begin(), second.end());
  records[0] =
      static_cast<std::uint8_t>(zigzag_encode(static_cast<std::int32_t>(6 + second.size())));
  EXPECT_EQ(outcome_of_records(records, 2), ErrorCode::invalid_record);
}

TEST(BatchValidation, any_time_is_accepted_here) {
  for (std::int64_t delta :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    Blob body = {0};
    append_varlong(body, delta);
    body.insert(body.end(), {0, 1, 1, 0});
    Blob records;
    append_varint(records, static_cast<std::int32_t>(body.size()));
    records.insert(records.end(), body.begin(), body.end());
    const Blob batch = with_records(records, 1);
    EXPECT_EQ(outcome(batch), ErrorCode::ok);
    expect_readable(batch);
  }
}

TEST(BatchValidation, it_says_which_record_is_wrong) {
  Blob records = record_of({0, 0, 0, 1, 1, 0});
  const Blob second = record_of({0, 0, 2, 6, 1, 0});
  records.insert(records.end(), second.begin(), second.end());
  Result<BatchHeader> header = validate_batch(with_records(records, 2), kLimits);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().message(), "record 1 of 2 has a key that does not fit it");
}

TEST(BatchValidation, a_refused_batch_does_not_disturb_the_next) {
  for (Compression compression : kCompressions) {
    const Blob good = small_batch(compression);
    for (std::size_t size = kBatchHeaderSize; size < good.size(); ++size) {
      EXPECT_NE(outcome(sealed(Blob(good.begin(), good.begin() + size))), ErrorCode::ok);
      EXPECT_EQ(outcome(good), ErrorCode::ok);
    }
  }
}

}  // namespace
}  // namespace millrace

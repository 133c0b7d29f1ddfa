// Batches that other implementations made, byte for byte, to be read as they were meant.
//
// kafka-python 3.0.12 (python-snappy 0.7.3, lz4 4.4.5, zstd as it brings it): its
// DefaultRecordBatchBuilder. librdkafka 2.16.0: produced to its mock broker and fetched from there
// as they lay; the zstd one by an idempotent producer. Note its snappy: a bare block, no framing.
#include <gtest/gtest.h>

#include <string>

#include "record/batch.h"
#include "record/batch_test_support.h"

namespace millrace {
namespace {

using namespace test;

constexpr BatchLimits kLimits;

struct Fixture {
  std::string_view name;
  Compression compression;
  std::string_view hex;
};

constexpr Fixture kKafkaPython[] = {
    {"none", Compression::none,
     "0000000000000000000000940000000002bbd38b900000000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff0000000364000000046b304676302076302076302076302076302076302076"
     "302076302076302076302076302076300402680278026e0150000a0201447365636f6e64207365636f6e6420"
     "7365636f6e64207365636f6e64207365636f6e64000c000104000100"},
    {"gzip", Compression::gzip,
     "000000000000000000000070000000000280f70b200001000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff000000031f8b08002c79016b02ff4b61606060c936702b3350208458983298"
     "2a98f2180318b898185d8a5393f3f35214f0500c3c0c8c2c0c8c0c000469609263000000"},
    {"snappy", Compression::snappy,
     "0000000000000000000000770000000002445c36700002000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff0000000382534e415050590000000001000000010000003263286400000004"
     "6b30467630207e0300500402680278026e0150000a0201447365636f6e64206a07001c000c000104000100"},
    {"lz4", Compression::lz4,
     "00000000000000000000007a00000000025f29ff630003000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff0000000304224d18684063000000000000003832000000bf64000000046b30"
     "4676302003000dff060402680278026e0150000a0201447365636f6e642007000880000c0001040001000000"
     "0000"},
    {"zstd", Compression::zstd,
     "00000000000000000000006b000000000253728b9b0004000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff0000000328b52ffd20638d0100840264000000046b30467630200402680278"
     "026e0150000a0201447365636f6e6420000c0001040001000200554226eebc"},
};

constexpr Fixture kLibrdkafka[] = {
    {"none", Compression::none,
     "00000000000000000000026f0000000002333079510000000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff00000003bc04000000046b309c0474686520717569636b2062726f776e2066"
     "6f78206a756d7073206f76657220746865206c617a7920646f672c2074686520717569636b2062726f776e20"
     "666f78206a756d7073206f76657220746865206c617a7920646f672c2074686520717569636b2062726f776e"
     "20666f78206a756d7073206f76657220746865206c617a7920646f672c2074686520717569636b2062726f77"
     "6e20666f78206a756d7073206f76657220746865206c617a7920646f672c2074686520717569636b2062726f"
     "776e20666f78206a756d7073206f76657220746865206c617a7920646f672c2074686520717569636b206272"
     "6f776e20666f78206a756d7073206f76657220746865206c617a7920646f672c200402680278026e01aa0400"
     "0a02019c0474686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a79"
     "20646f672c2074686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a"
     "7920646f672c2074686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c61"
     "7a7920646f672c2074686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c"
     "617a7920646f672c2074686520717569636b2062726f776e20666f78206a756d7073206f7665722074686520"
     "6c617a7920646f672c2074686520717569636b2062726f776e20666f78206a756d7073206f76657220746865"
     "206c617a7920646f672c20000c000104000100"},
    {"gzip", Compression::gzip,
     "00000000000000000000009700000000025117740b0001000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff000000031f8b0800000000000003dbc3c2c0c0c0926d3087a5242355a1b034"
     "33395b21a928bf3c4f212dbf4221ab34b7a05821bf2cb54801249d935855a990929faea330ec15b330653055"
     "30e531ae6261e062621c0d1d54c50c3c0c8c2c0c8c0c00088d55363e020000"},
    {"snappy", Compression::snappy,
     "00000000000000000000009f0000000002924424020002000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff00000003be04a0bc04000000046b309c0474686520717569636b2062726f77"
     "6e20666f78206a756d7073206f76657220011f246c617a7920646f672c20010efe2d00fe2d00fe2d00722d00"
     "340402680278026e01aa04000a0201fe1e01fe1e01fe1e01fe1e013e1e011c000c000104000100"},
    {"lz4", Compression::lz4,
     "0000000000000000000000980000000002ad073c200003000000020000018bcfe568000000018bcfe56805ff"
     "ffffffffffffffffffffffffff0000000304224d1860408258000000f01abc04000000046b309c0474686520"
     "717569636b2062726f776e20666f78206a756d7073206f766572201f00916c617a7920646f672c0e000f2d00"
     "caef0402680278026e01aa04000a02011e01fd80000c00010400010000000000"},
    {"zstd", Compression::zstd,
     "00000000000000000000009400000000020d3433060004000000020000018bcfe568000000018bcfe5680500"
     "00000034b54d280000000000000000000328b52ffd0058d50200d404bc04000000046b309c04746865207175"
     "69636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672c200402680278"
     "026e01aa04000a0201000c00010400010002000d214b55e785948202"},
};

void expect_headers(const Record& record) {
  ASSERT_EQ(record.headers.size(), 2U);
  EXPECT_EQ(record.headers[0].key, "h");
  EXPECT_EQ(record.headers[0].value, "x");
  EXPECT_EQ(record.headers[1].key, "n");
  EXPECT_FALSE(record.headers[1].value);
}

void expect_records(const Fixture& fixture, std::string_view first, std::string_view second) {
  SCOPED_TRACE(fixture.name);
  const Blob batch = from_hex(fixture.hex);
  EXPECT_TRUE(checksum_matches(batch));
  Result<BatchHeader> header = validate_batch(batch, kLimits);
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->compression(), fixture.compression);
  EXPECT_EQ(header->record_count, 3);
  EXPECT_EQ(header->max_timestamp, WallMs(1700000000005));

  RecordReader reader(batch, kLimits);
  auto record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->offset, Offset(0));
  EXPECT_EQ(record->timestamp, WallMs(1700000000000));
  EXPECT_EQ(as_text(record->key.value()), "k0");
  EXPECT_EQ(as_text(record->value.value()), first);
  expect_headers(*record);
  record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->timestamp, WallMs(1700000000005));
  EXPECT_FALSE(record->key);
  EXPECT_EQ(as_text(record->value.value()), second);
  EXPECT_TRUE(record->headers.empty());
  record = reader.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->offset, Offset(2));
  EXPECT_EQ(record->timestamp, WallMs(1699999999999));
  EXPECT_EQ(as_text(record->key.value()), "");
  EXPECT_FALSE(record->value);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
}

TEST(BatchFixtures, kafka_python) {
  std::string first = "v0";
  for (int i = 0; i < 11; ++i) first += " v0";
  for (const Fixture& fixture : kKafkaPython)
    expect_records(fixture, first, "second second second second second");
}

TEST(BatchFixtures, librdkafka) {
  std::string text;
  for (int i = 0; i < 6; ++i) text += "the quick brown fox jumps over the lazy dog, ";
  for (const Fixture& fixture : kLibrdkafka) expect_records(fixture, text, text);
}

TEST(BatchFixtures, librdkafka_idempotent_producer) {
  Result<BatchHeader> header = validate_batch(from_hex(kLibrdkafka[4].hex), kLimits);
  ASSERT_TRUE(header);
  EXPECT_GT(header->producer_id.value(), 0);
  EXPECT_EQ(header->producer_epoch, ProducerEpoch(0));
  EXPECT_EQ(header->base_sequence, 0);
  EXPECT_EQ(header->last_sequence(), 2);
}

// The uncompressed one holds nothing that a codec may do in its own way: we build the same bytes.
TEST(BatchFixtures, the_builder_writes_what_kafka_python_writes) {
  std::string first = "v0";
  for (int i = 0; i < 11; ++i) first += " v0";
  BatchBuilder builder;
  builder.add(WallMs(1700000000000), as_bytes("k0"), as_bytes(first),
              {{"h", "x"}, {"n", std::nullopt}});
  builder.add(WallMs(1700000000005), std::nullopt, as_bytes("second second second second second"));
  builder.add(WallMs(1699999999999), as_bytes(""), std::nullopt);
  Bytes batch = builder.build();
  set_leader_epoch(batch.mutable_data(), LeaderEpoch(0));
  EXPECT_EQ(run_of(batch), from_hex(kKafkaPython[0].hex));
}

}  // namespace
}  // namespace millrace

#include "protocols/kafka/wire/reader.h"

#include <gtest/gtest.h>

#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/fetch.h"
#include "protocols/kafka/wire/gen/metadata.h"
#include "protocols/kafka/wire/gen/produce.h"

namespace millrace::kafka {
namespace {

Bytes bytes(std::initializer_list<int> values) {
  std::vector<std::uint8_t> raw;
  for (int value : values) raw.push_back(static_cast<std::uint8_t>(value));
  return Bytes::copy_of(raw);
}

TEST(Reader, ReadsBigEndianNumbers) {
  Reader in(bytes({0x80, 0x01, 0xff, 0xff, 0xff, 0xfe, 0xfe, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}));
  std::uint16_t unsigned_number = 0;
  std::int32_t negative = 0;
  std::int8_t small = 0;
  double real = 0;
  EXPECT_TRUE(in.number(unsigned_number) && in.number(negative) && in.number(small) &&
              in.number(real));
  EXPECT_EQ(unsigned_number, 0x8001);
  EXPECT_EQ(negative, -2);
  EXPECT_EQ(small, -2);
  EXPECT_EQ(real, 1.0);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Reader, ReadsVarints) {
  Reader in(bytes({0x00, 0x7f, 0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f}));
  std::uint32_t value = 1;
  EXPECT_TRUE(in.unsigned_varint(value));
  EXPECT_EQ(value, 0u);
  EXPECT_TRUE(in.unsigned_varint(value));
  EXPECT_EQ(value, 127u);
  EXPECT_TRUE(in.unsigned_varint(value));
  EXPECT_EQ(value, 128u);
  EXPECT_TRUE(in.unsigned_varint(value));
  EXPECT_EQ(value, 0xffffffffu);
}

TEST(Reader, RefusesVarintsAbove32Bits) {
  std::uint32_t value = 0;
  Reader sixth(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
  EXPECT_FALSE(sixth.unsigned_varint(value));
  Reader bit33(bytes({0xff, 0xff, 0xff, 0xff, 0x1f}));
  EXPECT_FALSE(bit33.unsigned_varint(value));
  EXPECT_EQ(value, 0u);
}

TEST(Reader, StaysFailed) {
  Reader in(bytes({0, 1, 2}));
  std::int32_t number = 0;
  std::int8_t small = 0;
  EXPECT_FALSE(in.number(number));
  EXPECT_FALSE(in.ok());
  EXPECT_FALSE(in.number(small));
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Reader, RefusesNullWhereNoneIsAllowed) {
  std::string text;
  Reader plain(bytes({0xff, 0xff}));
  EXPECT_FALSE(plain.string(text, false));
  Reader compact(bytes({0}));
  EXPECT_FALSE(compact.string(text, true));
  std::optional<std::string> maybe;
  Reader in_other_versions(bytes({0}));
  EXPECT_FALSE(in_other_versions.string(maybe, true, false));
  Reader allowed(bytes({0}));
  EXPECT_TRUE(allowed.string(maybe, true, true));
  EXPECT_FALSE(maybe);
}

TEST(Reader, RefusesNegativeLengths) {
  std::optional<std::string> text;
  Reader string(bytes({0xff, 0xfe}));
  EXPECT_FALSE(string.string(text, false, true));
  std::optional<Bytes> content;
  Reader content_in(bytes({0x80, 0, 0, 0}));
  EXPECT_FALSE(content_in.bytes(content, false, true));
}

TEST(Reader, RefusesStringsThatKafkaHasNoNumberFor) {
  std::vector<std::uint8_t> raw(kStringBytesMax + 10, 'x');
  raw[0] = 0x81;  // 32769 - 1
  raw[1] = 0x80;
  raw[2] = 0x02;
  std::string text;
  Reader in(Bytes::copy_of(raw));
  EXPECT_FALSE(in.string(text, true));
  EXPECT_NE(in.failure().find("32767"), std::string::npos);
}

TEST(Reader, NamesTheFieldAndTheLength) {
  // Produce v3: no transactional id, acks, timeout, one topic "t" with one partition whose records
  // claim 1000 bytes of 2.
  const Bytes body = bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 1,    0, 1, 't',
                            0,    0,    0,    1,    0, 0, 0, 0, 0, 0, 3, 0xe8, 1, 2});
  const auto decoded = decode<ProduceRequest>(body, 3);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::invalid_request);
  EXPECT_EQ(decoded.error().message(),
            "ProduceRequest v3: field topic_data.partition_data.records: its length is more than "
            "the bytes left (1000 of 2)");
}

TEST(Reader, AllocatesNothingForACountThatCannotBe) {
  // Metadata v0: two thousand million topics in a frame of 4 bytes.
  const auto metadata = decode<MetadataRequest>(bytes({0x77, 0x35, 0x94, 0x00}), 0);
  ASSERT_FALSE(metadata);
  // Fetch v12 in the compact form: 4294967294 topics.
  std::vector<std::uint8_t> fetch(21 + 4, 0);
  for (int value : {0xff, 0xff, 0xff, 0xff, 0x0f})
    fetch.push_back(static_cast<std::uint8_t>(value));
  const auto decoded = decode<FetchRequest>(Bytes::copy_of(fetch), 12);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message().find("field topics: its length"), std::string::npos)
      << decoded.error().message();
}

TEST(Reader, KeepsToItsMemory) {
  MetadataRequest request;
  request.topics.emplace(1000);
  const Bytes body = encode(request, 9).flatten();
  const std::size_t needed = 1000 * sizeof(MetadataRequest::Topic);
  Reader enough(body, needed);
  EXPECT_TRUE(decode<MetadataRequest>(enough, 9));
  Reader too_little(body, needed - 1);
  EXPECT_FALSE(decode<MetadataRequest>(too_little, 9));
  EXPECT_NE(too_little.failure().find("than one message may have"), std::string::npos);
}

TEST(Reader, SkipsUnknownTaggedFields) {
  // Two fields of tags 9 and 300, then one byte that follows.
  Reader in(bytes({2, 9, 3, 'a', 'b', 'c', 0xac, 0x02, 0, 0x55}));
  EXPECT_TRUE(in.skip_tagged_fields());
  std::int8_t next = 0;
  EXPECT_TRUE(in.number(next));
  EXPECT_EQ(next, 0x55);
}

TEST(Reader, RefusesTaggedFieldsBeyondTheEnd) {
  Reader size(bytes({1, 9, 3, 'a', 'b'}));
  EXPECT_FALSE(size.skip_tagged_fields());
  Reader count(bytes({0xff, 0xff, 0xff, 0xff, 0x0f, 9, 0}));
  EXPECT_FALSE(count.skip_tagged_fields());
}

TEST(Reader, HoldsATaggedFieldToItsSize) {
  for (int size : {1, 3}) {
    Reader in(bytes({1, 0, size, 0, 0, 0, 0}));
    const bool read = in.tagged_fields([&](std::uint32_t, bool&) {
      std::int16_t number = 0;
      return in.number(number);
    });
    EXPECT_FALSE(read) << size;
  }
}

TEST(Reader, GivesRecordsAsAPartOfTheFrame) {
  ProduceRequest request;
  request.topic_data.resize(1);
  request.topic_data[0].partition_data.resize(1);
  request.topic_data[0].partition_data[0].records =
      Bytes::copy_of(std::vector<std::uint8_t>(5000, 7));
  for (const std::int16_t version : {3, 9, 13}) {
    const Bytes body = encode(request, version).flatten();
    const auto decoded = decode<ProduceRequest>(body, version);
    ASSERT_TRUE(decoded);
    const Bytes& records = *decoded->topic_data[0].partition_data[0].records;
    EXPECT_EQ(records.size(), 5000u);
    EXPECT_GE(records.data(), body.data());
    EXPECT_LE(records.data() + records.size(), body.data() + body.size());
  }
}

}  // namespace
}  // namespace millrace::kafka

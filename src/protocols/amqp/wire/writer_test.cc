#include "protocols/amqp/wire/writer.h"

#include <gtest/gtest.h>

#include "protocols/amqp/wire/limits.h"
#include "protocols/amqp/wire/wire_test_support.h"

namespace millrace::amqp {
namespace {

using test::Blob;
using test::blob;
using test::hex;
using test::joined;

const BasicDeliver kDeliver{.consumer_tag = "c", .delivery_tag = 1, .routing_key = "q"};

Bytes body_of(std::size_t size) {
  Blob bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  return Bytes::copy_of(bytes);
}

Blob taken(FrameWriter& out) { return blob(out.take().flatten().view()); }

struct Content {
  std::vector<std::size_t> payload_bytes;  // of the body frames
  Blob body;
};

// Reads a deliver with its content from the front of `bytes` as a client does.
Content read_content(ByteView& bytes, std::size_t frame_bytes_max, std::uint16_t channel) {
  const auto next = [&](FrameType type) {
    const auto frame = next_frame(bytes, frame_bytes_max);
    EXPECT_TRUE(frame && *frame && (*frame)->type == type && (*frame)->channel == channel);
    bytes = bytes.subspan((*frame)->bytes);
    return (*frame)->payload;
  };
  EXPECT_EQ(decode<BasicDeliver>(next(FrameType::method)).value(), kDeliver);
  const auto header = decode_content_header(next(FrameType::header)).value();
  EXPECT_EQ(blob(header.properties), hex("1000 02"));
  Content content;
  while (content.body.size() < header.body_bytes) {
    const ByteView part = next(FrameType::body);
    content.payload_bytes.push_back(part.size());
    content.body.insert(content.body.end(), part.begin(), part.end());
  }
  return content;
}

TEST(FrameWriter, WritesMethods) {
  FrameWriter out;
  EXPECT_TRUE(out.empty());
  out.method(0x0102, BasicAck{.delivery_tag = 3, .multiple = true});
  out.heartbeat();
  EXPECT_EQ(out.size(), 29u);
  EXPECT_EQ(taken(out), hex("01 0102 0000000d 003c 0050 0000000000000003 01 ce"
                            "08 0000 00000000 ce"));
  EXPECT_TRUE(out.empty());
  out.greeting();
  EXPECT_EQ(taken(out), hex("'AMQP' 00000901"));
  EXPECT_TRUE(taken(out).empty());
}

TEST(FrameWriter, WritesAContent) {
  FrameWriter out;
  out.content(2, kDeliver, hex("1000 02"), body_of(0), kFrameBytesMin);
  const Blob deliver = hex("01 0002 00000012 003c 003c 01'c' 0000000000000001 00 00 01'q' ce");
  EXPECT_EQ(taken(out),
            joined(deliver, hex("02 0002 0000000f 003c 0000 0000000000000000 1000 02 ce")));
  out.content(2, kDeliver, hex("1000 02"), Bytes::copy_of(as_bytes("abc")), kFrameBytesMin);
  EXPECT_EQ(taken(out), joined(deliver, hex("02 0002 0000000f 003c 0000 0000000000000003 1000 02 ce"
                                            "03 0002 00000003 'abc' ce")));
}

TEST(FrameWriter, SplitsBodies) {
  constexpr std::size_t kPart = kFrameBytesMin - kFrameOverheadBytes;
  for (const std::size_t size : {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, kPart - 1,
                                 kPart, kPart + 1, 2 * kPart, 2 * kPart + 1, 7 * kPart + 4096}) {
    FrameWriter out;
    out.content(3, kDeliver, hex("1000 02"), body_of(size), kFrameBytesMin);
    const Blob bytes = taken(out);
    ByteView left = bytes;
    const Content content = read_content(left, kFrameBytesMin, 3);
    EXPECT_TRUE(left.empty());
    EXPECT_EQ(content.body, blob(body_of(size).view()));
    EXPECT_EQ(content.payload_bytes.size(), (size + kPart - 1) / kPart) << size;
    for (std::size_t i = 0; i + 1 < content.payload_bytes.size(); ++i)
      EXPECT_EQ(content.payload_bytes[i], kPart) << size;
  }
}

TEST(FrameWriter, SplitsBodiesBelowTheReferencedSize) {
  FrameWriter out;
  out.content(3, kDeliver, hex("1000 02"), body_of(100), 49);
  const Blob bytes = taken(out);
  ByteView left = bytes;
  const Content content = read_content(left, 49, 3);
  EXPECT_EQ(content.payload_bytes, (std::vector<std::size_t>{41, 41, 18}));
  EXPECT_EQ(content.body, blob(body_of(100).view()));
}

TEST(FrameWriter, WithoutAFrameMaxSendsOneFrame) {
  FrameWriter out;
  out.content(3, kDeliver, hex("1000 02"), body_of(1'000'000), 0);
  const Blob bytes = taken(out);
  ByteView left = bytes;
  EXPECT_EQ(read_content(left, SIZE_MAX, 3).payload_bytes, std::vector<std::size_t>{1'000'000});
}

TEST(FrameWriter, ReferencesLargeBodies) {
  const Bytes body = body_of(100'000);
  FrameWriter out;
  out.content(1, kDeliver, hex("1000 02"), body, kFrameBytesDefault);
  const std::size_t size = out.size();
  const ByteChain chain = out.take();
  EXPECT_EQ(chain.size(), size);
  ASSERT_EQ(chain.parts().size(), 3u);
  EXPECT_EQ(chain.parts()[1].data(), body.data());
  EXPECT_EQ(chain.parts()[1].size(), body.size());
  EXPECT_EQ(chain.parts()[2].size(), 1u);
}

TEST(FrameWriter, CopiesSmallBodies) {
  FrameWriter out;
  {
    const Bytes body = body_of(FrameWriter::kReferenceBytesMin - 1);
    out.content(1, kDeliver, hex("1000 02"), body, kFrameBytesDefault);
  }
  EXPECT_EQ(out.take().parts().size(), 1u);
}

TEST(FrameWriter, GoesOnFromBlockToBlock) {
  FrameWriter out;
  Blob all;
  std::size_t parts = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 100; ++i)
      out.content(1, kDeliver, hex("1000 02"), body_of(static_cast<std::size_t>(i * round % 5000)),
                  kFrameBytesDefault);
    const std::size_t size = out.size();
    const ByteChain chain = out.take();
    EXPECT_EQ(chain.size(), size);
    parts += chain.parts().size();
    all = joined(std::move(all), blob(chain.flatten().view()));
  }
  ByteView left = all;
  for (int round = 0; round < 50; ++round)
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(read_content(left, kFrameBytesDefault, 1).body,
                blob(body_of(static_cast<std::size_t>(i * round % 5000)).view()));
  EXPECT_TRUE(left.empty());
  EXPECT_LT(parts, 2000u);
}

// What was taken is not touched by what is written next into the same block.
TEST(FrameWriter, LeavesWhatWasTaken) {
  FrameWriter out;
  out.method(1, BasicAck{.delivery_tag = 1});
  const ByteChain first = out.take();
  out.method(1, BasicAck{.delivery_tag = 2});
  const ByteChain second = out.take();
  EXPECT_EQ(blob(first.flatten().view()), hex("01 0001 0000000d 003c 0050 0000000000000001 00 ce"));
  EXPECT_EQ(second.parts()[0].data(), first.parts()[0].data() + 21);
}

TEST(FrameWriter, HoldsNothingAfterShrinking) {
  FrameWriter out;
  for (int i = 0; i < 10'000; ++i) out.heartbeat();
  EXPECT_EQ(out.take().size(), 80'000u);
  out.shrink();
  out.heartbeat();
  const ByteChain chain = out.take();
  EXPECT_EQ(chain.parts()[0].owner_capacity(), FrameWriter::kBlockBytesFirst);
}

TEST(FrameWriter, TakesPropertiesLargerThanABlock) {
  const Blob properties(200'000, 0x20);
  FrameWriter out;
  out.content(1, kDeliver, properties, body_of(10), kFrameBytesDefault);
  const Blob bytes = taken(out);
  const auto deliver = next_frame(bytes, kFrameBytesDefault).value();
  const auto header = next_frame(ByteView(bytes).subspan(deliver->bytes), SIZE_MAX).value();
  EXPECT_EQ(blob(decode_content_header(header->payload)->properties), properties);
}

}  // namespace
}  // namespace millrace::amqp

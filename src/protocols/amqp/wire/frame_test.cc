#include "protocols/amqp/wire/frame.h"

#include <gtest/gtest.h>

#include "protocols/amqp/wire/limits.h"
#include "protocols/amqp/wire/wire_test_support.h"

namespace millrace::amqp {
namespace {

using test::Blob;
using test::hex;

std::string refusal(const Blob& bytes, std::size_t frame_bytes_max = kFrameBytesMin) {
  const auto frame = next_frame(bytes, frame_bytes_max);
  return frame ? "accepted" : std::string(frame.error().message());
}

TEST(Frame, IsPartedFromWhatFollows) {
  const Blob bytes = hex("03 0102 00000003 'abc' ce 08");
  const auto frame = next_frame(bytes, kFrameBytesMin);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->type, FrameType::body);
  EXPECT_EQ((*frame)->channel, 0x0102);
  EXPECT_EQ(as_text((*frame)->payload), "abc");
  EXPECT_EQ((*frame)->payload.data(), bytes.data() + 7);
  EXPECT_EQ((*frame)->bytes, 11u);
}

TEST(Frame, IsNotThereBeforeItsEnd) {
  const Blob whole = hex("01 0001 00000004 00140029 ce");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto frame = next_frame(ByteView(whole).first(size), kFrameBytesMin);
    ASSERT_TRUE(frame) << size;
    EXPECT_FALSE(*frame) << size;
  }
  EXPECT_TRUE(next_frame(whole, kFrameBytesMin).value());
}

TEST(Frame, MayBeEmpty) {
  const auto frame = next_frame(hex("08 0000 00000000 ce"), kFrameBytesMin);
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->type, FrameType::heartbeat);
  EXPECT_TRUE((*frame)->payload.empty());
  EXPECT_EQ((*frame)->bytes, kFrameOverheadBytes);
}

TEST(Frame, EndsWithItsOctet) {
  EXPECT_EQ(refusal(hex("03 0007 00000001 'a' cd")),
            "a frame on channel 7 ends with octet 205, expected 206");
  EXPECT_EQ(refusal(hex("03 0007 00000000 00")),
            "a frame on channel 7 ends with octet 0, expected 206");
}

TEST(Frame, IsOfAKnownType) {
  for (int type = 0; type < 256; ++type) {
    Blob bytes = hex("00 0000 00000000 ce");
    bytes[0] = static_cast<std::uint8_t>(type);
    const bool known = type == 1 || type == 2 || type == 3 || type == 8;
    EXPECT_EQ(next_frame(bytes, kFrameBytesMin).has_value(), known) << type;
  }
  // A greeting in the middle of a connection.
  EXPECT_EQ(refusal(hex("'AMQP' 00000901")), "a frame of type 65, expected 1, 2, 3 or 8");
}

TEST(Frame, IsRefusedBySizeBeforeItHasCome) {
  EXPECT_EQ(refusal(hex("03 0001 00001ff8")), "accepted");
  EXPECT_EQ(refusal(hex("03 0001 00001ff9")),
            "a frame of 8193 bytes on channel 1, the negotiated frame-max is 8192");
  EXPECT_EQ(refusal(hex("03 0001 ffffffff")),
            "a frame of 4294967303 bytes on channel 1, the negotiated frame-max is 8192");
  // Sizes where 32 bits would overflow.
  for (const char* size : {"fffffff7", "fffffff8", "fffffff9", "ffffffff", "80000000"}) {
    EXPECT_NE(refusal(hex(std::string("03 0001") + size)), "accepted") << size;
    const auto frame = next_frame(hex(std::string("03 0001") + size + "ce"), SIZE_MAX);
    ASSERT_TRUE(frame) << size;
    EXPECT_FALSE(*frame) << size;
  }
}

TEST(Frame, OfAHeartbeatHasNeitherChannelNorPayload) {
  EXPECT_EQ(refusal(hex("08 0001 00000000 ce")),
            "a heartbeat on channel 1 with 0 bytes, expected channel 0 and none");
  EXPECT_EQ(refusal(hex("08 0000 00000001 00 ce")),
            "a heartbeat on channel 0 with 1 bytes, expected channel 0 and none");
}

TEST(Greeting, TellsProtocols) {
  EXPECT_EQ(parse_greeting(hex("'AMQP' 00000901")), Greeting::amqp_0_9_1);
  EXPECT_EQ(parse_greeting(hex("'AMQP' 00000901 01")), Greeting::amqp_0_9_1);
  EXPECT_EQ(parse_greeting(hex("'AMQP' 00010000")), Greeting::amqp_1_0);
  EXPECT_EQ(parse_greeting(hex("'AMQP' 03010000")), Greeting::amqp_1_0_sasl);
  EXPECT_EQ(parse_greeting(hex("'AMQP' 01010800")), Greeting::other);
  EXPECT_EQ(parse_greeting(hex("'GET / HT'")), Greeting::other);
}

TEST(Greeting, IsKnownAsSoonAsItCanBe) {
  const Blob whole = hex("'AMQP' 00000901");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parse_greeting(ByteView(whole).first(size)), Greeting::incomplete) << size;
  EXPECT_EQ(parse_greeting(hex("'AMQP' 00000902")), Greeting::other);
  EXPECT_EQ(parse_greeting(hex("'AMQP' 0002")), Greeting::other);
  EXPECT_EQ(parse_greeting(hex("'G'")), Greeting::other);
}

}  // namespace
}  // namespace millrace::amqp

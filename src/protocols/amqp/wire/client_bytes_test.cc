// Frames as they are on the wire: worked out by hand from the specification, and as pika 1.4.4
// sends them.
#include <gtest/gtest.h>

#include "protocols/amqp/wire/content_header.h"
#include "protocols/amqp/wire/frame.h"
#include "protocols/amqp/wire/limits.h"
#include "protocols/amqp/wire/methods.h"
#include "protocols/amqp/wire/properties.h"
#include "protocols/amqp/wire/wire_test_support.h"
#include "protocols/amqp/wire/writer.h"

namespace millrace::amqp {
namespace {

using test::Blob;
using test::blob;
using test::hex;

ByteView payload_of(const Blob& bytes, FrameType type, std::uint16_t channel) {
  const auto frame = next_frame(bytes, kFrameBytesMin);
  if (!frame || !*frame) {
    ADD_FAILURE() << "no frame";
    return {};
  }
  EXPECT_EQ((*frame)->bytes, bytes.size());
  EXPECT_EQ((*frame)->type, type);
  EXPECT_EQ((*frame)->channel, channel);
  return (*frame)->payload;
}

// These bytes are this method, in both directions.
template <class Kind>
void expect_method(std::string_view digits, std::uint16_t channel, const Kind& method) {
  const Blob bytes = hex(digits);
  const auto decoded = decode_method(payload_of(bytes, FrameType::method, channel));
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(std::get<Kind>(*decoded), method);
  FrameWriter out;
  out.method(channel, method);
  EXPECT_EQ(blob(out.take().flatten().view()), bytes);
}

TEST(ClientBytes, PikaStartOk) {
  expect_method(
      "01000000000069000a000b000000450770726f64756374530000000450696b610c6361706162696c697469657346"
      "000000220a62617369632e6e61636b7401127075626c69736865725f636f6e6669726d73740105504c41494e0000"
      "000c00677565737400677565737405656e5f5553ce",
      0,
      ConnectionStartOk{
          .client_properties = {{"product", Value("Pika")},
                                {"capabilities",
                                 Value(ValueTable{{"basic.nack", Value(true)},
                                                  {"publisher_confirms", Value(true)}})}},
          .mechanism = "PLAIN",
          .response = {std::string_view("\0guest\0guest", 12)},
          .locale = "en_US"});
}

TEST(ClientBytes, PikaQueueDeclare) {
  expect_method(
      "010001000000520032000a0000066f726465727302000000400c782d6d61782d6c656e67746849000003e816782d"
      "646561642d6c65747465722d65786368616e67655300000003646c7805782d6269676c0000010000000000ce",
      1,
      QueueDeclare{.queue = "orders",
                   .durable = true,
                   .arguments = {{"x-max-length", Value(std::int32_t{1000})},
                                 {"x-dead-letter-exchange", Value("dlx")},
                                 {"x-big", Value(std::int64_t{1} << 40)}}});
}

TEST(ClientBytes, PikaConsume) {
  expect_method(
      "01000100000025003c00140000066f726465727302633106000000100a782d7072696f7269747949fffffffbce",
      1,
      BasicConsume{.queue = "orders",
                   .consumer_tag = "c1",
                   .no_ack = true,
                   .exclusive = true,
                   .arguments = {{"x-priority", Value(std::int32_t{-5})}}});
}

TEST(ClientBytes, PikaNack) {
  expect_method("0100010000000d003c0078000000000000000701ce", 1,
                BasicNack{.delivery_tag = 7, .multiple = true});
}

TEST(ClientBytes, PikaPublish) {
  expect_method("0100010000000f003c0028000000066f726465727301ce", 1,
                BasicPublish{.routing_key = "orders", .mandatory = true});
  const Blob header = hex(
      "02000100000062003c00000000000000000005b1c00a746578742f706c61696e00000033016e56016444010000"
      "000f017454000000005e0be1000161410000000d4900000001530000000178740101627800000002616202053630"
      "303030026d31000000005e0be100ce");
  const auto decoded = decode_content_header(payload_of(header, FrameType::header, 1));
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(decoded->class_id, 60);
  EXPECT_EQ(decoded->body_bytes, 5u);
  const auto properties = decode_properties(decoded->properties);
  ASSERT_TRUE(properties) << properties.error().message();
  const BasicProperties expected{
      .content_type = "text/plain",
      .headers =
          ValueTable{{"n", Value()},
                     {"d", Value(Decimal{.scale = 1, .digits = 15})},
                     {"t", Value(TimestampSeconds{1'577'836'800})},
                     {"a", Value(ValueArray{Value(std::int32_t{1}), Value("x"), Value(true)})},
                     {"b", Value(ByteString{"ab"})}},
      .delivery_mode = kPersistent,
      .expiration = "60000",
      .message_id = "m1",
      .timestamp = TimestampSeconds{1'577'836'800}};
  EXPECT_EQ(*properties, expected);
  EXPECT_EQ(encode_properties(expected), blob(decoded->properties));
  EXPECT_EQ(as_text(payload_of(hex("0300010000000568656c6c6fce"), FrameType::body, 1)), "hello");
}

TEST(ClientBytes, ByHand) {
  expect_method(
      "01 0000 0000000c 000a 001e 07ff 00020000 003c ce", 0,
      ConnectionTune{.channel_max = 2047, .frame_bytes_max = 131'072, .heartbeat_seconds = 60});
  expect_method("01 0000 00000008 000a 0028 01'/' 00 00 ce", 0,
                ConnectionOpen{.virtual_host = "/"});
  expect_method("01 0000 00000005 000a 0029 00 ce", 0, ConnectionOpenOk{});
  expect_method("01 0001 00000005 0014 000a 00 ce", 1, ChannelOpen{});
  expect_method("01 0001 00000008 0014 000b 00000000 ce", 1, ChannelOpenOk{});
  expect_method(
      "01 0001 00000014 0014 0028 0194 09'NOT_FOUND' 0032 000a ce", 1,
      ChannelClose{.reply_code = 404, .reply_text = "NOT_FOUND", .class_id = 50, .method_id = 10});
  expect_method("01 0001 00000004 0028 0033 ce", 1, ExchangeUnbindOk{});
  expect_method("01 0001 0000000b 003c 000a 00000000 0064 01 ce", 1,
                BasicQos{.prefetch_count = 100, .global = true});
  expect_method(
      "01 0001 00000014 003c 003c 02'c1' 0000000000000009 01 00 02'q1' ce", 1,
      BasicDeliver{
          .consumer_tag = "c1", .delivery_tag = 9, .redelivered = true, .routing_key = "q1"});
  expect_method("01 0001 0000000d 003c 0050 0000000000000009 00 ce", 1,
                BasicAck{.delivery_tag = 9});
  expect_method("01 0001 00000005 0055 000a 00 ce", 1, ConfirmSelect{});
}

}  // namespace
}  // namespace millrace::amqp

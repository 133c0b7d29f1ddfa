#include "protocols/amqp/wire/properties.h"

#include <gtest/gtest.h>

#include "protocols/amqp/wire/content_header.h"
#include "protocols/amqp/wire/field_scanner.h"
#include "protocols/amqp/wire/wire_test_support.h"

namespace millrace::amqp {
namespace {

using test::Blob;
using test::hex;

BasicProperties every_property() {
  return {.content_type = "text/plain",
          .content_encoding = "gzip",
          .headers = test::every_type(),
          .delivery_mode = kPersistent,
          .priority = 9,
          .correlation_id = "c",
          .reply_to = "amq.rabbitmq.reply-to",
          .expiration = "60000",
          .message_id = "",
          .timestamp = TimestampSeconds{0x0102030405060708},
          .type = "order",
          .user_id = "guest",
          .app_id = "shop",
          .cluster_id = "x"};
}

std::string refusal(const Blob& raw) {
  const auto parsed = parse_properties(raw);
  EXPECT_EQ(parsed.has_value(), decode_properties(raw).has_value());
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_request);
  EXPECT_EQ(parsed.error().message(), decode_properties(raw).error().message());
  return std::string(parsed.error().message());
}

TEST(Properties, AreReadAsTheyWereWritten) {
  const Blob raw = encode_properties(every_property());
  EXPECT_EQ(raw[0], 0xff);
  EXPECT_EQ(raw[1], 0xfc);
  const auto again = decode_properties(raw);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, every_property());
}

TEST(Properties, StandInTheOrderOfTheirFlags) {
  EXPECT_EQ(encode_properties({}), Blob(kNoProperties.begin(), kNoProperties.end()));
  EXPECT_EQ(encode_properties({.delivery_mode = kPersistent}), hex("1000 02"));
  EXPECT_EQ(encode_properties({.headers = ValueTable()}), hex("2000 00000000"));
  EXPECT_EQ(encode_properties({.content_type = "t", .priority = 3, .app_id = "a"}),
            hex("8808 01't' 03 01'a'"));
}

TEST(Properties, EachAloneIsFound) {
  const auto only = [](const BasicProperties& properties) {
    static Blob raw;
    raw = encode_properties(properties);
    return parse_properties(raw).value();
  };
  EXPECT_EQ(only({.content_type = "a"}).text(Property::content_type), "a");
  EXPECT_EQ(only({.content_encoding = "a"}).text(Property::content_encoding), "a");
  EXPECT_EQ(only({.headers = ValueTable()}).headers()->size(), 0u);
  EXPECT_EQ(only({.delivery_mode = kPersistent}).delivery_mode(), 2);
  EXPECT_EQ(only({.priority = 9}).priority(), 9);
  EXPECT_EQ(only({.correlation_id = "a"}).correlation_id(), "a");
  EXPECT_EQ(only({.reply_to = "a"}).reply_to(), "a");
  EXPECT_EQ(only({.expiration = "a"}).expiration(), "a");
  EXPECT_EQ(only({.message_id = "a"}).message_id(), "a");
  EXPECT_EQ(only({.timestamp = TimestampSeconds{7}}).timestamp(), TimestampSeconds{7});
  EXPECT_EQ(only({.type = "a"}).text(Property::type), "a");
  EXPECT_EQ(only({.user_id = "a"}).user_id(), "a");
  EXPECT_EQ(only({.app_id = "a"}).text(Property::app_id), "a");
  EXPECT_EQ(only({.cluster_id = "a"}).text(Property::cluster_id), "a");
}

TEST(Properties, AreFoundAmongAll) {
  const Blob raw = encode_properties(every_property());
  for (const auto& view : {parse_properties(raw), scan_properties(raw)}) {
    ASSERT_TRUE(view) << view.error().message();
    EXPECT_EQ(view->raw().data(), raw.data());
    EXPECT_EQ(view->text(Property::content_type), "text/plain");
    EXPECT_EQ(find_field(view->headers().value(), "S")->as_text(), "text");
    EXPECT_EQ(view->delivery_mode(), kPersistent);
    EXPECT_EQ(view->priority(), 9);
    EXPECT_EQ(view->correlation_id(), "c");
    EXPECT_EQ(view->reply_to(), "amq.rabbitmq.reply-to");
    EXPECT_EQ(view->expiration(), "60000");
    EXPECT_EQ(view->message_id(), "");
    EXPECT_EQ(view->timestamp(), TimestampSeconds{0x0102030405060708});
    EXPECT_EQ(view->user_id(), "guest");
    EXPECT_EQ(view->text(Property::cluster_id), "x");
  }
}

TEST(Properties, ThatAreNotThereAreNotFound) {
  const auto view = parse_properties(kNoProperties);
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->has(Property::headers));
  EXPECT_FALSE(view->headers() || view->delivery_mode() || view->priority() || view->timestamp());
  EXPECT_FALSE(view->expiration() || view->user_id());
}

TEST(Properties, AreRefusedAtEveryCut) {
  const Blob whole = encode_properties(every_property());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Blob cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(refusal(cut), "accepted") << size;
    EXPECT_FALSE(scan_properties(cut)) << size;
  }
}

TEST(Properties, SayWhatIsWrong) {
  EXPECT_EQ(refusal(hex("")), "properties: it ends inside of a number");
  EXPECT_EQ(refusal(hex("8000")), "properties: it ends inside of a number");
  EXPECT_EQ(refusal(hex("8000 05 'abcd'")), "properties: it ends inside of a string or table");
  EXPECT_EQ(refusal(hex("0000 00")), "properties: bytes follow its fields");
  EXPECT_EQ(refusal(hex("0001 0000")), "properties: a flag is set that has no property");
  EXPECT_EQ(refusal(hex("0002")), "properties: a flag is set that has no property");
  EXPECT_EQ(refusal(hex("2000 ffffffff")), "properties: it ends inside of a string or table");
  EXPECT_EQ(refusal(hex("2000 00000003 01'a' 'z'")),
            "properties: a value in a table has a type that does not exist");
  EXPECT_EQ(refusal(hex("2000 0000000a 01'a' 'F' ffffffff 'abcd'")),
            "properties: a value in a table is longer than the table");
}

TEST(Properties, ScanningDoesNotLookIntoTheHeaders) {
  const Blob raw = hex("3000 00000003 01'a' 'z' 02");
  const auto view = scan_properties(raw);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->delivery_mode(), kPersistent);
}

TEST(ContentHeader, IsReadAndWritten) {
  const Blob payload = hex("003c 0000 0000000100000002 1000 02");
  const auto header = decode_content_header(payload);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->class_id, kBasicClass);
  EXPECT_EQ(header->body_bytes, 0x100000002u);
  EXPECT_EQ(test::blob(header->properties), hex("1000 02"));
  Blob written(kContentHeaderBytes);
  EXPECT_EQ(store_content_header(written.data(), header->body_bytes),
            written.data() + written.size());
  EXPECT_EQ(test::joined(written, hex("1000 02")), payload);
}

TEST(ContentHeader, IsRefusedWhenMalformed) {
  const Blob whole = hex("003c 0000 0000000000000000");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_content_header(ByteView(whole).first(size))) << size;
  EXPECT_TRUE(decode_content_header(whole));
  EXPECT_FALSE(decode_content_header(hex("003c 0001 0000000000000000")));
}

}  // namespace
}  // namespace millrace::amqp

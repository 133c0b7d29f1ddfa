#include "protocols/amqp/wire/methods.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <tuple>

#include "protocols/amqp/wire/wire_test_support.h"

namespace millrace::amqp {
namespace {

using test::Blob;
using test::hex;

template <class Visit, class... Kind>
void for_each(Visit visit, const std::variant<Kind...>*) {
  (visit(Kind()), ...);
}
template <class Visit>
void for_each_method(Visit visit) {
  for_each(visit, static_cast<const Method*>(nullptr));
}

template <class Kind>
Blob encode(const Kind& method) {
  Blob payload(method_bytes(method));
  EXPECT_EQ(store_method(payload.data(), method), payload.data() + payload.size());
  return payload;
}

template <class Kind>
Kind filled() {
  Kind method;
  test::Fill fill;
  method.fields(fill);
  return method;
}

std::string refusal(const Blob& payload) {
  const auto method = decode_method(payload);
  return method ? "accepted" : std::string(method.error().message());
}

TEST(Methods, AreReadAsTheyWereWritten) {
  for_each_method([]<class Kind>(Kind empty) {
    for (const Kind& method : {empty, filled<Kind>()}) {
      const Blob payload = encode(method);
      const auto again = decode<Kind>(payload);
      ASSERT_TRUE(again) << again.error().message();
      EXPECT_EQ(*again, method) << Kind::kName;
      const auto any = decode_method(payload);
      ASSERT_TRUE(any) << any.error().message();
      EXPECT_EQ(std::get<Kind>(*any), method) << Kind::kName;
    }
  });
}

TEST(Methods, AreRefusedWhenCutOrLonger) {
  for_each_method([]<class Kind>(Kind) {
    Blob payload = encode(filled<Kind>());
    for (std::size_t size = 0; size < payload.size(); ++size) {
      const Blob cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
      const auto method = decode_method(cut);
      ASSERT_FALSE(method) << Kind::kName << " cut to " << size;
      EXPECT_EQ(method.error().code, ErrorCode::invalid_request);
    }
    payload.push_back(0);
    EXPECT_EQ(refusal(payload), std::string(Kind::kName) + ": bytes follow its fields");
  });
}

TEST(Methods, HaveIdsAndNamesOfTheirOwn) {
  std::set<MethodId> ids;
  std::set<std::string_view> names;
  for_each_method([&]<class Kind>(Kind) {
    EXPECT_TRUE(ids.insert(Kind::kId).second) << Kind::kName;
    EXPECT_TRUE(names.insert(Kind::kName).second) << Kind::kName;
    EXPECT_EQ(method_name(Kind::kId), Kind::kName);
  });
  EXPECT_EQ(ids.size(), 66u);
  EXPECT_EQ(method_name(make_method_id(40, 41)), "");
  EXPECT_EQ(class_number(ExchangeUnbindOk::kId), 40);
  EXPECT_EQ(method_number(ExchangeUnbindOk::kId), 51);
}

TEST(Methods, ThatDoNotExistAreRefused) {
  const auto method = decode_method(hex("0028 0029"));
  ASSERT_FALSE(method);
  EXPECT_EQ(method.error().code, ErrorCode::unsupported_feature);
  EXPECT_EQ(method.error().message(), "there is no method 41 in class 40");
  EXPECT_EQ(refusal(hex("")), "a method: its frame is shorter than 4 bytes");
  EXPECT_EQ(refusal(hex("003c00")), "a method: its frame is shorter than 4 bytes");
}

TEST(Methods, SayWhatIsWrong) {
  EXPECT_EQ(refusal(hex("003c 0050 00")), "basic.ack: it ends inside of a number");
  EXPECT_EQ(refusal(hex("003c 0050 0000000000000001")), "basic.ack: it ends before its bits");
  EXPECT_EQ(refusal(hex("003c 0028 0000 05'abc'")),
            "basic.publish: it ends inside of a string or table");
  EXPECT_EQ(refusal(hex("000a 0014 ffffffff 'abc'")),
            "connection.secure: it ends inside of a string or table");
  EXPECT_EQ(refusal(hex("0032 0032 0000 00 00 00 00000003 01'a' 'z'")),
            "queue.unbind: a value in a table has a type that does not exist");
}

// Bits that follow each other share octets, the first in the lowest bit.
TEST(Methods, PackBits) {
  EXPECT_EQ(encode(BasicNack{.delivery_tag = 1, .multiple = true}),
            hex("003c 0078 0000000000000001 01"));
  EXPECT_EQ(encode(BasicNack{.delivery_tag = 1, .requeue = true}),
            hex("003c 0078 0000000000000001 02"));
  EXPECT_EQ(encode(QueueDeclare{.queue = "q", .durable = true, .no_wait = true}),
            hex("0032 000a 0000 01'q' 12 00000000"));
  // Not across another field.
  EXPECT_EQ(encode(BasicGetOk{.delivery_tag = 2, .redelivered = true, .message_count = 3}),
            hex("003c 0047 0000000000000002 01 00 00 00000003"));
  // Those above the last are nobody's.
  const Blob spare = hex("003c 0050 0000000000000001 fe");
  EXPECT_FALSE(decode<BasicAck>(spare)->multiple);
}

TEST(Methods, MoreThanEightBitsTakeAnotherOctet) {
  const std::array<bool, 10> bits = {true,  false, false, false, false,
                                     false, false, true,  false, true};
  FieldSizer size;
  std::apply([&](auto&... bit) { size(bit...); }, bits);
  EXPECT_EQ(size.bytes(), 2u);
  Blob octets(2);
  FieldWriter out(octets.data());
  std::apply([&](auto&... bit) { out(bit...); }, bits);
  EXPECT_EQ(octets, hex("81 02"));
  std::array<bool, 10> read = {};
  FieldReader in(octets);
  EXPECT_TRUE(std::apply([&](auto&... bit) { return in(bit...); }, read));
  EXPECT_EQ(read, bits);
  EXPECT_TRUE(in.finish());
}

TEST(Methods, CutShortStrings) {
  const std::string longer(300, 'q');
  const Blob payload = encode(BasicGet{.queue = longer, .no_ack = true});
  const auto again = decode<BasicGet>(payload);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->queue, std::string_view(longer).substr(0, 255));
  EXPECT_TRUE(again->no_ack);
}

TEST(Methods, StringsAreViewsOfThePayload) {
  const Blob payload = encode(BasicPublish{.exchange = "logs", .routing_key = "a.b"});
  const auto publish = decode<BasicPublish>(payload);
  ASSERT_TRUE(publish);
  const auto* begin = reinterpret_cast<const char*>(payload.data());
  EXPECT_EQ(publish->exchange.data(), begin + 7);
  EXPECT_EQ(publish->routing_key.data(), begin + 12);
}

TEST(Methods, ThatCarryContentAreFour) {
  int carriers = 0;
  for_each_method([&]<class Kind>(Kind) { carriers += carries_content(Kind::kId); });
  EXPECT_EQ(carriers, 4);
}

}  // namespace
}  // namespace millrace::amqp

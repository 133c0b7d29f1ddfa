#include "protocols/kafka/wire/header.h"

#include <gtest/gtest.h>

#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/api_versions.h"
#include "protocols/kafka/wire/gen/heartbeat.h"

namespace millrace::kafka {
namespace {

// The frame after its length.
Bytes content(const ByteChain& frame) {
  const Bytes flat = frame.flatten();
  return flat.slice(kFrameLengthBytes, flat.size() - kFrameLengthBytes);
}

TEST(RequestHeader, ComesBackInBothVersions) {
  for (const std::int16_t version : {3, 4}) {
    for (const auto& client : {std::optional<std::string>("kcat"), std::optional<std::string>()}) {
      HeartbeatRequest request;
      request.group_id = "g";
      request.generation_id = 5;
      Reader in(content(encode_request(77, client, request, version)));
      const auto header = decode_request_header(in);
      ASSERT_TRUE(header);
      EXPECT_EQ(header->key, HeartbeatRequest::kKey);
      EXPECT_EQ(header->version, version);
      EXPECT_EQ(header->correlation_id, 77);
      EXPECT_EQ(header->client_id, client);
      ASSERT_TRUE(header->api);
      EXPECT_EQ(header->api->key, ApiKey::heartbeat);
      const auto body = decode<HeartbeatRequest>(in, version);
      ASSERT_TRUE(body);
      EXPECT_TRUE(*body == request);
      EXPECT_EQ(in.remaining(), 0u);
    }
  }
}

TEST(RequestHeader, OfAnUnknownApiStillHasItsNumbers) {
  Writer out;
  encode_header(out, RequestHeader{.key = 999, .version = 1, .correlation_id = 3}, 1);
  Reader in(out.finish().flatten());
  const auto header = decode_request_header(in);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->api, nullptr);
  EXPECT_EQ(header->key, 999);
  EXPECT_EQ(header->correlation_id, 3);
}

TEST(RequestHeader, OfAVersionAboveAllIsReadAsTheFlexibleOne) {
  Writer out;
  encode_header(out, RequestHeader{.key = 18, .version = 99, .correlation_id = 3, .client_id = "c"},
                2);
  Reader in(out.finish().flatten());
  const auto header = decode_request_header(in);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->client_id, "c");
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(RequestHeader, IsRefusedWhenCutAnywhere) {
  Writer out;
  encode_header(out,
                RequestHeader{.key = 18, .version = 3, .correlation_id = 3, .client_id = "abc"}, 2);
  const Bytes whole = out.finish().flatten();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader in(Bytes::copy_of(whole.view().first(size)));
    EXPECT_FALSE(decode_request_header(in)) << size;
  }
}

TEST(ResponseHeader, OfApiVersionsIsAlwaysPlain) {
  EXPECT_EQ(response_header_version(18, 5, 3), 0);
  EXPECT_EQ(response_header_version(12, 3, 4), 0);
  EXPECT_EQ(response_header_version(12, 4, 4), 1);
  const Bytes frame = encode_response(7, ApiVersionsResponse{.error_code = 35}, 3).flatten();
  // Length, correlation id, and at once the error code.
  EXPECT_EQ(frame.data()[4 + 3], 7);
  EXPECT_EQ(frame.data()[4 + 5], 35);
}

TEST(ResponseHeader, FrameLengthCountsWhatFollows) {
  for (const std::int16_t version : {3, 4}) {
    const Bytes frame =
        encode_response(258, HeartbeatResponse{.error_code = 27}, version).flatten();
    Reader in(frame);
    std::uint32_t length = 0;
    ASSERT_TRUE(in.number(length));
    EXPECT_EQ(length, frame.size() - kFrameLengthBytes);
    const auto header = decode_response_header(
        in, response_header_version(12, version, HeartbeatResponse::kFlexibleFrom));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->correlation_id, 258);
    const auto body = decode<HeartbeatResponse>(in, version);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->error_code, 27);
    EXPECT_EQ(in.remaining(), 0u);
  }
}

TEST(ApiTable, KnowsWhatIsServed) {
  const ApiInfo* produce = find_api(0);
  ASSERT_TRUE(produce);
  EXPECT_EQ(produce->name, "Produce");
  EXPECT_EQ(produce->advertised, (VersionRange{0, 13}));
  EXPECT_EQ(produce->served, (VersionRange{3, 13}));
  EXPECT_TRUE(produce->flexible(9));
  EXPECT_FALSE(produce->flexible(8));
  EXPECT_EQ(find_api(4), nullptr);
  EXPECT_EQ(find_api(-1), nullptr);
}

}  // namespace
}  // namespace millrace::kafka

#include "protocols/kafka/wire/writer.h"

#include <gtest/gtest.h>

#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/fetch.h"
#include "protocols/kafka/wire/gen/find_coordinator.h"
#include "protocols/kafka/wire/gen/metadata.h"
#include "protocols/kafka/wire/gen/sasl_authenticate_fields.h"
#include "protocols/kafka/wire/text.h"

namespace millrace::kafka {
namespace {

Bytes block(std::size_t size, std::uint8_t value) {
  return Bytes::copy_of(std::vector<std::uint8_t>(size, value));
}

TEST(Writer, ContinuesAcrossItsBuffers) {
  Writer out(16);
  for (std::int32_t i = 0; i < 100000; ++i) out.number(i);
  EXPECT_EQ(out.size(), 400000u);
  Reader in(out.finish().flatten());
  for (std::int32_t i = 0; i < 100000; ++i) {
    std::int32_t value = -1;
    ASSERT_TRUE(in.number(value));
    ASSERT_EQ(value, i);
  }
  EXPECT_EQ(out.size(), 0u);
}

TEST(Writer, HangsRecordsInWithoutCopying) {
  const Bytes first = block(Writer::kReferenceBytesMin, 1);
  const Bytes second = block(100000, 2);
  const Bytes small = block(10, 3);
  FetchResponse response;
  response.responses.resize(1);
  response.responses[0].partitions.resize(2);
  response.responses[0].partitions[0].records.emplace().append(first);
  response.responses[0].partitions[0].records->append(second);
  response.responses[0].partitions[1].records.emplace().append(small);
  const ByteChain chain = encode(response, 12);
  std::vector<const std::uint8_t*> parts;
  for (const Bytes& part : chain.parts()) parts.push_back(part.data());
  // What stands before, the two blocks, and what stands after with the small one in it.
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[1], first.data());
  EXPECT_EQ(parts[2], second.data());

  const auto decoded = decode<FetchResponse>(chain.flatten(), 12);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == response);
}

TEST(Writer, SmallMessagesAreOnePart) {
  FindCoordinatorResponse response;
  response.host = "localhost";
  EXPECT_EQ(encode_response(1, response, 3).parts().size(), 1u);
}

TEST(Writer, WritesEmptyWhereNullIsNotAllowed) {
  MetadataRequest all_topics;
  all_topics.topics.reset();
  // In v0 the empty list means all topics, from v1 on null does.
  const auto v0 = decode<MetadataRequest>(encode(all_topics, 0).flatten(), 0);
  ASSERT_TRUE(v0);
  EXPECT_TRUE(v0->topics && v0->topics->empty());
  const auto v1 = decode<MetadataRequest>(encode(all_topics, 1).flatten(), 1);
  ASSERT_TRUE(v1);
  EXPECT_FALSE(v1->topics);
}

TEST(Writer, CutsStringsAtKafkasLimit) {
  for (const std::int16_t version : {2, 3}) {
    FindCoordinatorResponse response;
    response.host = std::string(kStringBytesMax + 1, 'x');
    const auto decoded =
        decode<FindCoordinatorResponse>(encode(response, version).flatten(), version);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->host, std::string(kStringBytesMax, 'x'));
  }
}

TEST(Writer, LeavesTaggedFieldsOutThatHaveTheirDefault) {
  FetchResponse response;
  response.responses.resize(1);
  response.responses[0].partitions.resize(1);
  const std::size_t without = encode(response, 12).size();
  response.responses[0].partitions[0].current_leader = {.leader_id = 1, .leader_epoch = 2};
  // Tag, size, two numbers, and the end of the struct.
  EXPECT_EQ(encode(response, 12).size(), without + 2 + 8 + 1);
}

TEST(Text, HidesWhatIsSensitive) {
  SaslAuthenticateRequest request;
  request.auth_bytes = Bytes::copy_of(as_bytes("secret"));
  EXPECT_EQ(to_text(request), "SaslAuthenticateRequest{auth_bytes=(hidden)}");
  SaslAuthenticateResponse response;
  response.error_message = "a\"b\n";
  EXPECT_EQ(to_text(response),
            "SaslAuthenticateResponse{error_code=0, error_message=\"a\\x22b\\x0a\", "
            "auth_bytes=(hidden), session_lifetime_ms=0}");
}

}  // namespace
}  // namespace millrace::kafka

// Bytes that other implementations wrote: decoded to what they meant, and encoded to the same
// again.
//
// kafka-python 3.0.12: whole request frames, correlation id 7, client id "kp".
// aiokafka 0.14.0 and Apache Kafka's Java client library 4.4.0: bodies.
#include <gtest/gtest.h>

#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/api_versions_fields.h"
#include "protocols/kafka/wire/gen/fetch_fields.h"
#include "protocols/kafka/wire/gen/join_group_fields.h"
#include "protocols/kafka/wire/gen/metadata_fields.h"
#include "protocols/kafka/wire/gen/offset_commit_fields.h"
#include "protocols/kafka/wire/gen/produce_fields.h"
#include "protocols/kafka/wire/text.h"

namespace millrace::kafka {
namespace {

Bytes from_hex(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(
        static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return Bytes::copy_of(bytes);
}

std::string to_hex(const Bytes& bytes) {
  std::string hex;
  for (std::uint8_t byte : bytes.view())
    for (int digit : {byte >> 4, byte & 15}) hex += "0123456789abcdef"[digit];
  return hex;
}

Uuid counting_id() {
  Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::uint8_t>(i);
  return id;
}

template <class Message>
void expect_body(std::string_view hex, std::int16_t version, const Message& meant) {
  const Bytes body = from_hex(hex);
  Reader in(body);
  const auto decoded = decode<Message>(in, version);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_EQ(in.remaining(), 0u);
  EXPECT_TRUE(*decoded == meant) << to_text(*decoded) << "\nbut meant was " << to_text(meant);
  EXPECT_EQ(to_hex(encode(meant, version).flatten()), hex);
}

template <class Message>
void expect_frame(std::string_view hex, std::int16_t version, const Message& meant) {
  EXPECT_EQ(to_hex(encode_request(7, "kp", meant, version).flatten()), hex);
  Reader in(from_hex(hex.substr(2 * kFrameLengthBytes)));
  const auto header = decode_request_header(in);
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->key, Message::kKey);
  EXPECT_EQ(header->version, version);
  EXPECT_EQ(header->correlation_id, 7);
  EXPECT_EQ(header->client_id, "kp");
  const auto decoded = decode<Message>(in, version);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_TRUE(*decoded == meant) << to_text(*decoded) << "\nbut meant was " << to_text(meant);
  EXPECT_EQ(in.remaining(), 0u);
}

Bytes counting_bytes(std::uint8_t first, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return Bytes::copy_of(bytes);
}

TEST(KafkaPython, ApiVersionsRequest3) {
  expect_frame("00000022001200030000000700026b70000d6b61666b612d707974686f6e07332e302e313200", 3,
               ApiVersionsRequest{.client_software_name = "kafka-python",
                                  .client_software_version = "3.0.12"});
}

TEST(KafkaPython, ProduceRequest9) {
  using Topic = ProduceRequest::Topic;
  using Partition = ProduceRequest::Partition;
  const Partition full{.index = 3, .records = counting_bytes(0, 16)};
  expect_frame(
      "0000003b000000090000000700026b700000ffff0000753002076f72646572730300000003110001020304050607"
      "08"
      "090a0b0c0d0e0f000000000400000000",
      9,
      ProduceRequest{.acks = -1,
                     .timeout_ms = 30000,
                     .topic_data = {Topic{.name = "orders",
                                          .partition_data = {full, Partition{.index = 4}}}}});
}

TEST(KafkaPython, MetadataRequest12) {
  MetadataRequest meant{.allow_auto_topic_creation = false,
                        .include_topic_authorized_operations = true};
  meant.topics = {MetadataRequest::Topic{.topic_id = counting_id(), .name = std::nullopt}};
  expect_frame("000000230003000c0000000700026b700002000102030405060708090a0b0c0d0e0f0000000100", 12,
               meant);
}

TEST(KafkaPython, JoinGroupRequest7) {
  expect_frame(
      "00000038000b00070000000700026b700008726561646572730000afc8000493e00104692d3109636f6e73756d65"
      "72"
      "020672616e6765040001020000",
      7,
      JoinGroupRequest{.group_id = "readers",
                       .session_timeout_ms = 45000,
                       .rebalance_timeout_ms = 300000,
                       .group_instance_id = "i-1",
                       .protocol_type = "consumer",
                       .protocols = {{.name = "range", .metadata = counting_bytes(0, 3)}}});
}

TEST(KafkaPython, FetchRequest12) {
  const FetchRequest::Partition partition{.partition = 3,
                                          .current_leader_epoch = 2,
                                          .fetch_offset = 1234567890123,
                                          .partition_max_bytes = 1048576};
  expect_frame(
      "000000560001000c0000000700026b7000ffffffff000001f400000001032000000100000000ffffffff02076f72"
      "64"
      "6572730200000003000000020000011f71fb04cbffffffffffffffffffffffff0010000000000103723100",
      12,
      FetchRequest{.max_wait_ms = 500,
                   .min_bytes = 1,
                   .max_bytes = 52428800,
                   .isolation_level = 1,
                   .topics = {{.topic = "orders", .partitions = {partition}}},
                   .rack_id = "r1"});
}

TEST(Aiokafka, ProduceRequest7) {
  const ProduceRequest::Partition partition{.index = 0, .records = Bytes::copy_of(as_bytes("abc"))};
  expect_body("ffff0001000003e800000001000174000000010000000000000003616263", 7,
              ProduceRequest{.acks = 1,
                             .timeout_ms = 1000,
                             .topic_data = {{.name = "t", .partition_data = {partition}}}});
}

TEST(Aiokafka, OffsetCommitRequest3) {
  using Partition = OffsetCommitRequest::Partition;
  const Partition noted{.partition_index = 1, .committed_offset = 42, .committed_metadata = "note"};
  const Partition plain{
      .partition_index = 2, .committed_offset = 43, .committed_metadata = std::nullopt};
  expect_body(
      "0001670000000500016dffffffffffffffff000000010001740000000200000001000000000000002a00046e6f74"
      "65"
      "00000002000000000000002bffff",
      3,
      OffsetCommitRequest{.group_id = "g",
                          .generation_id_or_member_epoch = 5,
                          .member_id = "m",
                          .topics = {{.name = "t", .partitions = {noted, plain}}}});
}

TEST(Aiokafka, MetadataResponse5) {
  const MetadataResponse::Partition partition{.partition_index = 0,
                                              .leader_id = 1,
                                              .replica_nodes = {1, 2},
                                              .isr_nodes = {1},
                                              .offline_replicas = {2}};
  expect_body(
      "0000000000000001000000010004686f737400002384ffff00036369640000000100000001000000017400000000"
      "01"
      "0000000000000000000100000002000000010000000200000001000000010000000100000002",
      5,
      MetadataResponse{.brokers = {{.node_id = 1, .host = "host", .port = 9092}},
                       .cluster_id = "cid",
                       .controller_id = 1,
                       .topics = {{.name = "t", .partitions = {partition}}}});
}

TEST(Aiokafka, JoinGroupResponse5) {
  const JoinGroupResponse::Member first{
      .member_id = "a", .group_instance_id = "inst", .metadata = counting_bytes(1, 2)};
  expect_body(
      "00000000000000000003000572616e6765000161000161000000020001610004696e7374000000020102000162ff"
      "ff"
      "00000000",
      5,
      JoinGroupResponse{.generation_id = 3,
                        .protocol_name = "range",
                        .leader = "a",
                        .member_id = "a",
                        .members = {first, {.member_id = "b"}}});
}

TEST(JavaClient, MetadataResponse13) {
  const MetadataResponse::Partition partition{.partition_index = 0,
                                              .leader_id = 1,
                                              .leader_epoch = 4,
                                              .replica_nodes = {1, 2},
                                              .isr_nodes = {1},
                                              .offline_replicas = {2}};
  expect_body(
      "000000050200000001046f6e650000238402720008636c757374657200000002020000076f726465727300010203"
      "04"
      "05060708090a0b0c0d0e0f0002000000000000000000010000000403000000010000000202000000010200000002"
      "008"
      "000000000000000",
      13,
      MetadataResponse{
          .throttle_time_ms = 5,
          .brokers = {{.node_id = 1, .host = "one", .port = 9092, .rack = "r"}},
          .cluster_id = "cluster",
          .controller_id = 2,
          .topics = {{.name = "orders", .topic_id = counting_id(), .partitions = {partition}}}});
}

TEST(JavaClient, ApiVersionsResponse4) {
  expect_body(
      "00000300000000000d000012000000050000000000030014020e67726f75702e76657273696f6e00000001000108"
      "00"
      "000000000000090214020e67726f75702e76657273696f6e0001000100",
      4,
      ApiVersionsResponse{
          .api_keys = {{.api_key = 0, .min_version = 0, .max_version = 13},
                       {.api_key = 18, .min_version = 0, .max_version = 5}},
          .supported_features = {{.name = "group.version", .min_version = 0, .max_version = 1}},
          .finalized_features_epoch = 9,
          .finalized_features = {
              {.name = "group.version", .max_version_level = 1, .min_version_level = 1}}});
}

TEST(JavaClient, FetchResponse17) {
  FetchResponse::Partition partition{.partition_index = 3,
                                     .error_code = 6,
                                     .high_watermark = 100,
                                     .last_stable_offset = 90,
                                     .log_start_offset = 10,
                                     .current_leader = {.leader_id = 2, .leader_epoch = 8},
                                     .aborted_transactions = std::nullopt};
  partition.records.emplace().append(counting_bytes(1, 3));
  expect_body(
      "0000000000000000004d02000102030405060708090a0b0c0d0e0f02000000030006000000000000006400000000"
      "0"
      "000005a000000000000000a00ffffffff040102030101090000000200000008000001000f02000000020474776f0"
      "00"
      "023850000",
      17,
      FetchResponse{.session_id = 77,
                    .responses = {{.topic_id = counting_id(), .partitions = {partition}}},
                    .node_endpoints = {{.node_id = 2, .host = "two", .port = 9093}}});
}

}  // namespace
}  // namespace millrace::kafka

#include "catalog/topic_config.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TopicConfig parsed(std::map<std::string, std::string> text) {
  auto config = parse_topic_config(text);
  EXPECT_TRUE(config.has_value());
  return config.value_or(TopicConfig{});
}

void expect_refused(const std::string& name, const std::string& value, const std::string& part) {
  auto config = parse_topic_config({{name, value}});
  ASSERT_FALSE(config.has_value()) << name << "=" << value;
  EXPECT_EQ(config.error().code, ErrorCode::invalid_config);
  EXPECT_NE(config.error().message().find(part), std::string_view::npos)
      << config.error().message();
}

TEST(TopicConfigTest, NothingSaidIsTheDefault) {
  TopicConfig config = parsed({});
  EXPECT_EQ(config.max_message_bytes, BatchLimits{}.batch_bytes_max);
  EXPECT_EQ(config.timestamp_type, TimestampType::create_time);
  EXPECT_FALSE(config.relaxed_durability);
}

TEST(TopicConfigTest, EachHonouredConfig) {
  EXPECT_EQ(parsed({{"max.message.bytes", "0"}}).max_message_bytes, 0u);
  EXPECT_EQ(parsed({{"max.message.bytes", "67108864"}}).max_message_bytes, 64u << 20);
  EXPECT_EQ(parsed({{"message.timestamp.type", "LogAppendTime"}}).timestamp_type,
            TimestampType::log_append_time);
  EXPECT_EQ(parsed({{"message.timestamp.type", "CreateTime"}}).timestamp_type,
            TimestampType::create_time);
  EXPECT_TRUE(parsed({{"durability", "relaxed"}}).relaxed_durability);
  EXPECT_FALSE(parsed({{"durability", "flushed"}}).relaxed_durability);
}

TEST(TopicConfigTest, WhatIsTrueTodayMayBeSaid) {
  parsed({{"cleanup.policy", "delete"},
          {"compression.type", "producer"},
          {"retention.ms", "-1"},
          {"retention.bytes", "-1"}});
}

// A retention or a compaction that is promised and not done would lose or keep data silently.
TEST(TopicConfigTest, WhatIsNotDoneIsRefused) {
  expect_refused("cleanup.policy", "compact", "delete");
  expect_refused("compression.type", "gzip", "producer");
  expect_refused("retention.ms", "604800000", "-1");
  expect_refused("retention.bytes", "1000", "-1");
}

TEST(TopicConfigTest, BadValuesAreRefusedWithWhatIsAccepted) {
  for (const char* value :
       {"", "-1", "x", "12x", " 12", "67108865", "4294967296", "99999999999999999999"}) {
    expect_refused("max.message.bytes", value, "67108864");
  }
  expect_refused("message.timestamp.type", "createtime", "CreateTime");
  expect_refused("durability", "yes", "relaxed");
}

TEST(TopicConfigTest, AnUnknownNameIsRefusedWithTheKnownOnes) {
  expect_refused("min.insync.replicas", "1", "max.message.bytes");
  expect_refused("", "1", "durability");
}

}  // namespace
}  // namespace millrace

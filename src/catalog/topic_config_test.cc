#include "catalog/topic_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

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
  EXPECT_EQ(parsed({{"retention.ms", "-1"}}).retention_ms, -1);
  EXPECT_EQ(parsed({{"retention.ms", "9223372036854775807"}}).retention_ms,
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parsed({{"retention.bytes", "1000"}}).retention_bytes, 1000);
  EXPECT_EQ(parsed({{"segment.bytes", "1048576"}}).segment_bytes, 1 << 20);
  EXPECT_EQ(parsed({{"segment.ms", "1"}}).segment_ms, 1);
}

TEST(TopicConfigTest, WhatIsTrueTodayMayBeSaid) {
  parsed({{"cleanup.policy", "delete"}, {"compression.type", "producer"}});
}

// A retention or a compaction that is promised and not done would lose or keep data silently.
TEST(TopicConfigTest, WhatIsNotDoneIsRefused) {
  expect_refused("cleanup.policy", "compact", "delete");
  expect_refused("compression.type", "gzip", "producer");
}

TEST(TopicConfigTest, BadValuesAreRefusedWithWhatIsAccepted) {
  for (const char* value :
       {"", "-1", "x", "12x", " 12", "67108865", "4294967296", "99999999999999999999"}) {
    expect_refused("max.message.bytes", value, "67108864");
  }
  expect_refused("message.timestamp.type", "createtime", "CreateTime");
  expect_refused("durability", "yes", "relaxed");
  expect_refused("retention.ms", "-2", "-1");
  expect_refused("retention.ms", "9223372036854775808", "-1");
  expect_refused("retention.bytes", "1k", "-1");
  expect_refused("segment.bytes", "1000", "1048576");
  expect_refused("segment.ms", "0", "1");
}

TEST(TopicConfigTest, EveryConfigIsDescribed) {
  TopicInfo topic;
  topic.config_text = {{"retention.ms", "5000"}};
  topic.config = parsed(topic.config_text);
  auto entries = describe_topic_config(topic);
  EXPECT_TRUE(std::ranges::is_sorted(entries, {}, &ConfigEntry::name));
  for (const ConfigEntry& entry : entries) {
    bool is_retention = entry.name == "retention.ms";
    EXPECT_EQ(entry.is_set, is_retention) << entry.name;
    EXPECT_EQ(entry.value, is_retention ? "5000" : entry.default_value) << entry.name;
    EXPECT_FALSE(entry.documentation.empty()) << entry.name;
    // What is described can be set.
    parsed({{std::string(entry.name), entry.default_value}});
    EXPECT_TRUE(check_config_name(entry.name));
  }
}

TEST(TopicConfigTest, AnUnknownNameIsRefusedWithTheKnownOnes) {
  expect_refused("min.insync.replicas", "1", "max.message.bytes");
  expect_refused("", "1", "durability");
}

}  // namespace
}  // namespace millrace

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

TEST(TopicConfigTest, CleanupPolicies) {
  struct Case {
    const char* value;
    bool deletes;
    bool compacts;
    const char* shown;
  };
  for (const Case& c : {Case{"delete", true, false, "delete"},
                        {"compact", false, true, "compact"},
                        {"compact,delete", true, true, "compact,delete"},
                        {" delete , compact ", true, true, "delete,compact"}}) {
    TopicInfo topic;
    topic.config_text = {{"cleanup.policy", c.value}};
    topic.config = parsed(topic.config_text);
    EXPECT_EQ(topic.config.cleanup_delete, c.deletes) << c.value;
    EXPECT_EQ(topic.config.cleanup_compact, c.compacts) << c.value;
    EXPECT_EQ(describe_topic_config(topic).at(0).value, c.shown);
  }
  for (const char* value : {"", ",", "none", "compact,archive", "Compact", "compact;delete"}) {
    expect_refused("cleanup.policy", value, "compact");
  }
}

// Each set as these programs make it (read in their sources), so that they can make their topics.
TEST(TopicConfigTest, WhatOthersSetOnTheirTopicsIsAccepted) {
  const std::map<std::string, std::map<std::string, std::string>> kMade = {
      {"Streams: repartition",
       {{"cleanup.policy", "delete"},
        {"message.timestamp.type", "CreateTime"},
        {"retention.ms", "-1"},
        {"segment.bytes", "52428800"}}},
      {"Streams: changelog of a key-value store",
       {{"cleanup.policy", "compact"}, {"message.timestamp.type", "CreateTime"}}},
      {"Streams: changelog of a windowed store",
       {{"cleanup.policy", "compact,delete"},
        {"message.timestamp.type", "CreateTime"},
        {"retention.ms", "86700000"}}},
      {"Streams: changelog of a versioned store",
       {{"cleanup.policy", "compact"},
        {"message.timestamp.type", "CreateTime"},
        {"min.compaction.lag.ms", "9223372036854775807"}}},
      {"Streams: store of a stream-stream join",
       {{"cleanup.policy", "delete"},
        {"message.timestamp.type", "CreateTime"},
        {"retention.ms", "172800000"}}},
      {"Streams, as its users are told to configure it", {{"min.insync.replicas", "2"}}},
      {"Connect: configs, offsets, status; MirrorMaker: all three",
       {{"cleanup.policy", "compact"}}},
      {"ksqlDB: command topic",
       {{"cleanup.policy", "delete"},
        {"retention.ms", "9223372036854775807"},
        {"min.insync.replicas", "1"},
        {"unclean.leader.election.enable", "false"}}},
      {"Schema Registry", {{"cleanup.policy", "compact"}}},
      {"Debezium: schema history",
       {{"cleanup.policy", "delete"},
        {"retention.bytes", "-1"},
        {"retention.ms", "9223372036854775807"}}},
  };
  for (const auto& [program, configs] : kMade) {
    TopicInfo topic;
    topic.config_text = configs;
    auto config = parse_topic_config(configs);
    ASSERT_TRUE(config.has_value()) << program << ": " << config.error().message();
    topic.config = *config;
    // They, and tools that compare, find what they have set.
    for (const ConfigEntry& entry : describe_topic_config(topic)) {
      auto set = configs.find(std::string(entry.name));
      EXPECT_EQ(entry.is_set, set != configs.end()) << entry.name;
      if (set != configs.end()) EXPECT_EQ(entry.value, set->second) << entry.name;
    }
  }
}

TEST(TopicConfigTest, BooleansAreReadAsKafkaReadsThem) {
  EXPECT_TRUE(parsed({{"unclean.leader.election.enable", "True"}}).unclean_leader_election);
  EXPECT_FALSE(parsed({{"unclean.leader.election.enable", "FALSE"}}).unclean_leader_election);
  for (const char* value : {"", "1", "yes", "truely"}) {
    expect_refused("unclean.leader.election.enable", value, "true or false");
  }
}

// Promised and not done, it would lose or keep data silently.
TEST(TopicConfigTest, WhatIsNotDoneIsRefusedWithTheReason) {
  expect_refused("compression.type", "gzip", "producer");
  expect_refused("max.compaction.lag.ms", "1000", "compaction is not done yet");
  expect_refused("min.cleanable.dirty.ratio", "0.5", "compaction is not done yet");
  expect_refused("delete.retention.ms", "100", "compaction is not done yet");
  expect_refused("flush.ms", "1", "durability");
  expect_refused("remote.storage.enable", "true", "tiered");
  expect_refused("segment.jitter.ms", "0", "random");
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
  expect_refused("min.insync.replicas", "0", "1 or more");
  expect_refused("min.insync.replicas", "2147483648", "1 or more");
  expect_refused("min.compaction.lag.ms", "-1", "0 or more");
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
  expect_refused("retention.hours", "1", "there is no topic config 'retention.hours'");
  expect_refused("retention.hours", "1", "max.message.bytes");
  expect_refused("", "1", "durability");
}

// Tools that copy topics send all of Kafka's configs that are not set back to their default.
TEST(TopicConfigTest, KafkasNamesCanBeSetBackToTheirDefault) {
  EXPECT_TRUE(check_config_name("cleanup.policy"));
  EXPECT_TRUE(check_config_name("segment.jitter.ms"));
  EXPECT_TRUE(check_config_name("max.compaction.lag.ms"));
  EXPECT_FALSE(check_config_name("retention.hours"));
  EXPECT_FALSE(check_config_name(""));
}

}  // namespace
}  // namespace millrace

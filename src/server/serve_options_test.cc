#include "server/serve_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace millrace {
namespace {

// Bounds, defaults and texts of the table say something only if they are those of the parts.
TEST(ServeOptionsTest, TheTablesDefaultsAreThoseOfTheParts) {
  const ServeOptions options = serve_options(Settings());
  const StorageLimits storage;
  EXPECT_EQ(options.storage.journal_bytes_max, storage.journal_bytes_max);
  EXPECT_EQ(options.storage.journal_file_bytes, storage.journal_file_bytes);
  EXPECT_EQ(options.storage.checkpoint_bytes, storage.checkpoint_bytes);
  EXPECT_EQ(options.storage.checkpoint_interval, storage.checkpoint_interval);
  EXPECT_EQ(options.storage.pending_bytes_max, storage.pending_bytes_max);
  EXPECT_EQ(options.storage.flush_pace, storage.flush_pace);
  EXPECT_EQ(options.storage.tail_bytes_max, storage.tail_bytes_max);
  EXPECT_EQ(options.storage.segment_cache_bytes_max, storage.segment_cache_bytes_max);
  EXPECT_EQ(options.storage.open_segments_max, storage.open_segments_max);
  EXPECT_EQ(options.storage.direct_append_bytes, storage.direct_append_bytes);
  EXPECT_EQ(options.storage.disk_reserve_bytes, storage.disk_reserve_bytes);
  const BrokerLimits broker;
  EXPECT_EQ(options.broker.auto_create_topics, broker.auto_create_topics);
  EXPECT_EQ(options.broker.partitions_default, broker.partitions_default);
  EXPECT_EQ(options.broker.retention_check_interval, broker.retention_check_interval);
  EXPECT_EQ(options.broker.groups.initial_rebalance_delay, broker.groups.initial_rebalance_delay);
  EXPECT_EQ(options.broker.groups.session_timeout_min, broker.groups.session_timeout_min);
  EXPECT_EQ(options.broker.groups.session_timeout_max, broker.groups.session_timeout_max);
  EXPECT_EQ(options.broker.groups.members_max, broker.groups.members_max);
  EXPECT_EQ(options.broker.groups.offset_metadata_bytes_max,
            broker.groups.offset_metadata_bytes_max);
  EXPECT_EQ(options.broker.groups.offsets_retention, broker.groups.offsets_retention);
  EXPECT_EQ(options.broker.groups.retention_check_interval, broker.groups.retention_check_interval);
  const kafka::SessionLimits sessions;
  EXPECT_EQ(options.sessions.connections_max, sessions.connections_max);
  EXPECT_EQ(options.sessions.frame_bytes_max, sessions.frame_bytes_max);
  EXPECT_EQ(options.sessions.in_flight_max, sessions.in_flight_max);
  EXPECT_EQ(options.sessions.outbox_bytes_max, sessions.outbox_bytes_max);
  EXPECT_EQ(options.sessions.idle_max, sessions.idle_max);
  EXPECT_EQ(options.sessions.stalled_max, sessions.stalled_max);
  EXPECT_EQ(options.broker.connection_bytes_max, broker.connection_bytes_max);
  EXPECT_EQ(options.sessions.fetch_bytes_max, sessions.fetch_bytes_max);
  EXPECT_EQ(options.sessions.fetch_sessions.sessions_max, sessions.fetch_sessions.sessions_max);
  EXPECT_EQ(options.http_limits.connections_max, HttpLimits{}.connections_max);
  EXPECT_EQ(options.management_limits.connections_max, HttpLimits{}.connections_max);
  const amqp::AmqpLimits amqp;
  EXPECT_EQ(options.amqp_limits.connections_max, amqp.connections_max);
  EXPECT_EQ(options.amqp_limits.channels_max, amqp.channels_max);
  EXPECT_EQ(options.amqp_limits.message_bytes_max, amqp.message_bytes_max);
}

// A value within the bounds of the setting that is not its default.
std::string another_value(const Setting& setting) {
  switch (setting.kind) {
    case Kind::boolean:
      return setting.default_text == "true" ? "false" : "true";
    case Kind::choice:
      return std::string(setting.choices.substr(setting.choices.rfind('|') + 1));
    case Kind::address:
      return "[::1]:1";
    case Kind::path:
      return "/elsewhere";
    case Kind::bytes:
    case Kind::milliseconds:
    case Kind::microseconds:
    case Kind::count:
      break;
  }
  return fmt::to_string(setting.max);
}

// As text: every field that a setting could move.
std::string fingerprint(const ServeOptions& options) {
  const auto address = [](const std::optional<Address>& each) {
    return each ? each->text() : std::string("-");
  };
  const auto& groups = options.broker.groups;
  const auto& storage = options.storage;
  const auto& sessions = options.sessions;
  return fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} "
      "{} {} "
      "{} {} "
      "{} {} {} {} {} {} {} {} {} {} {} {}",
      address(options.management), options.management_limits.connections_max, options.data_dir,
      options.cores, options.json, static_cast<int>(options.log_level),
      static_cast<int>(options.log_format.value_or(LogFormat::text)), address(options.kafka),
      address(options.http), address(options.advertise), options.http_limits.connections_max,
      sessions.connections_max, sessions.frame_bytes_max, sessions.in_flight_max,
      sessions.outbox_bytes_max, sessions.idle_max.count(), sessions.fetch_bytes_max,
      sessions.fetch_sessions.sessions_max, options.broker.auto_create_topics,
      options.broker.partitions_default, options.broker.retention_check_interval.count(),
      groups.initial_rebalance_delay.count(), groups.session_timeout_min.count(),
      groups.session_timeout_max.count(), groups.members_max, groups.offset_metadata_bytes_max,
      groups.offsets_retention.count(), groups.retention_check_interval.count(),
      storage.journal_bytes_max, storage.journal_file_bytes, storage.checkpoint_bytes,
      storage.checkpoint_interval.count(), storage.pending_bytes_max, storage.flush_pace.count(),
      storage.tail_bytes_max, storage.segment_cache_bytes_max, storage.open_segments_max,
      options.restarts, storage.direct_append_bytes, storage.disk_reserve_bytes,
      sessions.stalled_max.count(), options.memory.connections, address(options.amqp),
      options.amqp_limits.connections_max, options.amqp_limits.channels_max,
      options.amqp_limits.message_bytes_max);
}

TEST(ServeOptionsTest, EverySettingReachesItsPart) {
  const std::string usual = fingerprint(serve_options(Settings()));
  for (const Setting& setting : all_settings()) {
    std::string variable = environment_name(setting) + "=" + another_value(setting);
    const char* const variables[] = {variable.c_str(), nullptr};
    Settings settings;
    ASSERT_THAT(settings.read_environment(variables), testing::IsEmpty());
    EXPECT_NE(fingerprint(serve_options(settings)), usual) << variable << " changes nothing";
  }
}

}  // namespace
}  // namespace millrace

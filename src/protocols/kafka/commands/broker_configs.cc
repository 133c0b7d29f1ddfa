// The broker's own configs, as DescribeConfigs tells them: only what is true, so not every name
// that Kafka has.
#include <fmt/format.h>

#include <algorithm>

#include "protocols/kafka/commands/configs.h"

namespace millrace::kafka {
namespace {

// A topic's config and that of the broker which it follows.
constexpr std::pair<std::string_view, std::string_view> kFollowed[] = {
    {"cleanup.policy", "log.cleanup.policy"},
    {"compression.type", "compression.type"},
    {"max.message.bytes", "message.max.bytes"},
    {"message.timestamp.type", "log.message.timestamp.type"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"retention.bytes", "log.retention.bytes"},
    {"retention.ms", "log.retention.ms"},
    {"segment.bytes", "log.segment.bytes"},
    {"segment.ms", "log.roll.ms"},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
};

template <class Value>
BrokerConfig number(std::string name, Value value, Value default_value,
                    std::string_view documentation, ConfigType type = ConfigType::integer) {
  return {.name = std::move(name),
          .value = fmt::to_string(value),
          .default_value = fmt::to_string(default_value),
          .type = type,
          .documentation = documentation,
          .is_given = value != default_value};
}

BrokerConfig boolean(std::string name, bool value, bool default_value,
                     std::string_view documentation) {
  return number(std::move(name), value, default_value, documentation, ConfigType::boolean);
}

BrokerConfig given(std::string name, std::string value, ConfigType type,
                   std::string_view documentation) {
  return {.name = std::move(name),
          .value = std::move(value),
          .default_value = {},
          .type = type,
          .documentation = documentation,
          .is_given = true};
}

std::string listener(const Endpoint& endpoint) {
  bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("PLAINTEXT://[{}]:{}", endpoint.host, endpoint.port)
               : fmt::format("PLAINTEXT://{}:{}", endpoint.host, endpoint.port);
}

void add_identity(std::vector<BrokerConfig>& configs, const Endpoint& endpoint) {
  configs.push_back(given("advertised.listeners", listener(endpoint), ConfigType::list,
                          "Where clients reach this broker."));
  for (const char* name : {"broker.id", "node.id"}) {
    configs.push_back(given(name, fmt::to_string(endpoint.node_id), ConfigType::integer,
                            "The id of this broker."));
  }
}

void add_group_limits(std::vector<BrokerConfig>& configs, const GroupLimits& limits) {
  using std::chrono::minutes;
  const GroupLimits usual;
  configs.push_back(number("group.initial.rebalance.delay.ms",
                           limits.initial_rebalance_delay.count(),
                           usual.initial_rebalance_delay.count(),
                           "How long the first rebalance of an empty group waits for members."));
  configs.push_back(number("group.max.session.timeout.ms", limits.session_timeout_max.count(),
                           usual.session_timeout_max.count(),
                           "The longest session time-out that a member may ask for."));
  configs.push_back(number("group.min.session.timeout.ms", limits.session_timeout_min.count(),
                           usual.session_timeout_min.count(),
                           "The shortest session time-out that a member may ask for."));
  configs.push_back(number("group.max.size", limits.members_max, usual.members_max,
                           "How many members a group may have."));
  configs.push_back(number("offset.metadata.max.bytes", limits.offset_metadata_bytes_max,
                           usual.offset_metadata_bytes_max,
                           "How long the metadata of a committed offset may be."));
  configs.push_back(
      number("offsets.retention.check.interval.ms", limits.retention_check_interval.count(),
             usual.retention_check_interval.count(),
             "How often committed offsets are looked through for old ones.", ConfigType::number));
  configs.push_back(number("offsets.retention.minutes",
                           std::chrono::duration_cast<minutes>(limits.offsets_retention).count(),
                           std::chrono::duration_cast<minutes>(usual.offsets_retention).count(),
                           "How long committed offsets are kept once their group is empty."));
}

// What topics follow that have no value of their own.
void add_topic_defaults(std::vector<BrokerConfig>& configs) {
  for (const ConfigEntry& entry : describe_topic_config(TopicInfo{})) {
    std::string_view name = broker_config_of(entry.name);
    if (name.empty()) continue;
    configs.push_back({.name = std::string(name),
                       .value = entry.default_value,
                       .default_value = entry.default_value,
                       .type = type_of(entry.type),
                       .documentation = entry.documentation});
  }
}

}  // namespace

std::string_view broker_config_of(std::string_view topic_config) {
  for (const auto& [topic, broker] : kFollowed) {
    if (topic == topic_config) return broker;
  }
  return {};
}

ConfigType type_of(ConfigEntry::Type type) {
  switch (type) {
    case ConfigEntry::Type::integer:
      return ConfigType::integer;
    case ConfigEntry::Type::number:
      return ConfigType::number;
    case ConfigEntry::Type::list:
      return ConfigType::list;
    case ConfigEntry::Type::boolean:
      return ConfigType::boolean;
    case ConfigEntry::Type::text:
      break;
  }
  return ConfigType::text;
}

std::vector<BrokerConfig> broker_configs(const Context& context) {
  const BrokerLimits& limits = context.broker().broker().limits();
  const BrokerLimits usual;
  std::vector<BrokerConfig> configs;
  add_identity(configs, context.endpoint());
  add_group_limits(configs, limits.groups);
  add_topic_defaults(configs);
  configs.push_back(boolean("auto.create.topics.enable", limits.auto_create_topics,
                            usual.auto_create_topics,
                            "Whether asking for a topic that does not exist makes it."));
  configs.push_back(number("default.replication.factor", 1, 1,
                           "How many copies there are of a topic: one, on this broker."));
  const auto idle_ms = context.connection.limits.idle_max / std::chrono::milliseconds(1);
  const auto usual_idle_ms = ConnectionLimits{}.idle_max / std::chrono::milliseconds(1);
  configs.push_back(number("connections.max.idle.ms", idle_ms, usual_idle_ms,
                           "How long a connection without a request in work may be silent before "
                           "it is closed; up to a tenth more.",
                           ConfigType::number));
  configs.push_back(
      boolean("delete.topic.enable", true, true, "Whether topics can be deleted by clients."));
  configs.push_back(number("num.partitions", limits.partitions_default, usual.partitions_default,
                           "How many partitions a topic has when nobody says how many."));
  std::ranges::sort(configs, {}, &BrokerConfig::name);
  return configs;
}

}  // namespace millrace::kafka

#include "catalog/topic_config.h"

#include <fmt/format.h>

#include <charconv>

namespace millrace {
namespace {

using Apply = bool (*)(TopicConfig&, std::string_view value);

struct Row {
  std::string_view name;
  std::string_view accepts;
  Apply apply;  // null: only the value `only` is accepted, which says what is true today
  std::string_view only = {};
};

bool set_max_message_bytes(TopicConfig& config, std::string_view value) {
  std::uint32_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  constexpr std::uint32_t kMost = 64 << 20;
  if (error != std::errc{} || end != value.data() + value.size() || number > kMost) return false;
  config.max_message_bytes = number;
  return true;
}

bool set_timestamp_type(TopicConfig& config, std::string_view value) {
  if (value != "CreateTime" && value != "LogAppendTime") return false;
  config.timestamp_type =
      value == "CreateTime" ? TimestampType::create_time : TimestampType::log_append_time;
  return true;
}

bool set_durability(TopicConfig& config, std::string_view value) {
  if (value != "flushed" && value != "relaxed") return false;
  config.relaxed_durability = value == "relaxed";
  return true;
}

constexpr Row kRows[] = {
    {"max.message.bytes", "0 to 67108864", set_max_message_bytes},
    {"message.timestamp.type", "CreateTime or LogAppendTime", set_timestamp_type},
    {"durability", "flushed or relaxed", set_durability},
    {"cleanup.policy", "delete", nullptr, "delete"},
    {"compression.type", "producer", nullptr, "producer"},
    {"retention.ms", "-1 (nothing is removed yet)", nullptr, "-1"},
    {"retention.bytes", "-1 (nothing is removed yet)", nullptr, "-1"},
};

std::string names() {
  std::string text;
  for (const Row& row : kRows) text += (text.empty() ? "" : ", ") + std::string(row.name);
  return text;
}

}  // namespace

Result<TopicConfig> parse_topic_config(const std::map<std::string, std::string>& text) {
  TopicConfig config;
  for (const auto& [name, value] : text) {
    const Row* known = nullptr;
    for (const Row& row : kRows) {
      if (row.name == name) known = &row;
    }
    if (!known) {
      return fail(
          ErrorCode::invalid_config,
          fmt::format("topic config {} is not supported yet; supported are {}", name, names()));
    }
    bool accepted = known->apply ? known->apply(config, value) : value == known->only;
    if (!accepted) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("topic config {}={} is not supported: it takes {}", name, value,
                              known->accepts));
    }
  }
  return config;
}

}  // namespace millrace

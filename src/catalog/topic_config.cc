#include "catalog/topic_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace millrace {
namespace {

using Type = ConfigEntry::Type;

// One row per config. A row without `apply` takes the value `usual` alone, which says what is true
// today.
struct Row {
  std::string_view name;
  Type type;
  std::string_view accepts;
  bool (*apply)(TopicConfig&, std::string_view value);
  std::string (*show)(const TopicConfig&);
  std::string_view usual;
  std::string_view documentation;
};

template <std::int64_t Min, std::int64_t Max, class Number>
bool set_number(Number& number, std::string_view value) {
  std::int64_t parsed = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  if (error != std::errc{} || end != value.data() + value.size()) return false;
  if (parsed < Min || parsed > Max) return false;
  number = static_cast<Number>(parsed);
  return true;
}

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

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

// In the order of their names.
constexpr Row kRows[] = {
    {"cleanup.policy", Type::list, "delete", nullptr, nullptr, "delete",
     "What happens to old records: they are deleted. Compaction is not supported yet."},
    {"compression.type", Type::text, "producer", nullptr, nullptr, "producer",
     "Record batches are kept as the producer compressed them."},
    {"durability", Type::text, "flushed or relaxed", set_durability,
     [](const TopicConfig& c) { return std::string(c.relaxed_durability ? "relaxed" : "flushed"); },
     "",
     "When acks=all is answered: when the record is flushed to the disk, or when the kernel has "
     "it. An extension."},
    {"max.message.bytes", Type::integer, "0 to 67108864",
     [](TopicConfig& c, std::string_view value) {
       return set_number<0, 64 << 20>(c.max_message_bytes, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.max_message_bytes); }, "",
     "The largest record batch that is accepted, compressed, in bytes."},
    {"message.timestamp.type", Type::text, "CreateTime or LogAppendTime", set_timestamp_type,
     [](const TopicConfig& c) {
       return std::string(c.timestamp_type == TimestampType::create_time ? "CreateTime"
                                                                         : "LogAppendTime");
     },
     "", "Whether a record's timestamp is the producer's or the broker's."},
    {"retention.bytes", Type::number, "-1 (no limit) or more",
     [](TopicConfig& c, std::string_view value) {
       return set_number<-1, kNoLimit>(c.retention_bytes, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.retention_bytes); }, "",
     "How many bytes a partition keeps; beyond that its oldest segments are deleted."},
    {"retention.ms", Type::number, "-1 (for ever) or more",
     [](TopicConfig& c, std::string_view value) {
       return set_number<-1, kNoLimit>(c.retention_ms, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.retention_ms); }, "",
     "How long records are kept; segments whose newest record is older are deleted."},
    {"segment.bytes", Type::integer, "1048576 to 2147483647",
     [](TopicConfig& c, std::string_view value) {
       return set_number<1 << 20, kInt32Max>(c.segment_bytes, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.segment_bytes); }, "",
     "The size at which a segment is closed and the next one begun."},
    {"segment.ms", Type::number, "1 or more",
     [](TopicConfig& c, std::string_view value) {
       return set_number<1, kNoLimit>(c.segment_ms, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.segment_ms); }, "",
     "The age at which a segment is closed and the next one begun."},
};

Result<const Row*> find_row(std::string_view name) {
  auto row = std::ranges::find(kRows, name, &Row::name);
  if (row != std::end(kRows)) return &*row;
  std::string names;
  for (const Row& known : kRows) fmt::format_to(std::back_inserter(names), " {}", known.name);
  return fail(ErrorCode::invalid_config,
              fmt::format("topic config {} is not supported yet; supported are{}", name, names));
}

std::string shown(const Row& row, const TopicConfig& config) {
  return row.show ? row.show(config) : std::string(row.usual);
}

}  // namespace

Result<TopicConfig> parse_topic_config(const std::map<std::string, std::string>& text) {
  TopicConfig config;
  for (const auto& [name, value] : text) {
    auto row = find_row(name);
    if (!row) return std::unexpected(row.error());
    bool accepted = (*row)->apply ? (*row)->apply(config, value) : value == (*row)->usual;
    if (!accepted) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("topic config {}={} is not supported: it takes {}", name, value,
                              (*row)->accepts));
    }
  }
  return config;
}

Result<void> check_config_name(std::string_view name) {
  auto row = find_row(name);
  if (!row) return std::unexpected(row.error());
  return {};
}

std::vector<ConfigEntry> describe_topic_config(const TopicInfo& topic) {
  std::vector<ConfigEntry> entries;
  for (const Row& row : kRows) {
    entries.push_back({.name = row.name,
                       .value = shown(row, topic.config),
                       .default_value = shown(row, TopicConfig{}),
                       .is_set = topic.config_text.contains(std::string(row.name)),
                       .type = row.type,
                       .documentation = row.documentation});
  }
  return entries;
}

}  // namespace millrace

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

bool set_boolean(bool& target, std::string_view value) {
  std::string lower;
  for (char c : value) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (lower != "true" && lower != "false") return false;
  target = lower == "true";
  return true;
}

bool set_cleanup_policy(TopicConfig& config, std::string_view value) {
  config.cleanup_delete = config.cleanup_compact = false;
  for (const std::string& item : config_list(value)) {
    if (item != "delete" && item != "compact") return false;
    (item == "delete" ? config.cleanup_delete : config.cleanup_compact) = true;
  }
  return config.cleanup_delete || config.cleanup_compact;
}

std::string show_cleanup_policy(const TopicConfig& config) {
  if (!config.cleanup_compact) return "delete";
  return config.cleanup_delete ? "compact,delete" : "compact";
}

// In the order of their names.
constexpr Row kRows[] = {
    // A compacted log may hold any number of a key's versions, so one that was never compacted is
    // a correct one, only larger: Streams and Connect read the same from it.
    {"cleanup.policy", Type::list, "delete, compact or both, with a comma between",
     set_cleanup_policy, show_cleanup_policy, "",
     "What happens to old records. delete: they go by retention.ms and retention.bytes. compact: "
     "retention is not for this topic, and records need a key. Compaction itself is not done yet: "
     "with compact alone every record is kept."},
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
    // Sets a least time, which is kept where nothing is ever compacted.
    {"min.compaction.lag.ms", Type::number, "0 or more",
     [](TopicConfig& c, std::string_view value) {
       return set_number<0, kNoLimit>(c.min_compaction_lag_ms, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.min_compaction_lag_ms); }, "",
     "How long a record stays uncompacted at least. Compaction is not done yet: for ever."},
    // As with the replication factor, whoever asks for 2 of 3 copies gets the one there is. Told
    // back as it was set, or tools that compare would set it again and again. Kafka would refuse
    // all writes to such a topic, which helps nobody: the answer's promise is in its durability.
    {"min.insync.replicas", Type::integer, "1 or more",
     [](TopicConfig& c, std::string_view value) {
       return set_number<1, kInt32Max>(c.min_insync_replicas, value);
     },
     [](const TopicConfig& c) { return fmt::to_string(c.min_insync_replicas); }, "",
     "How many copies have what acks=all says yes to, at most as many as there are: one here, "
     "whatever is set, and there it is flushed to the disk."},
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
    {"unclean.leader.election.enable", Type::boolean, "true or false",
     [](TopicConfig& c, std::string_view value) {
       return set_boolean(c.unclean_leader_election, value);
     },
     [](const TopicConfig& c) { return std::string(c.unclean_leader_election ? "true" : "false"); },
     "",
     "Whether a copy that lags may become the leader. There is one copy, which never lags: no "
     "effect."},
};

// Kafka has these, and a topic can't have them here: why not.
struct Refusal {
  std::string_view name;
  std::string_view why;
};

constexpr std::string_view kNoCompaction = "compaction is not done yet";
constexpr std::string_view kNotCompressed = "the broker never compresses batches anew";
constexpr std::string_view kNoReplicas = "there are no replicas";
constexpr std::string_view kNoTiers = "there is no tiered storage";
constexpr std::string_view kOtherFiles = "files are not laid out like Kafka's";
constexpr std::string_view kFlushed = "when acks=all is answered is what durability says";
constexpr std::string_view kNoTimeBounds = "timestamps are not held against the broker's clock yet";
constexpr std::string_view kOneFormat = "there is one format of batches, v2";

// In the order of their names.
constexpr Refusal kRefusals[] = {
    {"compression.gzip.level", kNotCompressed},
    {"compression.lz4.level", kNotCompressed},
    {"compression.zstd.level", kNotCompressed},
    {"delete.retention.ms", kNoCompaction},
    {"file.delete.delay.ms", kOtherFiles},
    {"flush.messages", kFlushed},
    {"flush.ms", kFlushed},
    {"follower.replication.throttled.replicas", kNoReplicas},
    {"index.interval.bytes", kOtherFiles},
    {"leader.replication.throttled.replicas", kNoReplicas},
    {"local.retention.bytes", kNoTiers},
    {"local.retention.ms", kNoTiers},
    {"max.compaction.lag.ms", kNoCompaction},
    {"message.downconversion.enable", kOneFormat},
    {"message.format.version", kOneFormat},
    {"message.timestamp.after.max.ms", kNoTimeBounds},
    {"message.timestamp.before.max.ms", kNoTimeBounds},
    {"message.timestamp.difference.max.ms", kNoTimeBounds},
    {"min.cleanable.dirty.ratio", kNoCompaction},
    {"preallocate", kOtherFiles},
    {"remote.log.copy.disable", kNoTiers},
    {"remote.log.delete.on.disable", kNoTiers},
    {"remote.storage.enable", kNoTiers},
    {"segment.index.bytes", kOtherFiles},
    {"segment.jitter.ms", "segments are closed without a random delay"},
};

const Row* find_row(std::string_view name) {
  auto row = std::ranges::find(kRows, name, &Row::name);
  return row == std::end(kRows) ? nullptr : &*row;
}

std::unexpected<Error> refuse_name(std::string_view name) {
  std::string names;
  for (const Row& known : kRows) fmt::format_to(std::back_inserter(names), " {}", known.name);
  auto refusal = std::ranges::find(kRefusals, name, &Refusal::name);
  if (refusal == std::end(kRefusals)) {
    return fail(ErrorCode::invalid_config,
                fmt::format("there is no topic config '{}'; there are{}", name, names));
  }
  return fail(ErrorCode::invalid_config, fmt::format("topic config {} is not supported: {}; "
                                                     "supported are{}",
                                                     name, refusal->why, names));
}

std::string shown(const Row& row, const TopicConfig& config) {
  return row.show ? row.show(config) : std::string(row.usual);
}

}  // namespace

std::vector<std::string> config_list(std::string_view value) {
  std::vector<std::string> items;
  while (!value.empty()) {
    std::size_t end = std::min(value.find(','), value.size());
    std::string_view item = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

Result<TopicConfig> parse_topic_config(const std::map<std::string, std::string>& text) {
  TopicConfig config;
  for (const auto& [name, value] : text) {
    const Row* row = find_row(name);
    if (!row) return refuse_name(name);
    bool accepted = row->apply ? row->apply(config, value) : value == row->usual;
    if (!accepted) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("topic config {}={} is not supported: it takes {}", name, value,
                              row->accepts));
    }
  }
  return config;
}

Result<void> check_config_name(std::string_view name) {
  bool is_kafkas = std::ranges::find(kRefusals, name, &Refusal::name) != std::end(kRefusals);
  if (!find_row(name) && !is_kafkas) return refuse_name(name);
  return {};
}

std::vector<ConfigEntry> describe_topic_config(const TopicInfo& topic) {
  std::vector<ConfigEntry> entries;
  for (const Row& row : kRows) {
    auto set = topic.config_text.find(std::string(row.name));
    bool is_set = set != topic.config_text.end();
    std::string value = shown(row, topic.config);
    // The order of a list is its owner's.
    if (is_set && row.type == Type::list) {
      value = fmt::format("{}", fmt::join(config_list(set->second), ","));
    }
    entries.push_back({.name = row.name,
                       .value = std::move(value),
                       .default_value = shown(row, TopicConfig{}),
                       .is_set = is_set,
                       .type = row.type,
                       .documentation = row.documentation});
  }
  return entries;
}

}  // namespace millrace

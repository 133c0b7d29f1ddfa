// CatalogImage: what the catalogue says, immutable. Each core holds the newest and swaps it when it
// changes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/persistent_map.h"
#include "record/batch.h"

namespace millrace {

// 16 random bytes; Kafka's topic id.
using TopicId = std::array<std::uint8_t, 16>;

struct PartitionInfo {
  PartitionId id;
  ShardId shard;
};

// Topic configs that are honoured, by their Kafka names (topic_config.h).
struct TopicConfig {
  std::uint32_t max_message_bytes = BatchLimits{}.batch_bytes_max;
  TimestampType timestamp_type = TimestampType::create_time;
  bool relaxed_durability = false;  // durability=relaxed, our extension
  // cleanup.policy. Without delete, retention is not for this topic. Compaction itself is not done
  // yet.
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  // -1: for ever, however much.
  std::int64_t retention_ms = std::int64_t{7} * 24 * 3600 * 1000;
  std::int64_t retention_bytes = -1;
  std::int64_t segment_bytes = 1 << 30;
  std::int64_t segment_ms = std::int64_t{7} * 24 * 3600 * 1000;
  // Kept for who reads them back; topic_config.cc says why they change nothing here.
  std::int32_t min_insync_replicas = 1;
  bool unclean_leader_election = false;
  std::int64_t min_compaction_lag_ms = 0;
};

struct TopicInfo {
  std::string name;
  TopicId id{};
  QueueId queue{0};  // not 0: it holds the messages of this queue, and goes with it
  // Of another tenant than the default one: found by id alone.
  bool is_hidden = false;
  std::vector<PartitionInfo> partitions;
  std::map<std::string, std::string> config_text;  // as it was set, for describing it
  TopicConfig config;
};

// Copies share what they have in common (base/persistent_map.h): a change is as cheap with many
// topics as with few.
struct CatalogImage {
  PersistentMap<std::string, std::shared_ptr<const TopicInfo>> topics;
  PersistentMap<TopicId, std::shared_ptr<const TopicInfo>> by_id;  // with the hidden ones
  PartitionId next_partition_id{0};

  // New, or in the place of an older one with the same id.
  void put(const std::shared_ptr<const TopicInfo>& topic) {
    by_id.set(topic->id, topic);
    if (!topic->is_hidden) topics.set(topic->name, topic);
  }
  void remove(const TopicId& id) {
    auto topic = find(id);
    if (!topic) return;
    if (!topic->is_hidden) topics.erase(topic->name);
    by_id.erase(id);
  }
  std::shared_ptr<const TopicInfo> find(std::string_view name) const {
    const auto* found = topics.find(name);
    return found ? *found : nullptr;
  }
  std::shared_ptr<const TopicInfo> find(const TopicId& id) const {
    const auto* found = by_id.find(id);
    return found ? *found : nullptr;
  }
};

}  // namespace millrace

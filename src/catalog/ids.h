// Compiled-in partition ids of internal logs: recovery must find the catalogue before it knows a
// single name.
#pragma once

#include "base/ids.h"

namespace millrace {

inline constexpr PartitionId kCatalogLog{0};
// One log of consumer groups per shard: kGroupLogs + shard.
inline constexpr PartitionId kGroupLogs{1 * kShardCount};
// One log of queues' cursors per shard: kCursorLogs + shard.
inline constexpr PartitionId kCursorLogs{2 * kShardCount};
// Ids below are internal; the catalogue gives out the others.
inline constexpr PartitionId kFirstUserPartition{64 * kShardCount};

inline PartitionId group_log(ShardId shard) { return kGroupLogs + shard.value(); }
inline PartitionId cursor_log(ShardId shard) { return kCursorLogs + shard.value(); }
inline bool is_cursor_log(PartitionId id) {
  return id >= kCursorLogs && id < kCursorLogs + kShardCount;
}
inline bool is_group_log(PartitionId id) {
  return id >= kGroupLogs && id < kGroupLogs + kShardCount;
}

}  // namespace millrace

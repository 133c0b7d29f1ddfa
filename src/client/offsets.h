// Offsets of partitions: the first, the next, and by time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/client.h"

namespace millrace::client {

// Of ListOffsets; other values are milliseconds since the Unix epoch.
inline constexpr std::int64_t kLatest = -1;
inline constexpr std::int64_t kEarliest = -2;

using OffsetOfPartition = std::map<std::int32_t, std::int64_t>;

// The offset of the first record at or after `time`; -1 where nothing is that new.
// Every partition asked for is in the answer. Partitions that change hands are asked for again
// until the client's time-out.
Result<OffsetOfPartition> find_offsets(Client& client, const Topic& topic,
                                       const std::vector<std::int32_t>& partitions,
                                       std::int64_t time);

std::vector<std::int32_t> all_partitions(const Topic& topic);

}  // namespace millrace::client

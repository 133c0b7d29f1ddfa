// server.memory_bytes_max in its parts: what storage may keep is set, the process has an allowance,
// and connections have the rest.
#pragma once

#include <cstdint>

#include "settings/settings.h"

namespace millrace {

struct MemoryParts {
  // Code, stacks, the allocator's slack, topics, partitions, groups: measured at some 40 MiB with
  // 10,000 partitions that are written to. Not enforced.
  std::uint64_t process = 64 << 20;
  std::uint64_t storage = 0;      // tails, segments' cache, what waits for the disk
  std::uint64_t connections = 0;  // 0 when the others take more than there is
};

MemoryParts memory_parts(const Settings& settings);

// What connections need at least: the largest request may hold half of what they have, and 16 MiB.
std::uint64_t connection_bytes_min(const Settings& settings);

}  // namespace millrace

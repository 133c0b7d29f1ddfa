#include "settings/memory_parts.h"

#include <algorithm>

namespace millrace {

MemoryParts memory_parts(const Settings& settings) {
  auto bytes = [&settings](std::string_view name) {
    return static_cast<std::uint64_t>(settings.number(name));
  };
  MemoryParts parts;
  parts.storage = bytes("storage.tail_bytes_max") + bytes("storage.segment_cache_bytes_max") +
                  bytes("storage.pending_bytes_max");
  const std::uint64_t all = bytes("server.memory_bytes_max");
  const std::uint64_t taken = parts.process + parts.storage;
  parts.connections = all > taken ? all - taken : 0;
  return parts;
}

std::uint64_t connection_bytes_min(const Settings& settings) {
  constexpr std::uint64_t kLeast = 16 << 20;
  return std::max(kLeast,
                  2 * static_cast<std::uint64_t>(settings.number("kafka.request_bytes_max")));
}

}  // namespace millrace

#include "client/partitioner.h"

#include "base/assert.h"

namespace millrace::client {

// The algorithm is Austin Appleby's (public domain); the seed is the Java clients'.
std::uint32_t murmur2(ByteView key) {
  constexpr std::uint32_t kSeed = 0x9747b28c;
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(key[at]); };
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(key.size());
  std::size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    std::uint32_t word =
        byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;  // little endian
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  std::uint32_t rest = 0;
  for (std::size_t i = key.size(); i > at; --i) rest = rest << 8 | byte(i - 1);
  if (at < key.size()) hash = (hash ^ rest) * kMultiplier;
  hash ^= hash >> 13;
  hash *= kMultiplier;
  return hash ^ hash >> 15;
}

std::int32_t partition_of_key(ByteView key, std::int32_t partitions) {
  ASSERT(partitions > 0);
  return static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace millrace::client

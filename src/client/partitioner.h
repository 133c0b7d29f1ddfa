// Which partition a key goes to: murmur2 over the key's bytes, as the Java clients do it, so that
// records of one key stay together whoever writes them. librdkafka does the same with
// partitioner=murmur2_random; its own default is another hash.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace millrace::client {

// The 32-bit MurmurHash2 with the seed that Kafka's Java clients use.
std::uint32_t murmur2(ByteView key);

// 0 .. partitions-1; partitions > 0.
std::int32_t partition_of_key(ByteView key, std::int32_t partitions);

}  // namespace millrace::client

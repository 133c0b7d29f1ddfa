// What the verbs take and give. A protocol resolves names with BrokerCore::image() and passes what
// it found.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "catalog/image.h"
#include "runtime/core.h"
#include "runtime/memory_budget.h"

namespace millrace {

// What a positive answer promises (ARCHITECTURE.md, "Durable by default").
enum class AckLevel {
  none,     // nothing; there is no answer
  written,  // survives kill -9: the kernel has it
  durable,  // survives a power cut: it was flushed
};

struct ProduceItem {
  std::shared_ptr<const TopicInfo> topic;
  std::int32_t partition = 0;
  Bytes records;  // one record batch, its bytes ours to write
};

struct ProduceResult {
  Error error;
  Offset base_offset = kNoOffset;
  WallMs log_append_time{-1};  // of topics with LogAppendTime
  Offset log_start = kNoOffset;
};

struct FetchItem {
  std::shared_ptr<const TopicInfo> topic;
  std::int32_t partition = 0;
  Offset from;
  LeaderEpoch current_epoch{-1};  // what the client believes; -1: not said
  std::size_t bytes_max = 1 << 20;
};

struct FetchCommand {
  std::vector<FetchItem> items;
  std::size_t bytes_min = 1;
  std::size_t bytes_max = 50 << 20;
  Duration wait_max{0};
  // Items are read core by core, in their order on each, until bytes_max is full. Who fetches again
  // and again counts this up (any number), or the first core's partitions starve the others'.
  std::uint32_t first_core = 0;
  // Grows by what the answer may take, of bytes_max as much as is left but bytes_least; nothing is
  // read when that is not there either. Of this core; none: memory is not counted.
  MemoryLease* memory = nullptr;
  std::size_t bytes_least = 0;
};

struct FetchResult {
  Error error;
  Offset high_watermark = kNoOffset;
  Offset log_start = kNoOffset;
  Offset next = kNoOffset;  // behind the last record of `batches`, when there are any
  ByteChain batches;
};

// A position by time.
struct TimeQuery {
  enum class Kind { earliest, latest, newest_timestamp, at_time } kind = Kind::latest;
  WallMs time{-1};
};

struct TimePosition {
  Offset offset = kNoOffset;  // -1: nothing is that new
  WallMs timestamp{-1};
  LeaderEpoch epoch{-1};
};

// One partition as it stands, for people and tools.
struct PartitionSummary {
  struct Producer {
    ProducerId id;
    std::int16_t epoch = 0;
    std::int32_t last_sequence = -1;
    WallMs last_timestamp{-1};
  };
  Error error;  // unknown_topic_or_partition when it was deleted meanwhile
  Offset log_start = kNoOffset;
  Offset high_watermark = kNoOffset;
  std::uint64_t bytes = 0;          // kept, of record batches
  std::vector<Producer> producers;  // idempotent ones whose sequences are remembered
};

struct EpochEnd {
  LeaderEpoch epoch{-1};
  Offset end = kNoOffset;
};

}  // namespace millrace

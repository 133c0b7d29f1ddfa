// What storage counts and how it stands, for who watches the broker. Plain figures: what they mean
// to an operator stands in base/metric_table.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/histogram.h"

namespace millrace {

struct JournalStats {
  std::uint64_t groups = 0;         // written and flushed in this run, marks among them
  std::uint64_t bytes_written = 0;  // in this run
  Histogram flush_time;             // one per group
  std::uint64_t file_bytes = 0;     // of all files there are
  std::uint64_t free_bytes = 0;     // of files that are ready to be written
  std::uint64_t pending_bytes = 0;  // appended and not yet done
};

struct StoreStats {
  JournalStats journal;
  std::uint64_t checkpoints = 0;
  std::uint64_t checkpoints_failed = 0;
  Histogram checkpoint_time;           // of those that succeeded
  std::uint64_t checkpoint_bytes = 0;  // of record batches, written to segments
  std::uint64_t segment_cache_bytes = 0;
  std::uint64_t segments_open = 0;
};

// Why a producer is refused, or would be if it came now. In each case reads go on.
enum class StoreHealth {
  good,
  journal_stalled,  // for a second or more: checkpoints can't keep up, or can't begin
  disk_full,
  disk_failing,
};

}  // namespace millrace

// SegmentIndex: where in a segment an offset or a time stands, to within an interval of bytes.
//
// On disk beside the segment ("....index"), 32 bytes an entry, written and flushed by the
// checkpoint that writes the batches, before the manifest counts them. Derived from the segment:
// entries that are damaged or missing are found again by walking over it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "runtime/file.h"
#include "storage/segment_files.h"

namespace millrace {

// Where a batch stands, and what a search needs to know of it.
struct BatchPlace {
  Offset base;
  Offset last;
  WallMs max_timestamp{-1};
  std::uint32_t size = 0;
};

struct IndexEntry {
  Offset base;  // of the batch at `position`
  std::uint64_t position = 0;
  WallMs max_timestamp_before{-1};  // of everything in front of it in the segment
};

// Decides which batches get an entry: the first one at least `interval` bytes behind the last that
// did, or behind the segment's beginning.
class IndexBuilder {
 public:
  // `newest`: the newest timestamp of what stands in front.
  explicit IndexBuilder(std::uint64_t interval, WallMs newest = WallMs(-1))
      : interval_(interval), next_(interval), newest_(newest) {}

  std::optional<IndexEntry> add(std::uint64_t position, const BatchPlace& batch);

 private:
  std::uint64_t interval_;
  std::uint64_t next_;  // the first position that gets one
  WallMs newest_;
};

// The entries of `file` below `bytes` that can be believed: up to the first damaged one.
// `file_number` is the segment's.
Result<std::vector<IndexEntry>> read_index(File& file, std::uint64_t file_number,
                                           std::uint64_t bytes);
// Writes entries as the `first`th and following ones; what stood behind them is cut.
Result<void> write_index(File& file, std::uint64_t file_number, std::size_t first,
                         const std::vector<IndexEntry>& entries);
// Entries for what a segment holds behind the last of `known`, up to `bytes`. Blocks.
Result<void> complete_index(std::vector<IndexEntry>& known, ChunkSource& segment,
                            std::uint64_t bytes, std::uint64_t interval);

}  // namespace millrace

// Segment: one file of one partition: record batches one after the other, contiguous in offsets,
// immutable once written.
//
// Belongs to the partition's core. The file is written by the background worker during a
// checkpoint, beyond `bytes()`, and read from any thread; what it holds up to bytes() never
// changes.
//
// Where an offset or a time stands is found by a sparse index (segment_index.h). That of a segment
// of an earlier run is loaded when it is first asked for.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "record/batch.h"
#include "runtime/file.h"
#include "storage/manifest.h"
#include "storage/segment_files.h"
#include "storage/segment_index.h"

namespace millrace {

struct SegmentRead {
  ByteChain batches;        // whole batches, the first one holds the offset asked for
  Offset next;              // after the last of them
  std::uint64_t begin = 0;  // where the first of them stands, and where the last ends
  std::uint64_t end = 0;
};

class Segment {
 public:
  Segment(std::shared_ptr<SegmentFile> file, SegmentState state, std::uint64_t index_interval);

  Offset base() const { return state_.base; }
  Offset end() const { return state_.end; }
  std::uint64_t bytes() const { return state_.bytes; }
  WallMs max_timestamp() const { return state_.max_timestamp; }
  const SegmentState& state() const { return state_; }
  const std::shared_ptr<SegmentFile>& file() const { return file_; }

  // The core: batches written behind the end, durable now, and their entries.
  void extend(const std::vector<BatchPlace>& batches, const std::vector<IndexEntry>& entries);
  // Whether position_before() may be asked: otherwise load_index(), and take_index() on the core.
  bool has_index() const { return has_index_; }
  Result<std::vector<IndexEntry>> load_index() const;
  void take_index(std::vector<IndexEntry> entries);
  // From where to walk to find `offset`.
  std::uint64_t position_before(Offset offset) const;
  // From where to look for the first batch whose newest timestamp is at or after `time`.
  Offset offset_before(WallMs time) const;
  // The next read of the same consumer begins where this one ended.
  void learn(const SegmentRead& read);

  // The background worker's: entries for batches about to be written, and their way to the disk.
  // Gives the file to flush, or nothing when there is nothing to write.
  std::vector<IndexEntry> index(std::uint64_t position, const std::vector<BatchPlace>& batches);
  Result<std::shared_ptr<SegmentFile>> write_index(const std::vector<IndexEntry>& entries);
  // Whether that made the file: then its folder is to be flushed too. Says so once.
  bool made_index() { return std::exchange(made_index_, false); }

 private:
  std::shared_ptr<SegmentFile> file_;
  SegmentState state_;
  const std::uint64_t index_interval_;
  const std::uint64_t bytes_found_;  // by this run
  bool has_index_;
  std::vector<IndexEntry> index_;
  // Where the last reads ended: the next ones of the same consumers begin there.
  struct ReadEnd {
    Offset next;
    std::uint64_t position;
  };
  std::array<ReadEnd, 4> read_ends_{};
  std::size_t newest_read_end_ = 0;

  // The background worker's.
  IndexBuilder builder_;
  std::shared_ptr<SegmentFile> index_file_;
  std::size_t entries_stored_ = 0;
  bool made_index_ = false;
};

// The batches from `position` on, at most `count_max`, looked at by their headers alone.
Result<std::vector<std::pair<std::uint64_t, BatchPlace>>> walk_segment(ChunkSource& source,
                                                                       std::uint64_t position,
                                                                       std::uint64_t end,
                                                                       std::size_t count_max);

// Reads whole batches from the one that holds `offset` on, about `bytes_max` of them but at least
// one, none that reaches `limit`; `position` is where the walk begins, `end` where the segment
// ends. What is given out are the chunks' own bytes. Fewer when what is damaged, or not in the
// cache, comes behind good batches. Errors: storage_corrupt, offset_out_of_range, the source's.
// Any thread.
Result<SegmentRead> read_segment(ChunkSource& source, std::uint64_t position, std::uint64_t end,
                                 Offset offset, std::size_t bytes_max, Offset limit, ReadFrom from);

}  // namespace millrace

// Segment: one file of one partition: record batches one after the other, contiguous in offsets,
// immutable once written.
//
// Belongs to the partition's core. The file is written by the background worker during a
// checkpoint, beyond `bytes()`, and read from any thread; what it holds up to bytes() never
// changes.
//
// Where an offset stands is found by a sparse index (one entry per kIndexInterval of bytes), which
// is built as the segment is written, and after a restart as it is read.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "record/batch.h"
#include "runtime/file.h"
#include "storage/manifest.h"
#include "storage/segment_files.h"

namespace millrace {

// Where a batch stands, and what a search needs to know of it.
struct BatchPlace {
  Offset base;
  Offset last;
  WallMs max_timestamp{-1};
  std::uint32_t size = 0;
};

struct SegmentRead {
  ByteChain batches;  // whole batches, the first one holds the offset asked for
  Offset next;        // after the last of them
  // What was passed on the way: places that the index may learn. Positions are those of the
  // batches.
  std::vector<std::pair<std::uint64_t, BatchPlace>> passed;
};

class Segment {
 public:
  Segment(std::shared_ptr<SegmentFile> file, SegmentState state)
      : file_(std::move(file)), state_(state) {}

  Offset base() const { return state_.base; }
  Offset end() const { return state_.end; }
  std::uint64_t bytes() const { return state_.bytes; }
  WallMs max_timestamp() const { return state_.max_timestamp; }
  const SegmentState& state() const { return state_; }
  const std::shared_ptr<SegmentFile>& file() const { return file_; }

  // The core: batches written behind the end, durable now.
  void extend(const std::vector<BatchPlace>& batches);
  void learn(const SegmentRead& read);
  // From where to walk to find `offset`.
  std::uint64_t position_before(Offset offset) const;
  // From where to walk to find the first batch whose newest timestamp is at or after `time`.
  std::uint64_t position_before(WallMs time) const;

 private:
  static constexpr std::uint64_t kIndexInterval = 64 << 10;
  struct IndexEntry {
    Offset base;
    std::uint64_t position;
    WallMs max_timestamp_before;  // of everything in front of it in this segment
  };
  void index(std::uint64_t position, const BatchPlace& batch);

  std::shared_ptr<SegmentFile> file_;
  SegmentState state_;
  std::vector<IndexEntry> index_;
  std::uint64_t indexed_to_ = 0;  // the index knows everything in front of this position
  WallMs newest_indexed_{-1};
  // Where the last reads ended: the next ones of the same consumers begin there.
  struct ReadEnd {
    Offset next;
    std::uint64_t position;
  };
  std::array<ReadEnd, 4> read_ends_{};
  std::size_t newest_read_end_ = 0;
};

// Reads whole batches from the one that holds `offset` on, about `bytes_max` of them but at least
// one, none that reaches `limit`; `position` is where the walk begins, `end` where the segment
// ends. What is given out are the chunks' own bytes. Fewer when what is damaged, or not in the
// cache, comes behind good batches. Errors: storage_corrupt, offset_out_of_range, the source's.
// Any thread.
Result<SegmentRead> read_segment(ChunkSource& source, std::uint64_t position, std::uint64_t end,
                                 Offset offset, std::size_t bytes_max, Offset limit, ReadFrom from);

}  // namespace millrace

// PartitionLog: one partition as its core sees it: the tail (what the journal holds and the
// segments may not yet), then the segments, behind one append and one read.
//
//   log_start <= ... segments ... <= flushed_to <= ... tail ... <= high_watermark <= end
//
// Readers see what is below the high watermark, and that is what is durable (STORAGE.md rule 8).
// The tail is an index: each entry names its batch's place in the journal, and keeps the bytes
// while memory allows (rule 9).
//
// Core-local. Shared by the layer above and what is under way: an append, a read or a checkpoint
// may outlive the partition.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "record/batch.h"
#include "runtime/core.h"
#include "storage/direct_segments.h"
#include "storage/journal.h"
#include "storage/journal_file.h"
#include "storage/segment.h"

namespace millrace {

class CoreStore;

struct LogRead {
  // Whole batches; the first one holds the offset asked for. A batch may lie in two parts.
  ByteChain batches;
  Offset next;  // where the next read goes on; the offset asked for when nothing is there
};

// Told by a log, on its core. What the layer above is to storage.
class LogObserver {
 public:
  virtual ~LogObserver() = default;
  virtual void high_watermark_moved() = 0;
  // What was appended last won't become durable in this run.
  virtual void append_failed(const Error& error) = 0;
  // What to keep in the manifest for this partition: durable state only, as of the high watermark.
  virtual std::vector<std::uint8_t> annotation() const = 0;
};

struct TailEntry {
  BatchPlace place;
  LeaderEpoch epoch;
  Bytes bytes;                            // empty: dropped
  std::shared_ptr<JournalFile> file;      // null: not durable yet, or flushed to a segment
  std::shared_ptr<DirectSegment> direct;  // the file has a reference, the batch stands here
  std::uint64_t position = 0;             // of the batch, in `direct` or in `file`

  // Whether these are its bytes, as far as the batch's checksum does not tell: that does not cover
  // base offset and leader epoch.
  bool is_head_of(ByteView bytes) const;
  // Where the bytes are when they are not in memory.
  File& holder() const { return direct ? static_cast<File&>(*direct->file()) : file->file(); }
  const std::string& holder_path() const { return direct ? direct->path() : file->path(); }
  bool durable = false;
  bool flushed = false;
  std::uint8_t carried = 0;  // how often
};

// Forgets the epochs that ended at or below `log_start`.
void drop_epochs_below(std::vector<EpochStart>& epochs, Offset log_start);

class PartitionLog : public std::enable_shared_from_this<PartitionLog> {
 public:
  PartitionLog(CoreStore& store, PartitionState state,
               std::vector<std::shared_ptr<Segment>> segments, std::deque<TailEntry> tail);

  PartitionId id() const { return state_.id; }
  Offset log_start() const { return state_.log_start; }
  Offset high_watermark() const { return high_watermark_; }
  Offset end() const { return end_; }
  void observe(LogObserver* observer) { observer_ = observer; }
  void configure(LogSettings settings) { settings_ = settings; }
  const LogSettings& settings() const { return settings_; }

  // Sets base offset and leader epoch in the batch's bytes and adds it to the tail, not durable
  // yet. `batch` is validated and its bytes are this partition's to write. Used through Appender
  // (store.h).
  void append(BatchHeader& header, Bytes& batch);
  // The journal has it: in append order.
  void mark_durable(const JournalFrame& frame, std::shared_ptr<JournalFile> file);

  // About `bytes_max` bytes of whole batches from the one holding `from`, at least one, none at or
  // beyond `limit`. Error::offset_out_of_range when `from` is below log_start or above `limit`.
  Task<Result<LogRead>> read(Offset from, std::size_t bytes_max, Offset limit);
  // The same without waiting: nothing when it would have to.
  std::optional<Result<LogRead>> read_now(Offset from, std::size_t bytes_max, Offset limit);

  // The first batch below the high watermark whose newest timestamp is at or after `time`, or
  // nothing.
  Task<Result<std::optional<Bytes>>> batch_at_time(WallMs time);
  // The newest timestamp below the high watermark; nothing when there is no batch.
  std::optional<WallMs> newest_timestamp() const;

  // (epoch, end offset): the largest known epoch at or below `epoch` and where it ends. KIP-320's
  // lookup.
  std::optional<EpochStart> epoch_end(LeaderEpoch epoch) const;
  // Kept, of record batches.
  std::uint64_t bytes() const;
  // The end of the oldest segments whose records are all older than `time`, and of the oldest ones
  // that can go with `bytes_kept` bytes left. log_start when there are none. Whole segments only.
  Offset expired_before(WallMs time) const;
  Offset beyond_size(std::uint64_t bytes_kept) const;
  const std::vector<EpochStart>& epochs() const { return epochs_; }

  // Checkpoint, see checkpoint.cc.
  struct Flush {
    std::shared_ptr<PartitionLog> log;
    LogSettings settings;
    WallMs now{-1};  // broker time when it began
    std::vector<TailEntry> entries;
    std::shared_ptr<Segment> active;  // the newest, or null
    bool is_sealed = false;           // it is not to be written
    bool is_carried = false;          // stays in the journal, at the places that `entries` say
    PartitionState state;             // as it will be
    struct Written {
      std::shared_ptr<Segment> segment;
      std::vector<BatchPlace> batches;
      std::vector<IndexEntry> entries;
    };
    std::vector<Written> written;
  };
  // Whether begin_flush() may find anything.
  bool may_flush() const { return !tail_.empty() && !tail_.back().flushed; }
  // Of what is durable, all, or what stands in `file`, the oldest of the journal.
  std::optional<Flush> begin_flush(const JournalFile* file);
  void end_flush(Flush& flush);
  void end_carry(const Flush& flush);
  void abort_flush();

  // Memory: drops the bytes of the entry, and flushed entries in front. Gives the bytes let go.
  std::size_t drop_bytes(Offset base);
  const PartitionState& state() const { return state_; }
  void add_snapshot(SnapshotState snapshot, Offset log_start);
  // The manifest says so (Store::raise_log_starts).
  void raise_log_start(Offset log_start);
  // Deleted: nothing is kept or read any more. Appends under way still get their answer.
  void close();

 private:
  friend class CoreStore;
  friend class Appender;
  std::deque<TailEntry>::const_iterator find_tail(Offset offset) const;
  Result<LogRead> read_tail(std::deque<TailEntry>::const_iterator entry, std::size_t bytes_max,
                            Offset limit, ReadFrom from_where);
  std::shared_ptr<Segment> find_segment(Offset offset) const;
  Task<Result<void>> need_index(std::shared_ptr<Segment> segment);
  Result<LogRead> take_read(Segment& segment, Result<SegmentRead> read);
  void note_epoch(LeaderEpoch epoch, Offset start);
  void drop_segments();

  CoreStore& store_;
  PartitionState state_;  // as the manifest has it, but for the annotation
  std::vector<std::shared_ptr<Segment>> segments_;
  std::deque<TailEntry> tail_;
  std::vector<EpochStart> epochs_;
  Offset high_watermark_;
  Offset end_;
  LogObserver* observer_ = nullptr;
  bool seal_active_ = false;  // its sync failed: never written again
  bool closed_ = false;
  LogSettings settings_;
};

}  // namespace millrace

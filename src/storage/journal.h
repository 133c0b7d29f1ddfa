// Journal: durable atomic groups of (partition, record batch), in order. What every module above
// appends to; the lane of local files (journal_lane.h) is the embedded implementation, a chain of
// objects in a bucket will be the other one.
//
//   auto append = std::make_unique<Append>();
//   append->frames.push_back({partition, base_offset, epoch, crc, batch});
//   append->on_done = [](Append& done, Result<void> outcome) { ... };      // on the core that
//   appended journal.append(core, std::move(append));
//
// The frames of one Append become durable together or not at all. Appends that have a partition in
// common become durable in the order in which they were made. Nothing else is promised of order,
// not on one core either: a small append goes before a large one of other partitions, and one of a
// checkpoint before any. done() is called exactly once, in the order of becoming durable: with
// success when the flush that covers it returned, or with Error::outcome_unknown when a write or
// flush failed, after which the journal takes nothing more: what its callers have decided since is
// ahead of what is durable, so they have to begin again from there (Store::on_must_restart).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "runtime/core.h"

namespace millrace {

class JournalFile;
class DirectSegment;

using JournalSequence = StrongNumber<struct JournalSequenceTag, std::uint64_t>;

// How a log's segments are cut. Set by the layer above.
struct LogSettings {
  std::uint64_t segment_bytes = 0;  // 0: StorageLimits::segment_bytes
  Duration segment_age{0};          // 0: however old
};

struct JournalFrame {
  PartitionId partition;
  Offset base_offset;
  LeaderEpoch epoch;
  std::uint32_t crc = 0;  // the batch's own checksum field
  Bytes batch;
  LogSettings settings;  // of the partition
  // Out: where the batch stands, in a segment or in Append::file.
  std::shared_ptr<DirectSegment> direct;
  std::uint64_t position = 0;
};

// Derived from by who appends. The journal owns it from append() until done() returned.
struct Append {
  virtual ~Append() = default;
  // The group was handed to the kernel and is not flushed yet (acks=1). Only when wants_written;
  // always before done().
  virtual void written() {}
  virtual void done(Result<void> outcome) = 0;

  std::vector<JournalFrame> frames;
  bool wants_written = false;
  // Written by a checkpoint: goes to the journal itself, and rather than wait for a file, which may
  // have to wait for this checkpoint, it fails with storage_full.
  bool of_checkpoint = false;
  // Out, valid in done():
  std::shared_ptr<JournalFile> file;  // holding it keeps the file from being recycled
  JournalSequence sequence;

  std::size_t bytes() const {
    std::size_t total = 0;
    for (const JournalFrame& frame : frames) total += frame.batch.size();
    return total;
  }
};

class Journal {
 public:
  virtual ~Journal() = default;
  virtual void append(Core& from, std::unique_ptr<Append> append) = 0;
  // Nothing up to this sequence is needed for recovery any more: its files may be recycled when
  // nobody holds them.
  virtual void release(JournalSequence through) = 0;
  // The oldest file that is written to its end and not released, or null.
  virtual std::shared_ptr<JournalFile> oldest_full() const = 0;
  // Writes a flush mark when nothing else is going on and the newest group has none yet.
  virtual void mark_when_idle() = 0;
  // Calls `work` between two groups, with the newest durable one, on the journal's thread: what it
  // posts to a core comes after done() of every append up to that group.
  using BoundaryWork = std::move_only_function<void(JournalSequence)>;
  virtual void at_group_boundary(BoundaryWork work) = 0;
  // Nothing is written until there is a file to write to: the journal is at its limit, or the disk
  // is full. A caller that sees this should make a release, and call retry() now and then: for
  // files that were in use by a reader when they were released, and for a disk that has room again.
  virtual bool is_stalled() const = 0;
  virtual void retry() = 0;
  // The last attempt to make a file failed: most likely the disk is full.
  virtual bool out_of_files() const = 0;
  // The newest group known to be durable.
  virtual JournalSequence durable_through() const = 0;
  // Appended and not yet done.
  virtual std::size_t pending_bytes() const = 0;
  // Written in this run, all groups together.
  virtual std::uint64_t bytes_written() const = 0;
  virtual bool failed() const = 0;
  // After a failure: makes sure that what was not answered never counts, on a new file. Tried again
  // by calling it again; true from is_voided() when it is durable.
  virtual void void_failed() = 0;
  virtual bool is_voided() const = 0;
};

}  // namespace millrace

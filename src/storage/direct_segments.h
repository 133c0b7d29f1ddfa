// DirectSegments: what a partition has much of in one group is written once, straight to a segment,
// and the journal holds a reference (STORAGE.md rule 10). The bytes are flushed before the group
// that refers to them is written, so a reference that counts names bytes that are there.
//
//   if (direct.write(frames, [] { ... }))     // several files at once; later, on some worker:
//   direct.finish();                          // frame.direct and frame.position are set
//
// A file takes only what follows each other in its partition: when a batch of the partition goes to
// the journal itself, the file is closed for good, and may be written by checkpoints from then on.
// Checkpoints list in the manifest what they find in such files, and copy nothing. Until then the
// references in the journal say that a file counts; it must not be removed (is_finished()).
//
// A file that can't be written is given up, and its batches go to the journal.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "runtime/runtime.h"
#include "storage/file_writer.h"
#include "storage/journal.h"
#include "storage/limits.h"
#include "storage/manifest.h"
#include "storage/segment_files.h"

namespace millrace {

class DirectSegment {
 public:
  DirectSegment(PartitionId partition, std::uint64_t number, std::string path)
      : partition_(partition), number_(number), path_(std::move(path)) {}

  PartitionId partition() const { return partition_; }
  std::uint64_t number() const { return number_; }
  const std::string& path() const { return path_; }
  // There once something was written.
  const std::shared_ptr<SegmentFile>& file() const { return file_; }
  WallMs begun() const { return begun_; }

 private:
  friend class DirectSegments;
  const PartitionId partition_;
  const std::uint64_t number_;
  const std::string path_;
  std::shared_ptr<SegmentFile> file_;
  WallMs begun_{-1};
  std::vector<std::uint8_t> last_block_;  // when it is not full

  // Under the mutex of DirectSegments.
  std::uint64_t bytes_ = 0;
  std::uint64_t listed_bytes_ = 0;
  bool is_writing_ = false;
  bool is_closed_ = false;
  bool is_suspect_ = false;  // something failed
};

class DirectSegments {
 public:
  // `next_number` is shared with who makes segments otherwise. `path_of` names a file.
  using PathOf = std::function<std::string(PartitionId, std::uint64_t number)>;
  DirectSegments(Runtime& runtime, const StorageLimits& limits, SegmentFiles& files,
                 std::string directory, PathOf path_of, std::atomic<std::uint64_t>& next_number);
  ~DirectSegments();

  // The journal's thread, one group at a time. Whether a group with this much may have something
  // for us.
  bool wants(std::size_t bytes) const;
  // Begins to write what is large of a group's frames. False when nothing is; otherwise `then` is
  // called once, on a worker, and finish() is to be called after that. `now` is broker time.
  bool write(std::span<JournalFrame* const> frames, WallMs now, Work then);
  void finish();
  // Those that have a file which may take more: a batch of theirs may go to the
  // journal itself only when write() has seen it and left it.
  std::unordered_set<PartitionId> open_partitions() const;
  // What is being written is finished, nothing more is begun. Any thread.
  void stop();

  // The background worker.
  // Recovery found a reference to it that ends at `end`.
  std::shared_ptr<DirectSegment> recovered(PartitionId partition, std::uint64_t number,
                                           std::uint64_t end);
  // Whether a checkpoint may write behind what it holds.
  bool may_append(std::uint64_t number);
  // The manifest lists these.
  void listed(const std::vector<SegmentState>& segments);
  // Whether nothing is in it, or ever will be, beyond what is listed: then it may be removed.
  // Closes it if it can.
  bool is_finished(std::uint64_t number, std::uint64_t bytes_listed);
  // Forgets the files of a deleted partition, but for one that is being written; gives them.
  std::vector<std::shared_ptr<DirectSegment>> forget(PartitionId partition);
  // Files that are known here, and so may count though the manifest does not list them.
  std::vector<std::string> paths() const;

  // Any thread.
  std::uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }
  std::uint64_t batches_written() const { return batches_written_.load(std::memory_order_relaxed); }

 private:
  // A partition that is written straight, or was until a short time ago.
  struct Run {
    std::shared_ptr<DirectSegment> segment;  // null: not before `pause_until`
    MonotonicTime pause_until{0};
    MonotonicTime last_used{0};
    unsigned small_groups = 0;  // one after the other
  };
  struct Job {
    std::shared_ptr<DirectSegment> segment;
    std::vector<JournalFrame*> frames;
    std::uint64_t position = 0;
    std::uint64_t bytes = 0;
    Result<void> outcome;
  };

  std::uint64_t bytes_max(const Job& job) const;
  Result<void> write_job(Job& job, FileWriter& writer);
  // With the mutex held.
  void choose();
  bool goes_straight(const Job& job);
  void prepare(Job& job, WallMs now);
  void end_run(Run& run, Duration pause);
  void drop_old_runs();
  void give_up(Job& job);

  Runtime& runtime_;
  const StorageLimits limits_;
  SegmentFiles& files_;
  const std::string directory_;
  const PathOf path_of_;
  std::atomic<std::uint64_t>& next_number_;

  struct Writer {
    std::unique_ptr<Worker> worker;
    std::unique_ptr<FileWriter> out;  // made when it is first used
  };
  std::vector<Writer> writers_;

  // The journal's thread, and while jobs are under way their workers.
  std::vector<Job> jobs_;
  std::atomic<std::size_t> jobs_left_{0};
  Work then_;

  mutable std::mutex mutex_;
  bool stopped_ = false;
  std::map<PartitionId, Run> runs_;
  std::map<std::uint64_t, std::shared_ptr<DirectSegment>> segments_;  // by number
  std::atomic<bool> has_runs_{false};

  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<std::uint64_t> batches_written_{0};
};

}  // namespace millrace

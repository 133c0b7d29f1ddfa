// JournalLane: the journal on local files. One writer (a Worker) takes what all cores have
// appended, writes it as one group, flushes once, tells the cores, and takes what came meanwhile:
// group commit. What goes with a group, and what stays for a later one, AppendQueue says; while
// something is written straight to segments, what has nothing in common with that goes on.
//
// Locks: append() and the writer share one mutex, held to push to or swap a vector. Files are
// prepared and recycled on a second worker, so that the writer finds the next one ready.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "storage/append_queue.h"
#include "storage/direct_segments.h"
#include "storage/file_writer.h"
#include "storage/journal.h"
#include "storage/journal_file.h"
#include "storage/limits.h"
#include "storage/stats.h"

namespace millrace {

// Broker time: the wall clock, but never before what the journal already holds (STORAGE.md rule
// 18). Any thread.
class BrokerClock {
 public:
  WallMs advance(WallMs wall);

 private:
  std::atomic<std::int64_t> newest_{0};
};

struct JournalStart {
  JournalSequence next_sequence{1};
  std::uint64_t next_file_id = 1;
  // Files that hold groups still needed, oldest first, from recovery.
  std::vector<std::shared_ptr<JournalFile>> in_use;
  // Files that recovery found empty or obsolete: to be recycled.
  std::vector<std::shared_ptr<JournalFile>> spare;
  // The last group, when nothing says that its flush succeeded: it may be in the cache alone.
  struct Group {
    JournalFile* file = nullptr;  // in use
    std::uint64_t position = 0;
    std::uint64_t size = 0;
  };
  Group unproven;
};

class JournalLane : public Journal {
 public:
  // `directory` exists. `background` prepares and recycles files; both outlive the lane's last
  // append, and so does `direct`, which may be null: then everything is written here.
  JournalLane(Runtime& runtime, std::string directory, const StorageLimits& limits,
              Worker& background, BrokerClock& clock, JournalStart start,
              DirectSegments* direct = nullptr);
  ~JournalLane() override;

  // Makes the first file ready, before anything is appended. Blocks.
  Result<void> open();
  // The writer is done with everything appended. Blocks; call when no core appends any more.
  void stop();

  void append(Core& from, std::unique_ptr<Append> append) override;
  void release(JournalSequence through) override;
  std::shared_ptr<JournalFile> oldest_full() const override;
  void mark_when_idle() override;
  JournalSequence durable_through() const override {
    return JournalSequence(durable_through_.load(std::memory_order_acquire));
  }
  std::size_t pending_bytes() const override {
    return pending_bytes_.load(std::memory_order_relaxed);
  }
  std::uint64_t bytes_written() const override {
    return bytes_written_.load(std::memory_order_relaxed);
  }
  void at_group_boundary(BoundaryWork work) override;
  bool is_stalled() const override;
  void retry() override;
  bool out_of_files() const override;
  bool failed() const override { return failed_.load(std::memory_order_acquire); }
  void void_failed() override;
  bool is_voided() const override { return voided_.load(std::memory_order_acquire); }
  // Any thread.
  JournalStats stats() const;

 private:
  using Group = std::vector<WaitingAppend>;
  enum class Step { wrote, idle, stalled };

  void write_loop();
  void run_boundary_works();
  Step write_once();
  bool take_waiting(std::vector<BoundaryWork>& boundary);
  Group next_group();
  void begin_direct();
  void direct_written();
  void end_direct();
  bool go_idle();
  Step write_taken(Group group, bool mark);
  void pace();
  Result<void> write_group(Group& group, bool mark);
  Result<void> write_void(JournalFile& file);
  Result<void> write_again(const JournalStart::Group& group);
  // would_block: the journal is full; the group waits for a file.
  Result<void> roll(std::uint64_t needed, Group& group);
  void stall(std::uint64_t needed, Group& group);
  std::shared_ptr<JournalFile> take_ready();
  void tell_written(Group& group);
  void tell_done(Group group, const Result<void>& outcome);
  void fail_all(const Error& error);
  void wake_writer();
  void prepare_ahead();
  void prepare_one();
  std::shared_ptr<JournalFile> make_file(std::uint64_t size);
  void recycle_released();
  void give_up(const JournalFile& file);
  journal_format::FileHeader next_header(std::uint64_t size);
  std::string path_of(std::uint64_t file_id) const;

  Runtime& runtime_;
  const std::string directory_;
  const StorageLimits limits_;
  Worker& background_;
  BrokerClock& clock_;
  DirectSegments* const direct_;
  std::unique_ptr<Worker> writer_;

  mutable std::mutex mutex_;  // everything below up to the blank line
  Group waiting_;
  bool writing_ = false;          // a write_loop is running or submitted
  bool stalled_ = false;          // the writer waits for a file: the journal is at its limit
  bool oversized_waits_ = false;  // ... with a group that needs a file of its own size
  bool out_of_files_ = false;     // the last attempt to make one failed
  bool mark_wanted_ = false;
  bool direct_written_ = false;  // a direct write is done, and the writer has not seen it
  bool preparing_ = false;
  bool stopped_ = false;
  std::vector<BoundaryWork> boundary_;
  std::uint64_t next_file_id_ = 1;
  std::uint64_t total_file_bytes_ = 0;
  std::deque<std::shared_ptr<JournalFile>> ready_;
  std::deque<std::shared_ptr<JournalFile>> sealed_;
  JournalSequence released_through_{0};

  std::vector<std::shared_ptr<JournalFile>> spare_;  // until open()
  JournalStart::Group unproven_;                     // until open()
  // The writer's own.
  FileWriter out_;
  std::shared_ptr<JournalFile> current_;
  std::uint64_t position_ = 0;
  JournalSequence next_sequence_;
  JournalSequence marked_through_{0};
  JournalSequence newest_data_{0};
  MonotonicTime group_begun_{0};
  std::size_t appends_in_group_ = 0;
  AppendQueue queue_;
  Group stalled_group_;
  bool is_writing_direct_ = false;
  Counter groups_;  // read by stats()
  Histogram flush_time_;

  std::atomic<std::uint64_t> durable_through_{0};
  std::atomic<std::size_t> pending_bytes_{0};
  std::atomic<std::uint64_t> bytes_written_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> voided_{false};
};

}  // namespace millrace

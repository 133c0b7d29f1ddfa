// Store: everything on disk of one broker: the folder, its lock, the manifest, the journal, all
// partition logs.
//
//   data/LOCK, data/manifest-N, data/journal/*.journal, data/segments/*.log,
//   data/snapshots/*.snapshot
//
//   auto store = Store::open(runtime, "data", limits);     // blocks: recovery
//   CoreStore& mine = (*store)->core(core.id());
//   (*store)->start();                                      // when every log is opened:
//   checkpoints begin co_await (*store)->close();                             // last checkpoint,
//   clean mark
#pragma once

#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "storage/core_store.h"
#include "storage/journal_scan.h"
#include "storage/manifest.h"
#include "storage/stats.h"

namespace millrace {

class FileWriter;

class Store {
 public:
  // Errors: storage_corrupt with what is damaged and what to do; io_error, e.g. when another broker
  // holds the folder.
  static Result<std::unique_ptr<Store>> open(Runtime& runtime, std::string directory,
                                             StorageLimits limits);
  ~Store();

  CoreStore& core(CoreId id) { return *cores_[id.value()]; }
  LeaderEpoch leader_epoch() const { return leader_epoch_; }
  const std::string& cluster_id() const { return cluster_id_; }
  Journal& journal() { return *lane_; }
  // Appended straight to segments in this run.
  std::uint64_t bytes_written_direct() const { return direct_->bytes_written(); }
  // Carried forward by checkpoints in this run (carry.cc). On core 0.
  std::uint64_t bytes_carried() const { return bytes_carried_; }
  BrokerClock& clock() { return clock_; }
  const StorageLimits& limits() const { return limits_; }
  // The disk is full or fails: what is not needed to drain it should not be appended. Any thread.
  bool refuses_appends() const {
    return refusing_.load(std::memory_order_acquire) ||
           disk_budget_.load(std::memory_order_relaxed) < 0;
  }
  // So much is on its way to the disk.
  void spend(std::size_t bytes) {
    disk_budget_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  }
  // On core 0.
  StoreHealth health() const;
  StoreStats stats() const;

  // Of the disk with the folder, a moment ago; nothing before it was looked at. Any thread.
  std::optional<DiskSpace> disk_space() const;

  // The partitions that recovery found and nobody opened yet. Any thread.
  std::vector<PartitionId> unclaimed() const;
  // Any thread.
  RecoveredPartition take_recovered(PartitionId id, bool& found);
  // A deleted partition's remains.
  void discard_recovered(PartitionId id);

  // Snapshots of machines' logs. On the log's core. The newest readable one, or nothing.
  struct Snapshot {
    Offset offset;
    std::vector<std::uint8_t> bytes;
  };
  Task<Result<std::optional<Snapshot>>> load_snapshot(CoreStore& core, PartitionLog& log);
  // Durable on return. Keeps the two newest; the log is cut below the older of them.
  Task<Result<void>> save_snapshot(CoreStore& core, PartitionLog& log, Offset offset,
                                   std::vector<std::uint8_t> bytes);

  // Moves the start of each log up to `offset`, at most the high watermark; whole segments below it
  // go. Durable on return, all with one flush. On the logs' core. A deleted one is left out.
  struct RaisedStart {
    std::shared_ptr<PartitionLog> log;
    Offset offset;
  };
  Task<Result<void>> raise_log_starts(CoreStore& core, std::vector<RaisedStart> raised);
  // Of deleted partitions, whose logs are closed or were discarded: the manifest forgets them and
  // their files go. On core 0.
  Task<Result<void>> remove_partitions(std::vector<PartitionId> ids);
  // Of a deleted one: files that the manifest does not list. On the background worker.
  void remove_unlisted(PartitionId id);

  // A flush of the journal failed. What was not answered is void, durably, and what the machines
  // above decided in the meantime is not: `restart` is called once, on core 0, and should close
  // this store and open it again.
  void on_must_restart(Work restart) { must_restart_ = std::move(restart); }
  // On core 0, once all recovered partitions are opened or discarded.
  void start();
  // On core 0, when nothing appends any more.
  Task<Result<void>> close();
  // Everything durable goes to segments and the journal is released; in steps, what stands in the
  // oldest file of the journal, which takes less room. `last`: and the stop is a clean one. On core
  // 0; one at a time.
  enum class Extent { step, everything, last };
  Task<Result<void>> checkpoint(Extent extent);

 private:
  Store(Runtime& runtime, std::string directory, StorageLimits limits);
  Result<void> recover();
  Result<void> recover_partitions(std::map<PartitionId, RecoveredPartition>& partitions);
  void recover_frame(RecoveredPartition& partition, ScannedFrame frame);
  void find_damage(RecoveredPartition& partition) const;
  Result<void> remove_orphans();
  Result<std::shared_ptr<Segment>> find_segment(PartitionId id, const SegmentState& state);
  void tick();
  void refuse(bool refuses);
  void look_at_disk();
  void measure_disk();
  void recover_journal();
  struct Collected {
    JournalSequence through;
    std::vector<std::vector<PartitionLog::Flush>> flushes;
  };
  Task<Collected> collect(const JournalFile* file);
  using Flushes = std::vector<std::vector<PartitionLog::Flush>>;  // by core
  Task<void> carry_forward(Flushes& flushes);
  Task<void> end_flushes(Flushes& flushes, bool succeeded);
  Task<void> run_checkpoint();

  // On the background worker.
  class Unflushed;
  struct CarriedAppend;
  std::vector<PartitionLog::Flush*> choose_carried(Flushes& flushes) const;
  Result<std::unique_ptr<CarriedAppend>> next_carried(std::span<PartitionLog::Flush*>& left);
  Result<void> write_flushes(Flushes& flushes);
  Result<void> flush_and_commit(Flushes& flushes, ManifestEdit edit);
  Result<void> write_flush(PartitionLog::Flush& flush, FileWriter& writer, Unflushed& unflushed);
  Result<void> begin_writing(FileWriter& writer, Segment& segment, std::uint64_t position,
                             bool in_blocks, Unflushed& unflushed);
  Result<Bytes> bytes_of(PartitionId id, const TailEntry& entry);
  Result<std::shared_ptr<Segment>> make_segment(PartitionLog::Flush& flush, Offset base);
  Result<void> write_snapshot(PartitionId id, SnapshotState& state, const Bytes& bytes);
  void take_listed(PartitionLog::Flush& flush) const;
  std::shared_ptr<Segment> adopt(const PartitionLog::Flush& flush, const TailEntry& entry) const;
  void trim(PartitionState& state, std::vector<std::string>& doomed) const;
  void remove_files(const std::vector<std::string>& paths);
  PartitionState listed_state(PartitionId id) const;

  std::string segments_directory() const { return directory_ + "/segments"; }
  std::string segment_path(PartitionId id, std::uint64_t file_number) const;
  static std::string index_path(const std::string& segment);
  std::string snapshot_path(PartitionId id, std::uint64_t file_number) const;

  Runtime& runtime_;
  const std::string directory_;
  const StorageLimits limits_;
  std::unique_ptr<DirectoryLock> lock_;
  std::shared_ptr<SegmentFiles> segment_files_;
  std::unique_ptr<Manifest> manifest_;
  LeaderEpoch leader_epoch_{0};
  std::string cluster_id_;
  BrokerClock clock_;
  std::atomic<std::uint64_t> next_file_number_{1};
  std::unique_ptr<DirectSegments> direct_;
  // The background worker's, after recovery.
  std::vector<std::string> made_files_;  // by the checkpoint under way
  std::vector<std::string> doubtful_;    // by ones whose commit failed
  Counter checkpoint_bytes_;             // read by stats()
  // Since the last checkpoint: one under way must not bring them back.
  std::set<PartitionId> removed_;

  std::atomic<bool> refusing_{false};
  std::atomic<bool> disk_is_low_{false};
  std::atomic<bool> looking_at_disk_{false};
  std::atomic<std::uint64_t> disk_total_{0};
  std::atomic<std::uint64_t> disk_free_{0};
  // What may be appended until the next look at the disk without touching the reserve: a fast disk
  // takes more than that between two looks.
  std::atomic<std::int64_t> disk_budget_{std::numeric_limits<std::int64_t>::max()};
  // Records were deleted while the disk was full, and a checkpoint may let go of their files.
  std::atomic<bool> room_wanted_{false};

  mutable std::mutex recovered_mutex_;
  std::map<PartitionId, RecoveredPartition> recovered_;

  // Core 0.
  bool started_ = false;
  bool closing_ = false;
  bool checkpointing_ = false;
  Duration checkpoint_pause_{0};  // after a failure, doubled each time
  MonotonicTime last_checkpoint_;
  bool checkpoint_found_full_ = false;
  bool in_steps_ = false;
  MonotonicTime next_journal_retry_;
  MonotonicTime last_unstalled_;
  std::uint64_t checkpoints_ = 0;
  std::uint64_t checkpoints_failed_ = 0;
  Histogram checkpoint_time_;
  Work must_restart_;
  std::uint64_t checkpointed_bytes_ = 0;  // of Journal::bytes_written(), as of the last one
  std::uint64_t checkpointed_direct_bytes_ = 0;
  std::uint64_t checkpointed_direct_batches_ = 0;
  std::uint64_t carried_bytes_ = 0;  // of the journal, by the last one
  std::uint64_t bytes_carried_ = 0;  // by all of this run
  MonotonicTime next_disk_look_;
  MonotonicTime last_append_seen_;
  JournalSequence last_sequence_seen_;

  std::vector<std::unique_ptr<CoreStore>> cores_;
  // Declared in the order in which they must be alive: the lane uses the background worker.
  std::unique_ptr<Worker> reader_;
  std::unique_ptr<Worker> background_;
  std::unique_ptr<JournalLane> lane_;
  friend class CoreStore;
};

}  // namespace millrace

// CoreStore: the partition logs of one core, and the way into the journal for them.
//
//   Appender appender(store);
//   appender.add(log, header, batch);                    // offsets are assigned here
//   appender.submit([](Result<void> outcome) { ... });   // called when everything added is durable
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/future.h"
#include "storage/journal_lane.h"
#include "storage/partition_log.h"

namespace millrace {

class Store;

// What recovery found of a partition, until the core that owns it takes it.
struct RecoveredPartition {
  PartitionState state;
  std::vector<std::shared_ptr<Segment>> segments;
  std::deque<TailEntry> tail;
  // Headers of the tail's batches: what to apply on top of state.annotation.
  std::vector<BatchHeader> replayed;
  // Part of it is missing. No matter when it was deleted: then nobody opens it.
  std::optional<Error> damage;
};

struct OpenedLog {
  std::shared_ptr<PartitionLog> log;
  std::vector<std::uint8_t> annotation;
  std::vector<BatchHeader> replayed;
  bool is_new = true;
};

class CoreStore {
 public:
  CoreStore(Store& store, Core& core, std::uint64_t tail_bytes_max);

  Core& core() const { return core_; }
  Store& store() const { return store_; }
  Worker& reader() const;
  Journal& journal() const;
  LeaderEpoch leader_epoch() const;
  // Broker time: never goes back, over restarts neither.
  WallMs broker_time() const;

  // Takes over what recovery found, or begins an empty log. Once per partition and run.
  // Error::storage_corrupt when part of it is missing.
  Result<OpenedLog> open_log(PartitionId id);
  // The partition was deleted. Store::remove_partitions() does away with its files.
  void close_log(PartitionId id);
  // After one or many of them: takes what they had in memory for readers off the account. Goes over
  // all that is there.
  void drop_closed();
  PartitionLog* find(PartitionId id) const;

  // Producers are to be refused with storage_full, see Store::refuses_appends().
  bool refuses_appends() const;
  // In memory for readers at the ends of logs, of StorageLimits::tail_bytes_max.
  std::size_t tail_bytes() const { return kept_bytes_; }
  // Too much is waiting for the disk for an append of this size: whoever reads from clients should
  // wait for room().
  bool is_full(std::size_t bytes) const;
  Future<bool> room(std::size_t bytes);

 private:
  friend class PartitionLog;
  friend class Appender;
  friend class Store;
  // The entry's bytes count against the memory for tails.
  void keep(PartitionLog& log, const TailEntry& entry);
  void evict();
  bool must_wait(std::size_t bytes) const;
  void wake_waiting();
  void look_for_room_soon();
  // Checkpoint: of every log that has something; ends them again. In steps, so that the core does
  // not stall where there are many.
  Task<std::vector<PartitionLog::Flush>> begin_flushes(const JournalFile* file);
  Task<bool> end_flushes(std::vector<PartitionLog::Flush>* flushes, bool succeeded);
  // Of a deleted partition: what no removal knew of yet.
  void remove_unlisted(std::shared_ptr<DirectSegment> segment);

  Store& store_;
  Core& core_;
  std::unordered_map<PartitionId, std::shared_ptr<PartitionLog>> logs_;
  struct Kept {
    std::shared_ptr<PartitionLog> log;
    Offset base;
    std::size_t size;
  };
  std::deque<Kept> kept_;  // oldest first
  std::size_t kept_bytes_ = 0;
  const std::size_t kept_bytes_max_;
  struct Waiting {
    std::size_t bytes;
    Promise<bool> promise;
  };
  std::vector<Waiting> waiting_for_room_;
  bool looks_for_room_ = false;
};

// Collects what is to become durable together. One use.
class Appender {
 public:
  explicit Appender(CoreStore& store);
  ~Appender();
  Appender(Appender&&) noexcept;

  // Assigns offsets and epoch; they are in `header` afterwards. The batch is validated, and its
  // bytes may be written.
  void add(PartitionLog& log, BatchHeader& header, Bytes batch);
  bool empty() const;
  using Done = std::move_only_function<void(Result<void>)>;
  // `on_written`, when given, is called when the kernel has it, before it is flushed.
  void submit(Done on_done, Work on_written = {});

 private:
  struct LogAppend;
  CoreStore& store_;
  std::unique_ptr<LogAppend> append_;
};

}  // namespace millrace

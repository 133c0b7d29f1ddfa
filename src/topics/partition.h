// Partition: a partition of a topic on its core: the log, its producers, and who waits for the high
// watermark.
//
//   Partition::Prepared prepared = partition.prepare(header);        // sequence check
//   if (prepared.kind == append) partition.append(appender, header, batch);
//
// Waiters are told once: a fetch that found too little leaves a Waiter at every partition it reads.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/future.h"
#include "storage/core_store.h"
#include "topics/producer_table.h"

namespace millrace {

// A fetch that waits. Notified by partitions of any core; resumes its home core once.
class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  explicit Waiter(Core& home) : home_(home), promise_(home) {}
  // Any core.
  void notify();
  // The fetch is answered: nobody waits here any more.
  void retire() { notified_.store(true, std::memory_order_release); }
  // Told already, retired, or past its deadline: nobody needs to remember it.
  bool is_over() const { return notified_.load(std::memory_order_acquire); }
  // Home core. True: notified; false: the deadline came first.
  Future<bool> wait(MonotonicTime deadline);

 private:
  void finish(bool notified);
  Core& home_;
  Promise<bool> promise_;
  std::atomic<bool> notified_{false};
  bool finished_ = false;
  std::optional<TimerId> timer_;
};

// What a topic keeps: records younger than this, and about the newest so many bytes. Nothing: all.
struct Retention {
  std::optional<Duration> age;
  std::optional<std::uint64_t> bytes;
};

class Partition : public LogObserver {
 public:
  // Takes over the opened log, with its producers as of the last durable batch.
  // Error::storage_corrupt when what the manifest keeps of them can't be read.
  static Result<std::unique_ptr<Partition>> open(CoreStore& store, PartitionId id);
  // Deleted, or the broker ends: whoever waits is told.
  ~Partition() override;

  PartitionLog& log() { return *log_; }
  std::shared_ptr<PartitionLog> shared_log() { return log_; }
  // Up to where this lets records go by now; log_start when nothing may go.
  Offset retention_point(const Retention& retention, WallMs now) const;
  Offset high_watermark() const { return log_->high_watermark(); }
  // Appended in this run.
  std::uint64_t records_in() const { return records_in_; }
  std::uint64_t bytes_in() const { return bytes_in_; }

  // Whether this batch may be appended, is a repeat, or breaks the producer's sequence.
  ProducerTable::Verdict check(const BatchHeader& batch) const;
  const ProducerTable& producers() const { return producers_; }
  // Assigns the offset (in `header` afterwards).
  void append(Appender& appender, BatchHeader& header, Bytes batch);

  // Durable up to `next`: at once when it is.
  Future<Result<void>> when_durable(Offset next);
  void add_waiter(std::shared_ptr<Waiter> waiter);
  // Called whenever the high watermark has moved. One at a time; empty: nobody.
  void on_advance(Work work) { on_advance_ = std::move(work); }
  std::size_t waiter_count() const { return waiters_.size(); }
  // Everybody who waits looks again: a stop.
  void wake_waiters();

  void high_watermark_moved() override;
  void append_failed(const Error& error) override;
  std::vector<std::uint8_t> annotation() const override;

 private:
  Partition(CoreStore& store, std::shared_ptr<PartitionLog> log)
      : store_(store), log_(std::move(log)) {}
  struct DurableWait {
    Offset next;
    Promise<Result<void>> promise;
  };
  CoreStore& store_;
  std::shared_ptr<PartitionLog> log_;
  ProducerTable producers_;
  std::uint64_t records_in_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::vector<std::shared_ptr<Waiter>> waiters_;
  Work on_advance_;
  std::vector<DurableWait> durable_waits_;
};

}  // namespace millrace

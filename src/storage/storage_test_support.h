// What the tests of storage share: a store on a simulated machine whose power can be cut, and the
// history of what it was told, which is compared with what it still knows after the next start.
//
//   SimDisk disk(seed);  disk.make_durable_directory("data");
//   History history;
//   {
//     ScopedLeakCheckOff crashed;
//     TestBroker broker(disk, history, tiny_limits());
//     ASSERT_TRUE(broker.open());
//     broker.append(PartitionId(7), 3, 100);  broker.settle();
//     broker.power_cut(CrashKeeps::nothing);
//   }
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "record/batch.h"
#include "runtime/sim/leak_check.h"
#include "runtime/sim/sim_runtime.h"
#include "storage/store.h"

namespace millrace::test {

using Blob = std::vector<std::uint8_t>;

inline Blob blob_of(ByteView view) { return {view.begin(), view.end()}; }

// Crashes log what they break; thousands of them would bury the test's own output.
class QuietLog {
 public:
  QuietLog() { set_log_level(static_cast<LogLevel>(static_cast<int>(LogLevel::error) + 1)); }
  ~QuietLog() { set_log_level(LogLevel::info); }
  QuietLog(const QuietLog&) = delete;
};

// A batch of `records` records, together about `bytes` of values, each starting with `text`.
inline Bytes batch_of(const std::string& text, int records = 1, std::size_t bytes = 0,
                      WallMs time = WallMs(1'700'000'000'000)) {
  BatchBuilder builder;
  for (int i = 0; i < records; ++i) {
    std::string value = fmt::format("{} {}", text, i);
    value.resize(std::max(value.size(), bytes / static_cast<std::size_t>(records)), '.');
    builder.add(time, std::nullopt, as_bytes(value));
  }
  return builder.build();
}

// Small enough that a few hundred small appends roll, recycle and fill everything.
inline StorageLimits tiny_limits() {
  StorageLimits limits;
  limits.journal_file_bytes = 64 << 10;
  limits.journal_first_file_bytes = 32 << 10;
  limits.journal_bytes_max = 512 << 10;
  limits.group_bytes_max = 16 << 10;
  limits.small_append_bytes = 1 << 10;
  limits.large_share_bytes = 4 << 10;
  limits.pending_bytes_max = 1 << 20;
  limits.checkpoint_bytes = 64 << 10;
  limits.checkpoint_interval = std::chrono::seconds(5);
  limits.tail_bytes_max = 16 << 10;
  limits.segment_bytes = 12 << 10;
  limits.open_segments_max = 3;
  limits.segment_chunk_bytes = 4 << 10;
  limits.segment_cache_bytes_max = 64 << 10;
  limits.segment_index_interval = 2 << 10;
  limits.direct_write_bytes = 1 << 10;
  limits.disk_reserve_bytes = 0;
  return limits;
}

struct Written {
  Offset base;
  Offset next;
  Blob bytes;
  bool acked = false;
  LeaderEpoch epoch{0};
};
// Per partition, in order of offsets.
struct History : std::map<PartitionId, std::vector<Written>> {
  std::set<PartitionId> deleted;
  // Where a log may begin, and where it must, by what was asked and answered.
  std::map<PartitionId, Offset> raise_asked;
  std::map<PartitionId, Offset> raise_answered;
  // What was saved of machines, by the offset it was as of, and up to where that was answered.
  // Their logs begin where the older one of two stands.
  std::map<PartitionId, std::map<Offset, Blob>> snapshots;
  std::map<PartitionId, Offset> snapshot_answered;
};

class TestBroker : LogObserver {
 public:
  TestBroker(SimDisk& disk, History& history, StorageLimits limits,
             SimOptions options = {.cores = 2})
      : disk_(disk), history_(history), limits_(limits), runtime_(new SimRuntime(options, disk)) {}
  TestBroker(const TestBroker&) = delete;
  // One that never started has nothing to leave behind; one that runs ends as by a power cut.
  ~TestBroker() override {
    if (store_) power_off();
  }

  Result<void> open() {
    auto opened = Store::open(*runtime_, "/data", limits_);
    if (!opened) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    store_->on_must_restart([this] { must_restart_ = true; });
    std::vector<PartitionId> remains;
    for (PartitionId id : store_->unclaimed()) {
      if (history_.deleted.contains(id)) {
        store_->discard_recovered(id);
        remains.push_back(id);
        continue;
      }
      auto opened = core_store_of(id).open_log(id);
      if (!opened) return std::unexpected(opened.error());
      take(id, *opened);
    }
    if (!remains.empty()) {
      auto removed = runtime_->run(runtime_->core(CoreId(0)), store_->remove_partitions(remains));
      if (!removed && !disk_.crashed()) return removed;
    }
    return {};
  }

  Store& store() { return *store_; }
  SimRuntime& runtime() { return *runtime_; }
  SimDisk& disk() { return disk_; }
  const History& history() const { return history_; }
  Core& core_of(PartitionId id) {
    return runtime_->core(CoreId(static_cast<std::uint32_t>(id.value() % runtime_->core_count())));
  }
  CoreStore& core_store_of(PartitionId id) { return store_->core(core_of(id).id()); }
  PartitionLog& log(PartitionId id) {
    if (PartitionLog* known = core_store_of(id).find(id)) return *known;
    auto opened = core_store_of(id).open_log(id);
    take(id, *opened);
    return *opened->log;
  }
  // Deletes a partition: as if a catalogue had said so durably.
  Result<void> remove(PartitionId id) {
    history_.deleted.insert(id);
    history_.erase(id);
    return runtime_->run(runtime_->core(CoreId(0)), removal(id));
  }
  Result<Offset> raise_log_start(PartitionId id, Offset offset) {
    history_.raise_asked[id] = offset;
    std::shared_ptr<PartitionLog> log = this->log(id).shared_from_this();
    Result<void> raised =
        runtime_->run(core_of(id), store_->raise_log_starts(core_store_of(id), {{log, offset}}));
    if (!raised) return std::unexpected(raised.error());
    history_.raise_answered[id] = offset;
    return log->log_start();
  }
  const Blob& annotation_found(PartitionId id) { return annotations_[id]; }

  // One append of one batch to each of `ids`, which belong to one core; runs on that core later.
  void append(std::vector<PartitionId> ids, int records, std::size_t bytes) {
    ++unanswered_;
    core_of(ids.front()).post([this, ids = std::move(ids), records, bytes] {
      Appender appender(core_store_of(ids.front()));
      std::vector<std::pair<PartitionId, std::size_t>> entries;
      for (PartitionId id : ids) {
        Bytes batch = batch_of(fmt::format("p{} n{}", id.value(), ++batches_made_), records, bytes);
        auto header = read_batch_header(batch.view());
        Blob expected = blob_of(batch.view());
        appender.add(log(id), *header, batch);
        set_base_offset(expected.data(), header->base_offset);
        set_leader_epoch(expected.data(), store_->leader_epoch());
        entries.emplace_back(id, history_[id].size());
        history_[id].push_back(
            {header->base_offset, header->next_offset(), expected, false, store_->leader_epoch()});
      }
      appender.submit([this, entries = std::move(entries)](Result<void> outcome) {
        --unanswered_;
        if (!outcome) ++refused_;
        for (auto [id, index] : entries) {
          if (history_.deleted.contains(id)) continue;
          history_[id][index].acked = outcome.has_value();
        }
      });
    });
  }
  void append(PartitionId id, int records = 1, std::size_t bytes = 40) {
    append(std::vector<PartitionId>{id}, records, bytes);
  }
  std::size_t unanswered() const { return unanswered_; }
  std::size_t refused() const { return refused_; }

  // Until everything appended is answered, or the disk went down.
  bool settle(Duration limit = std::chrono::seconds(60)) {
    return runtime_->run_until([this] { return unanswered_ == 0 || disk_.crashed(); }, limit) &&
           !disk_.crashed();
  }
  Result<void> checkpoint() {
    return runtime_->run(runtime_->core(CoreId(0)), store_->checkpoint(Store::Extent::everything));
  }
  Result<void> snapshot(PartitionId id, Offset offset, Blob bytes) {
    history_.snapshots[id][offset] = bytes;
    auto saved = runtime_->run(
        core_of(id), store_->save_snapshot(core_store_of(id), log(id), offset, std::move(bytes)));
    if (saved) history_.snapshot_answered[id] = offset;
    return saved;
  }
  Result<std::optional<Store::Snapshot>> snapshot_of(PartitionId id) {
    return runtime_->run(core_of(id), store_->load_snapshot(core_store_of(id), log(id)));
  }
  // A stop in order.
  Result<void> close() {
    store_->start();
    return close_started();
  }
  Result<void> close_started() {
    Result<void> closed = runtime_->run(runtime_->core(CoreId(0)), store_->close());
    EXPECT_TRUE(runtime_->run_until_idle(std::chrono::minutes(1)));
    store_.reset();
    runtime_.reset();
    return closed;
  }
  void power_cut(CrashKeeps keeps) {
    power_off();
    disk_.crash(keeps);
  }
  // The process ends; what it wrote stays as it is. Failures to come are forgotten.
  void kill() {
    power_off();
    disk_.fail_sync(0);
    disk_.fail_write(0);
  }
  bool must_restart() const { return must_restart_; }

  // All batches from the log's start to the high watermark, in reads of `bytes_max`.
  Result<std::vector<Blob>> read_all(PartitionId id, std::size_t bytes_max) {
    std::vector<Blob> batches;
    PartitionLog& log = this->log(id);
    for (Offset from = log.log_start(); from < log.high_watermark();) {
      auto read = runtime_->run(core_of(id), log.read(from, bytes_max, log.high_watermark()));
      if (!read) return std::unexpected(read.error());
      Bytes flat = read->batches.flatten();
      for (std::size_t at = 0; at < flat.size();) {
        auto header = read_batch_header(flat.view().subspan(at));
        if (!header) return std::unexpected(header.error());
        batches.push_back(blob_of(flat.view().subspan(at, header->size)));
        at += header->size;
      }
      if (read->next <= from)
        return fail(ErrorCode::io_error, "a read below the end brought nothing");
      from = read->next;
    }
    return batches;
  }

  // What is readable is what was written: all that was answered, nothing else, without gaps. Then
  // takes what survived for answered, since a reader may have seen it. Empty when all is well.
  std::string check_history(std::size_t bytes_max = 3000) {
    for (auto& [id, written] : history_) {
      PartitionLog& log = this->log(id);
      const auto where = fmt::format("partition {}: ", id.value());
      Offset end = log.high_watermark();
      if (log.end() != end) return where + "the end is beyond the high watermark after a start";
      std::size_t kept = 0;
      while (kept < written.size() && written[kept].next <= end) ++kept;
      for (std::size_t i = kept; i < written.size(); ++i) {
        if (written[i].acked) {
          return where + fmt::format("offset {} was answered, the end is {}",
                                     written[i].base.value(), end.value());
        }
      }
      Offset known = kept == 0 ? Offset(0) : written[kept - 1].next;
      if (known != end)
        return where + fmt::format("offsets {} to {} were invented", known.value(), end.value());
      auto batches = read_all(id, bytes_max);
      if (!batches) return where + std::string(batches.error().message());
      if (log.log_start() < history_.raise_answered[id]) return where + "begins too early";
      if (log.log_start() > history_.raise_asked[id] && !history_.snapshots.contains(id)) {
        return where + "begins too late";
      }
      std::size_t next = 0;
      while (next < kept && written[next].next <= log.log_start()) ++next;
      for (const Blob& batch : *batches) {
        if (next == kept) return where + "more batches than were written";
        if (batch != written[next].bytes) {
          return where +
                 fmt::format("the batch at {} is not what was written", written[next].base.value());
        }
        ++next;
      }
      if (next != kept)
        return where + fmt::format("offset {} can't be read", written[next].base.value());
      // And from anywhere, not only one behind the other.
      for (std::size_t i = kept; i-- > 0 && written[i].base >= log.log_start();) {
        auto read =
            runtime_->run(core_of(id), log.read(written[i].next - 1, 1, log.high_watermark()));
        if (!read) return where + std::string(read.error().message());
        if (blob_of(read->batches.flatten().view()) != written[i].bytes) {
          return where + fmt::format("a read at {} finds another batch", written[i].base.value());
        }
        i -= std::min<std::size_t>(i, 5);
      }
      written.resize(kept);
      for (Written& one : written) one.acked = true;
    }
    return {};
  }

  // Right after a start, before check_history(): an epoch in which a batch was lost is over, so no
  // offset is given twice in one (STORAGE.md rule 8). Empty when that holds.
  std::string check_epochs() {
    for (const auto& [id, written] : history_) {
      Offset end = log(id).high_watermark();
      for (const Written& one : written) {
        if (one.next > end && one.epoch >= store_->leader_epoch()) {
          return fmt::format("partition {}: offset {} was lost, and epoch {} goes on", id.value(),
                             one.base.value(), one.epoch.value());
        }
      }
    }
    return {};
  }
  // The newest snapshot answered, or a newer one, is there as it was saved. Empty when all are.
  std::string check_snapshots() {
    for (const auto& [id, saved] : history_.snapshots) {
      auto found = snapshot_of(id);
      if (!found) return "the snapshots: " + std::string(found.error().message());
      auto answered = history_.snapshot_answered.find(id);
      bool must_be = answered != history_.snapshot_answered.end();
      if (!*found) {
        if (must_be) return fmt::format("no snapshot of log {} is there", id.value());
        continue;
      }
      auto as_saved = saved.find((*found)->offset);
      if (as_saved == saved.end()) return "a snapshot was invented";
      if (as_saved->second != (*found)->bytes) return "a snapshot is not what was saved";
      if (must_be && (*found)->offset < answered->second) return "the newest snapshot is lost";
    }
    return {};
  }

 private:
  void high_watermark_moved() override {}
  void append_failed(const Error&) override {}
  Blob annotation() const override { return blob_of(as_bytes("kept beside the log")); }

  void take(PartitionId id, OpenedLog& opened) {
    annotations_[id] = opened.annotation;
    opened.log->observe(this);
  }
  Task<Result<void>> removal(PartitionId id) {
    Core& here = runtime_->core(CoreId(0));
    CoreStore* owner = &core_store_of(id);
    co_await call_on(here, core_of(id), [owner, id] {
      if (owner->find(id)) owner->close_log(id);
      return true;
    });
    co_return co_await store_->remove_partitions({id});
  }

  void power_off() {
    runtime_->abandon();
    store_.reset();
    runtime_.reset();
  }

  SimDisk& disk_;
  History& history_;
  StorageLimits limits_;
  std::unique_ptr<SimRuntime> runtime_;
  std::unique_ptr<Store> store_;
  std::map<PartitionId, Blob> annotations_;
  bool must_restart_ = false;
  std::size_t unanswered_ = 0;
  std::size_t refused_ = 0;
  std::size_t batches_made_ = 0;
};

}  // namespace millrace::test

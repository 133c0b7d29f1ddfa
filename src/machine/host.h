// MachineHost: runs one machine (machine.h) over one internal log: decide, append, apply, and the
// reply when it is durable.
//
//   MachineHost<GroupMachine> host(core_store, log_id, GroupMachine(limits));
//   co_await host.replay();                                        // once, before anything else
//   Result<Reply> reply = co_await host.submit(JoinGroup{...});    // Error::outcome_unknown when
//   the journal failed
//
// Core-local. Replies go out in the order of the decisions they come from, each after the events it
// may rest on are durable. When an append fails the machine's memory is ahead of the disk, so it
// stops: every later command is refused.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "machine/machine.h"
#include "record/batch.h"
#include "runtime/future.h"
#include "storage/store.h"

namespace millrace {

// Events since the last snapshot that call for the next one.
inline constexpr std::size_t kSnapshotEveryBytes = 4 << 20;

template <class M>
class MachineHost {
 public:
  using Command = typename M::Command;
  using Reply = typename M::Reply;

  MachineHost(CoreStore& store, PartitionId log_id, M machine)
      : store_(store), log_id_(log_id), machine_(std::move(machine)) {}
  MachineHost(const MachineHost&) = delete;

  // Rebuilds the machine from its newest snapshot and the log. Error::storage_corrupt when that
  // can't be done.
  Task<Result<void>> replay() {
    auto opened = store_.open_log(log_id_);
    if (!opened) co_return std::unexpected(opened.error());
    log_ = std::move(opened->log);
    auto snapshot = co_await store_.store().load_snapshot(store_, *log_);
    if (!snapshot) co_return std::unexpected(snapshot.error());
    Offset from = log_->log_start();
    if (*snapshot) {
      if (!machine_.restore((*snapshot)->bytes)) {
        co_return fail(ErrorCode::storage_corrupt,
                       fmt::format("the snapshot of internal log {} can't be read by this program",
                                   log_id_.value()));
      }
      from = (*snapshot)->offset;
    }
    while (from < log_->high_watermark()) {
      auto read = co_await log_->read(from, kReplayStep, log_->high_watermark());
      if (!read) co_return std::unexpected(read.error());
      Bytes batches = read->batches.flatten();
      if (!apply_batches(batches.view(), from)) {
        co_return fail(ErrorCode::storage_corrupt,
                       fmt::format("internal log {} is damaged near offset {}", log_id_.value(),
                                   from.value()));
      }
      from = read->next;
    }
    if constexpr (requires { machine_.start(context()); }) machine_.start(context());
    arm_timer();
    co_return Result<void>{};
  }

  // Decides now; the reply comes when what it rests on is durable, or when a later decision answers
  // it.
  Task<Result<Reply>> submit(Command command) {
    if (stopped_) co_return std::unexpected(*stopped_);
    RequestId request(next_request_++);
    Promise<Result<Reply>> promise(store_.core());
    auto future = promise.future();
    waiting_.emplace(request, std::move(promise));
    MachineContext now = context();
    handle(now.time, machine_.decide(now, request, std::move(command)));
    co_return co_await std::move(future);
  }

  // Answers everything that waits with `error` and refuses what comes later.
  void stop(Error error) {
    if (stopped_) return;
    stopped_ = std::move(error);
    if (timer_) store_.core().cancel(*std::exchange(timer_, std::nullopt));
    parked_.clear();
    for (auto& [request, promise] : std::exchange(waiting_, {})) {
      promise.set(std::unexpected(*stopped_));
    }
  }

  const M& machine() const { return machine_; }
  // For what is volatile in it alone.
  M& volatile_state() { return machine_; }

 private:
  static constexpr std::size_t kReplayStep = 1 << 20;

  struct Parked {
    std::uint64_t after;  // the number of the append it rests on
    RequestId request;
    Reply reply;
  };

  MachineContext context() const {
    return {store_.broker_time(), store_.core().now(), store_.core().random()};
  }

  bool apply_batches(ByteView bytes, Offset from) {
    while (!bytes.empty()) {
      auto header = read_batch_header(bytes);
      if (!header || !checksum_matches(bytes.first(header->size))) return false;
      RecordReader reader(bytes.first(header->size), BatchLimits{});
      while (auto record = reader.next()) {
        if (!record->value) return false;
        if (record->offset >= from) machine_.apply(record->timestamp, *record->value);
      }
      if (!reader.ok()) return false;
      bytes = bytes.subspan(header->size);
    }
    return true;
  }

  void handle(WallMs time, Outcome<Reply> outcome) {
    if (!outcome.events.empty()) append(time, outcome.events);
    for (auto& [request, reply] : outcome.replies) {
      if (durable_appends_ == appends_) {
        answer(request, std::move(reply));
      } else {
        parked_.push_back({appends_, request, std::move(reply)});
      }
    }
    arm_timer();
  }

  void append(WallMs time, const std::vector<Event>& events) {
    BatchBuilder builder;
    std::size_t bytes = 0;
    for (const Event& event : events) {
      builder.add(time, std::nullopt, ByteView(event));
      bytes += event.size();
    }
    Bytes batch = builder.build();
    auto header = read_batch_header(batch.view());
    ASSERT(header.has_value());
    Appender appender(store_);
    appender.add(*log_, *header, std::move(batch));
    std::uint64_t number = ++appends_;
    appender.submit([this, number](Result<void> outcome) { appended(number, std::move(outcome)); });
    for (const Event& event : events) machine_.apply(time, event);
    since_snapshot_ += bytes;
  }

  void appended(std::uint64_t number, Result<void> outcome) {
    if (!outcome) return stop(outcome.error());
    durable_appends_ = number;
    while (!parked_.empty() && parked_.front().after <= durable_appends_) {
      Parked parked = std::move(parked_.front());
      parked_.pop_front();
      answer(parked.request, std::move(parked.reply));
    }
    // Everything that was decided is durable now, so the machine's memory may be written down.
    if (since_snapshot_ >= kSnapshotEveryBytes && durable_appends_ == appends_ && !stopped_) {
      since_snapshot_ = 0;
      store_.core().spawn("snapshot", save_snapshot());
    }
  }

  Task<void> save_snapshot() {
    FieldWriter fields;
    machine_.snapshot(fields);
    auto saved =
        co_await store_.store().save_snapshot(store_, *log_, log_->high_watermark(), fields.take());
    if (!saved) {
      log_warning("machine", "could not write a snapshot of internal log {}: {}", log_id_.value(),
                  saved.error().message());
    }
  }

  void answer(RequestId request, Reply reply) {
    auto found = waiting_.find(request);
    if (found == waiting_.end()) return;  // stopped meanwhile
    found->second.set(std::move(reply));
    waiting_.erase(found);
  }

  void arm_timer() {
    if (stopped_) return;
    std::optional<MonotonicTime> next = machine_.next_timer();
    if (next == armed_for_ && timer_) return;
    if (timer_) store_.core().cancel(*std::exchange(timer_, std::nullopt));
    armed_for_ = next;
    if (!next) return;
    timer_ = store_.core().call_at(*next, [this] {
      timer_.reset();
      if (stopped_) return;
      MachineContext now = context();
      handle(now.time, machine_.on_timer(now));
    });
  }

  CoreStore& store_;
  const PartitionId log_id_;
  M machine_;
  std::shared_ptr<PartitionLog> log_;
  std::unordered_map<RequestId, Promise<Result<Reply>>> waiting_;
  std::deque<Parked> parked_;
  std::uint64_t next_request_ = 1;
  std::uint64_t appends_ = 0;
  std::uint64_t durable_appends_ = 0;
  std::size_t since_snapshot_ = 0;
  std::optional<MonotonicTime> armed_for_;
  std::optional<TimerId> timer_;
  std::optional<Error> stopped_;
};

}  // namespace millrace

// TestQueue: one cursor with the machine and the log around it, as tests see them.
//
//   TestQueue queue;
//   queue.publish(3);
//   EXPECT_EQ(queue.take_all(kAlice), offsets({0, 1, 2}));
//   queue.acknowledge(kAlice, {1});
//   queue.crash();
//   EXPECT_EQ(queue.take_all(kBob), offsets({0, 2}));
//
// Events are applied at once. After every command a second machine, that only ever sees the log,
// must have the same durable state, and its snapshot must be readable.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "queues/cursor_machine.h"

namespace millrace::queues_test {

inline constexpr CursorId kQueue{7};
inline constexpr HolderId kAlice{1};
inline constexpr HolderId kBob{2};
inline constexpr HolderId kCarol{3};

std::vector<Offset> offsets(std::initializer_list<std::int64_t> values);
OffsetRange range(std::int64_t first, std::int64_t end);

class TestQueue {
 public:
  explicit TestQueue(CursorPolicy policy = {}, Offset log_start = Offset(0));

  template <class R>
  R ask(CursorCommand command) {
    return std::get<R>(send(std::move(command)));
  }
  ErrorCode error_of(CursorCommand command) {
    return ask<CursorAnswer>(std::move(command)).error.code;
  }
  CursorReply send(CursorCommand command);

  // So many more messages in the log.
  void publish(std::int64_t count);
  Lease take(HolderId holder) { return cursor().take(holder); }
  // Everything that is ready, in the order of delivery.
  std::vector<Offset> take_all(HolderId holder);
  // Settle each of the offsets by itself; gives the mismatched ones.
  OffsetRuns settle(HolderId holder, SettleOutcome outcome,
                    std::initializer_list<std::int64_t> offsets,
                    RemovalReason reason = RemovalReason::rejected);
  OffsetRuns acknowledge(HolderId holder, std::initializer_list<std::int64_t> offsets) {
    return settle(holder, SettleOutcome::acknowledged, offsets);
  }
  OffsetRuns release(HolderId holder, std::initializer_list<std::int64_t> offsets) {
    return settle(holder, SettleOutcome::released, offsets);
  }
  OffsetRuns release_failed(HolderId holder, std::initializer_list<std::int64_t> offsets) {
    return settle(holder, SettleOutcome::released_failed, offsets);
  }
  std::int64_t purge() { return ask<PurgeReply>(Purge{kQueue}).purged; }
  BeginTransferReply move(HolderId holder, std::int64_t offset,
                          std::initializer_list<std::uint64_t> targets);

  // The broker dies: a new machine reads the last snapshot and the events after it.
  void crash();
  // Later crashes begin with the state of now.
  void take_snapshot();

  Cursor& cursor() { return *machine_->find(kQueue); }
  const CursorState& durable() { return cursor().durable(); }
  CursorMachine& machine() { return *machine_; }
  std::size_t event_count() const { return log_.size(); }
  const Event& last_event() const { return log_.back().second; }
  WallMs time() const { return time_; }

  // Of all offsets below the end, in their states.
  void check_conservation();

 private:
  void check_replay();

  std::unique_ptr<CursorMachine> machine_;
  std::unique_ptr<CursorMachine> replayed_;
  std::vector<std::uint8_t> base_;  // the last snapshot
  bool has_base_ = false;
  std::vector<std::pair<WallMs, Event>> log_;  // after it
  std::int64_t end_;
  WallMs time_{1'700'000'000'000};
  std::uint64_t requests_ = 0;
};

}  // namespace millrace::queues_test

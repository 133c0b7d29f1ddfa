#include "queues/test_queue.h"

namespace millrace::queues_test {

std::vector<Offset> offsets(std::initializer_list<std::int64_t> values) {
  std::vector<Offset> offsets;
  for (std::int64_t value : values) offsets.emplace_back(value);
  return offsets;
}

OffsetRange range(std::int64_t first, std::int64_t end) { return {Offset(first), Offset(end)}; }

TestQueue::TestQueue(CursorPolicy policy, Offset log_start)
    : machine_(std::make_unique<CursorMachine>()),
      replayed_(std::make_unique<CursorMachine>()),
      end_(log_start.value()) {
  EXPECT_EQ(error_of(CreateCursor{.cursor = kQueue, .log_start = log_start, .policy = policy}),
            ErrorCode::ok);
  cursor().set_end(Offset(end_));
}

CursorReply TestQueue::send(CursorCommand command) {
  time_ = time_ + 1;
  MachineContext context{.time = time_, .now = MonotonicTime(0), .random = 0};
  RequestId request(++requests_);
  auto outcome = machine_->decide(context, request, std::move(command));
  for (Event& event : outcome.events) {
    machine_->apply(time_, event);
    replayed_->apply(time_, event);
    log_.emplace_back(time_, std::move(event));
  }
  EXPECT_EQ(outcome.replies.size(), 1u);
  EXPECT_EQ(outcome.replies.front().first, request);
  check_replay();
  if (machine_->find(kQueue) != nullptr) check_conservation();
  return std::move(outcome.replies.front().second);
}

void TestQueue::publish(std::int64_t count) {
  end_ += count;
  cursor().set_end(Offset(end_));
}

std::vector<Offset> TestQueue::take_all(HolderId holder) {
  std::vector<Offset> taken;
  std::vector<Offset> announced = cursor().peek(1000);
  while (auto next = cursor().next_ready()) {
    taken.push_back(cursor().take(holder).offset);
    EXPECT_EQ(taken.back(), *next);
  }
  EXPECT_EQ(taken, announced);
  check_conservation();
  return taken;
}

OffsetRuns TestQueue::settle(HolderId holder, SettleOutcome outcome,
                             std::initializer_list<std::int64_t> settled, RemovalReason reason) {
  Settle command{.cursor = kQueue};
  for (Offset offset : offsets(settled)) {
    command.settlements.push_back(
        {.range = OffsetRange::of(offset), .outcome = outcome, .reason = reason, .holder = holder});
  }
  return ask<SettleReply>(std::move(command)).mismatched;
}

BeginTransferReply TestQueue::move(HolderId holder, std::int64_t offset,
                                   std::initializer_list<std::uint64_t> targets) {
  BeginTransfer::Entry entry{.offset = Offset(offset), .holder = holder, .targets = {}};
  for (std::uint64_t target : targets) entry.targets.emplace_back(target);
  return ask<BeginTransferReply>(
      BeginTransfer{.cursor = kQueue, .reason = RemovalReason::rejected, .entries = {entry}});
}

void TestQueue::crash() {
  machine_ = std::make_unique<CursorMachine>();
  if (has_base_) {
    ASSERT_TRUE(machine_->restore(base_));
  }
  for (const auto& [time, event] : log_) machine_->apply(time, event);
  machine_->start({.time = time_, .now = MonotonicTime(0), .random = 0});
  check_replay();
  cursor().set_end(Offset(end_));
  check_conservation();
}

void TestQueue::take_snapshot() {
  FieldWriter writer;
  machine_->snapshot(writer);
  base_ = writer.take();
  has_base_ = true;
  log_.clear();
}

void TestQueue::check_replay() {
  FieldWriter lived;
  FieldWriter replayed;
  machine_->snapshot(lived);
  replayed_->snapshot(replayed);
  std::vector<std::uint8_t> bytes = lived.take();
  EXPECT_EQ(bytes, replayed.take());
  CursorMachine restored;
  ASSERT_TRUE(restored.restore(bytes));
  for (CursorId id : machine_->cursor_ids()) {
    EXPECT_EQ(restored.find(id)->durable(), machine_->find(id)->durable());
  }
}

void TestQueue::check_conservation() {
  const Cursor& of = cursor();
  std::int64_t gaps = 0;
  for (Offset at = of.floor(); at < of.end(); ++at) gaps += of.is_skipped(at) ? 1 : 0;
  EXPECT_EQ(of.ready_count() + of.in_flight_count() + of.exhausted().count() +
                static_cast<std::int64_t>(of.open_transfer_count()) + of.durable().done_count() +
                gaps,
            of.end() - of.durable().log_start);
  EXPECT_EQ(of.counters().done(), of.durable().done_count());
}

}  // namespace millrace::queues_test

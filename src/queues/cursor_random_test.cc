// Random histories of a queue on the machine and on a slow, obvious model (cursor_model.h). After
// every step both must agree in everything that can be seen. And after every event the broker dies
// in a world beside: a new machine reads the last snapshot and the events after it, and has to be
// what the model becomes when only its durable part is left.
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "queues/cursor_machine.h"
#include "queues/cursor_model.h"
#include "queues/test_queue.h"

namespace millrace::queues_test {
namespace {

using State = ModelMessage::State;

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), model_(random_policy()) {
    send(CreateCursor{.cursor = kQueue, .policy = model_.policy()});
    send(SetProducerId{kQueue, ProducerId(1)});
    cursor().set_end(Offset(0));
    compare(*machine_, model_);
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step();
      compare(*machine_, model_);
    }
    if (!testing::Test::HasFailure()) drain();
  }

  int crashes = 0;
  int taken = 0;
  int transfers = 0;
  int exhausted = 0;

 private:
  int pick(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  bool one_in(int times) { return pick(times) == 0; }
  Cursor& cursor() { return *machine_->find(kQueue); }
  HolderId some_holder() { return HolderId(static_cast<std::uint64_t>(1 + pick(3))); }
  Offset some_offset() { return Offset(pick(static_cast<int>(model_.end()) + 2)); }
  OffsetRange some_range() {
    Offset first = some_offset();
    return {first, first + 1 + (one_in(2) ? 0 : pick(8))};
  }
  CursorPolicy random_policy() {
    CursorPolicy policy;
    if (one_in(2)) policy.return_order = ReturnOrder::return_time;
    if (!one_in(3)) policy.failed_max = pick(3);
    policy.holder_end_fails = one_in(2);
    return policy;
  }

  CursorReply send(CursorCommand command) {
    time_ = time_ + 1;
    MachineContext context{.time = time_, .now = MonotonicTime(0), .random = 0};
    auto outcome = machine_->decide(context, RequestId(1), std::move(command));
    EXPECT_LE(outcome.events.size(), 1u);  // so that after each command is after each event
    for (Event& event : outcome.events) {
      machine_->apply(time_, event);
      log_.emplace_back(time_, std::move(event));
    }
    return std::move(outcome.replies.at(0).second);
  }

  void step() {
    int dice = pick(100);
    if (dice < 15) {
      int count = 1 + pick(6);
      model_.publish(count);
      cursor().set_end(Offset(model_.end()));
    } else if (dice < 45) {
      take();
    } else if (dice < 70) {
      settle();
    } else if (dice < 74) {
      release_holder();
    } else if (dice < 76) {
      EXPECT_EQ(std::get<PurgeReply>(send(Purge{kQueue})).purged, model_.purge());
    } else if (dice < 83) {
      begin_transfer();
    } else if (dice < 88) {
      end_transfer();
    } else if (dice < 90) {
      raise_horizon();
    } else if (dice < 92) {
      CursorPolicy policy = random_policy();
      send(ConfigureCursor{kQueue, policy});
      model_.configure(policy);
    } else if (dice < 95) {
      OffsetRange gap = some_range();
      cursor().skip(gap);
      model_.skip(gap);
    } else if (dice < 97) {
      Offset offset = some_offset();
      HolderId holder = some_holder();
      EXPECT_EQ(cursor().put_back(offset, holder), model_.put_back(offset.value(), holder));
    } else if (dice < 98) {
      take_snapshot();
    } else {
      machine_ = recovered();
      cursor().set_end(Offset(model_.end()));
      model_.crash();
      ++crashes;
    }
    if (dice >= 45 && dice < 92 && !testing::Test::HasFailure()) die_beside();
  }

  void take() {
    for (int i = 1 + pick(4); i > 0 && !model_.ready().empty(); --i) {
      HolderId holder = some_holder();
      Lease lease = cursor().take(holder);
      Lease expected = model_.take(holder);
      EXPECT_EQ(lease.offset, expected.offset);
      EXPECT_EQ(lease.before, expected.before);
      EXPECT_EQ(lease.redelivered, expected.redelivered);
      EXPECT_FALSE(cursor().durable().is_done(lease.offset));
      ++taken;
    }
  }

  void settle() {
    Settle command{.cursor = kQueue};
    for (int i = 1 + pick(4); i > 0; --i) {
      Settlement settlement{.range = some_range(),
                            .outcome = static_cast<SettleOutcome>(pick(4)),
                            .reason = static_cast<RemovalReason>(1 + pick(4)),
                            .holder = one_in(6) ? kNoHolder : some_holder()};
      if (one_in(8)) settlement.range = {Offset(0), Offset(1'000)};
      command.settlements.push_back(settlement);
    }
    if (one_in(3)) command.raise_horizon = cursor().wants_horizon(pick(20) - 1);
    auto expected = model_.settle(command.settlements, command.raise_horizon);
    std::set<std::int64_t> mismatched;
    auto reply = std::get<SettleReply>(send(command));
    for (OffsetRange run : reply.mismatched) {
      for (; !run.empty(); ++run.first) mismatched.insert(run.first.value());
    }
    EXPECT_EQ(mismatched, expected);
  }

  void release_holder() {
    ReleaseHolder command{.cursor = kQueue, .holder = some_holder()};
    if (one_in(2)) command.failed = one_in(2);
    EXPECT_EQ(std::get<ReleaseHolderReply>(send(command)).released,
              model_.release_holder(command.holder, command.failed));
  }

  void begin_transfer() {
    BeginTransfer command{.cursor = kQueue, .reason = static_cast<RemovalReason>(1 + pick(4))};
    for (int i = 1 + pick(3); i > 0; --i) {
      BeginTransfer::Entry entry{some_offset(), one_in(3) ? kNoHolder : some_holder(), {}};
      entry.targets.emplace_back(100 + pick(2));
      if (one_in(3)) entry.targets.emplace_back(200);
      command.entries.push_back(entry);
    }
    auto reply = std::get<BeginTransferReply>(send(command));
    std::size_t before = model_.transfers().size();
    EXPECT_EQ(reply.mismatched, model_.begin_transfer(command, time_));
    ASSERT_EQ(reply.begun.size(), model_.transfers().size() - before);
    for (std::size_t i = 0; i < reply.begun.size(); ++i) {
      EXPECT_EQ(reply.begun[i], model_.transfers()[before + i]);
      ++transfers;
    }
  }

  void end_transfer() {
    EndTransfer command{.cursor = kQueue};
    for (const OpenTransfer& open : model_.transfers()) {
      if (one_in(2)) command.offsets.push_back(open.offset);
    }
    if (one_in(3)) command.offsets.push_back(some_offset());
    if (one_in(3) && !command.offsets.empty()) command.offsets.push_back(command.offsets.front());
    std::size_t expected = model_.end_transfer(command.offsets);
    EXPECT_EQ(std::get<EndTransferReply>(send(command)).mismatched.size(), expected);
  }

  void raise_horizon() {
    RaiseHorizon command{kQueue, some_offset()};
    send(command);
    model_.settle({}, command.horizon);
  }

  // Everybody is served, and everything that ever was in the log is done exactly once.
  void drain() {
    while (!testing::Test::HasFailure() && cursor().next_ready()) take();
    Settle command{.cursor = kQueue};
    OffsetRange all{Offset(0), Offset(model_.end())};
    for (std::uint64_t holder = 1; holder <= 3; ++holder) {
      command.settlements.push_back({.range = all, .holder = HolderId(holder)});
    }
    command.settlements.push_back(
        {.range = all, .outcome = SettleOutcome::dropped, .holder = kNoHolder});
    model_.settle(command.settlements, {});
    send(command);
    EndTransfer end{.cursor = kQueue};
    for (const OpenTransfer& open : model_.transfers()) end.offsets.push_back(open.offset);
    model_.end_transfer(end.offsets);
    send(end);
    compare(*machine_, model_);
    EXPECT_EQ(cursor().floor(), Offset(model_.end()));
    EXPECT_EQ(cursor().counters().done(), model_.end());
    EXPECT_TRUE(cursor().durable().done.empty() && cursor().durable().counts.empty());
  }

  void take_snapshot() {
    FieldWriter writer;
    machine_->snapshot(writer);
    base_ = writer.take();
    log_.clear();
  }

  std::unique_ptr<CursorMachine> recovered() {
    auto machine = std::make_unique<CursorMachine>();
    if (!base_.empty()) {
      EXPECT_TRUE(machine->restore(base_));
    }
    for (const auto& [time, event] : log_) machine->apply(time, event);
    EXPECT_EQ(machine->find(kQueue)->durable(), cursor().durable());
    machine->start({.time = time_, .now = MonotonicTime(0), .random = 0});
    return machine;
  }

  void die_beside() {
    auto machine = recovered();
    machine->find(kQueue)->set_end(Offset(model_.end()));
    CursorModel model = model_;
    model.crash();
    compare(*machine, model);
    while (!model.ready().empty() && !testing::Test::HasFailure()) {
      Lease expected = model.take(kAlice);
      Lease lease = machine->find(kQueue)->take(kAlice);
      EXPECT_EQ(lease.offset, expected.offset);
      EXPECT_EQ(lease.before, expected.before);
      EXPECT_EQ(lease.redelivered, expected.redelivered);
    }
  }

  void compare(CursorMachine& machine, CursorModel& model) {
    Cursor& cursor = *machine.find(kQueue);
    std::vector<Offset> ready = model.ready();
    EXPECT_EQ(cursor.peek(10'000), ready);
    EXPECT_EQ(cursor.ready_count(), static_cast<std::int64_t>(ready.size()));
    EXPECT_EQ(cursor.next_ready(), ready.empty() ? std::nullopt : std::optional(ready.front()));
    EXPECT_EQ(cursor.in_flight_count(), model.count(State::in_flight));
    EXPECT_EQ(cursor.exhausted().count(), model.count(State::exhausted));
    EXPECT_EQ(cursor.durable().done_count(), model.count(State::done));
    EXPECT_EQ(cursor.floor(), Offset(model.floor()));
    EXPECT_EQ(cursor.counters(), model.counters());
    EXPECT_EQ(cursor.counters().done(), model.count(State::done));
    EXPECT_EQ(cursor.durable().horizon, model.horizon());
    EXPECT_EQ(cursor.open_transfers(), model.transfers());
    for (std::int64_t at = 0; at < model.end(); ++at) {
      const ModelMessage& message = model.messages()[static_cast<std::size_t>(at)];
      EXPECT_EQ(cursor.durable().is_done(Offset(at)), message.state == State::done);
      EXPECT_EQ(cursor.exhausted().contains(Offset(at)), message.state == State::exhausted);
      EXPECT_EQ(cursor.is_skipped(Offset(at)), message.state == State::skipped);
      EXPECT_EQ(cursor.holder_of(Offset(at)), message.holder);
      EXPECT_EQ(cursor.durable().counts.find(Offset(at)), message.counts);
    }
    EXPECT_GE(cursor.floor(), floor_seen_);
    floor_seen_ = cursor.floor();
    exhausted += static_cast<int>(cursor.exhausted().count());
  }

  std::mt19937_64 random_;
  CursorModel model_;
  std::unique_ptr<CursorMachine> machine_ = std::make_unique<CursorMachine>();
  std::vector<std::uint8_t> base_;
  std::vector<std::pair<WallMs, Event>> log_;
  WallMs time_{1'700'000'000'000};
  Offset floor_seen_;
};

TEST(CursorRandom, many_short_histories_agree_with_the_model) {
  int crashes = 0, taken = 0, transfers = 0, exhausted = 0;
  for (std::uint64_t seed = 1; seed <= 2000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    history.run(40);
    crashes += history.crashes;
    taken += history.taken;
    transfers += history.transfers;
    exhausted += history.exhausted;
  }
  // The histories are about something.
  EXPECT_GT(crashes, 200);
  EXPECT_GT(taken, 10'000);
  EXPECT_GT(transfers, 500);
  EXPECT_GT(exhausted, 500);
}

TEST(CursorRandom, long_histories_agree_with_the_model) {
  for (std::uint64_t seed = 10'001; seed <= 10'010 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    history.run(500);
  }
}

}  // namespace
}  // namespace millrace::queues_test

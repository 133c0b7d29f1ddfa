// A partition on the simulated runtime with the real storage below: repeats, who waits, restarts.
#include "topics/partition.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/log.h"
#include "runtime/sim/leak_check.h"
#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_runtime.h"
#include "storage/store.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using Kind = ProducerTable::Verdict::Kind;

constexpr PartitionId kPartition{70000};

class Life {
 public:
  Life(std::uint64_t seed, SimDisk& disk)
      : runtime_(std::make_unique<SimRuntime>(SimOptions{.seed = seed}, disk)) {
    auto store = Store::open(
        *runtime_, "data", {.journal_file_bytes = 1 << 20, .journal_first_file_bytes = 256 << 10});
    ASSERT(store.has_value());
    store_ = std::move(*store);
    runtime_->run(core(), open());
  }
  ~Life() {
    if (!store_) return;
    if (!failed) {
      auto closed = runtime_->run(core(), store_->close());
      ASSERT(closed.has_value());
    }
    runtime_->run_until_idle(1min);
    partition_.reset();
    store_.reset();
  }
  void abandon() {
    runtime_->abandon();
    [[maybe_unused]] Partition* partition = partition_.release();
    [[maybe_unused]] Store* store = store_.release();
    [[maybe_unused]] SimRuntime* runtime = runtime_.release();
  }

  SimRuntime& runtime() { return *runtime_; }
  Core& core() { return runtime_->core(CoreId(0)); }
  Partition& partition() { return *partition_; }
  Store& store() { return *store_; }

  // On the core: what the verb does with a batch that may be appended.
  Task<ProducerTable::Verdict> produce(Bytes batch, bool wait) {
    auto header = read_batch_header(batch.view());
    auto verdict = partition_->check(*header);
    if (verdict.kind != Kind::append) co_return verdict;
    Appender appender(store_->core(CoreId(0)));
    partition_->append(appender, *header, std::move(batch));
    verdict.base_offset = header->base_offset;
    verdict.next_offset = header->next_offset();
    Promise<bool> done(core());
    auto future = done.future();
    appender.submit([done = std::move(done)](Result<void>) mutable { done.set(true); });
    if (wait) co_await std::move(future);
    co_return verdict;
  }
  ProducerTable::Verdict append(Bytes batch) {
    return runtime_->run(core(), produce(std::move(batch), true));
  }
  ProducerTable::Verdict append_soon(Bytes batch) {
    return runtime_->run(core(), produce(std::move(batch), false));
  }

  bool failed = false;

 private:
  Task<void> open() {
    auto opened = Partition::open(store_->core(CoreId(0)), kPartition);
    ASSERT(opened.has_value());
    partition_ = std::move(*opened);
    store_->start();
    co_return;
  }
  std::unique_ptr<SimRuntime> runtime_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Partition> partition_;
};

Bytes batch(std::int32_t sequence, std::int32_t count = 1, std::int64_t producer = 7) {
  BatchBuilder builder;
  if (producer >= 0) builder.producer(ProducerId(producer), ProducerEpoch(0), sequence);
  for (std::int32_t i = 0; i < count; ++i) {
    builder.add(WallMs(1000), std::nullopt, as_bytes("value"));
  }
  return builder.build();
}

Task<void> wait_durable(Partition* partition, Offset next, std::optional<Result<void>>* outcome) {
  auto waited = co_await partition->when_durable(next);
  *outcome = std::move(waited);
}

Task<void> wait_on(std::shared_ptr<Waiter> waiter, MonotonicTime deadline,
                   std::optional<bool>* outcome) {
  bool notified = co_await waiter->wait(deadline);
  *outcome = notified;
}

class PartitionTest : public testing::Test {
 protected:
  PartitionTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory("data");
  }
  ~PartitionTest() override { set_log_level(LogLevel::info); }

  static void spawn(Life& life, Task<void> task) {
    Core& core = life.core();
    core.post([&core, task = std::move(task)]() mutable { core.spawn("test", std::move(task)); });
  }

  SimDisk disk_{1};
};

TEST_F(PartitionTest, AppendsGetConsecutiveOffsets) {
  Life life(1, disk_);
  EXPECT_EQ(life.append(batch(-1, 3, -1)).base_offset, Offset(0));
  EXPECT_EQ(life.append(batch(-1, 2, -1)).base_offset, Offset(3));
  EXPECT_EQ(life.partition().high_watermark(), Offset(5));
}

TEST_F(PartitionTest, ARepeatIsNotWrittenAgain) {
  Life life(2, disk_);
  life.append(batch(-1, 4, -1));
  EXPECT_EQ(life.append(batch(0, 2)).base_offset, Offset(4));
  auto repeat = life.append(batch(0, 2));
  EXPECT_EQ(repeat.kind, Kind::duplicate);
  EXPECT_EQ(repeat.base_offset, Offset(4));
  EXPECT_EQ(repeat.next_offset, Offset(6));
  EXPECT_EQ(life.partition().log().end(), Offset(6));
  EXPECT_EQ(life.append(batch(5)).kind, Kind::refuse);
}

// STORAGE.md rule 12: the original may still be lost, and then the repeat's answer would be a lie.
TEST_F(PartitionTest, ARepeatWaitsUntilItsOriginalIsDurable) {
  Life life(3, disk_);
  auto first = life.append_soon(batch(0, 2));
  auto repeat = life.partition().check(*read_batch_header(batch(0, 2).view()));
  ASSERT_EQ(repeat.kind, Kind::duplicate);
  EXPECT_EQ(repeat.next_offset, first.next_offset);
  std::optional<Result<void>> outcome;
  spawn(life, wait_durable(&life.partition(), repeat.next_offset, &outcome));
  while (!outcome) {
    ASSERT_TRUE(life.runtime().step());
    if (outcome) {
      EXPECT_GE(life.partition().high_watermark(), Offset(2));
    }
  }
  EXPECT_TRUE(outcome->has_value());
  // Now at once.
  outcome.reset();
  spawn(life, wait_durable(&life.partition(), repeat.next_offset, &outcome));
  ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 1ms));
}

TEST_F(PartitionTest, WhoWaitsForAFailedAppendIsTold) {
  Life life(4, disk_);
  life.append(batch(0));
  life.runtime().run_for(2s);
  life.failed = true;
  disk_.fail_sync(1);
  auto second = life.append_soon(batch(1));
  std::optional<Result<void>> outcome;
  spawn(life, wait_durable(&life.partition(), second.next_offset, &outcome));
  ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 1min));
  ASSERT_FALSE(outcome->has_value());
  EXPECT_EQ(outcome->error().code, ErrorCode::outcome_unknown);
  // Later ones too: nothing becomes durable any more.
  outcome.reset();
  spawn(life, wait_durable(&life.partition(), second.next_offset, &outcome));
  ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 1ms));
  EXPECT_FALSE(outcome->has_value());
}

TEST_F(PartitionTest, AWaiterIsNotifiedWhenTheHighWatermarkMoves) {
  Life life(5, disk_);
  auto waiter = std::make_shared<Waiter>(life.core());
  std::optional<bool> outcome;
  life.core().post([&] { life.partition().add_waiter(waiter); });
  spawn(life, wait_on(waiter, life.runtime().now() + std::int64_t{60'000'000'000}, &outcome));
  life.runtime().run_for(1s);
  EXPECT_FALSE(outcome.has_value());
  life.append_soon(batch(0));
  ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 1s));
  EXPECT_TRUE(*outcome);
  EXPECT_TRUE(waiter->is_over());
  EXPECT_EQ(waiter.use_count(), 1);  // nobody remembers it
}

TEST_F(PartitionTest, AWaiterTimesOutAtItsDeadline) {
  Life life(6, disk_);
  auto waiter = std::make_shared<Waiter>(life.core());
  std::optional<bool> outcome;
  const MonotonicTime deadline = life.runtime().now() + std::int64_t{5'000'000'000};
  spawn(life, wait_on(waiter, deadline, &outcome));
  ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 6s));
  EXPECT_FALSE(*outcome);
  EXPECT_GE(life.runtime().now(), deadline);
  EXPECT_LT(life.runtime().now() - deadline, 1'000'000);
  // Too late to matter, and harmless.
  waiter->notify();
  life.runtime().run_for(1ms);
}

// Fetches that time out one after the other at a partition that nobody writes to.
TEST_F(PartitionTest, WaitersThatTimedOutAreForgotten) {
  Life life(7, disk_);
  std::vector<std::weak_ptr<Waiter>> all;
  for (int i = 0; i < 50; ++i) {
    auto waiter = std::make_shared<Waiter>(life.core());
    all.push_back(waiter);
    std::optional<bool> outcome;
    life.core().post([&life, waiter] { life.partition().add_waiter(waiter); });
    spawn(life, wait_on(waiter, life.runtime().now() + std::int64_t{1'000'000}, &outcome));
    ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 1s));
  }
  life.runtime().run_for(1ms);
  std::size_t alive = 0;
  for (const auto& waiter : all) alive += !waiter.expired();
  EXPECT_LE(alive, 1u);
}

// A fetch that was answered by another partition never waits with its last waiter.
TEST_F(PartitionTest, WaitersThatWereRetiredAreForgotten) {
  Life life(11, disk_);
  for (int i = 0; i < 50; ++i) {
    auto waiter = std::make_shared<Waiter>(life.core());
    life.core().post([&life, waiter] { life.partition().add_waiter(waiter); });
    life.runtime().run_for(1ms);
    EXPECT_EQ(life.partition().waiter_count(), 1u);
    waiter->retire();
  }
}

TEST_F(PartitionTest, ANotificationBeforeTheWaitIsNotLost) {
  Life life(8, disk_);
  auto waiter = std::make_shared<Waiter>(life.core());
  waiter->notify();
  std::optional<bool> outcome;
  spawn(life, wait_on(waiter, life.runtime().now() + std::int64_t{60'000'000'000}, &outcome));
  ASSERT_TRUE(life.runtime().run_until([&] { return outcome.has_value(); }, 1s));
  EXPECT_TRUE(*outcome);
}

TEST_F(PartitionTest, ProducersAreKnownAfterACleanRestart) {
  {
    Life life(9, disk_);
    for (int i = 0; i < 8; ++i) life.append(batch(i));
  }
  Life again(10, disk_);
  auto repeat = again.append(batch(7));
  EXPECT_EQ(repeat.kind, Kind::duplicate);
  EXPECT_EQ(repeat.base_offset, Offset(7));
  EXPECT_EQ(again.append(batch(9)).kind, Kind::refuse);
  EXPECT_EQ(again.append(batch(8)).base_offset, Offset(8));
}

// With checkpoints anywhere in between: manifest and journal together know what was durable.
TEST_F(PartitionTest, ProducersAreKnownAfterACrash) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SimDisk disk(seed);
    disk.make_durable_directory("data");
    SimRandom random(seed);
    std::int32_t next = 0;      // to be sent
    std::int32_t answered = 0;  // durable for certain
    for (int lives = 0; lives < 3; ++lives) {
      ScopedLeakCheckOff crashed_partitions_leak;
      auto* life = new Life(seed * 8 + static_cast<std::uint64_t>(lives), disk);
      // Retries from the first unanswered one on, as a producer does.
      if (answered > 0) {
        auto repeat = life->append(batch(answered - 1));
        ASSERT_EQ(repeat.kind, Kind::duplicate) << "seed " << seed;
        ASSERT_EQ(repeat.base_offset, Offset(answered - 1)) << "seed " << seed;
      }
      for (std::int32_t sequence = answered; sequence < next; ++sequence) {
        auto verdict = life->append(batch(sequence));
        ASSERT_NE(verdict.kind, Kind::refuse) << "seed " << seed << " sequence " << sequence;
        ASSERT_EQ(verdict.base_offset, Offset(sequence)) << "seed " << seed;
      }
      answered = next;
      const std::int32_t count = static_cast<std::int32_t>(random.below(12));
      for (std::int32_t i = 0; i < count; ++i) {
        life->append(batch(next++));
        answered = next;
        if (random.percent(20)) {
          auto written = life->runtime().run(life->core(),
                                             life->store().checkpoint(Store::Extent::everything));
          ASSERT_TRUE(written.has_value());
        }
      }
      // At most five unanswered, Kafka's limit.
      for (int i = 0; i < 4; ++i) life->append_soon(batch(next++));
      life->runtime().run_for(std::chrono::microseconds(random.below(3000)));
      life->abandon();
      constexpr CrashKeeps kModes[] = {CrashKeeps::nothing, CrashKeeps::everything,
                                       CrashKeeps::some};
      disk.crash(kModes[random.below(3)]);
    }
  }
}

}  // namespace
}  // namespace millrace

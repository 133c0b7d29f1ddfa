// MachineHost over a toy machine, on the simulated runtime with the real storage below.
#include "machine/host.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "runtime/sim/leak_check.h"
#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

constexpr PartitionId kLog{5};

struct ToyCommand {
  enum class Kind { add, read, park, tick_at } kind = Kind::read;
  std::int64_t amount = 0;  // of add; padding bytes come with it when `padding` says so
  std::size_t padding = 0;
  MonotonicTime when;  // of tick_at
};

struct ToyReply {
  std::int64_t sum = 0;
  std::int64_t ticks = 0;
};

// Adds numbers. `park` waits for the next add; `tick_at` sets a timer whose tick is an event.
class ToyMachine {
 public:
  using Command = ToyCommand;
  using Reply = ToyReply;

  Outcome<Reply> decide(const MachineContext&, RequestId request, Command command) {
    Outcome<Reply> outcome;
    switch (command.kind) {
      case Command::Kind::add:
        outcome.events.push_back(event(1, command.amount, command.padding));
        outcome.replies.emplace_back(request, Reply{sum_ + command.amount, ticks_});
        for (RequestId parked : std::exchange(parked_, {})) {
          outcome.replies.emplace_back(parked, Reply{sum_ + command.amount, ticks_});
        }
        break;
      case Command::Kind::read:
        outcome.replies.emplace_back(request, Reply{sum_, ticks_});
        break;
      case Command::Kind::park:
        parked_.push_back(request);
        break;
      case Command::Kind::tick_at:
        timer_ = command.when;
        outcome.replies.emplace_back(request, Reply{sum_, ticks_});
        break;
    }
    return outcome;
  }
  Outcome<Reply> on_timer(const MachineContext& context) {
    timer_.reset();
    ticked_at_ = context.now;
    return {{event(2, 1, 0)}, {}};
  }
  std::optional<MonotonicTime> next_timer() const { return timer_; }

  void apply(WallMs time, ByteView bytes) {
    FieldReader reader(bytes);
    auto field = reader.next();
    ASSERT(field.has_value());
    if (field->number == 1) sum_ += field->as_signed();
    if (field->number == 2) ticks_ += field->as_signed();
    ++applied_;
    last_time_ = time;
  }
  void snapshot(FieldWriter& out) const {
    out.put_signed(1, sum_);
    out.put_signed(2, ticks_);
    out.put(3, applied_);
    out.put_signed(4, last_time_.value());
  }
  bool restore(ByteView bytes) {
    FieldReader reader(bytes);
    while (auto field = reader.next()) {
      if (field->number == 1) sum_ = field->as_signed();
      if (field->number == 2) ticks_ = field->as_signed();
      if (field->number == 3) applied_ = field->value;
      if (field->number == 4) last_time_ = WallMs(field->as_signed());
      if (field->number > 4) return false;
    }
    restored_ = true;
    return reader.ok();
  }

  bool restored() const { return restored_; }
  std::optional<MonotonicTime> ticked_at() const { return ticked_at_; }
  std::uint64_t applied() const { return applied_; }

 private:
  static Event event(std::uint32_t kind, std::int64_t amount, std::size_t padding) {
    FieldWriter out;
    out.put_signed(kind, amount);
    if (padding > 0) out.put_text(9, std::string(padding, 'x'));
    return out.take();
  }

  std::int64_t sum_ = 0;
  std::int64_t ticks_ = 0;
  std::uint64_t applied_ = 0;
  WallMs last_time_{-1};
  std::optional<MonotonicTime> timer_;
  std::optional<MonotonicTime> ticked_at_;
  std::vector<RequestId> parked_;
  bool restored_ = false;
};

using Host = MachineHost<ToyMachine>;

StorageLimits toy_storage() {
  StorageLimits limits;
  limits.journal_bytes_max = 64 << 20;
  limits.journal_file_bytes = 8 << 20;
  limits.journal_first_file_bytes = 256 << 10;
  return limits;
}

// A store with one host on core 0.
class Life {
 public:
  Life(std::uint64_t seed, SimDisk& disk)
      : runtime_(std::make_unique<SimRuntime>(SimOptions{.seed = seed}, disk)) {
    auto store = Store::open(*runtime_, "data", toy_storage());
    ASSERT(store.has_value());
    store_ = std::move(*store);
    host_ = std::make_unique<Host>(store_->core(CoreId(0)), kLog, ToyMachine());
  }
  ~Life() {
    if (store_) stop();
  }

  SimRuntime& runtime() { return *runtime_; }
  Core& core() { return runtime_->core(CoreId(0)); }
  Store& store() { return *store_; }
  Host& host() { return *host_; }

  Result<void> replay() {
    auto replayed = runtime_->run(core(), host_->replay());
    if (replayed) store_->start();
    return replayed;
  }
  Result<ToyReply> submit(ToyCommand command) {
    return runtime_->run(core(), host_->submit(command));
  }
  Result<ToyReply> add(std::int64_t amount, std::size_t padding = 0) {
    return submit({.kind = ToyCommand::Kind::add, .amount = amount, .padding = padding});
  }
  ToyReply read() { return submit({}).value(); }
  std::vector<std::uint8_t> state() const {
    FieldWriter out;
    host_->machine().snapshot(out);
    return out.take();
  }

  void stop() {
    host_->stop(Error(ErrorCode::stopping));
    const bool ended = runtime_->run_until([this] { return core().tasks().inside() == 0; }, 1min);
    ASSERT(ended);
    if (!failed) {
      auto closed = runtime_->run(core(), store_->close());
      ASSERT(closed.has_value());
    }
    runtime_->run_until_idle(1min);
    host_.reset();
    store_.reset();
  }
  void abandon() {
    runtime_->abandon();
    [[maybe_unused]] Host* host = host_.release();
    [[maybe_unused]] Store* store = store_.release();
    [[maybe_unused]] SimRuntime* runtime = runtime_.release();
  }

  bool failed = false;  // the journal did: it can't be closed cleanly

 private:
  std::unique_ptr<SimRuntime> runtime_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Host> host_;
};

// What came of submits that run at the same time, in the order of the answers.
struct Answers {
  std::vector<std::pair<int, Result<ToyReply>>> in_order;
  bool has(int name) const {
    for (const auto& [known, reply] : in_order) {
      if (known == name) return true;
    }
    return false;
  }
};

Task<void> submit_named(Host* host, ToyCommand command, int name, Answers* answers) {
  auto reply = co_await host->submit(command);
  answers->in_order.emplace_back(name, std::move(reply));
}

class HostTest : public testing::Test {
 protected:
  HostTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory("data");
  }
  ~HostTest() override { set_log_level(LogLevel::info); }

  // All decided in one turn of the core, in the order given.
  static void submit_all(Life& life, Answers& answers, std::vector<ToyCommand> commands) {
    life.core().post([&life, &answers, commands = std::move(commands)] {
      int name = 0;
      for (const ToyCommand& command : commands) {
        life.core().spawn("submit", submit_named(&life.host(), command, name++, &answers));
      }
    });
  }

  static ToyCommand add(std::int64_t amount) {
    return {.kind = ToyCommand::Kind::add, .amount = amount};
  }
  static ToyCommand read() { return {}; }

  SimDisk disk_{1};
};

TEST_F(HostTest, AnswersWithWhatWasDecided) {
  Life life(1, disk_);
  ASSERT_TRUE(life.replay());
  EXPECT_EQ(life.add(3)->sum, 3);
  EXPECT_EQ(life.add(4)->sum, 7);
  EXPECT_EQ(life.read().sum, 7);
}

TEST_F(HostTest, AReplyLeavesWhenItsEventsAreDurable) {
  Life life(2, disk_);
  ASSERT_TRUE(life.replay());
  life.runtime().run_until_idle(0ns);
  PartitionLog* log = life.store().core(CoreId(0)).find(kLog);
  Answers answers;
  submit_all(life, answers, {add(1)});
  bool was_ahead = false;
  while (!answers.has(0)) {
    ASSERT_TRUE(life.runtime().step());
    if (log->end() == Offset(1) && log->high_watermark() == Offset(0)) {
      was_ahead = true;
      EXPECT_EQ(life.host().machine().applied(), 1u);
      EXPECT_FALSE(answers.has(0));
    }
  }
  EXPECT_TRUE(was_ahead);
  EXPECT_EQ(log->high_watermark(), Offset(1));
}

// A read decided behind an add has seen it: it may not be answered before the add is durable.
TEST_F(HostTest, ADecisionWithoutEventsWaitsForWhatItHasSeen) {
  Life life(3, disk_);
  ASSERT_TRUE(life.replay());
  PartitionLog* log = life.store().core(CoreId(0)).find(kLog);
  Answers answers;
  submit_all(life, answers, {read(), add(5), read()});
  while (answers.in_order.size() < 3) {
    ASSERT_TRUE(life.runtime().step());
    if (answers.has(2)) {
      EXPECT_EQ(log->high_watermark(), Offset(1));
    }
  }
  EXPECT_EQ(answers.in_order[0].first, 0);  // nothing was pending before it
  EXPECT_EQ(answers.in_order[0].second->sum, 0);
  EXPECT_EQ(answers.in_order[1].first, 1);
  EXPECT_EQ(answers.in_order[2].first, 2);
  EXPECT_EQ(answers.in_order[2].second->sum, 5);
}

TEST_F(HostTest, RepliesComeInTheOrderOfTheDecisions) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(seed);
    disk.make_durable_directory("data");
    Life life(seed, disk);
    ASSERT_TRUE(life.replay());
    Answers answers;
    for (int round = 0; round < 4; ++round) {
      submit_all(life, answers, {add(1), read(), add(1), add(1), read()});
    }
    ASSERT_TRUE(life.runtime().run_until([&] { return answers.in_order.size() == 20; }, 1min));
    std::int64_t last = 0;
    for (const auto& [name, reply] : answers.in_order) {
      ASSERT_TRUE(reply.has_value());
      EXPECT_GE(reply->sum, last) << "seed " << seed;
      last = reply->sum;
    }
    EXPECT_EQ(last, 12);
  }
}

TEST_F(HostTest, AParkedRequestIsAnsweredByALaterDecision) {
  Life life(4, disk_);
  ASSERT_TRUE(life.replay());
  Answers answers;
  submit_all(life, answers, {{.kind = ToyCommand::Kind::park}});
  life.runtime().run_for(1s);
  EXPECT_TRUE(answers.in_order.empty());
  EXPECT_EQ(life.add(9)->sum, 9);
  ASSERT_TRUE(life.runtime().run_until([&] { return answers.has(0); }, 1s));
  EXPECT_EQ(answers.in_order[0].second->sum, 9);
}

TEST_F(HostTest, StopAnswersEverythingThatWaitsAndRefusesTheRest) {
  Life life(5, disk_);
  ASSERT_TRUE(life.replay());
  Answers answers;
  submit_all(life, answers, {{.kind = ToyCommand::Kind::park}, add(1)});
  life.core().post([&] { life.host().stop(Error(ErrorCode::stopping)); });
  ASSERT_TRUE(life.runtime().run_until([&] { return answers.in_order.size() == 2; }, 1s));
  for (const auto& [name, reply] : answers.in_order) {
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().code, ErrorCode::stopping);
  }
  auto late = life.add(1);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::stopping);
}

// Its memory is ahead of the disk: nothing it says could be trusted any more.
TEST_F(HostTest, AFailedAppendStopsTheMachineAndAnswersAll) {
  Life life(6, disk_);
  ASSERT_TRUE(life.replay());
  ASSERT_EQ(life.add(1)->sum, 1);
  life.runtime().run_for(2s);  // the next flush is the writer's, not one of files made ahead
  disk_.fail_sync(1);
  life.failed = true;
  Answers answers;
  submit_all(life, answers, {{.kind = ToyCommand::Kind::park}, add(2), read(), add(3)});
  ASSERT_TRUE(life.runtime().run_until([&] { return answers.in_order.size() == 4; }, 1min));
  for (const auto& [name, reply] : answers.in_order) {
    ASSERT_FALSE(reply.has_value()) << name;
    EXPECT_EQ(reply.error().code, ErrorCode::outcome_unknown) << name;
  }
  auto late = life.submit(read());
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::outcome_unknown);
}

TEST_F(HostTest, ATimerFiresAtItsTimeAndItsEventsAreKept) {
  {
    Life life(7, disk_);
    ASSERT_TRUE(life.replay());
    const MonotonicTime when = life.runtime().now() + std::int64_t{3'000'000'000};
    ASSERT_TRUE(life.submit({.kind = ToyCommand::Kind::tick_at, .when = when}).has_value());
    EXPECT_FALSE(life.runtime().run_until(
        [&] { return life.host().machine().ticked_at().has_value(); }, 2900ms));
    EXPECT_TRUE(life.runtime().run_until(
        [&] { return life.host().machine().ticked_at().has_value(); }, 200ms));
    EXPECT_GE(*life.host().machine().ticked_at(), when);
    EXPECT_EQ(life.read().ticks, 1);
  }
  Life again(8, disk_);
  ASSERT_TRUE(again.replay());
  EXPECT_EQ(again.read().ticks, 1);
}

// Moved earlier, moved later: it fires once, at the last time said.
TEST_F(HostTest, ATimerThatIsMovedFiresOnce) {
  Life life(9, disk_);
  ASSERT_TRUE(life.replay());
  const MonotonicTime start = life.runtime().now();
  for (std::int64_t seconds : {5, 1, 3}) {
    ASSERT_TRUE(
        life.submit({.kind = ToyCommand::Kind::tick_at, .when = start + seconds * 1'000'000'000})
            .has_value());
  }
  EXPECT_FALSE(life.runtime().run_until(
      [&] { return life.host().machine().ticked_at().has_value(); }, 2500ms));
  life.runtime().run_for(10s);
  EXPECT_EQ(life.read().ticks, 1);
  EXPECT_GE(*life.host().machine().ticked_at(), start + std::int64_t{3'000'000'000});
}

TEST_F(HostTest, AfterACleanStopReplayGivesTheLiveState) {
  std::vector<std::uint8_t> live;
  {
    Life life(10, disk_);
    ASSERT_TRUE(life.replay());
    for (int i = 1; i <= 50; ++i) ASSERT_TRUE(life.add(i).has_value());
    live = life.state();
  }
  Life again(11, disk_);
  ASSERT_TRUE(again.replay());
  EXPECT_EQ(again.state(), live);
  EXPECT_EQ(again.read().sum, 50 * 51 / 2);
}

TEST_F(HostTest, SnapshotAndTheEventsBehindItGiveTheLiveState) {
  std::vector<std::uint8_t> live;
  {
    Life life(12, disk_);
    ASSERT_TRUE(life.replay());
    // Each about a third of what calls for a snapshot.
    for (int i = 1; i <= 8; ++i) ASSERT_TRUE(life.add(i, kSnapshotEveryBytes / 3).has_value());
    ASSERT_TRUE(life.add(1000).has_value());
    live = life.state();
  }
  bool snapshot_seen = false;
  for (const std::string& path : disk_.paths()) {
    if (path.find("snapshots/") != std::string::npos) snapshot_seen = true;
  }
  EXPECT_TRUE(snapshot_seen);
  Life again(13, disk_);
  ASSERT_TRUE(again.replay());
  EXPECT_TRUE(again.host().machine().restored());
  EXPECT_EQ(again.state(), live);
}

// Power cuts in the middle of everything: what was answered is there, and what is there was decided
// in order.
TEST_F(HostTest, ACrashKeepsWhatWasAnswered) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SimDisk disk(seed);
    disk.make_durable_directory("data");
    SimRandom random(seed);
    std::int64_t answered = 0;
    std::int64_t sent = 0;
    for (int lives = 0; lives < 3; ++lives) {
      ScopedLeakCheckOff crashed_hosts_leak;
      auto* life = new Life(seed * 8 + static_cast<std::uint64_t>(lives), disk);
      ASSERT_TRUE(life->replay());
      const std::int64_t found = life->read().sum;
      EXPECT_GE(found, answered) << "seed " << seed;
      EXPECT_LE(found, sent) << "seed " << seed;
      sent = found;
      auto* answers = new Answers;
      disk.crash_at_operation(1 + random.below(30));
      while (!disk.crashed()) {
        const std::size_t goal = answers->in_order.size() + 3;
        submit_all(*life, *answers, {add(1), add(1), add(1)});
        sent += 3;
        life->runtime().run_until(
            [&] { return disk.crashed() || answers->in_order.size() >= goal; }, 1min);
      }
      life->runtime().run_for(10ms);
      for (const auto& [name, reply] : answers->in_order) {
        if (reply) answered = std::max(answered, reply->sum);
      }
      life->abandon();
      constexpr CrashKeeps kModes[] = {CrashKeeps::nothing, CrashKeeps::everything,
                                       CrashKeeps::some};
      disk.crash(kModes[random.below(3)]);
    }
  }
}

}  // namespace
}  // namespace millrace

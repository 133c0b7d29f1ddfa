#include "simulation/history.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/leak_check.h"
#include "simulation/administrators.h"
#include "simulation/inspection.h"
#include "simulation/producers.h"

namespace millrace::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswersWithin = 10min;
// Between two things that go wrong.
constexpr std::int64_t kDisturbEveryMs = 150;
// Of a history's lives, each draws its seed from the history's.
constexpr std::uint64_t kLivesMax = 16;

// Who asked may have given up: the life is over, and the inspection ends with it.
Task<void> tell(Task<Inspection> task, std::shared_ptr<std::optional<Inspection>> value) {
  *value = co_await task;
}

Delivery draw_delivery(SimRandom& random) {
  constexpr Delivery kAll[] = {Delivery::exactly_once,  Delivery::exactly_once,
                               Delivery::at_least_once, Delivery::at_most_once,
                               Delivery::on_write,      Delivery::unacknowledged};
  return kAll[random.below(std::size(kAll))];
}

}  // namespace

void Tally::add(const Tally& other) {
  histories += other.histories;
  stops += other.stops;
  kills += other.kills;
  power_cuts += other.power_cuts;
  restarts_after_failed_flushes += other.restarts_after_failed_flushes;
  full_disks += other.full_disks;
  failed_writes += other.failed_writes;
  clock_jumps += other.clock_jumps;
  bits_flipped += other.bits_flipped;
  bits_reported += other.bits_reported;
  promises += other.promises;
  reads += other.reads;
  steps += other.steps;
}

History::History(std::uint64_t seed)
    : seed_(seed), random_(seed), disk_(seed), storage_(draw_storage(random_)) {
  disk_.make_durable_directory(millrace::test::kSimDirectory);
  ledger_.expiring.insert(kExpiring);
  const std::uint64_t producers = 3 + random_.below(4);
  constexpr const char* kTopics[] = {kOrders, kEvents, kExpiring, kAgain};
  for (std::uint64_t i = 0; i < producers; ++i) {
    Producer& producer = ledger_.producers.emplace_back();
    producer.name = fmt::format("p{}", i);
    producer.topic = kTopics[i % std::size(kTopics)];
    producer.partition = static_cast<std::int32_t>(random_.below(kPartitions));
    producer.delivery = i == 0 ? Delivery::exactly_once : draw_delivery(random_);
    // What is sent again after a deletion would go to another incarnation, and be no fault.
    if (producer.topic == kAgain) producer.delivery = Delivery::at_most_once;
    producer.value_bytes = random_.percent(30) ? 1500 : 20 + random_.below(200);
  }
  const std::uint64_t members = random_.below(4);
  for (std::uint64_t i = 0; i < members; ++i) members_.push_back({"billing", kOrders, ""});
}

void History::run() {
  tally_.histories = 1;
  const std::uint64_t lives = 1 + random_.below(4);
  for (std::uint64_t i = 0; i < lives && ledger_.clean(); ++i) {
    run_one_life(draw_life(random_, seed_ * kLivesMax + ++lives_, storage_));
  }
  if (ledger_.clean()) run_last_life();
  tally_.promises = ledger_.promises();
  tally_.reads = ledger_.reads();
}

bool History::is_over(const Life& life) const {
  return disk_.crashed() || life.must_restart() || !ledger_.clean();
}

bool History::start(Life& life) {
  auto started = life.start();
  if (!started && !disk_.crashed()) {
    ledger_.fault(fmt::format("start {}: {}", lives_, started.error().message()));
  }
  return started.has_value();
}

bool History::look(Life& life, bool damaged) {
  auto found = std::make_shared<std::optional<Inspection>>();
  life.spawn("inspection", tell(inspect(&life, damaged), found));
  life.runtime().run_until([&] { return *found || is_over(life); }, kAnswersWithin);
  if (!*found || !(*found)->asked) {
    if (!is_over(life)) ledger_.fault("the broker does not answer an inspection");
    return false;
  }
  reported_ = (*found)->reported;
  return true;
}

void History::start_clients(Life& life) {
  for (Producer& producer : ledger_.producers) {
    life.spawn(producer.name, run_producer(&life, &producer));
  }
  for (Member& member : members_) life.spawn("member", run_member(&life, &member));
  life.spawn("follower", run_follower(&life));
  life.spawn("topic keeper", run_topic_keeper(&life));
  life.spawn("trimmer", run_trimmer(&life));
}

void History::run_one_life(const LifePlan& plan) {
  ScopedLeakCheckOff ended_by_force;
  if (plan.ending == Ending::power_cut) disk_.crash_at_operation(plan.operation);
  auto life = std::make_unique<Life>(plan.options, disk_, ledger_);
  if (start(*life) && look(*life, false)) {
    start_clients(*life);
    go_through(*life, plan);
  }
  disk_.set_capacity(SimDisk::kUnlimited);
  if (disk_.crashed()) {
    // A broker that lives on for a moment on its dead disk must not promise anything.
    if (random_.percent(50)) life->runtime().run_for(20ms);
    end_life(std::move(life), Ending::power_cut);
    disk_.crash(plan.keeps);
    ledger_.life_ended(plan.keeps != CrashKeeps::everything);
  } else {
    const bool restarts = life->must_restart();
    if (restarts) ++tally_.restarts_after_failed_flushes;
    disk_.never_crash();  // it ends before the power would have
    end_life(std::move(life), restarts ? Ending::stop : plan.ending);
    // What was only written goes with a flush or a write that fails behind it, as with the power.
    ledger_.life_ended(plan.failing_flush > 0 || plan.writes_fail);
  }
}

void History::go_through(Life& life, const LifePlan& plan) {
  SimRuntime& runtime = life.runtime();
  if (plan.failing_flush > 0) disk_.fail_sync(plan.failing_flush);
  const MonotonicTime end = runtime.now() + plan.length.count();
  // A power cut comes when the disk has done so much, but not after any time.
  const MonotonicTime last = runtime.now() + Duration(20s).count();
  while (!is_over(life) && runtime.now() < (plan.operation > 0 ? last : end)) {
    const auto pause =
        std::chrono::milliseconds(1 + static_cast<std::int64_t>(random_.below(kDisturbEveryMs)));
    runtime.run_until([&] { return is_over(life); }, pause);
    if (!is_over(life)) disturb(life, plan);
  }
}

void History::disturb(Life& life, const LifePlan& plan) {
  disk_.set_capacity(SimDisk::kUnlimited);
  if (plan.fills_up && random_.percent(30)) {
    ++tally_.full_disks;
    disk_.set_capacity(disk_.used() + random_.below(40'000));
  }
  if (plan.writes_fail && random_.percent(10)) {
    ++tally_.failed_writes;
    disk_.fail_write(1 + random_.below(10));
  }
  if (plan.clock_jumps && random_.percent(10)) {
    ++tally_.clock_jumps;
    constexpr std::int64_t kHourMs = 3'600'000;
    life.runtime().jump_wall_clock(random_.percent(50) ? kHourMs : -kHourMs);
  }
}

void History::end_life(std::unique_ptr<Life> life, Ending ending) {
  add_trace(*life);
  if (ending == Ending::stop && life->is_serving()) {
    ++tally_.stops;
    const std::string left = life->stop();
    if (left.empty()) return disk_.end_process();
    ledger_.fault(fmt::format("stop {}: does not end: {}", lives_, left));
    life->abandon();
    [[maybe_unused]] Life* leaked = life.release();
    return;
  }
  ++(ending == Ending::power_cut ? tally_.power_cuts : tally_.kills);
  life->abandon();
  [[maybe_unused]] Life* left = life.release();
  if (ending != Ending::power_cut) disk_.end_process();
}

void History::run_last_life() {
  ScopedLeakCheckOff ended_by_force;
  const LifePlan plan = draw_last_life(random_, seed_ * kLivesMax + ++lives_, storage_);
  auto life = std::make_unique<Life>(plan.options, disk_, ledger_);
  if (start(*life) && look(*life, false)) {
    start_clients(*life);
    go_through(*life, plan);
    drain(*life);
    if (ledger_.clean()) look(*life, false);
    // What was written last is known to be durable once the journal was idle.
    if (ledger_.clean()) life->runtime().run_for(3s);
  }
  end_life(std::move(life), plan.ending);
  ledger_.life_ended(false);
  if (!ledger_.clean()) return;
  if (random_.percent(60)) flip_a_bit();
  look_at_damage();
}

// All that was sent is answered, and the group has read and committed it.
void History::drain(Life& life) {
  life.ending = true;
  if (!life.runtime().run_until([&] { return life.clients.empty() || is_over(life); }, 5min)) {
    ledger_.fault(
        fmt::format("these clients do not come to their end: {}", fmt::join(life.clients, ", ")));
  }
  for (const Producer& producer : ledger_.producers) {
    if (ledger_.clean() && !producer.unanswered.empty()) {
      ledger_.fault(fmt::format("{} has unanswered batches", producer.name));
    }
  }
}

void History::flip_a_bit() {
  std::vector<std::string> paths;
  for (const std::string& path : disk_.paths()) {
    if (!disk_.content(path).empty()) paths.push_back(path);
  }
  const std::string& path = paths.at(random_.below(paths.size()));
  ++tally_.bits_flipped;
  disk_.flip_bit(path, random_.below(disk_.content(path).size()),
                 static_cast<unsigned>(random_.below(8)));
}

// Damage is reported, by the start, by an answer or by the checksum that a client looks at; or it
// is in nothing that counts, and everything is there.
void History::look_at_damage() {
  const bool damaged = tally_.bits_flipped > 0;
  ScopedLeakCheckOff ended_by_force;
  const LifePlan plan = draw_last_life(random_, seed_ * kLivesMax + ++lives_, storage_);
  auto life = std::make_unique<Life>(plan.options, disk_, ledger_);
  auto started = life->start();
  if (!started) {
    if (damaged && started.error().code == ErrorCode::storage_corrupt) {
      ++tally_.bits_reported;
    } else {
      ledger_.fault(fmt::format("the last start: {}", started.error().message()));
    }
    end_life(std::move(life), Ending::kill);
    return;
  }
  look(*life, damaged);
  if (reported_ > 0) ++tally_.bits_reported;
  end_life(std::move(life), Ending::kill);
}

void History::add_trace(Life& life) {
  trace_hash_ =
      (trace_hash_ ^ life.runtime().trace_hash()) * 0x100000001b3u + life.runtime().steps();
  tally_.steps += life.runtime().steps();
}

}  // namespace millrace::simulation

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "storage/crash_sweep_test_support.h"

namespace millrace::test {
namespace {

// With so many pieces or fewer every set of them is tried.
constexpr std::size_t kEverySetPieces = 5;
// Of more pieces than this, so many, by the seed, are kept and lost on their own, and as many
// prefixes are tried. The rest is counted as left out.
constexpr std::size_t kEachMax = 96;
constexpr std::size_t kRandomSets = 8;
// A second power cut comes within so many operations after the start.
constexpr std::uint64_t kNextOperations = 16;
// Visits after which the start is swept too are about so far apart, by chance.
constexpr std::uint64_t kVisitsPerSweptStart = 40;
constexpr std::uint64_t kKillsPerSweptStart = 8;
constexpr std::size_t kFailuresTold = 5;

std::uint64_t mix(std::uint64_t hash, std::uint64_t more) {
  hash = (hash ^ more) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

std::uint64_t hash_of(const History& history) {
  std::uint64_t hash = 0;
  auto add = [&hash](auto value) { hash = mix(hash, static_cast<std::uint64_t>(value)); };
  for (const auto& [id, written] : history) {
    add(id.value());
    for (const Written& one : written) {
      add(one.base.value());
      add(one.epoch.value());
      add(one.acked ? 1 : 2);
      add(std::hash<std::string_view>()(as_text(one.bytes)));
    }
  }
  for (PartitionId id : history.deleted) add(id.value());
  for (const auto* offsets :
       {&history.raise_asked, &history.raise_answered, &history.snapshot_answered}) {
    add(-1);
    for (auto [id, offset] : *offsets) {
      add(id.value());
      add(offset.value());
    }
  }
  for (const auto& [id, saved] : history.snapshots) add(saved.size());
  return hash;
}

// All that a store must do after any start.
void go_on(TestBroker& broker, const History& history) {
  std::vector<PartitionId> ids;
  for (const auto& [id, written] : history) ids.push_back(id);
  for (PartitionId id : ids) broker.append(id, 2, 300);
  if (broker.settle(std::chrono::seconds(1)) || broker.disk().crashed()) return;
  // A journal that is full makes room so.
  if (broker.checkpoint()) broker.settle(std::chrono::seconds(1));
}

}  // namespace

TestBroker& Life::start(StorageLimits limits) {
  SimOptions options{.seed = seed_++, .cores = cores_};
  broker_ = std::make_unique<TestBroker>(disk_, history_, limits, options);
  auto opened = broker_->open();
  EXPECT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(broker_->check_epochs(), "");
  EXPECT_EQ(broker_->check_history(), "");
  return *broker_;
}

void Life::kill() {
  if (broker_) broker_->kill();
  broker_ = nullptr;
}

void Life::close() {
  auto closed = broker_->close();
  EXPECT_TRUE(closed) << closed.error().message();
  broker_ = nullptr;
}

const CrashScenario* find_crash_scenario(std::string_view name) {
  auto all = crash_scenarios();
  auto found = std::ranges::find(all, name, &CrashScenario::name);
  return found == all.end() ? nullptr : &*found;
}

void SweepCounts::add(const SweepCounts& more) {
  points += more.points;
  visited += more.visited;
  kills += more.kills;
  recovery += more.recovery;
  same += more.same;
  left_out += more.left_out;
  pieces_max = std::max(pieces_max, more.pieces_max);
  failed += more.failed;
  failures.insert(failures.end(), more.failures.begin(), more.failures.end());
}

std::string describe(std::string_view name, const SweepCounts& counts) {
  std::string text = fmt::format("{}: {} visits at {} points", name, counts.visited, counts.points);
  text += fmt::format(", {} after a kill, {} after a cut in the next start", counts.kills,
                      counts.recovery);
  text += fmt::format("; {} choices left the same disk", counts.same);
  if (counts.left_out > 0) {
    text += fmt::format(", {} were left out (up to {} pieces at a point)", counts.left_out,
                        counts.pieces_max);
  }
  return text;
}

std::vector<KeptSet> kept_sets(std::size_t pieces, std::uint64_t seed, std::uint64_t& left_out) {
  std::vector<KeptSet> sets;
  const std::vector<bool> none(pieces, false);
  const std::vector<bool> all(pieces, true);
  sets.push_back({"none", none});
  if (pieces == 0) return sets;
  sets.push_back({"all", all});
  if (pieces <= kEverySetPieces) {
    for (std::uint64_t bits = 1; bits + 1 < 1ull << pieces; ++bits) {
      KeptSet set{"set-", none};
      for (std::size_t i = 0; i < pieces; ++i) {
        set.kept[i] = (bits >> i & 1) != 0;
        set.name += set.kept[i] ? '1' : '0';
      }
      sets.push_back(std::move(set));
    }
    return sets;
  }
  SimRandom random(seed);
  std::vector<std::size_t> each(pieces);
  for (std::size_t i = 0; i < pieces; ++i) each[i] = i;
  if (pieces > kEachMax) {
    for (std::size_t i = 0; i < kEachMax; ++i) {
      std::swap(each[i], each[i + random.below(pieces - i)]);
    }
    each.resize(kEachMax);
    left_out += 3 * (pieces - kEachMax);
  }
  for (std::size_t i : each) {
    sets.push_back({fmt::format("alone-{}", i), none});
    sets.back().kept[i] = true;
    sets.push_back({fmt::format("all-but-{}", i), all});
    sets.back().kept[i] = false;
    sets.push_back({fmt::format("first-{}", i), none});
    std::fill_n(sets.back().kept.begin(), i, true);
  }
  for (std::size_t i = 0; i < kRandomSets; ++i) {
    // Few of them, half, or nearly all.
    const unsigned percent = i % 3 == 0 ? 50 : i % 3 == 1 ? 15 : 85;
    KeptSet set{fmt::format("random-{}", i), none};
    for (std::size_t j = 0; j < pieces; ++j) set.kept[j] = random.percent(percent);
    sets.push_back(std::move(set));
  }
  return sets;
}

CrashSweep::Points CrashSweep::live() {
  SimDisk disk(seed_);
  History history;
  Points points;
  Life life(disk, history, seed_, scenario_.cores);
  life.on_count([&] { disk.lie_about_flushes(lies_); });
  disk.on_operation([&] {
    if (life.counts()) points.push_back({disk.operations(), disk.copy(), history});
  });
  scenario_.live(life, scenario_.limits);
  points.push_back({disk.operations() + 1, disk.copy(), history});
  disk.on_operation({});
  life.kill();
  return points;
}

CrashSweep::Points CrashSweep::start_on(const SimDisk& left, const History& known) {
  auto disk = left.copy();
  History history = known;
  Points points;
  const std::uint64_t before = disk->operations();
  disk->on_operation(
      [&] { points.push_back({disk->operations() - before, disk->copy(), history}); });
  TestBroker broker(*disk, history, scenario_.limits, {.seed = seed_, .cores = scenario_.cores});
  // What a start shows its readers must be there ever after, answered or not.
  if (broker.open() && look(broker).empty()) {
    go_on(broker, history);
    (void)broker.checkpoint();
  }
  disk->on_operation({});
  return points;
}

SweepCounts CrashSweep::run_only(std::string_view visit) {
  counts_ = {};
  seen_.clear();
  swept_starts_ = swept_kills_ = 0;
  sweep(live(), "", visit);
  return std::move(counts_);
}

void CrashSweep::sweep(const Points& points, const std::string& before, std::string_view only) {
  for (const Point& point : points) {
    const std::string place = fmt::format("{}{}/", before, point.operation);
    if (!only.empty() && !only.starts_with(place)) continue;
    ++counts_.points;
    const std::size_t pieces = point.disk->unflushed().size();
    counts_.pieces_max = std::max<std::uint64_t>(counts_.pieces_max, pieces);
    const std::uint64_t seed = mix(seed_, point.operation);
    for (const KeptSet& set : kept_sets(pieces, seed, counts_.left_out)) {
      if (is_over()) return;
      visit(point, set, place, only);
    }
    if (before.empty() && !is_over()) visit(point, {"killed", {}, true}, place, only);
  }
}

// By chance.
bool CrashSweep::sweeps_start(const KeptSet& set, const std::string& name) {
  std::size_t& count = set.is_kill ? swept_kills_ : swept_starts_;
  const std::uint64_t apart = set.is_kill ? kKillsPerSweptStart : kVisitsPerSweptStart;
  if (count == scenario_.swept_starts || hash_of(name) % apart != 0) return false;
  ++count;
  return true;
}

void CrashSweep::visit(const Point& point, const KeptSet& set, const std::string& place,
                       std::string_view only) {
  const std::string name = place + set.name;
  const bool everything = only.empty();
  if (!everything && only != name && !only.starts_with(name + "/")) return;
  auto disk = point.disk->copy();
  if (!set.is_kill) disk->crash(set.kept);
  const std::uint64_t what = mix(disk->durable_hash(), hash_of(point.history));
  if (everything && !set.is_kill && !seen_.insert(what).second) {
    ++counts_.same;
    return;
  }
  const bool is_first = std::ranges::count(place, '/') == 1;
  Points starts;
  if (is_first && (everything ? sweeps_start(set, name) : only != name)) {
    starts = start_on(*disk, point.history);
  }
  if (everything || only == name) {
    ++counts_.visited;
    if (!is_first) ++counts_.recovery;
    if (set.is_kill) ++counts_.kills;
    std::string wrong = survive(*disk, point.history, mix(seed_, hash_of(name)), set.is_kill);
    if (!wrong.empty()) fail(name, point, set, wrong);
  }
  sweep(starts, name + "/", only);
}

void CrashSweep::fail(const std::string& name, const Point& point, const KeptSet& set,
                      const std::string& wrong) {
  if (++counts_.failed > kFailuresTold) return;  // the first few tell the story
  std::vector<std::string> kept;
  std::vector<std::string> lost;
  const auto unflushed = point.disk->unflushed();
  for (std::size_t i = 0; i < unflushed.size(); ++i) {
    (set.is_kill || set.kept[i] ? kept : lost).push_back(unflushed[i].what);
  }
  counts_.failures.push_back(
      fmt::format("{0}\n  kept: {1}\n  lost: {2}\n  again: MILLRACE_CRASH_POINT={3}/{4}/{5}", wrong,
                  fmt::join(kept, ", "), fmt::join(lost, ", "), scenario_.name, seed_, name));
}

std::string CrashSweep::look(TestBroker& broker) {
  if (auto wrong = broker.check_epochs(); !wrong.empty()) return wrong;
  if (auto wrong = broker.check_history(); !wrong.empty()) return wrong;
  if (auto wrong = broker.check_snapshots(); !wrong.empty()) return wrong;
  return scenario_.check ? scenario_.check(broker) : std::string();
}

std::string CrashSweep::survive(SimDisk& disk, History history, std::uint64_t seed, bool must_cut) {
  SimRandom random(seed);
  for (int start = 1; start <= 2; ++start) {
    const SimOptions options{.seed = random.next(), .cores = scenario_.cores};
    const std::string place = fmt::format("start {} after it: ", start);
    TestBroker broker(disk, history, scenario_.limits, options);
    if (auto opened = broker.open(); !opened) {
      return place + std::string(opened.error().message());
    }
    if (auto wrong = look(broker); !wrong.empty()) return place + wrong;
    const bool is_cut = start == 1 && (must_cut || random.percent(50));
    if (is_cut) disk.crash_at_operation(1 + random.below(kNextOperations));
    go_on(broker, history);
    if (is_cut) {
      broker.power_cut(random.percent(50) ? CrashKeeps::some : CrashKeeps::nothing);
      continue;
    }
    if (broker.unanswered() > 0 || broker.refused() > 0) {
      return place +
             fmt::format("{} appends wait, {} are refused", broker.unanswered(), broker.refused());
    }
    if (auto closed = broker.close(); !closed) {
      return place + "it can't stop: " + std::string(closed.error().message());
    }
    disk.crash(CrashKeeps::nothing);  // whatever a stop left unflushed was not needed
  }
  return {};
}

}  // namespace millrace::test

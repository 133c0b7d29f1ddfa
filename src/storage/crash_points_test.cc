// Every power cut that may end a short life of a store: crash_sweep_test_support.h says how,
// crash_scenarios_test.cc which lives.
//
//   MILLRACE_CRASH_POINT=SCENARIO/SEED/OPERATION/KEPT    makes one visit, as a failure named it
//   MILLRACE_SEED_FIRST, MILLRACE_SEED_COUNT             other lives of each scenario, or more
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>

#include "storage/crash_sweep_test_support.h"

namespace millrace::test {
namespace {

// Visited by the usual run of all scenarios together.
constexpr std::uint64_t kVisitsMin = 10'000;

const char* from_environment(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
}

void tell(std::string_view name, const SweepCounts& counts) {
  std::printf("%s\n", describe(name, counts).c_str());
}

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const CrashScenario& scenario : crash_scenarios()) names.emplace_back(scenario.name);
  return names;
}

class CrashPoints : public testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() {
    tell("all crash points", total_);
    RecordProperty("crash_points", std::to_string(total_.visited));
    if (scenarios_ == crash_scenarios().size()) {
      EXPECT_GE(total_.visited, kVisitsMin) << "the sweep has become smaller";
    }
  }

  static void sweep_all_seeds(const CrashScenario& scenario) {
    const char* first = from_environment("MILLRACE_SEED_FIRST");
    const char* count = from_environment("MILLRACE_SEED_COUNT");
    const std::uint64_t begin = first ? std::strtoull(first, nullptr, 10) : 1;
    const std::uint64_t seeds = count ? std::strtoull(count, nullptr, 10) : scenario.seeds;
    SweepCounts counts;
    for (std::uint64_t seed = begin; seed < begin + seeds; ++seed) {
      counts.add(CrashSweep(scenario, seed).run());
    }
    for (const std::string& failure : counts.failures) ADD_FAILURE() << failure;
    EXPECT_EQ(counts.failed, 0u) << "of " << counts.visited;
    EXPECT_GT(counts.visited, 0u);
    RecordProperty("crash_points", std::to_string(counts.visited));
    tell(scenario.name, counts);
    total_.add(counts);
    ++scenarios_;
  }

  static void visit_one(const CrashScenario& scenario, std::string_view visit) {
    const std::string before = std::string(scenario.name) + "/";
    if (!visit.starts_with(before)) GTEST_SKIP() << "MILLRACE_CRASH_POINT asks for another";
    visit.remove_prefix(before.size());
    const std::size_t slash = std::min(visit.find('/'), visit.size());
    const std::uint64_t seed =
        std::strtoull(std::string(visit.substr(0, slash)).c_str(), nullptr, 10);
    visit.remove_prefix(std::min(slash + 1, visit.size()));
    ASSERT_FALSE(visit.empty()) << "MILLRACE_CRASH_POINT=SCENARIO/SEED/OPERATION/KEPT";
    SweepCounts counts = CrashSweep(scenario, seed).run_only(visit);
    for (const std::string& failure : counts.failures) ADD_FAILURE() << failure;
    EXPECT_EQ(counts.visited, 1u) << "there is no such point";
    tell(scenario.name, counts);
  }

  QuietLog quiet_;
  ScopedLeakCheckOff ended_by_power_cut_;
  inline static SweepCounts total_;
  inline static std::size_t scenarios_ = 0;
};

TEST_P(CrashPoints, what_was_answered_survives_every_power_cut) {
  const CrashScenario& scenario = *find_crash_scenario(GetParam());
  if (const char* visit = from_environment("MILLRACE_CRASH_POINT")) {
    visit_one(scenario, visit);
  } else {
    sweep_all_seeds(scenario);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, CrashPoints, testing::ValuesIn(scenario_names()),
                         [](const auto& name) { return name.param; });

// A disk that says it has flushed and has not loses what was answered, and the sweep must see that:
// for each kind of flush there is, in a scenario that rests on it.
struct Lie {
  std::string_view scenario;
  std::string_view about;  // a folder; or what begins so, when it ends in a mark and no letter

  bool is_about(const std::string& path) const {
    const bool many = about.empty() || about.back() == '/' || about.back() == '-';
    return many ? path.starts_with(about) : path == about;
  }
  friend std::ostream& operator<<(std::ostream& out, const Lie& lie) {
    return out << lie.scenario << ": " << lie.about;
  }
};

class CrashSweepFindsALie : public testing::TestWithParam<Lie> {};

TEST_P(CrashSweepFindsALie, about_a_flush) {
  QuietLog quiet;
  ScopedLeakCheckOff ended_by_power_cut;
  const Lie& lie = GetParam();
  const CrashScenario* scenario = find_crash_scenario(lie.scenario);
  ASSERT_NE(scenario, nullptr);
  CrashSweep sweep(*scenario, 1);
  sweep.lie_about_flushes([&lie](const std::string& path) { return lie.is_about(path); });
  sweep.stop_at_first_failure();
  SweepCounts counts = sweep.run();
  EXPECT_GT(counts.failed, 0u) << "of " << counts.visited << " visits none noticed";
  if (counts.failures.empty()) return;
  // And the failure's name leads back to it.
  const std::string& failure = counts.failures.front();
  const std::string begin = fmt::format("MILLRACE_CRASH_POINT={}/1/", lie.scenario);
  const std::size_t at = failure.find(begin);
  ASSERT_NE(at, std::string::npos) << failure;
  SweepCounts again = sweep.run_only(failure.substr(at + begin.size()));
  EXPECT_EQ(again.visited, 1u);
  EXPECT_THAT(again.failures, testing::ElementsAre(failure));
}

INSTANTIATE_TEST_SUITE_P(
    Of, CrashSweepFindsALie,
    testing::Values(Lie{"append", ""}, Lie{"append", "data"}, Lie{"append", "data/manifest-"},
                    Lie{"append", "data/journal"}, Lie{"append", "data/journal/"},
                    Lie{"group_commit", "data/journal/"},
                    Lie{"journal_recycling", "data/manifest-"},
                    Lie{"journal_recycling", "data/journal/"},
                    Lie{"journal_recycling", "data/segments"},
                    Lie{"journal_recycling", "data/segments/"}, Lie{"retention", "data/manifest-"},
                    Lie{"snapshot", "data/snapshots"}, Lie{"snapshot", "data/snapshots/"},
                    Lie{"topic_deletion", "data/manifest-"}, Lie{"large_writes", "data/segments"},
                    Lie{"large_writes", "data/segments/"}, Lie{"carrying_forward", "data/journal/"},
                    Lie{"new_manifest", "data"}, Lie{"stop_in_order", "data/segments/"},
                    Lie{"format_upgrade", "data/journal/"}));

TEST(CrashSweepSets, are_each_alone_each_missing_every_prefix_and_random_ones) {
  std::uint64_t left_out = 0;
  auto sets = kept_sets(7, 1, left_out);
  auto named = [&](std::string_view name) {
    auto found = std::ranges::find(sets, name, &KeptSet::name);
    std::string bits;
    if (found == sets.end()) return bits;
    for (bool kept : found->kept) bits += kept ? '1' : '0';
    return bits;
  };
  EXPECT_EQ(named("none"), "0000000");
  EXPECT_EQ(named("all"), "1111111");
  EXPECT_EQ(named("alone-2"), "0010000");
  EXPECT_EQ(named("all-but-6"), "1111110");
  EXPECT_EQ(named("first-3"), "1110000");
  EXPECT_EQ(named("random-0").size(), 7u);
  EXPECT_EQ(left_out, 0u);
}

TEST(CrashSweepSets, are_all_there_are_where_little_is_unflushed) {
  for (std::size_t pieces = 0; pieces <= 4; ++pieces) {
    std::uint64_t left_out = 0;
    std::set<std::vector<bool>> sets;
    for (const KeptSet& set : kept_sets(pieces, 1, left_out)) sets.insert(set.kept);
    EXPECT_EQ(sets.size(), 1u << pieces);
    EXPECT_EQ(left_out, 0u);
  }
}

TEST(CrashSweepSets, say_what_they_leave_out) {
  std::uint64_t left_out = 0;
  constexpr std::size_t kPieces = 1000;
  auto sets = kept_sets(kPieces, 1, left_out);
  const auto random = std::ranges::count_if(
      sets, [](const KeptSet& set) { return set.name.starts_with("random"); });
  EXPECT_EQ(sets.size() - static_cast<std::size_t>(random) - 2 + left_out, 3 * kPieces);
}

}  // namespace
}  // namespace millrace::test

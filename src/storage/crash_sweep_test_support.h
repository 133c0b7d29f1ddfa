// CrashSweep: every power cut that may end a short life of a store, tried.
//
//   CrashSweep sweep(*find_crash_scenario("append"), seed);
//   SweepCounts counts = sweep.run();          // counts.failures says what went wrong, and where
//
// The scenario is lived once. In each write, flush, truncation and change of a folder the disk is
// copied, and what had been answered by then: a crash point. What is unflushed there falls into
// pieces (SimDisk::unflushed(): sectors, truncations, folder entries), and of these a power cut may
// keep
//   none, all; each alone, all but each one; each prefix in the order of writing; random ones
// or, where they are few, each set of them. For each the disk is made as the power cut leaves it, a
// store is opened on it, what it has is compared with the history, and it goes on: it takes
// appends, and stops in order or by another power cut; what the next start finds is compared again.
//
// Different choices may leave the same disk: that is visited once for the same history.
// At each point the process may also be killed: nothing is lost yet, and what the next start found
// in the cache and showed to readers must be there after a power cut that follows.
//
// From some visits on, every power cut of the start that follows is tried in the same way.
//
// A visit has a name, SCENARIO/SEED/OPERATION/KEPT, and so /OPERATION/KEPT for the second power
// cut: MILLRACE_CRASH_POINT=append/1/17/all-but-3 makes just that one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/storage_test_support.h"

namespace millrace::test {

// A store's life on one disk, which may begin anew in between.
class Life {
 public:
  Life(SimDisk& disk, History& history, std::uint64_t seed, std::size_t cores)
      : disk_(disk), history_(history), seed_(seed), cores_(cores) {}
  Life(const Life&) = delete;

  // Opens the store and looks at what it has.
  TestBroker& start(StorageLimits limits);
  // Ends what was started: a process that is killed, or a stop in order.
  void kill();
  void close();
  SimDisk& disk() { return disk_; }
  History& history() { return history_; }
  // Crash points are taken from here on.
  void count_from_here() {
    counts_ = true;
    if (on_count_) on_count_();
  }
  bool counts() const { return counts_; }
  void on_count(Work work) { on_count_ = std::move(work); }

 private:
  SimDisk& disk_;
  History& history_;
  std::uint64_t seed_;
  const std::size_t cores_;
  bool counts_ = false;
  Work on_count_;
  std::unique_ptr<TestBroker> broker_;
};

struct CrashScenario {
  std::string_view name;
  StorageLimits limits;  // of the lives after the crash
  // Lives; expects that it did what its name says.
  void (*live)(Life& life, const StorageLimits& limits);
  // What must hold after each start, beyond the history; says what does not.
  std::string (*check)(TestBroker& broker) = nullptr;
  std::size_t cores = 2;
  std::uint64_t seeds = 2;  // how many lives of it belong to the usual sweep
  // After so many of the power cuts, and of the kills, of each life every power cut of the start
  // that follows is tried.
  std::size_t swept_starts = 2;
};

std::span<const CrashScenario> crash_scenarios();
const CrashScenario* find_crash_scenario(std::string_view name);

struct SweepCounts {
  std::uint64_t points = 0;    // operations at which the power was cut
  std::uint64_t visited = 0;   // disks that were opened and looked at
  std::uint64_t kills = 0;     // of these after a kill, with nothing lost
  std::uint64_t recovery = 0;  // of these after a power cut during the next start
  std::uint64_t same = 0;      // choices that left a disk that had been visited
  std::uint64_t left_out = 0;  // choices that were not tried: at a point with very many pieces
  std::uint64_t pieces_max = 0;
  std::uint64_t failed = 0;
  std::vector<std::string> failures;  // the first few

  void add(const SweepCounts& more);
};

// In one line.
std::string describe(std::string_view name, const SweepCounts& counts);

// What of `pieces` things is kept, and how that is called.
struct KeptSet {
  std::string name;
  std::vector<bool> kept;
  bool is_kill = false;  // no power cut at all
};
// All that are tried where so much is unflushed. `left_out` grows by what was not.
std::vector<KeptSet> kept_sets(std::size_t pieces, std::uint64_t seed, std::uint64_t& left_out);

class CrashSweep {
 public:
  CrashSweep(const CrashScenario& scenario, std::uint64_t seed)
      : scenario_(scenario), seed_(seed) {}

  // Plants a fault: from the first crash point on the disk lies about flushes of these.
  void lie_about_flushes(std::function<bool(const std::string& path)> of) { lies_ = std::move(of); }
  // Ends a run when it has found what is wrong.
  void stop_at_first_failure() { stops_at_first_ = true; }
  // Everything, or the visit of this name without its scenario and seed: "17/all-but-3". A name
  // that means nothing visits nothing.
  SweepCounts run() { return run_only(""); }
  SweepCounts run_only(std::string_view visit);

 private:
  struct Point {
    std::uint64_t operation = 0;
    std::unique_ptr<SimDisk> disk;
    History history;
  };
  using Points = std::vector<Point>;

  Points live();
  // Of a start on a disk that a power cut left.
  Points start_on(const SimDisk& disk, const History& history);
  void sweep(const Points& points, const std::string& before, std::string_view only);
  void visit(const Point& point, const KeptSet& set, const std::string& before,
             std::string_view only);
  bool sweeps_start(const KeptSet& set, const std::string& name);
  std::string survive(SimDisk& disk, History history, std::uint64_t seed, bool must_cut);
  std::string look(TestBroker& broker);
  void fail(const std::string& name, const Point& point, const KeptSet& set,
            const std::string& wrong);
  bool is_over() const { return stops_at_first_ && counts_.failed > 0; }

  const CrashScenario& scenario_;
  const std::uint64_t seed_;
  std::function<bool(const std::string&)> lies_;
  bool stops_at_first_ = false;
  std::size_t swept_starts_ = 0;
  std::size_t swept_kills_ = 0;
  std::set<std::uint64_t> seen_;  // disks with their histories
  SweepCounts counts_;
};

}  // namespace millrace::test

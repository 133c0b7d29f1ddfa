// History: one seed: a broker's lives, the clients that live through them, and what goes wrong.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "runtime/sim/sim_disk.h"
#include "simulation/consumers.h"
#include "simulation/faults.h"
#include "simulation/ledger.h"
#include "simulation/life.h"

namespace millrace::simulation {

// What happened, to show that something did; summed over histories.
struct Tally {
  std::uint64_t histories = 0;
  std::uint64_t stops = 0;
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t restarts_after_failed_flushes = 0;
  std::uint64_t full_disks = 0;
  std::uint64_t failed_writes = 0;
  std::uint64_t clock_jumps = 0;
  std::uint64_t bits_flipped = 0;
  std::uint64_t bits_reported = 0;  // the others were in nothing that counts
  std::uint64_t promises = 0;       // records answered
  std::uint64_t reads = 0;          // records read
  std::uint64_t steps = 0;          // of the scheduler

  void add(const Tally& other);
};

class History {
 public:
  explicit History(std::uint64_t seed);

  // To its end, or to the first fault.
  void run();

  const Ledger& ledger() const { return ledger_; }
  const Tally& tally() const { return tally_; }
  // The same for the same seed.
  std::uint64_t trace_hash() const { return trace_hash_; }

 private:
  bool start(Life& life);
  bool look(Life& life, bool damaged);
  void start_clients(Life& life);
  void run_one_life(const LifePlan& plan);
  void go_through(Life& life, const LifePlan& plan);
  void disturb(Life& life, const LifePlan& plan);
  void end_life(std::unique_ptr<Life> life, Ending ending);
  void run_last_life();
  void drain(Life& life);
  void flip_a_bit();
  void look_at_damage();
  void add_trace(Life& life);
  bool is_over(const Life& life) const;

  const std::uint64_t seed_;
  SimRandom random_;
  SimDisk disk_;
  Ledger ledger_;
  std::deque<Member> members_;
  const StorageLimits storage_;
  std::uint64_t lives_ = 0;
  std::uint64_t trace_hash_ = 0;
  std::uint64_t reported_ = 0;
  Tally tally_;
};

}  // namespace millrace::simulation

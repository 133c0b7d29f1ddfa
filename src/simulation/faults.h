// Faults: what goes wrong in a life, drawn from the seed.
#pragma once

#include <cstdint>

#include "runtime/sim/sim_disk.h"
#include "simulation/life.h"

namespace millrace::simulation {

enum class Ending { stop, kill, power_cut };

struct LifePlan {
  LifeOptions options;
  Ending ending = Ending::stop;
  Duration length{0};           // at most
  std::uint64_t operation = 0;  // of the disk, at which the power goes
  CrashKeeps keeps = CrashKeeps::nothing;
  std::uint64_t failing_flush = 0;  // which of the disk's flushes fails; 0: none
  bool fills_up = false;            // the disk, for a while, now and then
  bool writes_fail = false;
  bool clock_jumps = false;
};

// Small files and limits, with one of the ways in which storage treats large and small appends.
StorageLimits draw_storage(SimRandom& random);
LifePlan draw_life(SimRandom& random, std::uint64_t seed, const StorageLimits& storage);
// Nothing goes wrong but what connections do.
LifePlan draw_last_life(SimRandom& random, std::uint64_t seed, const StorageLimits& storage);

}  // namespace millrace::simulation

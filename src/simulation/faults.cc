#include "simulation/faults.h"

namespace millrace::simulation {
namespace {

using namespace std::chrono_literals;

LifeOptions draw_options(SimRandom& random, std::uint64_t seed, const StorageLimits& storage) {
  LifeOptions options;
  options.runtime.seed = seed;
  options.runtime.cores = 1 + random.below(3);
  options.runtime.network_delay_max =
      random.percent(20) ? Duration(20ms) : Duration(std::chrono::microseconds(200));
  options.runtime.worker_latency_max = random.percent(20) ? Duration(30ms) : Duration(2ms);
  options.runtime.network_pipe_bytes = random.percent(30) ? 700 : 65536;
  options.storage = storage;
  options.broker.retention_check_interval = 300ms;
  options.sessions.read_bytes = random.percent(30) ? 512 : 64 << 10;
  options.sessions.in_flight_max = 1 + random.below(8);
  if (random.percent(30)) options.break_per_mille = options.silence_per_mille = 0;
  return options;
}

}  // namespace

StorageLimits draw_storage(SimRandom& random) {
  StorageLimits limits = millrace::test::small_storage();
  limits.journal_file_bytes = 64 << 10;
  limits.journal_first_file_bytes = 32 << 10;
  limits.journal_bytes_max = 1 << 20;
  limits.checkpoint_bytes = (16 << 10) << random.below(3);
  limits.segment_bytes = 12 << 10;
  limits.group_bytes_max = 16 << 10;
  limits.tail_bytes_max = (4 << 10) << random.below(4);
  limits.segment_chunk_bytes = 4 << 10;
  limits.segment_cache_bytes_max = 16 << 10;
  limits.segment_index_interval = 2 << 10;
  limits.open_segments_max = 3;
  limits.disk_reserve_bytes = 0;
  if (random.percent(40)) limits.direct_append_bytes = 1200;
  if (random.percent(60)) limits.small_append_bytes = 200ull << random.below(4);
  limits.large_share_bytes = (1 << 10) << random.below(5);
  if (random.percent(40)) limits.carry_partitions_min = 0;
  return limits;
}

LifePlan draw_life(SimRandom& random, std::uint64_t seed, const StorageLimits& storage) {
  LifePlan plan;
  plan.options = draw_options(random, seed, storage);
  const std::uint64_t drawn = random.below(100);
  plan.ending = drawn < 50 ? Ending::power_cut : drawn < 75 ? Ending::kill : Ending::stop;
  // Short ones hit the start itself, long ones checkpoints and recycled files.
  plan.length = random.percent(30) ? Duration(50ms) : Duration(500ms + 500ms * random.below(5));
  if (plan.ending == Ending::power_cut) {
    plan.operation = 1 + random.below(random.percent(30) ? 25 : 500);
    constexpr CrashKeeps kModes[] = {CrashKeeps::nothing, CrashKeeps::everything, CrashKeeps::some,
                                     CrashKeeps::some};
    plan.keeps = kModes[random.below(4)];
  }
  if (random.percent(15)) plan.failing_flush = 1 + random.below(100);
  plan.fills_up = random.percent(20);
  plan.writes_fail = random.percent(15);
  plan.clock_jumps = random.percent(20);
  return plan;
}

LifePlan draw_last_life(SimRandom& random, std::uint64_t seed, const StorageLimits& storage) {
  LifePlan plan;
  plan.options = draw_options(random, seed, storage);
  plan.ending = random.percent(50) ? Ending::kill : Ending::stop;
  plan.length = 1s;
  return plan;
}

}  // namespace millrace::simulation

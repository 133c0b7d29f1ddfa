// simulate: histories of a whole broker, one for each seed.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "simulation/history.h"

namespace millrace::simulation {
namespace {

constexpr const char* kUsage =
    "usage: simulate [--seeds N] [--from SEED] [--twice] [--verbose]\n"
    "\n"
    "Runs the histories of N seeds [100], the first one SEED [1]. The last line is 'N passed, N\n"
    "failed'; a seed that failed is printed with what was wrong and how to run it alone.\n"
    "--twice: each seed again, to see that its history is the same. --verbose: a line for each.\n";

struct Options {
  std::uint64_t seeds = 100;
  std::uint64_t from = 1;
  bool twice = false;
  bool verbose = false;
};

std::optional<Options> parse(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--twice") {
      options.twice = true;
      continue;
    }
    if (word == "--verbose") {
      options.verbose = true;
      continue;
    }
    std::uint64_t* number = word == "--seeds"  ? &options.seeds
                            : word == "--from" ? &options.from
                                               : nullptr;
    if (!number || ++i == count) return std::nullopt;
    const char* end = words[i] + std::strlen(words[i]);
    auto [rest, error] = std::from_chars(words[i], end, *number);
    if (error != std::errc() || rest != end) return std::nullopt;
  }
  return options;
}

// What was wrong with the history, or nothing.
std::string run(std::uint64_t seed, const Options& options, Tally& tally) {
  History history(seed);
  history.run();
  tally.add(history.tally());
  std::string wrong;
  for (const std::string& fault : history.ledger().faults()) wrong += "  " + fault + "\n";
  if (options.verbose) {
    fmt::print("seed {}: {} steps, trace {:016x}\n", seed, history.tally().steps,
               history.trace_hash());
  }
  if (options.twice) {
    History again(seed);
    again.run();
    if (again.trace_hash() != history.trace_hash()) wrong += "  two runs are not the same\n";
  }
  return wrong;
}

void print(const Tally& tally) {
  fmt::print(
      "{} histories: {} records answered, {} read; {} stops, {} kills, {} power cuts, {} restarts "
      "after a failed flush, {} full disks, {} failed writes, {} clock jumps; {} of {} flipped "
      "bits "
      "reported, the others in nothing that counts; {} steps\n",
      tally.histories, tally.promises, tally.reads, tally.stops, tally.kills, tally.power_cuts,
      tally.restarts_after_failed_flushes, tally.full_disks, tally.failed_writes, tally.clock_jumps,
      tally.bits_reported, tally.bits_flipped, tally.steps);
}

int simulate(const Options& options) {
  set_log_level(static_cast<LogLevel>(static_cast<int>(LogLevel::error) + 1));
  Tally tally;
  std::uint64_t failed = 0;
  for (std::uint64_t i = 0; i < options.seeds; ++i) {
    const std::uint64_t seed = options.from + i;
    const std::string wrong = run(seed, options, tally);
    if (!wrong.empty()) {
      ++failed;
      fmt::print("seed {} failed; alone: scripts/simulate --seeds 1 --from {}\n{}", seed, seed,
                 wrong);
    }
    if ((i + 1) % 100 == 0) fmt::print("{} seeds, {} failed\n", i + 1, failed);
    std::fflush(stdout);
  }
  print(tally);
  fmt::print("{} passed, {} failed\n", options.seeds - failed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace millrace::simulation

int main(int count, char** words) {
  auto options = millrace::simulation::parse(count, words);
  if (!options) {
    fmt::print(stderr, "{}", millrace::simulation::kUsage);
    return 2;
  }
  return millrace::simulation::simulate(*options);
}

// Histories of many lives on one disk, made up by a seed: appends, checkpoints, snapshots, failing
// writes and flushes, a full journal, stops in order and power cuts at any moment. At every start,
// what was answered or could be read before is there, and nothing else.
//
// A failure names its seed; one found this way gets a test of its own elsewhere.
// MILLRACE_SEED_FIRST and MILLRACE_SEED_COUNT choose other histories than the usual ones.
#include <cstdio>
#include <cstdlib>

#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr PartitionId kMachine{2};
const std::vector<PartitionId> kPartitions = {PartitionId(100), PartitionId(101), PartitionId(102),
                                              PartitionId(103), kMachine};

struct Counts {
  int lives = 0;
  int power_cuts = 0;
  int stops = 0;
  int restarts = 0;
  int failures = 0;
  int refused = 0;
  int appends = 0;
  std::uint64_t bytes_direct = 0;
  std::uint64_t bytes_carried = 0;
};

class RandomLife {
 public:
  RandomLife(SimDisk& disk, History& history, SimRandom& random, Counts& counts)
      : disk_(disk),
        random_(random),
        counts_(counts),
        cores_(1 + random.below(3)),
        broker_(disk, history, limits(), {.seed = random.next(), .cores = cores_}) {}

  // What went wrong, or nothing.
  std::string run() {
    ++counts_.lives;
    const bool cut_short = random_.percent(15);
    if (cut_short) disk_.crash_at_operation(1 + random_.below(30));
    auto opened = broker_.open();
    if (!opened) {
      if (!disk_.crashed()) return "a start fails: " + std::string(opened.error().message());
      end_by_power_cut();
      return {};
    }
    if (!disk_.crashed()) {
      std::string wrong = broker_.check_history();
      if (!wrong.empty() && !disk_.crashed()) return wrong;
    }
    for (PartitionId id : kPartitions) broker_.log(id);
    if (random_.percent(40)) {
      started_ = true;
      broker_.runtime().core(CoreId(0)).post([this] { broker_.store().start(); });
    }
    for (std::uint64_t left = random_.below(30); left > 0 && !disk_.crashed(); --left) {
      if (std::string wrong = act(); !wrong.empty()) return wrong;
    }
    return end();
  }

 private:
  StorageLimits limits() {
    StorageLimits limits = tiny_limits();
    limits.journal_file_bytes = (16 + 16 * random_.below(3)) << 10;
    limits.journal_first_file_bytes = (8 + 8 * random_.below(2)) << 10;
    limits.journal_bytes_max = 4 * limits.journal_file_bytes;
    limits.segment_bytes = (1 + random_.below(16)) << 10;
    limits.tail_bytes_max = random_.below(16) << 10;
    limits.group_bytes_max = (1 + random_.below(12)) << 10;
    limits.small_append_bytes = 100ull << random_.below(8);
    limits.large_share_bytes = 500ull << random_.below(5);
    limits.checkpoint_bytes = (8 + random_.below(32)) << 10;
    if (random_.percent(60)) limits.direct_append_bytes = 300ull << random_.below(5);
    limits.direct_writers = 1 + random_.below(3);
    if (random_.percent(50)) limits.carry_partitions_min = random_.below(3);
    limits.carry_bytes = (1 + random_.below(4)) << 10;
    limits.carry_times_max = 1 + static_cast<unsigned>(random_.below(8));
    return limits;
  }

  void append() {
    ++counts_.appends;
    PartitionId id = kPartitions[random_.below(kPartitions.size())];
    // An append may be larger than a group, and now and then than a file.
    std::size_t bytes = random_.percent(2)    ? 70'000
                        : random_.percent(10) ? 10'000
                                              : random_.below(1500);
    broker_.append(id, static_cast<int>(1 + random_.below(4)), bytes);
  }

  std::string act() {
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        for (std::uint64_t i = 1 + random_.below(8); i > 0; --i) append();
        break;
      case 4:
        broker_.runtime().run_for(std::chrono::microseconds(random_.below(3000)));
        break;
      case 5:
        if (!started_ || broker_.runtime().random().percent(50)) {
          broker_.runtime().run_for(std::chrono::milliseconds(random_.below(900)));
        }
        break;
      case 6:
        if (!started_) (void)broker_.checkpoint();
        break;
      case 7:
        (void)broker_.snapshot(kMachine, broker_.log(kMachine).high_watermark(), Blob(100, 7));
        break;
      case 8:
        if (random_.percent(20)) {
          ++counts_.failures;
          if (random_.percent(50)) {
            disk_.fail_sync(1 + random_.below(10));
          } else {
            disk_.fail_write(1 + random_.below(10));
          }
        }
        break;
      case 9:
        // With ticks a full journal makes room by itself; without them it may stay full.
        if (started_ && !broker_.settle(std::chrono::minutes(5)) && !disk_.crashed()) {
          return fmt::format("{} appends wait for ever", broker_.unanswered());
        }
        break;
    }
    return {};
  }

  std::string end() {
    counts_.refused += static_cast<int>(broker_.refused());
    counts_.bytes_direct += broker_.store().bytes_written_direct();
    counts_.bytes_carried += broker_.store().bytes_carried();
    if (started_ && !disk_.crashed() && broker_.store().journal().failed() && random_.percent(70)) {
      // It finds out by itself that it has to begin again.
      if (!broker_.runtime().run_until([&] { return broker_.must_restart() || disk_.crashed(); },
                                       std::chrono::minutes(1))) {
        return "the journal failed and nothing was made of it";
      }
      if (!disk_.crashed()) {
        ++counts_.restarts;
        broker_.kill();
        return {};
      }
    }
    const bool in_order =
        !started_ && random_.percent(30) && !disk_.crashed() && !broker_.store().journal().failed();
    if (!in_order) {
      if (random_.percent(70) && !disk_.crashed()) {
        disk_.crash_at_operation(1 + random_.below(20));
        for (int i = 0; i < 10; ++i) append();
        broker_.runtime().run_until([&] { return disk_.crashed(); }, std::chrono::seconds(1));
      }
      end_by_power_cut();
      return {};
    }
    // A full journal answers after a checkpoint.
    for (int i = 0; broker_.unanswered() > 0 && i < 100; ++i) {
      broker_.runtime().run_for(std::chrono::milliseconds(100));
      if (broker_.unanswered() > 0) (void)broker_.checkpoint();
      if (disk_.crashed() || broker_.store().journal().failed()) {
        end_by_power_cut();
        return {};
      }
    }
    if (broker_.unanswered() > 0)
      return fmt::format("{} appends wait though checkpoints succeed", broker_.unanswered());
    ++counts_.stops;
    (void)broker_.close();  // may meet a failing write; then the next start is an unclean one
    disk_.crash(CrashKeeps::nothing);  // whatever a stop left unflushed was not needed
    return {};
  }

  void end_by_power_cut() {
    ++counts_.power_cuts;
    static constexpr CrashKeeps kModes[] = {CrashKeeps::nothing, CrashKeeps::everything,
                                            CrashKeeps::some};
    broker_.power_cut(kModes[random_.below(3)]);
  }

  SimDisk& disk_;
  SimRandom& random_;
  Counts& counts_;
  std::size_t cores_;
  TestBroker broker_;
  bool started_ = false;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t usual) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return text ? std::strtoull(text, nullptr, 10) : usual;
}

TEST(RandomLives, what_was_answered_or_read_in_one_life_is_there_in_the_next) {
  QuietLog quiet;
  ScopedLeakCheckOff ended_by_power_cut;
  Counts counts;
  int failed = 0;
  const std::uint64_t first = number_from_environment("MILLRACE_SEED_FIRST", 1);
  const std::uint64_t count = number_from_environment("MILLRACE_SEED_COUNT", 150);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SimDisk disk(seed);
    disk.make_durable_directory("data");
    History history;
    SimRandom random(seed);
    for (int life = 1; life <= 8; ++life) {
      std::string wrong = RandomLife(disk, history, random, counts).run();
      if (wrong.empty()) continue;
      if (++failed <= 5) ADD_FAILURE() << "seed " << seed << ", life " << life << ": " << wrong;
      break;
    }
  }
  EXPECT_EQ(failed, 0);
  // The histories did contain what they are for.
  if (count >= 100) {
    EXPECT_GT(counts.power_cuts, 100);
    EXPECT_GT(counts.stops, 20);
    EXPECT_GT(counts.restarts, 5);
    EXPECT_GT(counts.failures, 20);
    EXPECT_GT(counts.refused, 20);
    EXPECT_GT(counts.bytes_direct, 100'000);
    EXPECT_GT(counts.bytes_carried, 10'000);
  }
  std::printf(
      "%d lives, %d power cuts, %d stops in order, %d restarts after a failed flush, %d failing "
      "operations, %d appends, %d refused, %llu bytes straight to segments\n",
      counts.lives, counts.power_cuts, counts.stops, counts.restarts, counts.failures,
      counts.appends, counts.refused, static_cast<unsigned long long>(counts.bytes_direct));
}

}  // namespace
}  // namespace millrace::test

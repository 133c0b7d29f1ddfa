// A broker's life on a disk whose power goes at every single operation: what was answered is there
// after the next start, at its offset, byte for byte, and nothing else is. The next life is cut
// short as well, in its recovery or soon after.
#include <cstdio>

#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr PartitionId kMachine{2};  // has snapshots; core 0
constexpr PartitionId kDeleted{105};
const std::vector<PartitionId> kCoreZero = {PartitionId(100), PartitionId(102)};
const std::vector<PartitionId> kCoreOne = {PartitionId(101), PartitionId(103)};

enum class Large { to_the_journal, to_segments };
enum class Small { to_segments, carried };

struct Storing {
  Large large = Large::to_the_journal;
  Small small = Small::to_segments;
};

struct CrashPoint {
  Storing storing;
  std::uint64_t seed;
  std::uint64_t operation;  // of the first life
  CrashKeeps keeps;
  std::uint64_t second_operation;  // of the second life
  CrashKeeps second_keeps;
};

std::string describe(const CrashPoint& point) {
  return fmt::format("seed {}, crash at operation {} keeping {}, then at {} keeping {}", point.seed,
                     point.operation, static_cast<int>(point.keeps), point.second_operation,
                     static_cast<int>(point.second_keeps));
}

StorageLimits limits(Storing storing) {
  StorageLimits limits = tiny_limits();
  limits.journal_file_bytes = 32 << 10;
  limits.journal_first_file_bytes = 16 << 10;
  limits.segment_bytes = 4 << 10;
  limits.tail_bytes_max = 4 << 10;
  if (storing.large == Large::to_segments) limits.direct_append_bytes = 1200;
  if (storing.small == Small::carried) limits.carry_partitions_min = 0;
  limits.direct_writers = 2;
  return limits;
}

// Several groups, of which some have frames of two partitions.
void append_round(TestBroker& broker, int rounds, std::size_t bytes) {
  for (int i = 0; i < rounds; ++i) {
    broker.append(kCoreZero, 2, bytes);
    broker.append(kCoreOne.front(), 1, bytes);
    broker.append(kCoreOne.back(), 3, bytes / 2);
    broker.append(kMachine, 1, 60);
  }
}

void save(TestBroker& broker) {
  Offset offset = broker.log(kMachine).high_watermark();
  (void)broker.snapshot(kMachine, offset,
                        blob_of(as_bytes(fmt::format("as of {}", offset.value()))));
}

// Ends early when the disk goes down: everything fails from then on.
void live(TestBroker& broker) {
  append_round(broker, 2, 100);
  if (!broker.settle() || !broker.checkpoint()) return;
  append_round(broker, 2, 1500);  // segments roll
  broker.runtime().run_for(std::chrono::milliseconds(1));
  if (!broker.checkpoint()) return;  // with appends under way
  if (!broker.settle()) return;
  save(broker);
  append_round(broker, 4, 2500);  // journal files roll
  if (!broker.settle()) return;
  save(broker);
  if (!broker.checkpoint()) return;  // and are recycled
  save(broker);
  // Up to the middle of a segment, and beyond what is in segments.
  if (!broker.raise_log_start(PartitionId(100), Offset(5))) return;
  append_round(broker, 4, 2000);
  if (!broker.settle()) return;
  if (!broker.raise_log_start(PartitionId(102), broker.log(PartitionId(102)).high_watermark())) {
    return;
  }
  if (!broker.checkpoint()) return;
  broker.append(kDeleted, 1, 900);
  broker.append(kDeleted, 1, 900);
  if (!broker.settle() || !broker.checkpoint()) return;
  broker.append(kDeleted, 1, 900);  // stays in the journal when its beginning is gone
  if (!broker.settle() || !broker.remove(kDeleted)) return;
  append_round(broker, 2, 200);
  broker.settle();
}

std::uint64_t operations_of_a_life(std::uint64_t seed, Storing storing) {
  SimDisk disk(seed);
  disk.make_durable_directory("data");
  History history;
  ScopedLeakCheckOff ended_by_power_cut;
  TestBroker broker(disk, history, limits(storing), {.seed = seed, .cores = 2});
  EXPECT_TRUE(broker.open());
  live(broker);
  EXPECT_EQ(broker.unanswered(), 0u);
  EXPECT_EQ(broker.refused(), 0u);
  EXPECT_TRUE(history.deleted.contains(kDeleted)) << "the life ended early";
  EXPECT_EQ(broker.store().bytes_written_direct() > 10'000, storing.large == Large::to_segments);
  EXPECT_EQ(broker.store().bytes_carried() > 1000, storing.small == Small::carried);
  return disk.operations();
}

// What went wrong, or nothing.
std::string visit(const CrashPoint& point) {
  SimDisk disk(point.seed * 1000 + point.operation * 7 + static_cast<std::uint64_t>(point.keeps));
  disk.make_durable_directory("data");
  History history;
  {
    TestBroker broker(disk, history, limits(point.storing), {.seed = point.seed, .cores = 2});
    disk.crash_at_operation(point.operation);
    if (broker.open()) live(broker);
    broker.power_cut(point.keeps);
  }
  {
    TestBroker broker(disk, history, limits(point.storing), {.seed = point.seed + 1, .cores = 2});
    disk.crash_at_operation(point.second_operation);
    auto opened = broker.open();
    if (!opened && !disk.crashed()) return "second start: " + opened.error().detail;
    if (opened) {
      if (!disk.crashed()) {
        if (auto wrong = broker.check_history(); !wrong.empty() && !disk.crashed())
          return "second start: " + wrong;
      }
      append_round(broker, 1, 300);
      if (broker.settle() && broker.checkpoint()) {
        append_round(broker, 1, 300);
        broker.settle();
      }
    }
    broker.power_cut(point.second_keeps);
  }
  {
    TestBroker broker(disk, history, limits(point.storing), {.seed = point.seed + 2, .cores = 2});
    if (auto opened = broker.open(); !opened) return "third start: " + opened.error().detail;
    if (auto wrong = broker.check_history(); !wrong.empty()) return "third start: " + wrong;
    append_round(broker, 1, 300);
    if (!broker.settle() || broker.refused() > 0) return "third start: appends are not answered";
    if (auto closed = broker.close(); !closed)
      return "third stop: " + std::string(closed.error().message());
  }
  TestBroker broker(disk, history, limits(point.storing), {.seed = point.seed + 3, .cores = 2});
  if (auto opened = broker.open(); !opened) return "fourth start: " + opened.error().detail;
  if (auto wrong = broker.check_history(); !wrong.empty()) return "fourth start: " + wrong;
  auto snapshot = broker.snapshot_of(kMachine);
  if (!snapshot) return "the snapshots: " + std::string(snapshot.error().message());
  if (auto closed = broker.close(); !closed)
    return "fourth stop: " + std::string(closed.error().message());
  return {};
}

void visit_all(std::uint64_t seed, std::vector<CrashKeeps> modes, Storing storing = {}) {
  QuietLog quiet;
  ScopedLeakCheckOff ended_by_power_cut;
  const std::uint64_t operations = operations_of_a_life(seed, storing);
  std::uint64_t visited = 0;
  std::uint64_t failed = 0;
  SimRandom random(seed);
  for (std::uint64_t operation = 1; operation <= operations; ++operation) {
    for (CrashKeeps keeps : modes) {
      CrashPoint point{
          storing, seed, operation, keeps, 1 + random.below(40), modes[random.below(modes.size())]};
      ++visited;
      std::string wrong = visit(point);
      if (wrong.empty()) continue;
      // The first few tell the story.
      if (++failed <= 5) ADD_FAILURE() << describe(point) << "\n  " << wrong;
    }
  }
  EXPECT_EQ(failed, 0u) << "of " << visited << " points";
  ::testing::Test::RecordProperty("crash_points", static_cast<int>(visited));
  std::printf("visited %llu crash points over %llu operations\n",
              static_cast<unsigned long long>(visited),
              static_cast<unsigned long long>(operations));
}

TEST(CrashPoints, what_was_answered_survives_when_nothing_unflushed_does) {
  visit_all(1, {CrashKeeps::nothing});
}

TEST(CrashPoints, what_was_answered_survives_when_everything_unflushed_does) {
  visit_all(2, {CrashKeeps::everything});
}

TEST(CrashPoints, what_was_answered_survives_when_some_of_the_unflushed_does) {
  visit_all(3, {CrashKeeps::some, CrashKeeps::some, CrashKeeps::some, CrashKeeps::nothing});
}

TEST(CrashPoints, what_was_written_straight_to_segments_survives_when_nothing_unflushed_does) {
  visit_all(4, {CrashKeeps::nothing}, {.large = Large::to_segments});
}

TEST(CrashPoints, what_was_written_straight_to_segments_survives_when_everything_unflushed_does) {
  visit_all(5, {CrashKeeps::everything}, {.large = Large::to_segments});
}

TEST(CrashPoints, what_was_written_straight_to_segments_survives_when_some_of_the_unflushed_does) {
  visit_all(6, {CrashKeeps::some, CrashKeeps::some, CrashKeeps::nothing},
            {.large = Large::to_segments});
}

TEST(CrashPoints, what_is_carried_forward_survives_when_nothing_unflushed_does) {
  visit_all(7, {CrashKeeps::nothing}, {.small = Small::carried});
}

TEST(CrashPoints, what_is_carried_forward_survives_when_some_of_the_unflushed_does) {
  visit_all(8, {CrashKeeps::some, CrashKeeps::everything},
            {.large = Large::to_segments, .small = Small::carried});
}

}  // namespace
}  // namespace millrace::test

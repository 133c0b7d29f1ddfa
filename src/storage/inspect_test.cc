// Looking at a data directory changes nothing, and says what a start would meet.
#include "storage/inspect.h"

#include <gmock/gmock.h>

#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;

using Contents = std::map<std::string, Blob>;

Contents contents_of(SimDisk& disk) {
  Contents contents;
  for (const std::string& path : disk.paths()) contents[path] = disk.content(path);
  return contents;
}

// What is found; fails the test when anything on the disk is not as before.
Result<InspectedDirectory> inspect(SimDisk& disk, bool deep = false) {
  SimRuntime runtime({}, disk);
  const Contents before = contents_of(disk);
  const std::uint64_t writes = disk.writes();
  auto found = inspect_directory(runtime.files(), "/data", {.deep = deep, .progress = {}});
  EXPECT_EQ(contents_of(disk), before);
  EXPECT_EQ(disk.writes(), writes);
  return found;
}

std::string told(const Result<InspectedDirectory>& found) {
  if (!found) return std::string(found.error().message());
  std::string text;
  for (const DirectoryRemark& remark : found->remarks)
    text += fmt::format("{} {}: {}\n",
                        remark.weight == DirectoryRemark::Weight::damage ? "damage" : "note",
                        remark.place, remark.what);
  return text;
}

std::string path_with(SimDisk& disk, const std::string& part, const std::string& ending = "") {
  for (const std::string& path : disk.paths())
    if (path.find(part) != std::string::npos && path.ends_with(ending)) return path;
  ADD_FAILURE() << "no file with " << part;
  return "";
}

constexpr PartitionId kMachine{2};

class InspectTest : public testing::Test {
 protected:
  InspectTest() { disk_.make_durable_directory("data"); }

  // Segments, snapshots, and a journal with something in it.
  void live(TestBroker& broker) {
    for (int round = 0; round < 3; ++round) {
      for (PartitionId id : {PartitionId(100), PartitionId(101), kMachine})
        broker.append(id, 2, 1500);
      broker.settle();
      (void)broker.checkpoint();
      (void)broker.snapshot(kMachine, broker.log(kMachine).high_watermark(), Blob(100, 7));
    }
    broker.append(PartitionId(100), 2, 500);
    broker.settle();
  }
  void live_and_stop() {
    TestBroker broker(disk_, history_, tiny_limits());
    ASSERT_TRUE(broker.open());
    live(broker);
    ASSERT_TRUE(broker.close());
  }
  void live_and_crash() {
    ScopedLeakCheckOff crashed;
    TestBroker broker(disk_, history_, tiny_limits());
    ASSERT_TRUE(broker.open());
    live(broker);
    broker.power_cut(CrashKeeps::nothing);
  }

  QuietLog quiet_;
  SimDisk disk_{1};
  History history_;
};

TEST_F(InspectTest, ACleanDirectoryHasNothingToTell) {
  live_and_stop();
  auto found = inspect(disk_, true);
  ASSERT_TRUE(found) << told(found);
  EXPECT_EQ(told(found), "");
  EXPECT_TRUE(found->was_clean);
  EXPECT_FALSE(found->is_damaged());
  EXPECT_EQ(found->partitions, 3u);
  EXPECT_GE(found->segments, 3u);
  EXPECT_EQ(found->snapshots, 2u);
  EXPECT_GE(found->journal_files, 1u);
  EXPECT_EQ(found->journal_groups, 0u);
  EXPECT_GE(found->batches_checked, 7u);
}

TEST_F(InspectTest, AfterACrashTheJournalIsCounted) {
  live_and_crash();
  auto found = inspect(disk_);
  ASSERT_TRUE(found) << told(found);
  EXPECT_FALSE(found->was_clean);
  EXPECT_FALSE(found->is_damaged()) << told(found);
  EXPECT_GE(found->journal_groups, 1u);
}

// Wherever the power goes, what is left is no damage: as the start that follows says too.
TEST_F(InspectTest, NoCrashLooksLikeDamage) {
  std::size_t with_notes = 0;
  for (std::uint64_t operation = 3; operation < 1000; ++operation) {
    SimDisk disk(operation);
    disk.make_durable_directory("data");
    History history;
    StorageLimits limits = tiny_limits();
    if (operation % 2 == 0) limits.direct_append_bytes = 1200;
    if (operation % 2 == 0) limits.carry_partitions_min = 0;
    {
      ScopedLeakCheckOff crashed;
      TestBroker broker(disk, history, limits);
      disk.crash_at_operation(operation);
      if (broker.open()) live(broker);
      const bool over = !disk.crashed();
      broker.power_cut(CrashKeeps::some);
      if (over) break;
    }
    auto found = inspect(disk, true);
    if (!found) {
      EXPECT_EQ(found.error().code, ErrorCode::not_found) << told(found);
      continue;
    }
    EXPECT_FALSE(found->is_damaged()) << "operation " << operation << ": " << told(found);
    with_notes += found->remarks.empty() ? 0 : 1;
    TestBroker broker(disk, history, tiny_limits());
    ASSERT_TRUE(broker.open()) << "operation " << operation;
    EXPECT_TRUE(broker.close());
  }
  EXPECT_GT(with_notes, 10u);
}

TEST_F(InspectTest, WhatTheJournalRefersToCountsAndIsChecked) {
  {
    ScopedLeakCheckOff crashed;
    StorageLimits limits = tiny_limits();
    limits.direct_append_bytes = 1200;
    TestBroker broker(disk_, history_, limits);
    ASSERT_TRUE(broker.open());
    broker.append(PartitionId(100), 1, 500);
    ASSERT_TRUE(broker.settle());
    ASSERT_TRUE(broker.checkpoint());  // the manifest knows it
    broker.append(PartitionId(100), 1, 5000);
    ASSERT_TRUE(broker.settle());
    broker.power_cut(CrashKeeps::nothing);
  }
  EXPECT_EQ(told(inspect(disk_, true)), "");
  // The newest of its segments.
  std::string path;
  for (const std::string& each : disk_.paths())
    if (each.find("0000000000000064-") != std::string::npos && each.ends_with(".log")) path = each;
  disk_.flip_bit(path, 200, 3);
  EXPECT_EQ(told(inspect(disk_)), "");
  EXPECT_THAT(told(inspect(disk_, true)),
              HasSubstr("should hold offset 1 of partition 100 at position"));
  ASSERT_TRUE(disk_.files().remove(path));
  EXPECT_THAT(told(inspect(disk_)), HasSubstr("damage /data/segments/0000000000000064-"));
}

// Its files go at once, what the journal refers to only with a later checkpoint.
TEST_F(InspectTest, ADeletedPartitionLeavesNoDamage) {
  StorageLimits limits = tiny_limits();
  limits.direct_append_bytes = 1200;
  {
    ScopedLeakCheckOff crashed;
    TestBroker broker(disk_, history_, limits);
    ASSERT_TRUE(broker.open());
    broker.append(PartitionId(100), 1, 5000);
    ASSERT_TRUE(broker.settle());
    ASSERT_TRUE(broker.remove(PartitionId(100)));
    broker.kill();
  }
  auto found = inspect(disk_, true);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->is_damaged()) << told(found);
  EXPECT_THAT(told(found), HasSubstr("partition 100 was deleted"));
  TestBroker broker(disk_, history_, limits);
  ASSERT_TRUE(broker.open());
  EXPECT_TRUE(broker.close());
}

TEST_F(InspectTest, AFlippedBitOfASegmentIsFoundByItsChecksum) {
  live_and_stop();
  const std::string path = path_with(disk_, "0000000000000064-", ".log");
  disk_.flip_bit(path, 200, 3);
  EXPECT_EQ(told(inspect(disk_)), "");
  auto found = inspect(disk_, true);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_damaged());
  EXPECT_THAT(told(found), HasSubstr("damage /data/segments/0000000000000064-"));
  EXPECT_THAT(told(found), HasSubstr("position 0: a record batch failed its checksum; offsets 0"));
  EXPECT_THAT(found->remarks.front().advice, HasSubstr("DeleteRecords"));
}

TEST_F(InspectTest, AListedFileThatIsMissingOrShortIsDamage) {
  live_and_stop();
  const std::string path = path_with(disk_, "0000000000000065-", ".log");
  {
    SimRuntime runtime({}, disk_);
    auto file = runtime.files().open(path, OpenMode::read_write);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->truncate(10));
  }
  EXPECT_THAT(told(inspect(disk_, true)), HasSubstr(path + ": has 10 bytes and should have"));
  {
    SimRuntime runtime({}, disk_);
    ASSERT_TRUE(runtime.files().remove(path));
    ASSERT_TRUE(runtime.files().remove(path_with(disk_, ".snapshot")));
  }
  const std::string text = told(inspect(disk_, true));
  EXPECT_THAT(text, HasSubstr(path + ": missing, though the manifest lists it"));
  EXPECT_THAT(text, HasSubstr("a snapshot of internal log 2 is missing"));
}

TEST_F(InspectTest, ADamagedSnapshotIsFound) {
  live_and_stop();
  disk_.flip_bit(path_with(disk_, ".snapshot"), 60, 0);
  EXPECT_EQ(told(inspect(disk_)), "");
  EXPECT_THAT(told(inspect(disk_, true)), HasSubstr("the checksum does not match"));
}

TEST_F(InspectTest, ADamagedGroupBelowAMarkIsCorruption) {
  live_and_crash();
  auto found = inspect(disk_);
  ASSERT_TRUE(found);
  ASSERT_FALSE(found->is_damaged()) << told(found);
  // Every group but the newest is below the mark of the one that follows it.
  bool damaged = false;
  for (const std::string& path : disk_.paths()) {
    if (!path.ends_with(".journal")) continue;
    SimDisk& disk = disk_;
    const auto size = disk.content(path).size();
    for (std::uint64_t at = 4096; at < size && !damaged; at += 4096) {
      disk.flip_bit(path, at + 20, 1);
      const auto now = inspect(disk);
      damaged = now && now->is_damaged();
      if (damaged) EXPECT_THAT(told(now), HasSubstr("position"));
      disk.flip_bit(path, at + 20, 1);
    }
  }
  EXPECT_TRUE(damaged);
  EXPECT_EQ(told(inspect(disk_)), told(found));
}

TEST_F(InspectTest, OrphansAreNotes) {
  live_and_stop();
  {
    SimRuntime runtime({}, disk_);
    ASSERT_TRUE(runtime.files().open("/data/segments/stray.log", OpenMode::create));
  }
  auto found = inspect(disk_, true);
  EXPECT_EQ(told(found),
            "note /data/segments/stray.log: no file that counts; the next start removes it\n");
  EXPECT_FALSE(found->is_damaged());
}

TEST_F(InspectTest, ADamagedManifestIsDamage) {
  live_and_stop();
  disk_.flip_bit(path_with(disk_, "manifest-"), 12, 0);
  auto found = inspect(disk_);
  ASSERT_TRUE(found) << told(found);
  EXPECT_THAT(told(found), HasSubstr("the first edit is damaged"));
}

TEST_F(InspectTest, WhatIsNoDataDirectoryIsSaid) {
  auto found = inspect(disk_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_found);
  EXPECT_THAT(told(found), HasSubstr("no data directory"));
}

TEST_F(InspectTest, ProgressGoesToTheEnd) {
  live_and_stop();
  SimRuntime runtime({}, disk_);
  std::uint64_t last = 0;
  std::uint64_t all = 1;
  const auto progress = [&](std::uint64_t done, std::uint64_t of) {
    EXPECT_GE(done, last);
    last = done;
    all = of;
  };
  ASSERT_TRUE(inspect_directory(runtime.files(), "/data", {.deep = true, .progress = progress}));
  EXPECT_EQ(last, all);
  EXPECT_GT(all, 0u);
}

}  // namespace
}  // namespace millrace::test

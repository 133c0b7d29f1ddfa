// What a start does to the disk: that it does not grow with what is stored.
#include <gtest/gtest.h>

#include "storage/counting_files_test_support.h"
#include "storage/store_test_support.h"

namespace millrace::test {
namespace {

class StartCostTest : public StoreTest {
 protected:
  // A start on what is there, that ends at once.
  FileCounts counts_of_start() {
    SimRuntime machine({.seed = ++seed, .cores = 2}, disk);
    CountingRuntime runtime(machine);
    auto store = Store::open(runtime, "/data", limits);
    EXPECT_TRUE(store) << store.error().message();
    // Nobody needs what it prepares next: what counts is there when it is open.
    FileCounts counts = runtime.files().counts;
    machine.run_until_idle(std::chrono::minutes(1));
    return counts;
  }
  void write(int rounds, int partitions) {
    auto broker = start(limits);
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < partitions; ++i) {
        broker->append(PartitionId(100 + static_cast<std::uint64_t>(i)), 2, 3000);
      }
      ASSERT_TRUE(broker->settle());
      ASSERT_TRUE(broker->checkpoint());
    }
    ASSERT_EQ(broker->refused(), 0u);
    ASSERT_TRUE(broker->close());
  }

  StorageLimits limits = tiny_limits();
};

TEST_F(StartCostTest, no_more_files_are_opened_or_read_when_there_are_more_segments) {
  write(4, 10);
  (void)counts_of_start();  // so that both begin after the same kind of stop
  FileCounts few = counts_of_start();
  std::size_t segments = paths_with(".log").size();
  write(40, 10);
  ASSERT_GT(paths_with(".log").size(), segments + 50);
  (void)counts_of_start();
  FileCounts many = counts_of_start();
  EXPECT_LE(many.opens, few.opens + limits.journal_bytes_max / limits.journal_file_bytes);
  EXPECT_LE(many.reads, few.reads + 3 * limits.journal_bytes_max / limits.journal_file_bytes);
  EXPECT_EQ(many.lists, few.lists);
  // That each is there, and as long as the manifest says, is still looked at.
  EXPECT_GE(many.inspections, paths_with(".log").size());
}

TEST_F(StartCostTest, journal_files_that_are_free_are_not_read) {
  limits.journal_file_bytes = 256 << 10;
  limits.journal_bytes_max = 4 << 20;
  limits.checkpoint_bytes = 4 << 20;
  {
    auto broker = start(limits);
    for (int i = 0; i < 600; ++i) broker->append(kA, 1, 4000);
    ASSERT_TRUE(broker->settle());
    ASSERT_TRUE(broker->checkpoint());
    ASSERT_TRUE(broker->close());
  }
  (void)counts_of_start();
  std::size_t files = paths_with(".journal").size();
  ASSERT_GE(files, 6u);
  FileCounts counts = counts_of_start();
  EXPECT_LE(counts.read_bytes, files * (64 << 10));
}

TEST_F(StartCostTest, a_flushed_group_in_a_file_just_taken_into_use_is_found) {
  limits.journal_bytes_max = 4 << 20;
  ScopedLeakCheckOff crashed;
  for (int round = 0; round < 12; ++round) {
    auto broker = start(limits);
    ASSERT_EQ(broker->check_history(), "");
    // Each of them needs a file of its own.
    for (int i = 0; i < 3; ++i) {
      broker->append(kA, 1, 50 << 10);
      ASSERT_TRUE(broker->settle());
    }
    if (round % 3 == 0) ASSERT_TRUE(broker->checkpoint());
    broker->power_cut(CrashKeeps::nothing);
  }
}

TEST_F(StartCostTest, a_damaged_first_group_of_a_file_in_use_is_still_corruption) {
  {
    ScopedLeakCheckOff crashed;
    auto broker = start(limits);
    for (int i = 0; i < 3; ++i) {
      broker->append(kA, 1, 2000);
      ASSERT_TRUE(broker->settle());
    }
    broker->power_cut(CrashKeeps::nothing);
  }
  std::string used;
  for (const std::string& path : paths_with(".journal")) {
    if (disk.content(path)[4096] != 0) used = path;
  }
  ASSERT_FALSE(used.empty());
  disk.flip_bit(used, 4096 + 40, 3);
  EXPECT_EQ(failed_start().code, ErrorCode::storage_corrupt);
}

}  // namespace
}  // namespace millrace::test

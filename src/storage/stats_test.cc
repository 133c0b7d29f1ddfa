#include "storage/stats.h"

#include <gtest/gtest.h>

#include "runtime/sim/sim_disk.h"
#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr PartitionId kLog(2);

class StoreStatsTest : public ::testing::Test {
 protected:
  StoreStatsTest() {
    disk.make_durable_directory("data");
    auto opened = broker.open();
    EXPECT_TRUE(opened) << opened.error().message();
  }
  void append_and_settle(int batches) {
    for (int i = 0; i < batches; ++i) broker.append(kLog, 1, 1000);
    ASSERT_TRUE(broker.settle());
  }
  std::uint64_t written() const {
    std::uint64_t bytes = 0;
    for (const Written& one : history.at(kLog)) bytes += one.bytes.size();
    return bytes;
  }
  bool becomes(StoreHealth health) {
    return broker.runtime().run_until([&] { return broker.store().health() == health; },
                                      std::chrono::seconds(60));
  }

  QuietLog quiet;
  ScopedLeakCheckOff ended_by_power_cut;
  SimDisk disk{1};
  History history;
  TestBroker broker{disk, history, tiny_limits()};
};

TEST_F(StoreStatsTest, the_journal_counts_groups_flushes_and_bytes) {
  EXPECT_EQ(broker.store().stats().journal.groups, 0u);
  append_and_settle(5);
  const JournalStats journal = broker.store().stats().journal;
  EXPECT_GT(journal.groups, 0u);
  EXPECT_EQ(journal.flush_time.count(), journal.groups);
  EXPECT_GT(journal.bytes_written, written());
  EXPECT_GE(journal.file_bytes, journal.bytes_written + journal.free_bytes);
  EXPECT_EQ(journal.pending_bytes, 0u);
}

TEST_F(StoreStatsTest, a_checkpoint_counts_what_it_moved) {
  append_and_settle(5);
  ASSERT_TRUE(broker.checkpoint());
  StoreStats stats = broker.store().stats();
  EXPECT_EQ(stats.checkpoints, 1u);
  EXPECT_EQ(stats.checkpoint_time.count(), 1u);
  EXPECT_EQ(stats.checkpoint_bytes, written());
  EXPECT_GT(stats.segments_open, 0u);
  append_and_settle(1);
  disk.fail_write(1);
  ASSERT_FALSE(broker.checkpoint());
  stats = broker.store().stats();
  EXPECT_EQ(stats.checkpoints, 1u);
  EXPECT_EQ(stats.checkpoints_failed, 1u);
}

TEST_F(StoreStatsTest, what_is_kept_for_readers_is_told) {
  append_and_settle(5);
  EXPECT_EQ(broker.core_store_of(kLog).tail_bytes(), written());
}

TEST_F(StoreStatsTest, health_names_a_full_disk_and_gets_over_it) {
  broker.store().start();
  append_and_settle(5);
  EXPECT_EQ(broker.store().health(), StoreHealth::good);
  disk.set_capacity(disk.used() + 10'000);
  ASSERT_TRUE(broker.runtime().run_until(
      [&] {
        if (broker.unanswered() < 20) broker.append(kLog, 1, 4000);
        return broker.store().refuses_appends();
      },
      std::chrono::seconds(60)));
  EXPECT_EQ(broker.store().health(), StoreHealth::disk_full);
  disk.set_capacity(SimDisk::kUnlimited);
  EXPECT_TRUE(becomes(StoreHealth::good));
}

TEST_F(StoreStatsTest, health_names_a_failing_disk) {
  broker.store().start();
  append_and_settle(3);
  broker.runtime().run_for(std::chrono::seconds(1));  // nothing else is flushed now
  disk.fail_sync(1);
  broker.append(kLog);
  ASSERT_TRUE(broker.settle());
  EXPECT_EQ(broker.store().health(), StoreHealth::disk_failing);
}

}  // namespace
}  // namespace millrace::test

// What checkpoints carry forward in the journal, through a whole store.
#include "storage/store_test_support.h"

namespace millrace::test {
namespace {

class CarryTest : public StoreTest {
 protected:
  static constexpr std::size_t kPartitions = 30;

  std::unique_ptr<TestBroker> start() {
    StorageLimits limits = tiny_limits();
    limits.carry_times_max = 3;
    return StoreTest::start(limits);
  }
  static PartitionId partition(std::size_t i) { return PartitionId(200 + 2 * i); }
  // A small batch to each of the first `count`, in one append.
  static void append(TestBroker& broker, std::size_t count, std::size_t bytes = 40) {
    std::vector<PartitionId> ids;
    for (std::size_t i = 0; i < count; ++i) ids.push_back(partition(i));
    broker.append(ids, 1, bytes);
    ASSERT_TRUE(broker.settle());
    ASSERT_EQ(broker.refused(), 0u);
  }
  std::size_t segments() { return paths_with("segments/").size(); }
};

TEST_F(CarryTest, many_small_partitions_cost_no_files_until_they_were_carried_some_times) {
  auto broker = start();
  append(*broker, kPartitions);
  std::vector<std::size_t> found;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(broker->checkpoint());
    found.push_back(segments());
    EXPECT_EQ(broker->check_history(), "");
  }
  EXPECT_EQ(found, (std::vector<std::size_t>{0, 0, 0, kPartitions}));
  std::uint64_t before = broker->store().journal().bytes_written();
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->store().journal().bytes_written(), before) << "nothing is left to be carried";
  ASSERT_TRUE(broker->close());
}

TEST_F(CarryTest, few_partitions_get_their_files_at_once) {
  auto broker = start();
  append(*broker, 16);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(segments(), 16u);
  ASSERT_TRUE(broker->close());
}

TEST_F(CarryTest, who_has_more_than_a_little_gets_its_file) {
  auto broker = start();
  append(*broker, kPartitions);
  append(*broker, 2, 5000);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(paths_with(fmt::format("{:016x}", partition(0).value())).size(), 1u);
  EXPECT_EQ(paths_with(fmt::format("{:016x}", partition(5).value())).size(), 0u);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(CarryTest, what_was_carried_is_found_in_order_after_a_power_cut) {
  for (int cut = 0; cut < 3; ++cut) {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    EXPECT_EQ(broker->check_history(), "") << "after " << cut << " power cuts";
    append(*broker, kPartitions);
    broker->append({partition(1), partition(2)}, 1, 40);  // while the checkpoint carries
    ASSERT_TRUE(broker->checkpoint());
    ASSERT_TRUE(broker->settle());
    append(*broker, 5);
    broker->power_cut(CrashKeeps::nothing);
  }
  auto broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  EXPECT_EQ(segments(), kPartitions) << "a stop in order leaves nothing in the journal";
}

TEST_F(CarryTest, the_journals_files_are_used_again_though_most_of_it_is_only_carried) {
  auto broker = start();
  append(*broker, kPartitions);
  for (int i = 0; i < 60; ++i) {
    broker->append(kB, 1, 10'000);
    ASSERT_TRUE(broker->settle());
    ASSERT_TRUE(broker->checkpoint());
    append(*broker, kPartitions);
  }
  EXPECT_LE(broker->store().stats().journal.file_bytes, tiny_limits().journal_bytes_max);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

// The checkpoint that would make room must not wait for room.
TEST_F(CarryTest, a_full_journal_gets_files_instead) {
  StorageLimits limits = tiny_limits();
  limits.journal_bytes_max = limits.journal_file_bytes;
  auto broker = StoreTest::start(limits);
  append(*broker, kPartitions);
  for (int i = 0; i < 40; ++i) broker->append(kB, 1, 10'000);
  ASSERT_TRUE(broker->runtime().run_until([&] { return broker->store().journal().is_stalled(); },
                                          std::chrono::minutes(1)));
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_GE(segments(), kPartitions);
  for (int i = 0; i < 20 && broker->unanswered() > 0; ++i) {
    ASSERT_TRUE(broker->checkpoint());
    broker->runtime().run_until_idle(std::chrono::minutes(1));
  }
  EXPECT_EQ(broker->unanswered(), 0u);
  EXPECT_EQ(broker->refused(), 0u);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(CarryTest, a_partition_deleted_while_it_is_carried_stays_deleted) {
  auto broker = start();
  append(*broker, kPartitions);
  bool done = false;
  Core& core = broker->runtime().core(CoreId(0));
  core.post([&] {
    core.spawn("checkpoint", [](TestBroker& of, bool& done) -> Task<void> {
      EXPECT_TRUE(co_await of.store().checkpoint(Store::Extent::everything));
      done = true;
    }(*broker, done));
  });
  ASSERT_TRUE(broker->remove(partition(3)));
  ASSERT_TRUE(broker->runtime().run_until([&] { return done; }, std::chrono::minutes(1)));
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  EXPECT_EQ(segments(), kPartitions - 1);
}

}  // namespace
}  // namespace millrace::test

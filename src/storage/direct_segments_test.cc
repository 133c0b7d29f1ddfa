// Large appends that go straight to segments, through a whole store.
#include "storage/store_test_support.h"

namespace millrace::test {
namespace {

constexpr std::size_t kLarge = 5000;

class DirectSegmentsTest : public StoreTest {
 protected:
  static StorageLimits limits() {
    StorageLimits limits = tiny_limits();
    limits.direct_append_bytes = 4000;
    limits.segment_bytes = 100 << 10;
    return limits;
  }
  std::unique_ptr<TestBroker> start() { return StoreTest::start(limits()); }
  // One batch in a group of its own.
  void append(TestBroker& broker, PartitionId id, std::size_t bytes) {
    broker.append(id, 1, bytes);
    ASSERT_TRUE(broker.settle());
    ASSERT_EQ(broker.refused(), 0u);
  }
  // Simulated time goes by when something is to happen.
  static void pass(TestBroker& broker, Duration time) {
    bool passed = false;
    Core& core = broker.runtime().core(CoreId(0));
    core.post([&] { core.call_after(time, [&] { passed = true; }); });
    ASSERT_TRUE(broker.runtime().run_until([&] { return passed; }, 2 * time));
  }
  std::vector<std::string> segments_of(PartitionId id) {
    std::vector<std::string> found = paths_with(fmt::format("segments/{:016x}", id.value()));
    std::erase_if(found, [](const std::string& path) { return !path.ends_with(kSegmentSuffix); });
    return found;
  }
  static std::uint64_t journaled(TestBroker& broker) {
    return broker.store().journal().bytes_written();
  }
};

TEST_F(DirectSegmentsTest, a_large_append_is_written_once_and_durable_before_it_is_answered) {
  auto broker = start();
  append(*broker, kA, kLarge);
  ASSERT_EQ(segments_of(kA).size(), 1u);
  EXPECT_GT(disk.durable_content(segments_of(kA).front()).size(), kLarge);
  EXPECT_EQ(journaled(*broker), 4096u) << "the journal has the batch too";
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(segments_of(kA).size(), 1u) << "a checkpoint lists the file and copies nothing";
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, what_stands_in_no_manifest_yet_is_found_after_a_power_cut) {
  {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    append(*broker, kA, 100);  // in the journal: the segment does not begin at 0
    append(*broker, kA, kLarge);
    append(*broker, kA, kLarge);
    broker->power_cut(CrashKeeps::nothing);
  }
  auto broker = start();
  EXPECT_EQ(broker->check_history(), "");
  append(*broker, kA, 100);
  append(*broker, kA, kLarge);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, a_partition_goes_on_in_its_file_and_checkpoints_behind_it) {
  auto broker = start();
  for (int i = 0; i < 3; ++i) {
    append(*broker, kA, kLarge);
    ASSERT_TRUE(broker->checkpoint());
  }
  EXPECT_EQ(segments_of(kA).size(), 1u);
  for (int i = 0; i < 20; ++i) append(*broker, kA, 50);  // the first few still go there
  EXPECT_LT(broker->store().bytes_written_direct(), 3 * kLarge + 20 * 150);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(segments_of(kA).size(), 1u) << "what is small now follows in the same file";
  append(*broker, kA, kLarge);
  EXPECT_EQ(segments_of(kA).size(), 1u) << "not at once again a file of its own";
  EXPECT_EQ(broker->check_history(), "");
  pass(*broker, std::chrono::seconds(11));
  append(*broker, kA, kLarge);
  EXPECT_EQ(segments_of(kA).size(), 2u);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, files_are_cut_at_the_segment_size) {
  auto broker = start();
  for (int i = 0; i < 50; ++i) append(*broker, kA, kLarge);
  EXPECT_EQ(segments_of(kA).size(), 3u);
  for (const std::string& path : segments_of(kA)) EXPECT_LE(disk.content(path).size(), 100u << 10);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, more_partitions_than_writers_share_between_file_and_journal) {
  auto broker = start();
  std::vector<PartitionId> ids;
  for (std::uint64_t i = 0; i < 20; ++i) ids.emplace_back(200 + 2 * i);
  broker->append(ids, 1, kLarge);
  ASSERT_TRUE(broker->settle());
  std::size_t with_file = 0;
  for (PartitionId id : ids) with_file += segments_of(id).size();
  EXPECT_EQ(with_file, limits().direct_writers);
  EXPECT_GT(journaled(*broker), (ids.size() - with_file) * kLarge);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, a_failed_flush_of_a_segment_leaves_the_batch_to_the_journal) {
  for (int first = 0; first < 2; ++first) {
    auto broker = start();
    if (first == 1) append(*broker, kA, kLarge);  // the file has something that counts
    disk.fail_sync(1);
    append(*broker, kA, kLarge);
    EXPECT_FALSE(broker->store().journal().failed());
    EXPECT_GT(journaled(*broker), kLarge);
    EXPECT_EQ(segments_of(kA).size(), static_cast<std::size_t>(2 * first)) << "what failed is gone";
    for (int i = 0; i < 2; ++i) append(*broker, kA, 100);
    ASSERT_TRUE(broker->checkpoint());
    EXPECT_EQ(broker->check_history(), "");
    ASSERT_TRUE(broker->close());
    disk.crash(CrashKeeps::nothing);
    broker = start();
    EXPECT_EQ(broker->check_history(), "");
    ASSERT_TRUE(broker->close());
  }
}

TEST_F(DirectSegmentsTest, a_full_disk_leaves_the_batch_to_the_journal) {
  auto broker = start();
  append(*broker, kA, 100);
  pass(*broker, std::chrono::seconds(1));  // journal files are ready
  disk.set_capacity(disk.used() + 1000);
  append(*broker, kA, kLarge);
  EXPECT_EQ(segments_of(kA).size(), 0u);
  disk.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, files_of_a_deleted_partition_go_though_no_manifest_lists_them) {
  auto broker = start();
  append(*broker, kA, kLarge);
  append(*broker, kB, kLarge);
  ASSERT_TRUE(broker->remove(kA));
  EXPECT_EQ(segments_of(kA).size(), 0u);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, what_was_on_its_way_when_its_partition_was_deleted_goes_too) {
  for (int delay = 0; delay < 40; ++delay) {
    PartitionId id(300 + 2 * static_cast<std::uint64_t>(delay));
    auto broker = start();
    append(*broker, kA, 10);
    broker->append(id, 1, kLarge);
    broker->runtime().run_for(std::chrono::microseconds(10 * delay));
    ASSERT_TRUE(broker->remove(id));
    ASSERT_TRUE(broker->settle());
    ASSERT_TRUE(broker->close());
    EXPECT_EQ(segments_of(id).size(), 0u) << "deleted after " << 10 * delay << " us";
  }
}

// Retention may reach the end of a file that is still being written.
TEST_F(DirectSegmentsTest, a_file_whose_records_are_deleted_stays_until_nothing_else_is_in_it) {
  auto broker = start();
  append(*broker, kA, kLarge);
  ASSERT_TRUE(broker->checkpoint());
  append(*broker, kA, kLarge);  // the same file, not listed
  ASSERT_TRUE(broker->raise_log_start(kA, Offset(1)));
  EXPECT_EQ(segments_of(kA).size(), 1u);
  EXPECT_EQ(broker->check_history(), "");
  append(*broker, kA, kLarge);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->raise_log_start(kA, Offset(3)));
  EXPECT_EQ(segments_of(kA).size(), 0u);
  append(*broker, kA, kLarge);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

// Its room would be free only with the next large append, and on a full disk there is none.
TEST_F(DirectSegmentsTest, a_file_that_was_removed_is_not_kept_open) {
  auto broker = start();
  append(*broker, kA, kLarge);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->store().stats().segments_open, 1u);
  ASSERT_TRUE(broker->raise_log_start(kA, Offset(1)));
  EXPECT_EQ(segments_of(kA).size(), 0u);
  EXPECT_EQ(broker->store().stats().segments_open, 0u);
  append(*broker, kA, kLarge);
  EXPECT_EQ(segments_of(kA).size(), 1u);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, on_a_full_disk_deleted_records_that_no_manifest_lists_go_at_once) {
  ScopedLeakCheckOff ended_by_power_cut;
  StorageLimits limits = DirectSegmentsTest::limits();
  limits.disk_reserve_bytes = 200 << 10;
  auto broker = StoreTest::start(limits);
  append(*broker, kA, kLarge);
  broker->runtime().core(CoreId(0)).post([&] { broker->store().start(); });
  disk.set_capacity(disk.used() + (150 << 10));
  ASSERT_TRUE(broker->runtime().run_until([&] { return broker->store().refuses_appends(); },
                                          std::chrono::seconds(5)));
  ASSERT_TRUE(broker->raise_log_start(kA, Offset(1)));
  EXPECT_TRUE(
      broker->runtime().run_until([&] { return segments_of(kA).empty(); }, std::chrono::seconds(5)))
      << "it waits for a checkpoint, and that for half a minute";
  broker->power_cut(CrashKeeps::nothing);
}

TEST_F(DirectSegmentsTest, a_file_that_the_journal_refers_to_and_is_not_there_is_named) {
  {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    append(*broker, kA, kLarge);
    append(*broker, kB, kLarge);
    broker->power_cut(CrashKeeps::nothing);
  }
  std::string path = segments_of(kA).front();
  ASSERT_TRUE(disk.files().remove(path));
  ScopedLeakCheckOff never_started;
  TestBroker broker(disk, history, limits(), {.seed = ++seed, .cores = 2});
  auto opened = broker.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::storage_corrupt);
  EXPECT_NE(opened.error().detail.find(path.substr(path.rfind('/'))), std::string::npos)
      << opened.error().detail;
}

// Ten partitions' small appends are answered while the large one is being written, or not: that is
// the simulation's draw. A lane that waits for the large one never answers them first.
TEST_F(DirectSegmentsTest, others_go_on_while_a_large_append_is_written) {
  std::uint64_t first = 0;
  auto broker = start();
  for (std::uint64_t round = 0; round < 20; ++round) {
    broker->append(kA, 1, kLarge);
    for (std::uint64_t i = 0; i < 10; ++i) broker->append(PartitionId(400 + i), 1, 50);
    broker->append(kA, 1, 50);  // stays behind the large one
    const Offset large_end(round * 2 + 1);
    PartitionLog& large = broker->log(kA);
    PartitionLog& small = broker->log(PartitionId(409));
    while (small.high_watermark() < Offset(round + 1)) ASSERT_TRUE(broker->runtime().step());
    if (large.high_watermark() < large_end) ++first;
    ASSERT_TRUE(broker->settle());
    EXPECT_EQ(large.high_watermark(), large_end + 1);
  }
  EXPECT_GT(first, 0u);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(DirectSegmentsTest, what_went_before_a_large_append_survives_without_it) {
  constexpr PartitionId kC(102);  // on the core of kA
  for (std::uint64_t round = 0; round < 30; ++round) {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    append(*broker, kC, 50);
    const Offset end = broker->log(kC).high_watermark();
    broker->append(kA, 1, kLarge);
    broker->append({kA, kC}, 1, 50);  // behind it, and so is the next one
    broker->append(kC, 1, 50);
    broker->append(PartitionId(401), 1, 50);
    const Offset of_other = broker->log(PartitionId(401)).high_watermark();
    ASSERT_TRUE(broker->runtime().run_until(
        [&] { return broker->log(PartitionId(401)).high_watermark() > of_other; },
        std::chrono::seconds(10)));
    const bool is_behind = broker->log(kA).high_watermark() < broker->log(kA).end();
    if (is_behind) EXPECT_EQ(broker->log(kC).high_watermark(), end);
    broker->power_cut(round % 2 ? CrashKeeps::nothing : CrashKeeps::some);
    broker = start();
    EXPECT_EQ(broker->check_history(), "");
    ASSERT_TRUE(broker->close());
  }
}

TEST_F(DirectSegmentsTest, a_stop_answers_what_is_on_its_way) {
  auto broker = start();
  for (int i = 0; i < 5; ++i) broker->append(kA, 1, kLarge);
  ASSERT_TRUE(broker->settle());
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

}  // namespace
}  // namespace millrace::test

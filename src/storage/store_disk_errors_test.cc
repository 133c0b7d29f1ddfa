// A store on a disk that fails or is full: nothing answered is lost, readers are served, and it
// goes on when the disk does.
#include "storage/store_test_support.h"

namespace millrace::test {
namespace {

using StoreDiskErrors = StoreTest;

TEST_F(
    StoreDiskErrors,
    after_a_failed_flush_of_a_segment_the_next_checkpoint_writes_a_new_file_and_nothing_is_lost) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  append_and_settle(*broker, 3);
  ASSERT_TRUE(broker->checkpoint());
  auto before = paths_with("segments/");
  append_and_settle(*broker, 3);
  broker->runtime().run_for(std::chrono::seconds(1));
  disk.fail_sync(1);
  EXPECT_FALSE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "") << "reads go on";
  append_and_settle(*broker, 1);
  std::map<std::string, Blob> of_before;
  for (const std::string& path : before) of_before[path] = disk.content(path);
  ASSERT_TRUE(broker->checkpoint());
  for (const std::string& path : before) {
    EXPECT_EQ(disk.content(path), of_before[path])
        << "a file whose flush may have failed is not written again";
  }
  EXPECT_GT(paths_with("segments/").size(), before.size());
  EXPECT_EQ(broker->check_history(), "");
  broker->power_cut(CrashKeeps::nothing);
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreDiskErrors, any_single_failed_write_or_flush_of_a_checkpoint_loses_nothing) {
  ScopedLeakCheckOff crashed;
  for (std::uint64_t number = 1; number <= 12; ++number) {
    for (bool write : {true, false}) {
      auto broker = start();
      ASSERT_EQ(broker->check_history(), "");
      append_and_settle(*broker, 2, 3000);
      broker->runtime().run_for(std::chrono::seconds(1));
      if (write) {
        disk.fail_write(number);
      } else {
        disk.fail_sync(number);
      }
      (void)broker->checkpoint();
      EXPECT_EQ(broker->check_history(), "") << (write ? "write " : "sync ") << number;
      (void)broker->checkpoint();
      EXPECT_EQ(broker->check_history(), "") << (write ? "write " : "sync ") << number;
      broker->power_cut(CrashKeeps::nothing);
      broker = start();
      EXPECT_EQ(broker->check_history(), "") << (write ? "write " : "sync ") << number;
      broker->power_cut(CrashKeeps::nothing);
    }
  }
}

TEST_F(StoreDiskErrors, a_failed_journal_refuses_appends_keeps_reads_and_does_not_close_clean) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  append_and_settle(*broker, 3);
  broker->runtime().run_for(std::chrono::seconds(1));
  LeaderEpoch epoch = broker->store().leader_epoch();
  disk.fail_sync(1);
  broker->append(kA);
  ASSERT_TRUE(broker->settle());
  EXPECT_EQ(broker->refused(), 1u);
  EXPECT_TRUE(broker->store().journal().failed());
  Offset end = broker->log(kA).high_watermark();
  EXPECT_EQ(end, Offset(6));
  auto batches = broker->read_all(kA, 100);
  ASSERT_TRUE(batches);
  EXPECT_EQ(batches->size(), 3u);
  EXPECT_FALSE(broker->close());
  disk.crash(CrashKeeps::nothing);
  broker = start();
  EXPECT_EQ(broker->store().leader_epoch(), epoch + 1);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreDiskErrors, after_a_failed_flush_the_store_says_when_to_begin_again) {
  ScopedLeakCheckOff crashed;
  for (std::uint64_t number = 1; number <= 12; ++number) {
    auto broker = start();
    broker->store().start();
    append_and_settle(*broker, 3);
    broker->runtime().run_for(std::chrono::seconds(1));
    disk.fail_sync(number);
    for (int i = 0; i < 40 && !broker->store().journal().failed(); ++i) {
      broker->append(kA);
      ASSERT_TRUE(broker->settle());
    }
    if (!broker->store().journal().failed()) {  // it was another file's
      broker->power_cut(CrashKeeps::nothing);
      broker = start();
      EXPECT_EQ(broker->check_history(), "");
      broker->kill();
      continue;
    }
    Offset end = broker->log(kA).high_watermark();
    ASSERT_TRUE(broker->runtime().run_until([&] { return broker->must_restart(); },
                                            std::chrono::seconds(10)));
    EXPECT_TRUE(broker->store().refuses_appends());
    EXPECT_TRUE(broker->read_all(kA, 100)) << "reads go on";
    broker->kill();
    broker = start();
    EXPECT_EQ(broker->log(kA).high_watermark(), end) << "what was refused does not come back";
    EXPECT_EQ(broker->check_history(), "");
    append_and_settle(*broker, 3);
    broker->power_cut(CrashKeeps::everything);
    broker = start();
    EXPECT_EQ(broker->check_history(), "");
    broker->kill();
  }
}

// While the disk fails there is nothing to go on with; reading goes on.
TEST_F(StoreDiskErrors, a_disk_that_goes_on_failing_keeps_the_store_reading) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  broker->store().start();
  append_and_settle(*broker, 3);
  broker->runtime().run_for(std::chrono::seconds(1));
  disk.fail_sync(1);
  broker->append(kA);
  ASSERT_TRUE(broker->settle());
  for (int i = 0; i < 5; ++i) {
    disk.fail_write(1);
    broker->runtime().run_for(std::chrono::milliseconds(900));  // one try at most
    EXPECT_FALSE(broker->must_restart());
    EXPECT_TRUE(broker->store().refuses_appends());
    EXPECT_TRUE(broker->read_all(kA, 100));
  }
  ASSERT_TRUE(broker->runtime().run_until([&] { return broker->must_restart(); },
                                          std::chrono::seconds(10)));
  broker->kill();
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  broker->kill();
}

TEST_F(StoreDiskErrors, a_full_disk_refuses_and_goes_on_by_itself_when_there_is_room) {
  auto broker = start();
  broker->store().start();
  append_and_settle(*broker, 10);
  disk.set_capacity(disk.used() + 10'000);
  // Until storage says so; what was appended before that may stay without an answer.
  bool refused = broker->runtime().run_until(
      [&] {
        if (broker->unanswered() < 20) broker->append(kA, 1, 4000);
        return broker->store().refuses_appends();
      },
      std::chrono::seconds(60));
  ASSERT_TRUE(refused);
  EXPECT_EQ(broker->refused(), 0u);
  EXPECT_FALSE(broker->store().journal().failed());
  // Reading goes on.
  EXPECT_TRUE(broker->read_all(kB, 3000).has_value());
  // Trying again and again leaves nothing behind.
  broker->runtime().run_for(std::chrono::seconds(30));
  const auto files = paths_with("/segments/").size() + paths_with("/journal/").size();
  broker->runtime().run_for(std::chrono::seconds(60));
  EXPECT_TRUE(broker->store().refuses_appends());
  EXPECT_LE(paths_with("/segments/").size() + paths_with("/journal/").size(), files);

  disk.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(broker->runtime().run_until([&] { return !broker->store().refuses_appends(); },
                                          std::chrono::seconds(30)));
  ASSERT_TRUE(broker->settle());
  EXPECT_EQ(broker->refused(), 0u);
  append_and_settle(*broker, 5);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close_started());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

// All that the journal holds does not find room; what one of its files holds does, and then the
// file is free for what waits.
TEST_F(StoreDiskErrors, a_full_disk_is_drained_in_steps) {
  auto broker = start();
  // The journal's files are there, and are filled before the first checkpoint comes.
  for (int i = 0; i < 60; ++i) broker->append(kA, 1, 4000);
  ASSERT_TRUE(broker->settle());
  broker->store().start();
  std::uint64_t held = 0;
  for (const Written& one : history[kA]) held += one.bytes.size();
  disk.set_capacity(disk.used() + 10'000);
  ASSERT_TRUE(broker->runtime().run_until(
      [&] {
        if (broker->unanswered() < 20) broker->append(kA, 1, 4000);
        return broker->store().refuses_appends();
      },
      std::chrono::seconds(60)));
  constexpr std::uint64_t kRoom = 100'000;
  ASSERT_GT(held, 2 * kRoom);
  disk.set_capacity(disk.used() + kRoom);
  ASSERT_TRUE(broker->settle(std::chrono::seconds(60))) << "what waits is answered";
  EXPECT_EQ(broker->refused(), 0u);
  EXPECT_EQ(broker->check_history(), "");
  disk.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(broker->runtime().run_until([&] { return !broker->store().refuses_appends(); },
                                          std::chrono::seconds(30)));
  append_and_settle(*broker, 5);
  ASSERT_TRUE(broker->close_started());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreDiskErrors, a_full_disk_is_no_reason_not_to_start) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  append_and_settle(*broker, 10);
  broker->power_cut(CrashKeeps::nothing);
  disk.set_capacity(disk.used() + 8'000);  // for the manifest
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  broker->store().start();
  broker->append(kA, 1, 2000);
  ASSERT_TRUE(broker->runtime().run_until([&] { return broker->store().refuses_appends(); },
                                          std::chrono::seconds(60)));
  disk.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(broker->settle(std::chrono::seconds(30)));
  EXPECT_EQ(broker->refused(), 0u);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close_started());
}

// Removal.

TEST_F(StoreDiskErrors, the_last_of_the_disk_is_for_what_drains_it) {
  ScopedLeakCheckOff ended_by_power_cut;
  StorageLimits limits = tiny_limits();
  limits.disk_reserve_bytes = 200 << 10;
  auto broker = start(limits);
  append_and_settle(*broker, 3);
  broker->runtime().core(CoreId(0)).post([&] { broker->store().start(); });
  auto refuses = [&](bool expected) {
    return broker->runtime().run_until(
        [&] { return broker->store().refuses_appends() == expected; }, std::chrono::minutes(1));
  };
  broker->runtime().run_for(std::chrono::seconds(1));
  ASSERT_FALSE(broker->store().refuses_appends());
  disk.set_capacity(disk.used() + (150 << 10));
  ASSERT_TRUE(refuses(true)) << "there is room, but it is the reserve";
  EXPECT_EQ(broker->store().health(), StoreHealth::disk_full);
  EXPECT_EQ(broker->check_history(), "");
  // Commits and deletions are appends too; their callers don't ask.
  append_and_settle(*broker, 3);
  ASSERT_TRUE(broker->remove(kB));
  disk.set_capacity(disk.used() + (220 << 10));
  broker->runtime().run_for(std::chrono::seconds(1));
  EXPECT_TRUE(broker->store().refuses_appends()) << "on and off around the limit helps nobody";
  disk.set_capacity(disk.used() + (300 << 10));
  EXPECT_TRUE(refuses(false));
  append_and_settle(*broker, 3);
  broker->power_cut(CrashKeeps::nothing);
}

// A fast disk takes more than the reserve between two looks.
TEST_F(StoreDiskErrors, what_is_appended_between_two_looks_counts_against_the_reserve) {
  ScopedLeakCheckOff ended_by_power_cut;
  StorageLimits limits = tiny_limits();
  limits.disk_reserve_bytes = 200 << 10;
  auto broker = start(limits);
  append_and_settle(*broker, 3);
  disk.set_capacity(disk.used() + (300 << 10));
  broker->runtime().core(CoreId(0)).post([&] { broker->store().start(); });
  broker->runtime().run_for(std::chrono::seconds(1));
  ASSERT_FALSE(broker->store().refuses_appends());
  const std::uint64_t room = broker->store().disk_space()->free - limits.disk_reserve_bytes;
  ASSERT_GT(room, 1000u);
  broker->store().spend(room - 1000);
  EXPECT_FALSE(broker->store().refuses_appends());
  broker->store().spend(2000);
  EXPECT_TRUE(broker->store().refuses_appends());
  EXPECT_EQ(broker->store().health(), StoreHealth::disk_full);
  broker->runtime().run_for(std::chrono::seconds(1));
  EXPECT_FALSE(broker->store().refuses_appends()) << "it did not arrive: the next look says so";
  broker->power_cut(CrashKeeps::nothing);
}

// The cache may go on to hold a group that the disk lost with its flush, and take it for written:
// to flush the file once more is not enough.
TEST(StoreFailedFlush, what_a_restart_finds_of_a_group_whose_flush_failed_is_durable_from_then_on) {
  QuietLog quiet;
  ScopedLeakCheckOff crashed;
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SimDisk disk(seed);
    disk.make_durable_directory("data");
    History history;
    auto run = [&](const char* when) {
      auto broker = std::make_unique<TestBroker>(disk, history, tiny_limits(), SimOptions{seed, 2});
      auto opened = broker->open();
      EXPECT_TRUE(opened) << when << ", seed " << seed << ": " << opened.error().message();
      EXPECT_EQ(broker->check_history(), "") << when << ", seed " << seed;
      return broker;
    };
    auto broker = run("first start");
    broker->append(kA);
    ASSERT_TRUE(broker->settle());
    broker->runtime().run_for(std::chrono::seconds(1));
    disk.fail_sync(1);
    broker->append(kA);
    ASSERT_TRUE(broker->settle());
    ASSERT_EQ(broker->refused(), 1u);
    broker->kill();  // before the failed group was voided
    broker = run("after the kill");
    if (broker->log(kA).high_watermark() == Offset(2)) ++found;
    broker->append(kA);
    ASSERT_TRUE(broker->settle());
    broker->power_cut(CrashKeeps::nothing);
    broker = run("after the power cut");
    if (HasFailure()) return;
    ASSERT_TRUE(broker->close());
  }
  EXPECT_GT(found, 5) << "the group was never there after the restart";
  EXPECT_LT(found, 30) << "the group was always there after the restart";
}

}  // namespace
}  // namespace millrace::test

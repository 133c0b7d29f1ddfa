// Opening, checkpoints, stopping, starting again: all files of a broker together.
#include "storage/store_test_support.h"

namespace millrace::test {
namespace {

constexpr PartitionId kMachine{2};

TEST_F(StoreTest, what_was_written_is_there_after_a_stop_and_a_start) {
  {
    auto broker = start();
    append_and_settle(*broker, 10);
    ASSERT_TRUE(broker->close());
  }
  auto broker = start();
  EXPECT_EQ(broker->check_history(), "");
  append_and_settle(*broker, 3);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, the_leader_epoch_rises_after_an_unclean_stop_only) {
  LeaderEpoch first;
  {
    auto broker = start();
    first = broker->store().leader_epoch();
    append_and_settle(*broker, 1);
    ASSERT_TRUE(broker->close());
  }
  {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    EXPECT_EQ(broker->store().leader_epoch(), first);
    append_and_settle(*broker, 1);
    broker->power_cut(CrashKeeps::nothing);
  }
  {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    EXPECT_EQ(broker->store().leader_epoch(), first + 1);
    broker->power_cut(CrashKeeps::nothing);
  }
  auto broker = start();
  EXPECT_EQ(broker->store().leader_epoch(), first + 2)
      << "each unclean stop counts, also one after nothing";
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, epochs_and_where_they_began_survive_in_journal_and_manifest) {
  {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    append_and_settle(*broker, 2);  // offsets 0 to 3 of kA
    broker->power_cut(CrashKeeps::nothing);
  }
  {
    ScopedLeakCheckOff crashed;
    auto broker = start();
    append_and_settle(*broker, 3);  // 4 to 9
    ASSERT_TRUE(broker->checkpoint());
    broker->power_cut(CrashKeeps::nothing);
  }
  auto broker = start();
  append_and_settle(*broker, 1);
  PartitionLog& log = broker->log(kA);
  EXPECT_EQ(log.epochs(), (std::vector<EpochStart>{{LeaderEpoch(0), Offset(0)},
                                                   {LeaderEpoch(1), Offset(4)},
                                                   {LeaderEpoch(2), Offset(10)}}));
  EXPECT_EQ(log.epoch_end(LeaderEpoch(0)), (EpochStart{LeaderEpoch(0), Offset(4)}));
  EXPECT_EQ(log.epoch_end(LeaderEpoch(1)), (EpochStart{LeaderEpoch(1), Offset(10)}));
  EXPECT_EQ(log.epoch_end(LeaderEpoch(9)), (EpochStart{LeaderEpoch(2), Offset(12)}));
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, the_cluster_id_is_made_once) {
  std::string id;
  {
    auto broker = start();
    id = broker->store().cluster_id();
    EXPECT_EQ(id.size(), 22u);
    ASSERT_TRUE(broker->close());
  }
  auto broker = start();
  EXPECT_EQ(broker->store().cluster_id(), id);
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, a_second_broker_on_the_folder_is_refused) {
  auto broker = start();
  Error error = failed_start();
  EXPECT_EQ(error.code, ErrorCode::io_error);
  ASSERT_TRUE(broker->close());
  ASSERT_TRUE(start()->close());
}

TEST_F(StoreTest, files_that_the_manifest_does_not_list_are_removed) {
  {
    auto broker = start();
    append_and_settle(*broker, 3);
    ASSERT_TRUE(broker->close());
  }
  const std::string segment = "data/segments/0000000000000064-00000999.log";
  const std::string snapshot = "data/snapshots/0000000000000002-00000999.snapshot";
  ASSERT_TRUE(disk.files().open(segment, OpenMode::create));
  ASSERT_TRUE(disk.files().open(snapshot, OpenMode::create));
  auto broker = start();
  EXPECT_FALSE(disk.files().exists(segment));
  EXPECT_FALSE(disk.files().exists(snapshot));
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, a_listed_segment_that_is_missing_is_corruption_and_named) {
  {
    auto broker = start();
    append_and_settle(*broker, 3);
    ASSERT_TRUE(broker->close());
  }
  auto segments = paths_with("segments/");
  ASSERT_EQ(segments.size(), 2u);
  ASSERT_TRUE(disk.files().remove(segments[0]));
  Error error = failed_start();
  EXPECT_EQ(error.code, ErrorCode::storage_corrupt);
  EXPECT_NE(error.detail.find(segments[0]), std::string::npos) << error.detail;
}

TEST_F(StoreTest, a_segment_shorter_than_the_manifest_says_is_corruption) {
  {
    auto broker = start();
    append_and_settle(*broker, 3);
    ASSERT_TRUE(broker->close());
  }
  auto segments = paths_with("segments/");
  auto file = disk.files().open(segments[0], OpenMode::read_write);
  ASSERT_TRUE((*file)->truncate(disk.content(segments[0]).size() - 1));
  EXPECT_EQ(failed_start().code, ErrorCode::storage_corrupt);
}

TEST_F(StoreTest, bytes_beyond_a_segments_end_are_garbage) {
  {
    auto broker = start();
    append_and_settle(*broker, 3);
    ASSERT_TRUE(broker->close());
  }
  for (const std::string& path : paths_with("segments/")) {
    auto file = disk.files().open(path, OpenMode::read_write);
    ByteChain garbage;
    garbage.append(Bytes::copy_of(Blob(5000, 0xee)));
    ASSERT_TRUE((*file)->write_at(disk.content(path).size(), garbage));
  }
  {
    auto broker = start();
    EXPECT_EQ(broker->check_history(), "");
    append_and_settle(*broker, 5);
    ASSERT_TRUE(broker->close());
  }
  auto broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, a_checkpoint_moves_the_start_of_recovery_and_journal_files_are_used_again) {
  ScopedLeakCheckOff crashed;
  {
    auto broker = start();
    for (int round = 0; round < 30; ++round) {
      append_and_settle(*broker, 4, 4000);  // about 20 KiB: 600 in all, in a journal of 512
      ASSERT_TRUE(broker->checkpoint());
    }
    broker->power_cut(CrashKeeps::nothing);
  }
  EXPECT_LE(paths_with("journal/").size(), 5u);
  auto manifest = Manifest::open(disk.files(), "data");
  ASSERT_TRUE(manifest);
  EXPECT_GT((*manifest)->state().replay_from, JournalSequence(30));
  manifest->reset();
  auto broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

// What a crash finds is what was decided by then: the checkpoint that was being made, or the one
// before.
TEST_F(StoreTest, appends_during_a_checkpoint_are_neither_lost_nor_written_twice) {
  ScopedLeakCheckOff crashed;
  for (int round = 0; round < 40; ++round) {
    auto broker = start();
    ASSERT_EQ(broker->check_history(), "") << "round " << round;
    bool checkpointed = false;
    for (int i = 0; i < 5; ++i) {
      broker->append(kA, 1, 300);
      broker->append(kB, 1, 300);
      broker->runtime().run_for(std::chrono::microseconds(700));
      if (i == 2) checkpointed = broker->checkpoint().has_value();
    }
    EXPECT_TRUE(checkpointed);
    broker->power_cut(round % 2 == 0 ? CrashKeeps::nothing : CrashKeeps::some);
  }
}

TEST_F(StoreTest, checkpoints_happen_by_themselves_and_an_idle_store_comes_to_rest) {
  ScopedLeakCheckOff ended_by_power_cut;
  auto broker = start();
  broker->log(kA);
  broker->log(kB);
  broker->store().start();
  for (int i = 0; i < 20; ++i) {
    for (int k = 0; k < 5; ++k) broker->append(kA, 1, 12'000);
    ASSERT_TRUE(broker->settle()) << "more than a journal full, round " << i;
  }
  EXPECT_FALSE(paths_with("segments/").empty());
  broker->runtime().run_for(std::chrono::minutes(1));
  std::uint64_t operations = disk.operations();
  broker->runtime().run_for(std::chrono::minutes(5));
  EXPECT_EQ(disk.operations(), operations) << "nothing to do, nothing done";
  EXPECT_EQ(broker->check_history(), "");
  broker->power_cut(CrashKeeps::nothing);
}

// Bug B5a: what was written during a checkpoint counted as released, and a full journal stayed
// full.
TEST_F(StoreTest, a_journal_that_fills_during_a_checkpoint_goes_on) {
  for (std::uint64_t round = 0; round < 10; ++round) {
    StorageLimits limits = tiny_limits();
    limits.journal_bytes_max = 256 << 10;
    limits.checkpoint_bytes = 20 << 10;
    ScopedLeakCheckOff ended_by_power_cut;
    auto broker = start(limits);
    broker->log(kA);
    broker->log(kB);
    broker->store().start();
    for (int i = 0; i < 100; ++i) {
      broker->append(kA, 1, 9000);
      broker->append(kB, 1, 9000);
      if (i % 10 == static_cast<int>(round))
        broker->runtime().run_for(std::chrono::milliseconds(60));
    }
    ASSERT_TRUE(broker->settle(std::chrono::minutes(5)))
        << broker->unanswered() << " appends wait for ever";
    EXPECT_EQ(broker->refused(), 0u);
    EXPECT_EQ(broker->check_history(), "");
    broker->power_cut(CrashKeeps::nothing);
  }
}

TEST_F(StoreTest, nothing_blocks_a_core) {
  auto broker = start();
  std::uint64_t opening = broker->runtime().blocking_calls_on_cores();
  append_and_settle(*broker, 10, 3000);
  ASSERT_TRUE(broker->checkpoint());
  ASSERT_TRUE(broker->snapshot(kMachine, Offset(0), blob_of(as_bytes("x"))));
  EXPECT_EQ(broker->check_history(), "");
  EXPECT_EQ(broker->runtime().blocking_calls_on_cores(), opening);
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, annotations_are_kept_with_the_partition) {
  {
    auto broker = start();
    append_and_settle(*broker, 1);
    ASSERT_TRUE(broker->close());
  }
  auto broker = start();
  broker->log(kA);
  EXPECT_EQ(broker->annotation_found(kA), blob_of(as_bytes("kept beside the log")));
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, another_number_of_cores_reads_the_same_store) {
  {
    auto broker = start();
    append_and_settle(*broker, 5);
    ASSERT_TRUE(broker->close());
  }
  TestBroker broker(disk, history, tiny_limits(), {.seed = 9, .cores = 3});
  ASSERT_TRUE(broker.open());
  EXPECT_EQ(broker.check_history(), "");
  ASSERT_TRUE(broker.close());
}

TEST_F(StoreTest, a_partition_that_nobody_opens_can_be_discarded) {
  {
    auto broker = start();
    append_and_settle(*broker, 2);
    ASSERT_TRUE(broker->close());
  }
  SimRuntime runtime({.cores = 1}, disk);
  auto store = Store::open(runtime, "data", tiny_limits());
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->unclaimed(), (std::vector<PartitionId>{kA, kB}));
  (*store)->discard_recovered(kA);
  EXPECT_EQ((*store)->unclaimed(), (std::vector<PartitionId>{kB}));
  bool found = true;
  (void)(*store)->take_recovered(kA, found);
  EXPECT_FALSE(found);
  runtime.run_until_idle(std::chrono::seconds(10));
}

// A full disk.

TEST_F(StoreTest, segments_below_the_start_of_a_log_go) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  append_and_settle(*broker, 100);
  ASSERT_TRUE(broker->checkpoint());
  const auto before = paths_with(fmt::format("segments/{:016x}", kA.value())).size();
  ASSERT_GT(before, 2u);
  ASSERT_TRUE(broker->raise_log_start(kA, Offset(150)));
  EXPECT_LT(paths_with(fmt::format("segments/{:016x}", kA.value())).size(), before);
  PartitionLog& log = broker->log(kA);
  EXPECT_EQ(log.log_start(), Offset(150));
  auto below = log.read_now(Offset(149), 100, log.high_watermark());
  ASSERT_TRUE(below && !*below);
  EXPECT_EQ(below->error().code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(broker->check_history(), "");
  broker->power_cut(CrashKeeps::nothing);
  broker = start();
  EXPECT_EQ(broker->log(kA).log_start(), Offset(150));
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, a_log_that_begins_at_its_end_goes_on_there) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  append_and_settle(*broker, 20);
  ASSERT_TRUE(broker->checkpoint());
  append_and_settle(*broker, 3);
  Offset end = broker->log(kA).high_watermark();
  ASSERT_TRUE(broker->raise_log_start(kA, end));
  EXPECT_TRUE(paths_with(fmt::format("segments/{:016x}", kA.value())).empty());
  append_and_settle(*broker, 3);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  broker->power_cut(CrashKeeps::nothing);
  broker = start();
  EXPECT_EQ(broker->log(kA).log_start(), end);
  EXPECT_EQ(broker->log(kA).high_watermark(), end + 6);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, the_files_of_a_deleted_partition_go_and_others_do_not_notice) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  append_and_settle(*broker, 20);
  ASSERT_TRUE(broker->checkpoint());
  append_and_settle(*broker, 2);  // the journal knows it too, from the middle on
  ASSERT_FALSE(paths_with(fmt::format("segments/{:016x}", kA.value())).empty());
  ASSERT_TRUE(broker->remove(kA));
  EXPECT_TRUE(paths_with(fmt::format("segments/{:016x}", kA.value())).empty());
  EXPECT_EQ(broker->check_history(), "");
  broker->power_cut(CrashKeeps::nothing);
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, a_partition_deleted_during_a_checkpoint_does_not_come_back) {
  auto broker = start();
  append_and_settle(*broker, 20);
  std::optional<Result<void>> done;
  Core& core = broker->runtime().core(CoreId(0));
  auto checkpoint = [](Store& store, std::optional<Result<void>>& outcome) -> Task<void> {
    outcome.emplace(co_await store.checkpoint(Store::Extent::everything));
  };
  core.post([&] { core.spawn("checkpoint", checkpoint(broker->store(), done)); });
  ASSERT_TRUE(broker->remove(kA));
  ASSERT_TRUE(
      broker->runtime().run_until([&] { return done.has_value(); }, std::chrono::seconds(9)));
  EXPECT_TRUE(*done);
  EXPECT_TRUE(paths_with(fmt::format("segments/{:016x}", kA.value())).empty());
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(broker->check_history(), "");
  EXPECT_TRUE(paths_with(fmt::format("segments/{:016x}", kA.value())).empty());
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, what_is_answered_late_for_a_deleted_partition_harms_nobody) {
  auto broker = start();
  append_and_settle(*broker, 2);
  auto held = broker->log(kA).shared_from_this();
  broker->append(kB, 1, 100);
  Core& core = broker->core_of(kA);
  std::optional<Result<void>> answered;
  core.post([&] {
    Appender appender(broker->core_store_of(kA));
    Bytes batch = batch_of("late", 1, 50);
    auto header = read_batch_header(batch.view());
    appender.add(*held, *header, batch);
    appender.submit([&](Result<void> outcome) { answered = std::move(outcome); });
    broker->core_store_of(kA).close_log(kA);
  });
  ASSERT_TRUE(
      broker->runtime().run_until([&] { return answered.has_value(); }, std::chrono::seconds(9)));
  EXPECT_TRUE(*answered);
  EXPECT_EQ(held->bytes(), 0u);
  ASSERT_TRUE(broker->remove(kA));
  ASSERT_TRUE(broker->close());
}

// Snapshots.

TEST_F(StoreTest, the_newest_snapshot_is_found_after_a_crash) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  EXPECT_FALSE(broker->snapshot_of(kMachine)->has_value());
  ASSERT_TRUE(broker->snapshot(kMachine, Offset(0), blob_of(as_bytes("first"))));
  ASSERT_TRUE(broker->snapshot(kMachine, Offset(0), blob_of(as_bytes("second"))));
  broker->power_cut(CrashKeeps::nothing);
  broker = start();
  auto snapshot = broker->snapshot_of(kMachine);
  ASSERT_TRUE(snapshot && *snapshot);
  EXPECT_EQ((*snapshot)->bytes, blob_of(as_bytes("second")));
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, two_snapshots_are_kept_and_the_log_is_cut_below_the_older) {
  ScopedLeakCheckOff crashed;
  auto broker = start();
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 5; ++k) broker->append(kMachine);
    ASSERT_TRUE(broker->settle());
    ASSERT_TRUE(broker->checkpoint());
    Offset offset = broker->log(kMachine).high_watermark();
    ASSERT_TRUE(
        broker->snapshot(kMachine, offset, blob_of(as_bytes(fmt::format("{}", offset.value())))));
    EXPECT_LE(paths_with("snapshots/").size(), 2u);
  }
  EXPECT_EQ(broker->log(kMachine).log_start(), Offset(15));
  EXPECT_EQ(broker->check_history(), "");
  broker->power_cut(CrashKeeps::nothing);
  broker = start();
  EXPECT_EQ(broker->log(kMachine).log_start(), Offset(15));
  auto snapshot = broker->snapshot_of(kMachine);
  ASSERT_TRUE(snapshot && *snapshot);
  EXPECT_EQ((*snapshot)->offset, Offset(20));
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, a_damaged_newest_snapshot_leaves_the_older_one_and_the_log_behind_it) {
  for (std::size_t damaged = 0; damaged < 60; damaged += 7) {
    ScopedLeakCheckOff crashed;
    SimDisk one(damaged);
    one.make_durable_directory("data");
    History mine;
    {
      TestBroker broker(one, mine, tiny_limits());
      ASSERT_TRUE(broker.open());
      for (int i = 1; i <= 3; ++i) {
        broker.append(kMachine, 4);
        ASSERT_TRUE(broker.settle());
        ASSERT_TRUE(broker.checkpoint());
        ASSERT_TRUE(
            broker.snapshot(kMachine, Offset(4 * i), Blob(30, static_cast<std::uint8_t>(i))));
      }
      ASSERT_TRUE(broker.close());
    }
    std::string newest;
    for (const std::string& path : one.paths()) {
      if (path.find("snapshots/") != std::string::npos) newest = std::max(newest, path);
    }
    one.flip_bit(newest, damaged, 2);
    TestBroker broker(one, mine, tiny_limits());
    ASSERT_TRUE(broker.open());
    auto snapshot = broker.snapshot_of(kMachine);
    ASSERT_TRUE(snapshot && *snapshot) << "byte " << damaged;
    EXPECT_EQ((*snapshot)->offset, Offset(8));
    EXPECT_EQ((*snapshot)->bytes, Blob(30, 2));
    EXPECT_LE(broker.log(kMachine).log_start(), Offset(8)) << "the events after it must be there";
    EXPECT_EQ(broker.check_history(), "");
    ASSERT_TRUE(broker.close());
  }
}

TEST_F(StoreTest, no_readable_snapshot_of_a_cut_log_is_corruption) {
  {
    auto broker = start();
    for (int i = 1; i <= 3; ++i) {
      broker->append(kMachine, 4);
      ASSERT_TRUE(broker->settle());
      ASSERT_TRUE(broker->checkpoint());
      ASSERT_TRUE(broker->snapshot(kMachine, Offset(4 * i), Blob(30, 1)));
    }
    ASSERT_TRUE(broker->close());
  }
  for (const std::string& path : paths_with("snapshots/")) disk.flip_bit(path, 45, 0);
  auto broker = start();
  auto snapshot = broker->snapshot_of(kMachine);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, ErrorCode::storage_corrupt);
  ASSERT_TRUE(broker->close());
}

// A process that was killed leaves what it wrote in the page cache: read by the next one, lost by a
// power cut after that. As a disk: what was flushed is flushed, what was only written is only
// written. (New names count as durable here.)
void copy_as_after_a_kill(const SimDisk& from, SimDisk& to) {
  for (const char* folder : {"data", "data/journal", "data/segments", "data/snapshots"}) {
    to.make_durable_directory(folder);
  }
  for (const std::string& path : from.paths()) {
    auto file = to.files().open(path, OpenMode::create);
    ASSERT_TRUE(file);
    const Blob durable = from.durable_content(path);
    const Blob cached = from.content(path);
    ByteChain flushed;
    flushed.append(Bytes::copy_of(durable));
    ASSERT_TRUE((*file)->write_at(0, flushed));
    ASSERT_TRUE((*file)->sync());
    for (std::size_t at = 0; at < cached.size(); at += kSectorBytes) {
      std::size_t size = std::min<std::size_t>(kSectorBytes, cached.size() - at);
      ByteView part = ByteView(cached).subspan(at, size);
      if (at + size <= durable.size() &&
          std::ranges::equal(part, ByteView(durable).subspan(at, size)))
        continue;
      ByteChain sector;
      sector.append(Bytes::copy_of(part));
      ASSERT_TRUE((*file)->write_at(at, sector));
    }
  }
  for (const char* folder : {"", "data", "data/journal", "data/segments", "data/snapshots"}) {
    ASSERT_TRUE(to.files().sync_directory(folder));
  }
}

// Bug B3: recovery replayed from the page cache what no flush had covered, and built on it.
TEST_F(StoreTest, what_is_read_after_a_kill_survives_a_power_cut_that_follows) {
  for (std::uint64_t round = 0; round < 20; ++round) {
    ScopedLeakCheckOff killed;
    SimDisk first(round);
    first.make_durable_directory("data");
    History mine;
    TestBroker before(first, mine, tiny_limits(), {.seed = round, .cores = 2});
    ASSERT_TRUE(before.open());
    before.append(kA);
    ASSERT_TRUE(before.settle());
    before.runtime().run_for(std::chrono::seconds(1));
    // The lane writes, and is killed before it flushes.
    first.crash_at_operation(2);
    before.append(kA);
    before.append(kB);
    ASSERT_TRUE(
        before.runtime().run_until([&] { return first.crashed(); }, std::chrono::seconds(1)));

    SimDisk second(round);
    copy_as_after_a_kill(first, second);
    {
      TestBroker broker(second, mine, tiny_limits(), {.seed = round, .cores = 2});
      auto opened = broker.open();
      ASSERT_TRUE(opened) << opened.error().message();
      ASSERT_EQ(broker.check_history(), "") << "and from here on readers have seen it";
      broker.append(kA);
      ASSERT_TRUE(broker.settle());
      broker.power_cut(CrashKeeps::nothing);
    }
    TestBroker broker(second, mine, tiny_limits(), {.seed = round, .cores = 2});
    auto opened = broker.open();
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_EQ(broker.check_history(), "");
    EXPECT_TRUE(broker.close());
  }
}

// Bug B3d: the folders of a first start were made durable with its manifest only.
TEST_F(StoreTest,
       a_power_cut_during_the_first_start_leaves_folders_that_are_made_durable_by_the_next) {
  ScopedLeakCheckOff crashed;
  for (std::uint64_t operation = 1; operation < 25; ++operation) {
    for (std::uint64_t variant = 0; variant < 10; ++variant) {
      SimDisk one(operation * 100 + variant);  // without a durable folder
      History mine;
      {
        TestBroker broker(one, mine, tiny_limits());
        one.crash_at_operation(operation);
        (void)broker.open();
        broker.power_cut(CrashKeeps::some);
      }
      {
        TestBroker broker(one, mine, tiny_limits());
        auto opened = broker.open();
        ASSERT_TRUE(opened) << opened.error().message();
        broker.append(kA);
        ASSERT_TRUE(broker.settle());
        broker.power_cut(CrashKeeps::some);
      }
      TestBroker broker(one, mine, tiny_limits());
      auto opened = broker.open();
      ASSERT_TRUE(opened) << opened.error().message();
      EXPECT_EQ(broker.check_history(), "") << "operation " << operation << " variant " << variant;
      broker.power_cut(CrashKeeps::nothing);
    }
  }
}

TEST_F(StoreTest, a_start_that_is_raised_after_the_deletion_brings_nothing_back) {
  auto broker = start();
  append_and_settle(*broker, 5);
  ASSERT_TRUE(broker->checkpoint());
  const std::string files = fmt::format("{:016x}", kA.value());
  ASSERT_FALSE(paths_with(files).empty());
  std::shared_ptr<PartitionLog> log = broker->log(kA).shared_from_this();
  ASSERT_TRUE(broker->remove(kA));
  Result<void> raised = broker->runtime().run(
      broker->core_of(kA),
      broker->store().raise_log_starts(broker->core_store_of(kA), {{log, Offset(4)}}));
  EXPECT_TRUE(raised) << raised.error().message();
  log.reset();
  ASSERT_TRUE(broker->close());
  broker = start();
  EXPECT_EQ(paths_with(files), std::vector<std::string>{});
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->close());
}

TEST_F(StoreTest, the_same_seed_gives_the_same_run) {
  auto hash_of = [](std::uint64_t seed) {
    SimDisk one(seed);
    one.make_durable_directory("data");
    History mine;
    ScopedLeakCheckOff ended_by_power_cut;
    TestBroker broker(one, mine, tiny_limits(), {.seed = seed, .cores = 2});
    EXPECT_TRUE(broker.open());
    for (int i = 0; i < 10; ++i) broker.append(i % 2 == 0 ? kA : kB, 1, 500);
    EXPECT_TRUE(broker.settle());
    EXPECT_TRUE(broker.checkpoint());
    return broker.runtime().trace_hash();
  };
  EXPECT_EQ(hash_of(4), hash_of(4));
  EXPECT_NE(hash_of(4), hash_of(5));
}

}  // namespace
}  // namespace millrace::test

// The writer of the journal: what it answers, when, and what it does when files are full or the
// disk fails. Rules 3, 4 and 6 of the storage design.
#include "storage/journal_test_support.h"

namespace millrace::test {
namespace {

constexpr CoreId kZero{0};

std::size_t journal_files(const SimDisk& disk) { return disk.paths().size(); }

TEST(JournalLane, appends_of_each_partition_are_done_once_and_in_their_order) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(seed);
    TestLane lane(disk, journal_limits(), {.seed = seed, .cores = 3});
    std::map<std::size_t, std::uint32_t> core_of;
    for (std::uint32_t i = 0; i < 60; ++i) core_of[lane.append(200, i % 3)] = i % 3;
    ASSERT_TRUE(lane.settle());
    ASSERT_EQ(lane.answers().size(), 60u);
    std::map<std::uint32_t, std::size_t> newest;
    for (const TestLane::Answer& answer : lane.answers()) {
      auto core = core_of[answer.number];
      EXPECT_TRUE(newest.find(core) == newest.end() || newest[core] < answer.number)
          << "seed " << seed;
      newest[core] = answer.number;
      EXPECT_TRUE(answer.outcome);
    }
    EXPECT_EQ(lane.lane().pending_bytes(), 0u);
  }
}

TEST(JournalLane, what_is_done_survives_a_power_cut_right_after) {
  QuietLog quiet;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ScopedLeakCheckOff crashed;
    SimDisk disk(seed);
    TestLane lane(disk, journal_limits(), {.seed = seed, .cores = 2});
    for (std::uint32_t i = 0; i < 30; ++i) lane.append(300, i % 2);
    const std::size_t enough = seed % 30 + 1;
    ASSERT_TRUE(lane.runtime().run_until([&] { return lane.answers().size() >= enough; },
                                         std::chrono::seconds(10)));
    lane.power_cut(CrashKeeps::nothing);
    auto found = scan_of(disk);
    ASSERT_TRUE(found) << found.error().message();
    std::set<Blob> batches;
    for (const auto& [partition, batch] : found->batches) batches.insert(batch);
    // Appends were numbered as they were made, one batch each; the lane got them in another order.
    for (const TestLane::Answer& answer : lane.answers()) {
      const std::string text = fmt::format("append {} to", answer.number);
      EXPECT_TRUE(std::ranges::any_of(batches,
                                      [&](const Blob& batch) {
                                        return as_text(batch).find(text + " ") !=
                                               std::string_view::npos;
                                      }))
          << "seed " << seed << ": " << text;
    }
  }
}

TEST(JournalLane, nothing_is_done_before_a_flush_followed_its_write) {
  SimDisk disk(3);
  TestLane lane(disk, journal_limits());
  lane.runtime().run_until_idle(std::chrono::seconds(1));  // files are prepared
  const std::uint64_t syncs = disk.syncs();
  lane.append();
  ASSERT_TRUE(lane.settle());
  EXPECT_GT(lane.answers().front().syncs_before, syncs);
}

TEST(JournalLane, appends_made_while_a_flush_is_under_way_share_the_next_group) {
  SimDisk disk(1);
  TestLane lane(disk, journal_limits(),
                {.cores = 1, .worker_latency_max = std::chrono::milliseconds(5)});
  lane.runtime().run_until_idle(std::chrono::seconds(1));
  std::uint64_t syncs = disk.syncs();
  for (int i = 0; i < 100; ++i) lane.append(20);
  ASSERT_TRUE(lane.settle());
  std::set<JournalSequence> groups;
  for (const auto& answer : lane.answers()) groups.insert(answer.sequence);
  EXPECT_LE(groups.size(), 3u);
  EXPECT_EQ(disk.syncs() - syncs, groups.size()) << "one flush for each group";
}

TEST(JournalLane, a_group_takes_no_more_than_its_limit_unless_one_append_does) {
  StorageLimits limits = journal_limits();
  limits.group_bytes_max = 4 << 10;
  SimDisk disk(1);
  TestLane lane(disk, limits, {.cores = 1});
  for (int i = 0; i < 30; ++i) lane.append(1000);
  lane.append(20'000);
  ASSERT_TRUE(lane.settle());
  std::map<JournalSequence, int> appends;
  for (const auto& answer : lane.answers()) ++appends[answer.sequence];
  for (const auto& [sequence, count] : appends) EXPECT_LE(count, 4);
  EXPECT_GE(appends.size(), 8u);
  EXPECT_TRUE(lane.all_succeeded());
}

TEST(JournalLane, written_comes_before_done_and_only_to_who_wants_it) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(seed);
    TestLane lane(disk, journal_limits(), {.seed = seed, .cores = 2});
    for (std::size_t i = 0; i < 20; ++i)
      lane.append(CoreId(i % 2), {PartitionId(i % 2)}, 50, i % 3 == 0);
    ASSERT_TRUE(lane.settle());
    const auto& events = lane.events();
    for (std::size_t i = 0; i < 20; ++i) {
      auto written = std::ranges::find(events, fmt::format("written {}", i));
      auto done = std::ranges::find(events, fmt::format("done {}", i));
      ASSERT_NE(done, events.end());
      EXPECT_EQ(written != events.end(), i % 3 == 0);
      if (i % 3 == 0) EXPECT_LT(written - events.begin(), done - events.begin());
    }
  }
}

TEST(JournalLane, frames_of_one_append_are_in_one_group_in_their_order) {
  SimDisk disk(1);
  std::vector<std::pair<PartitionId, Blob>> made;
  {
    TestLane lane(disk, journal_limits());
    lane.append(kZero, {PartitionId(5), PartitionId(9), PartitionId(5)}, 100);
    ASSERT_TRUE(lane.settle());
    made = lane.made();
  }
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->scan.groups_replayed, 1u);
  EXPECT_EQ(found->batches, made);
}

TEST(JournalLane, a_group_larger_than_a_file_gets_a_file_of_its_size) {
  SimDisk disk(1);
  std::vector<std::pair<PartitionId, Blob>> made;
  {
    TestLane lane(disk, journal_limits(), {.cores = 1});
    lane.append(100);
    ASSERT_TRUE(lane.settle());
    lane.append(200'000);
    ASSERT_TRUE(lane.settle());
    lane.append(100);
    ASSERT_TRUE(lane.settle());
    EXPECT_TRUE(lane.all_succeeded());
    made = lane.made();
  }
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->batches, made);
}

TEST(JournalLane, groups_go_on_in_the_next_file_when_one_is_full) {
  SimDisk disk(1);
  std::vector<std::pair<PartitionId, Blob>> made;
  {
    TestLane lane(disk, journal_limits(), {.cores = 1});
    lane.append_groups(25, 5000);  // 8 KiB each, 7 to a file
    made = lane.made();
  }
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_GE(found->scan.start.in_use.size(), 4u);
  EXPECT_EQ(found->batches, made);
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(26));
}

TEST(JournalLane, a_full_journal_makes_appends_wait_and_a_release_lets_them_go_on) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(seed);
    TestLane lane(disk, journal_limits(), {.seed = seed, .cores = 2});
    for (std::uint32_t i = 0; i < 60; ++i) lane.append(14'000, i % 2);
    ASSERT_TRUE(lane.runtime().run_until_idle(std::chrono::minutes(1)));
    ASSERT_GT(lane.unanswered(), 0u) << "840 KB don't fit in 256 KiB";
    ASSERT_GT(lane.answers().size(), 0u);
    for (int releases = 0; lane.unanswered() > 0; ++releases) {
      ASSERT_LT(releases, 20) << "seed " << seed << ": the journal does not go on after a release";
      lane.lane().release(lane.lane().durable_through());
      ASSERT_TRUE(lane.runtime().run_until_idle(std::chrono::minutes(1)));
    }
    EXPECT_TRUE(lane.all_succeeded());
    EXPECT_LE(journal_files(disk), 4u) << "of 64 KiB in 256 KiB";
  }
}

TEST(JournalLane, files_that_are_released_are_used_again_and_no_more_are_made) {
  SimDisk disk(1);
  TestLane lane(disk, journal_limits(), {.cores = 1});
  for (int round = 0; round < 40; ++round) {
    lane.append_groups(4, 12'000);
    lane.lane().release(lane.lane().durable_through());
  }
  EXPECT_LE(journal_files(disk), 4u);
  EXPECT_TRUE(lane.all_succeeded());
}

// Bug B5b of the journal's review: a full journal stayed full when readers held its files at the
// moment of release.
TEST(JournalLane, a_file_that_was_held_at_its_release_is_recycled_when_it_is_let_go) {
  SimDisk disk(1);
  TestLane lane(disk, journal_limits(), {.cores = 1});
  lane.pin_files(true);
  for (int i = 0; i < 40; ++i) lane.append(14'000);
  ASSERT_TRUE(lane.runtime().run_until_idle(std::chrono::minutes(1)));
  ASSERT_GT(lane.unanswered(), 0u);
  lane.lane().release(lane.lane().durable_through());
  ASSERT_TRUE(lane.runtime().run_until_idle(std::chrono::minutes(1)));
  ASSERT_GT(lane.unanswered(), 0u) << "the readers still hold everything";
  EXPECT_TRUE(lane.lane().is_stalled());
  std::size_t waiting = lane.unanswered();
  lane.pin_files(false);
  lane.lane().retry();
  ASSERT_TRUE(lane.runtime().run_until_idle(std::chrono::minutes(1)));
  EXPECT_LT(lane.unanswered(), waiting);
  while (lane.unanswered() > 0) {
    std::size_t before = lane.unanswered();
    lane.lane().release(lane.lane().durable_through());
    ASSERT_TRUE(lane.runtime().run_until_idle(std::chrono::minutes(1)));
    ASSERT_LT(lane.unanswered(), before);
  }
  EXPECT_FALSE(lane.lane().is_stalled());
}

TEST(JournalLane, a_file_in_use_by_a_reader_is_not_recycled) {
  SimDisk disk(1);
  TestLane lane(disk, journal_limits(), {.cores = 1});
  lane.pin_files(true);
  lane.append_groups(10, 5000);
  Blob first = disk.content("data/journal/0-00000001.journal");
  lane.lane().release(lane.lane().durable_through());
  lane.runtime().run_until_idle(std::chrono::seconds(1));
  EXPECT_EQ(disk.content("data/journal/0-00000001.journal"), first);
  lane.pin_files(false);
}

TEST(JournalLane, a_failed_write_answers_outcome_unknown_to_all_and_stays_failed) {
  QuietLog quiet;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SimDisk disk(seed);
    TestLane lane(disk, journal_limits(), {.seed = seed, .cores = 2});
    lane.append();
    lane.runtime().run_until_idle(std::chrono::seconds(1));  // the next file is prepared
    disk.fail_write(seed % 3 + 1);
    for (std::uint32_t i = 0; i < 30; ++i) {
      lane.append(500, i % 2);
      if (i % 5 == 0) lane.runtime().run_for(std::chrono::milliseconds(3));
    }
    ASSERT_TRUE(lane.settle());
    EXPECT_TRUE(lane.lane().failed());
    bool failing = false;
    for (const auto& answer : lane.answers()) {
      if (!answer.outcome) {
        EXPECT_EQ(answer.outcome.error().code, ErrorCode::outcome_unknown);
      }
      if (answer.number % 2 == 0) continue;
      EXPECT_FALSE(failing && answer.outcome) << "after a failure nothing of the core succeeds";
      failing = !answer.outcome;
    }
    lane.append();
    ASSERT_TRUE(lane.settle());
    EXPECT_FALSE(lane.answers().back().outcome);
  }
}

TEST(JournalLane, after_a_failed_flush_nothing_is_written_or_flushed_any_more) {
  QuietLog quiet;
  SimDisk disk(5);
  TestLane lane(disk, journal_limits());
  lane.append_groups(3);
  lane.runtime().run_until_idle(std::chrono::seconds(1));
  disk.fail_sync(1);
  lane.append();
  ASSERT_TRUE(lane.settle());
  EXPECT_FALSE(lane.answers().back().outcome);
  EXPECT_TRUE(lane.lane().failed());
  std::uint64_t syncs = disk.syncs();
  std::uint64_t writes = disk.writes();
  for (int i = 0; i < 20; ++i) lane.append();
  ASSERT_TRUE(lane.settle());
  lane.mark();
  EXPECT_EQ(disk.syncs(), syncs) << "the next flush of this file would report success";
  EXPECT_EQ(disk.writes(), writes);
  EXPECT_EQ(lane.lane().durable_through(), JournalSequence(3));
  for (std::size_t i = 3; i < lane.answers().size(); ++i) {
    ASSERT_FALSE(lane.answers()[i].outcome);
    EXPECT_EQ(lane.answers()[i].outcome.error().code, ErrorCode::outcome_unknown);
  }
}

// STORAGE.md rule 4: whatever of the group is on the disk, it was answered with "unknown" and the
// next run decided without it.
TEST(JournalLane, a_group_whose_flush_failed_never_counts_once_it_is_voided) {
  QuietLog quiet;
  ScopedLeakCheckOff crashed;
  for (CrashKeeps keeps : {CrashKeeps::nothing, CrashKeeps::everything, CrashKeeps::some}) {
    for (bool first_of_its_file : {false, true}) {
      for (bool void_fails_once : {false, true}) {
        SimDisk disk(5);
        std::size_t before = 3;
        {
          TestLane lane(disk, journal_limits());
          lane.append_groups(3);
          if (first_of_its_file) {
            lane.append_groups(9, 6000);
            before += 9;
          }
          lane.runtime().run_until_idle(std::chrono::seconds(1));
          disk.fail_sync(1);
          lane.append(6000);
          ASSERT_TRUE(lane.settle());
          ASSERT_FALSE(lane.answers().back().outcome);
          if (void_fails_once) {
            // The zeroed file, then the void itself.
            disk.fail_sync(2);
            lane.lane().void_failed();
            lane.runtime().run_until_idle(std::chrono::seconds(1));
            EXPECT_FALSE(lane.lane().is_voided());
          }
          lane.lane().void_failed();
          lane.runtime().run_until_idle(std::chrono::seconds(1));
          ASSERT_TRUE(lane.lane().is_voided());
        }
        // The process goes on without a power cut: the group may be there, whole.
        auto scanned = scan_of(disk);
        ASSERT_TRUE(scanned) << scanned.error().message();
        EXPECT_EQ(scanned->batches.size(), before);
        EXPECT_EQ(scanned->scan.start.next_sequence, JournalSequence(before + 2));
        {
          TestLane lane(disk, journal_limits(), {.cores = 2}, std::move(scanned->scan.start));
          lane.append_groups(4);
        }
        disk.crash(keeps);
        auto again = scan_of(disk);
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(again->batches.size(), before + 4);
        EXPECT_EQ(again->scan.start.next_sequence, JournalSequence(before + 6));
      }
    }
  }
}

TEST(JournalLane, groups_of_an_earlier_lap_are_not_taken_for_new_ones) {
  QuietLog quiet;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    ScopedLeakCheckOff crashed;
    SimDisk disk(seed);
    JournalSequence released;
    std::vector<std::pair<PartitionId, Blob>> made;
    std::size_t kept_from = 0;
    TestLane lane(disk, journal_limits(), {.seed = seed, .cores = 1});
    for (int round = 0; round < 6; ++round) {
      lane.append_groups(10, 5000);
      released = lane.lane().durable_through();
      kept_from = lane.made().size();
      lane.lane().release(released);
      lane.runtime().run_until_idle(std::chrono::seconds(1));
    }
    lane.append_groups(2);
    made.assign(lane.made().begin() + static_cast<std::ptrdiff_t>(kept_from), lane.made().end());
    lane.power_cut(CrashKeeps::some);
    auto found = scan_of(disk, released + 1, released);
    ASSERT_TRUE(found) << "seed " << seed << ": " << found.error().message();
    EXPECT_EQ(found->batches, made);
  }
}

TEST(JournalLane, a_mark_follows_when_the_journal_is_idle) {
  SimDisk disk(1);
  {
    TestLane lane(disk, journal_limits());
    lane.append_groups(3);
    EXPECT_EQ(lane.lane().durable_through(), JournalSequence(3));
    lane.mark();
    EXPECT_EQ(lane.lane().durable_through(), JournalSequence(4));
  }
  auto found = scan_of(disk);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(5));
  EXPECT_EQ(found->batches.size(), 3u);
}

// Bug B4: each mark made the next one due.
TEST(JournalLane, an_idle_journal_gets_one_mark_and_no_more) {
  SimDisk disk(1);
  TestLane lane(disk, journal_limits());
  lane.mark();
  EXPECT_EQ(lane.lane().durable_through(), JournalSequence(0)) << "nothing to mark yet";
  lane.append_groups(2);
  lane.mark();
  EXPECT_EQ(lane.lane().durable_through(), JournalSequence(3));
  for (int i = 0; i < 5; ++i) lane.mark();
  EXPECT_EQ(lane.lane().durable_through(), JournalSequence(3));
  lane.append_groups(1);
  lane.mark();
  EXPECT_EQ(lane.lane().durable_through(), JournalSequence(5));
}

// Bug B6: the background worker woke a writer that was gone.
TEST(JournalLane, a_release_on_its_way_when_a_full_lane_stops_is_harmless) {
  SimDisk disk(1);
  SimRuntime runtime({.cores = 1}, disk);
  disk.make_durable_directory(kJournalFolder);
  BrokerClock clock;
  auto background = runtime.make_worker("background");
  auto lane = std::make_unique<JournalLane>(runtime, kJournalFolder, journal_limits(), *background,
                                            clock, JournalStart{});
  ASSERT_TRUE(lane->open());
  struct Quiet : Append {
    explicit Quiet(int& answers_in) : answers(answers_in) {}
    void done(Result<void>) override { ++answers; }
    int& answers;
  };
  int answers = 0;
  runtime.core(kZero).post([&] {
    for (int i = 0; i < 40; ++i) {
      auto append = std::make_unique<Quiet>(answers);
      Bytes batch = batch_of("x", 1, 14'000);
      append->frames.push_back({PartitionId(1), Offset(i), LeaderEpoch(0), 0, batch});
      lane->append(runtime.core(kZero), std::move(append));
    }
  });
  ASSERT_TRUE(runtime.run_until_idle(std::chrono::seconds(10)));
  ASSERT_LT(answers, 40) << "the journal is full";
  lane->release(lane->durable_through());
  lane->stop();
  background.reset();
  runtime.run_until_idle(std::chrono::seconds(10));
  EXPECT_EQ(answers, 40) << "every append is answered once, by a stop at the latest";
}

TEST(JournalLane, broker_time_never_goes_back) {
  BrokerClock clock;
  EXPECT_EQ(clock.advance(WallMs(100)), WallMs(100));
  EXPECT_EQ(clock.advance(WallMs(50)), WallMs(100));
  EXPECT_EQ(clock.advance(WallMs(101)), WallMs(101));
}

TEST(JournalLane, a_disk_too_full_to_prepare_a_file_ahead_is_no_failure) {
  QuietLog quiet;
  SimDisk disk(1);
  disk.set_capacity(1 << 20);
  StorageLimits limits = journal_limits();
  limits.journal_first_file_bytes = 1 << 20;
  limits.journal_file_bytes = 1 << 20;
  limits.journal_bytes_max = 8 << 20;
  TestLane lane(disk, limits, {.cores = 1});
  lane.append_groups(20, 5000);
  EXPECT_TRUE(lane.all_succeeded());
  EXPECT_FALSE(lane.lane().failed());
}

}  // namespace
}  // namespace millrace::test

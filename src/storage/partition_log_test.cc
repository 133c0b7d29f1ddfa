// One partition over its three places: memory, journal, segments.
#include "storage/partition_log.h"

#include <array>
#include <optional>

#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr PartitionId kLog{100};

class PartitionLogTest : public ::testing::Test {
 protected:
  PartitionLogTest() { disk.make_durable_directory("data"); }
  void start(StorageLimits limits = tiny_limits()) {
    broker =
        std::make_unique<TestBroker>(disk, history, limits, SimOptions{.seed = ++seed, .cores = 2});
    auto opened = broker->open();
    ASSERT_TRUE(opened) << opened.error().message();
  }
  void append(int batches, std::size_t bytes = 300) {
    for (int i = 0; i < batches; ++i) broker->append(kLog, 2, bytes);
    ASSERT_TRUE(broker->settle());
  }
  PartitionLog& log() { return broker->log(kLog); }
  Result<LogRead> read(Offset from, std::size_t bytes_max) {
    return read(from, bytes_max, log().high_watermark());
  }
  Result<LogRead> read(Offset from, std::size_t bytes_max, Offset limit) {
    return broker->runtime().run(broker->core_of(kLog), log().read(from, bytes_max, limit));
  }
  std::optional<Blob> batch_at(WallMs time) {
    auto found = broker->runtime().run(broker->core_of(kLog), log().batch_at_time(time));
    EXPECT_TRUE(found) << found.error().message();
    if (!found || !*found) return std::nullopt;
    return blob_of((*found)->view());
  }
  // One batch with records of this time.
  void append_at(WallMs time, std::size_t bytes = 100) {
    bool done = false;
    broker->core_of(kLog).post([&] {
      Appender appender(broker->core_store_of(kLog));
      Bytes batch = batch_of(fmt::format("at {}", time.value()), 1, bytes, time);
      auto header = read_batch_header(batch.view());
      appender.add(log(), *header, batch);
      appender.submit([&](Result<void> outcome) { done = outcome.has_value(); });
    });
    ASSERT_TRUE(broker->runtime().run_until([&] { return done; }, std::chrono::seconds(10)));
  }
  void stop() { EXPECT_TRUE(broker->close()); }
  static Task<void> tell(Task<Result<LogRead>> task, std::optional<Result<LogRead>>* outcome) {
    outcome->emplace(co_await task);
  }
  // Of the lowest byte of the batch's base offset, in the file whose name ends so.
  void flip_base_offset(const std::string& ending, const Written& batch, unsigned bit) {
    int found = 0;
    for (const std::string& path : disk.paths()) {
      const std::vector<std::uint8_t> content = disk.content(path);
      auto at = std::ranges::search(content, batch.bytes);
      if (!path.ends_with(ending) || at.empty()) continue;
      ++found;
      constexpr std::ptrdiff_t kLowestByte = 7;
      disk.flip_bit(path, static_cast<std::uint64_t>(at.begin() - content.begin() + kLowestByte),
                    bit);
    }
    ASSERT_EQ(found, 1);
  }

  QuietLog quiet;
  SimDisk disk{1};
  History history;
  std::uint64_t seed = 0;
  std::unique_ptr<TestBroker> broker;
};

TEST_F(PartitionLogTest, reads_from_any_offset_are_whole_and_contiguous_over_all_places) {
  // What survives a crash is in the journal alone, what is new in memory, what was checkpointed in
  // segments.
  StorageLimits limits = tiny_limits();
  limits.tail_bytes_max = 2 << 10;
  ScopedLeakCheckOff crashed;
  start(limits);
  append(30);
  ASSERT_TRUE(broker->checkpoint());
  append(20);
  broker->power_cut(CrashKeeps::nothing);
  start(limits);
  append(20);
  ASSERT_EQ(broker->check_history(), "");
  const std::vector<Written>& written = history[kLog];
  for (std::size_t bytes_max :
       {std::size_t{1}, std::size_t{700}, std::size_t{5000}, std::size_t{1'000'000}}) {
    for (Offset from(0); from < log().high_watermark(); ++from) {
      auto found = read(from, bytes_max);
      ASSERT_TRUE(found) << found.error().message();
      auto expected =
          std::ranges::find_if(written, [&](const Written& one) { return one.next > from; });
      Bytes flat = found->batches.flatten();
      ASSERT_GE(flat.size(), expected->bytes.size());
      std::size_t at = 0;
      Offset next = from;
      for (; at < flat.size(); ++expected) {
        ASSERT_EQ(blob_of(flat.view().subspan(at, expected->bytes.size())), expected->bytes);
        at += expected->bytes.size();
        next = expected->next;
      }
      EXPECT_EQ(found->next, next);
    }
  }
  broker->power_cut(CrashKeeps::nothing);
}

TEST_F(PartitionLogTest, reads_outside_of_the_range_are_refused_and_at_the_end_empty) {
  start();
  append(3);
  auto before = read(Offset(-1), 100);
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, ErrorCode::offset_out_of_range);
  auto beyond = read(Offset(7), 100);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::offset_out_of_range);
  auto end = read(Offset(6), 100);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->batches.empty());
  EXPECT_EQ(end->next, Offset(6));
  stop();
}

Task<void> read_into(PartitionLog* log, Offset from, std::optional<Result<LogRead>>* result) {
  auto kept = log->shared_from_this();
  result->emplace(co_await log->read(from, 1000, log->high_watermark()));
}

// Bug: segments are opened when they are read, and retention removed one in between: the reader was
// told that there is no such file.
TEST_F(PartitionLogTest, a_read_of_what_retention_removes_meanwhile_is_out_of_range) {
  int out_of_range = 0;
  for (int round = 0; round < 40; ++round) {
    start();
    append(30);
    ASSERT_TRUE(broker->checkpoint());
    stop();
    start();  // nothing is open, nothing in memory
    Offset from = log().log_start();
    Offset end = log().high_watermark();
    std::optional<Result<LogRead>> result;
    Core& core = broker->core_of(kLog);
    core.post([&] { core.spawn("read", read_into(&log(), from, &result)); });
    broker->runtime().run_for(std::chrono::microseconds(round * 20));
    ASSERT_TRUE(broker->raise_log_start(kLog, end));
    ASSERT_TRUE(
        broker->runtime().run_until([&] { return result.has_value(); }, std::chrono::seconds(10)));
    if (!*result) {
      EXPECT_EQ(result->error().code, ErrorCode::offset_out_of_range) << result->error().message();
      ++out_of_range;
    }
    ASSERT_TRUE(broker->check_history().empty());
    stop();
  }
  EXPECT_GT(out_of_range, 0);
  EXPECT_LT(out_of_range, 40);
}

// Bug: a batch whose first bytes end a chunk and whose others begin the next was taken for a
// damaged one by who looked at each part of a read alone.
TEST_F(PartitionLogTest, a_batch_that_lies_in_two_chunks_is_found_by_its_time) {
  StorageLimits limits = tiny_limits();
  limits.segment_bytes = 1 << 20;
  start(limits);
  for (std::int64_t i = 0; i < 60; ++i) append_at(WallMs(1000 + i), 700);
  stop();
  start(limits);
  for (std::int64_t i = 0; i < 60; ++i) {
    auto found = batch_at(WallMs(1000 + i));
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(read_batch_header(*found)->base_offset, Offset(i));
  }
  stop();
}

// Bug B8: a read from a segment went beyond the limit.
TEST_F(PartitionLogTest, nothing_at_or_beyond_the_limit_is_read_from_any_place) {
  start();
  append(10);
  for (bool flushed : {false, true}) {
    if (flushed) ASSERT_TRUE(broker->checkpoint());
    if (flushed) {
      stop();  // so that nothing is in memory
      start();
    }
    for (Offset limit(2); limit <= log().high_watermark(); limit = limit + 2) {
      auto found = read(Offset(0), 1'000'000, limit);
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_EQ(found->next, limit) << (flushed ? "segment" : "tail");
    }
  }
  stop();
}

TEST_F(PartitionLogTest, what_is_not_durable_is_not_visible) {
  start();
  append(2);
  ASSERT_EQ(log().high_watermark(), Offset(4));
  broker->append(kLog, 2, 100);
  bool seen_undurable = false;
  while (broker->unanswered() > 0) {
    ASSERT_TRUE(broker->runtime().step());
    if (log().end() > log().high_watermark()) {
      seen_undurable = true;
      EXPECT_EQ(log().high_watermark(), Offset(4));
      auto now = log().read_now(Offset(4), 1000, log().high_watermark());
      ASSERT_TRUE(now && *now);
      EXPECT_TRUE((*now)->batches.empty());
    }
  }
  EXPECT_TRUE(seen_undurable);
  EXPECT_EQ(log().high_watermark(), Offset(6));
  stop();
}

TEST_F(PartitionLogTest, memory_is_bounded_and_what_was_let_go_is_read_from_the_journal) {
  StorageLimits limits = tiny_limits();
  limits.tail_bytes_max = 4 << 10;
  start(limits);
  append(100);
  broker->runtime().set_would_block_percent(100);
  int in_memory = 0;
  for (Offset from(0); from < log().high_watermark(); from = from + 2) {
    auto now = log().read_now(from, 1, log().high_watermark());
    if (now) ++in_memory;
  }
  EXPECT_GT(in_memory, 0);
  EXPECT_LE(in_memory * 300, (4 << 10) / 2 + 600) << "two cores share the limit";
  EXPECT_EQ(broker->check_history(), "");
  stop();
}

TEST_F(PartitionLogTest, a_flushed_batch_leaves_the_tail_with_its_bytes) {
  StorageLimits limits = tiny_limits();
  limits.tail_bytes_max = 0;
  start(limits);
  append(20);
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  append(20);
  EXPECT_EQ(broker->check_history(), "");
  ASSERT_TRUE(broker->checkpoint());
  EXPECT_EQ(broker->check_history(), "");
  stop();
}

TEST_F(PartitionLogTest, epoch_end_answers_from_durable_epochs) {
  start();
  EXPECT_EQ(log().epoch_end(LeaderEpoch(5)), std::nullopt) << "an empty log knows no epoch";
  append(3);
  EXPECT_EQ(log().epoch_end(LeaderEpoch(0)), (EpochStart{LeaderEpoch(0), Offset(6)}));
  EXPECT_EQ(log().epoch_end(LeaderEpoch(-1)), std::nullopt);
  stop();
}

TEST_F(PartitionLogTest, a_time_is_found_in_every_place) {
  StorageLimits limits = tiny_limits();
  limits.segment_bytes = 600;  // three batches or so
  start(limits);
  std::vector<std::int64_t> times = {1000, 2000, 1500, 3000, 4000, 3900, 5000, 6000, 7000, 8000};
  for (std::size_t i = 0; i < times.size(); ++i) {
    append_at(WallMs(times[i]));
    if (i == 5) ASSERT_TRUE(broker->checkpoint());
  }
  for (std::int64_t time = 500; time <= 8500; time += 250) {
    auto expected = std::ranges::find_if(times, [&](std::int64_t one) { return one >= time; });
    auto found = batch_at(WallMs(time));
    ASSERT_EQ(found.has_value(), expected != times.end()) << time;
    if (!found) continue;
    auto header = read_batch_header(*found);
    EXPECT_EQ(header->base_offset, Offset(expected - times.begin())) << time;
  }
  EXPECT_EQ(log().newest_timestamp(), WallMs(8000));
  stop();
}

TEST_F(PartitionLogTest, the_newest_timestamp_is_the_same_in_memory_and_in_a_segment) {
  start();
  EXPECT_FALSE(log().newest_timestamp());
  for (std::int64_t time : {1000, 9000, 2000}) append_at(WallMs(time));
  EXPECT_EQ(log().newest_timestamp(), WallMs(9000));
  stop();
  start();
  EXPECT_EQ(log().newest_timestamp(), WallMs(9000));
  auto found = batch_at(WallMs(9000));
  ASSERT_TRUE(found);
  EXPECT_EQ(read_batch_header(*found)->base_offset, Offset(1));
  stop();
}

TEST_F(PartitionLogTest, a_batch_that_is_a_small_part_of_its_buffer_is_copied_out_of_it) {
  start();
  bool done = false;
  BufferRef received = Buffer::allocate(64 << 10);
  Bytes made = batch_of("small", 1, 100);
  std::copy_n(made.data(), made.size(), received->data() + 1000);
  auto header = read_batch_header(made.view());
  broker->core_of(kLog).post([&] {
    Appender appender(broker->core_store_of(kLog));
    appender.add(log(), *header, Bytes(received, 1000, made.size()));
    appender.submit([&](Result<void>) { done = true; });
  });
  ASSERT_TRUE(broker->runtime().run_until([&] { return done; }, std::chrono::seconds(10)));
  auto found = read(Offset(0), 1000);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->batches.size(), made.size());
  found->batches.clear();
  broker->runtime().run_for(std::chrono::seconds(1));
  EXPECT_TRUE(received.unique()) << "64 KiB are not kept alive by 200 bytes";
  stop();
}

TEST_F(PartitionLogTest, waiting_for_room_ends_when_the_journal_has_written) {
  StorageLimits limits = tiny_limits();
  limits.pending_bytes_max = 10 << 10;
  start(limits);
  bool was_full = false;
  bool woken = false;
  broker->append(kLog, 1, 8000);
  broker->append(kLog, 1, 8000);
  broker->core_of(kLog).post([&] { was_full = broker->core_store_of(kLog).is_full(8000); });
  struct Waiter {
    static Task<void> wait(CoreStore& store, bool& woken) {
      co_await store.room(8000);
      woken = true;
    }
  };
  broker->core_of(kLog).post([&] {
    broker->core_of(kLog).spawn("test", Waiter::wait(broker->core_store_of(kLog), woken));
  });
  ASSERT_TRUE(broker->runtime().run_until([&] { return woken; }, std::chrono::seconds(10)));
  EXPECT_TRUE(was_full);
  EXPECT_FALSE(broker->core_store_of(kLog).is_full(8000));
  ASSERT_TRUE(broker->settle());
  stop();
}

TEST_F(PartitionLogTest, small_appends_find_room_behind_large_ones) {
  StorageLimits limits = tiny_limits();
  limits.pending_bytes_max = 10 << 10;
  limits.pending_small_bytes = 4 << 10;
  start(limits);
  std::vector<bool> full;
  broker->append(kLog, 1, 7000);
  broker->core_of(kLog).post([&] {
    const CoreStore& store = broker->core_store_of(kLog);
    full = {store.is_full(limits.small_append_bytes + 1), store.is_full(limits.small_append_bytes)};
  });
  broker->append(kLog, 1, 4000);
  broker->core_of(kLog).post([&] { full.push_back(broker->core_store_of(kLog).is_full(1)); });
  ASSERT_TRUE(broker->settle());
  EXPECT_EQ(full, (std::vector<bool>{true, false, true}));
  stop();
}

// Found by a simulated history: a fetch that had to wait for the disk went on in a log that was no
// more.
TEST_F(PartitionLogTest, a_read_that_waits_outlives_its_log) {
  StorageLimits limits = tiny_limits();
  limits.tail_bytes_max = 0;
  start(limits);
  append(20);
  ASSERT_TRUE(broker->checkpoint());
  std::optional<Result<LogRead>> outcome;
  Core& core = broker->core_of(kLog);
  broker->runtime().set_would_block_percent(100);
  core.post([&] {
    core.spawn("read", tell(log().read(Offset(0), 100, log().high_watermark()), &outcome));
    broker->core_store_of(kLog).close_log(kLog);
  });
  ASSERT_TRUE(
      broker->runtime().run_until([&] { return outcome.has_value(); }, std::chrono::seconds(10)));
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, ErrorCode::unknown_topic_or_partition);
  stop();
}

// Found by a simulated history: the checksum that clients look at does not cover a batch's base
// offset, and a flipped bit in it made records look like others, or vanish.
TEST_F(PartitionLogTest, a_flipped_bit_in_a_base_offset_is_damage_wherever_it_stands) {
  for (bool in_segment : {false, true}) {
    for (unsigned bit : {0u, 1u, 3u, 6u}) {
      SCOPED_TRACE(fmt::format("{} bit {}", in_segment ? "segment" : "journal", bit));
      disk.crash(CrashKeeps::nothing);
      history.clear();
      for (const std::string& path : disk.paths()) ASSERT_TRUE(disk.files().remove(path));
      StorageLimits limits = tiny_limits();
      limits.tail_bytes_max = 0;
      start(limits);
      append(12);
      if (in_segment) ASSERT_TRUE(broker->checkpoint());
      const Written& fourth = history[kLog][3];
      flip_base_offset(in_segment ? ".log" : ".journal", fourth, bit);
      for (Offset from(0); from < log().high_watermark(); ++from) {
        auto found = read(from, 1);
        if (found) {
          auto header = read_batch_header(found->batches.flatten().view());
          ASSERT_TRUE(header);
          EXPECT_LE(header->base_offset, from);
          EXPECT_GE(header->last_offset(), from);
        } else {
          EXPECT_EQ(found.error().code, ErrorCode::storage_corrupt) << "offset " << from.value();
        }
        if (from >= fourth.base && from < fourth.next) EXPECT_FALSE(found);
      }
      (void)broker->close();
      broker.reset();
    }
  }
}

TEST_F(PartitionLogTest, two_readers_may_want_the_same_index_at_once) {
  StorageLimits limits = tiny_limits();
  limits.tail_bytes_max = 0;
  start(limits);
  append(20);
  stop();
  start(limits);  // no index is in memory
  std::array<std::optional<Result<LogRead>>, 2> outcomes;
  Core& core = broker->core_of(kLog);
  core.post([&] {
    for (auto& outcome : outcomes) {
      core.spawn("read", tell(log().read(Offset(7), 100, log().high_watermark()), &outcome));
    }
  });
  auto both = [&] { return outcomes[0].has_value() && outcomes[1].has_value(); };
  ASSERT_TRUE(broker->runtime().run_until(both, std::chrono::seconds(10)));
  for (auto& outcome : outcomes) {
    ASSERT_TRUE(*outcome) << outcome->error().message();
    EXPECT_EQ(blob_of((*outcome)->batches.flatten().view()), history[kLog][3].bytes);
  }
  stop();
}

}  // namespace
}  // namespace millrace::test

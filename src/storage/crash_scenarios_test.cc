// The short lives that crash_points_test.cc ends by every power cut there is. Each expects that it
// did what its name says: a sweep over a life in which nothing happened proves nothing.
#include <array>
#include <cstring>

#include "record/crc32c.h"
#include "storage/crash_sweep_test_support.h"
#include "storage/format.h"

namespace millrace::test {
namespace {

using namespace std::chrono_literals;
using journal_format::FileHeader;
using journal_format::GroupHeader;
using journal_format::kBlock;

constexpr PartitionId kA{100};  // core 0 of 2
constexpr PartitionId kB{101};  // core 1
constexpr PartitionId kDeleted{104};
constexpr PartitionId kDeletedDirect{105};
constexpr PartitionId kMachine{2};

// The journal's first file has room for two small groups, the others for three.
StorageLimits small() {
  StorageLimits limits = tiny_limits();
  limits.journal_first_file_bytes = 3 * kBlock;
  limits.journal_file_bytes = 4 * kBlock;
  limits.journal_bytes_max = 128 << 10;
  limits.segment_bytes = 4 << 10;
  limits.tail_bytes_max = 4 << 10;
  limits.group_bytes_max = 8 << 10;
  return limits;
}

StorageLimits straight() {
  StorageLimits limits = small();
  limits.direct_append_bytes = 1200;
  limits.direct_writers = 2;
  limits.segment_bytes = 8 << 10;
  return limits;
}

StorageLimits carrying() {
  StorageLimits limits = small();
  limits.carry_partitions_min = 2;
  limits.carry_times_max = 1;
  return limits;
}

StorageLimits little_journal() {
  StorageLimits limits = small();
  limits.journal_bytes_max = limits.journal_first_file_bytes + 2 * limits.journal_file_bytes;
  return limits;
}

// Each in a group of its own.
void append_each(TestBroker& broker, PartitionId id, int count, std::size_t bytes = 200) {
  for (int i = 0; i < count; ++i) {
    broker.append(id, 1, bytes);
    EXPECT_TRUE(broker.settle());
  }
  EXPECT_EQ(broker.refused(), 0u);
}

void checkpoint(TestBroker& broker) {
  auto done = broker.checkpoint();
  EXPECT_TRUE(done) << done.error().message();
}

void raise(TestBroker& broker, PartitionId id, Offset offset) {
  auto raised = broker.raise_log_start(id, offset);
  EXPECT_TRUE(raised) << raised.error().message();
}

void remove(TestBroker& broker, PartitionId id) {
  auto removed = broker.remove(id);
  EXPECT_TRUE(removed) << removed.error().message();
}

void save(TestBroker& broker) {
  Offset offset = broker.log(kMachine).high_watermark();
  auto saved = broker.snapshot(kMachine, offset,
                               blob_of(as_bytes(fmt::format("all below {}", offset.value()))));
  EXPECT_TRUE(saved) << saved.error().message();
}

void pass(TestBroker& broker, Duration time) {
  bool passed = false;
  Core& core = broker.runtime().core(CoreId(0));
  core.post([&] { core.call_after(time, [&] { passed = true; }); });
  EXPECT_TRUE(broker.runtime().run_until([&] { return passed; }, 2 * time));
}

void start_ticking(TestBroker& broker) {
  broker.runtime().core(CoreId(0)).post([&broker] { broker.store().start(); });
}

std::vector<std::string> paths_with(SimDisk& disk, const std::string& part) {
  std::vector<std::string> found;
  for (const std::string& path : disk.paths()) {
    if (path.find(part) != std::string::npos) found.push_back(path);
  }
  return found;
}

std::vector<std::string> segments_of(SimDisk& disk, PartitionId id) {
  auto found = paths_with(disk, fmt::format("segments/{:016x}", id.value()));
  std::erase_if(found, [](const std::string& path) { return !path.ends_with(kSegmentSuffix); });
  return found;
}

template <class Header>
Header header_at(SimDisk& disk, const std::string& path, std::size_t position) {
  Header header;
  const auto content = disk.content(path);
  if (content.size() < position + sizeof header) return {};
  std::memcpy(&header, content.data() + position, sizeof header);
  return header;
}

// Files of the journal in a later lap than their first, in which a group newer than `sequence` is.
std::size_t files_used_again(SimDisk& disk, JournalSequence sequence) {
  std::size_t count = 0;
  for (const std::string& path : paths_with(disk, ".journal")) {
    const bool again = header_at<FileHeader>(disk, path, 0).lap > 1;
    const auto group = header_at<GroupHeader>(disk, path, kBlock);
    if (again && group.sequence > sequence.value()) ++count;
  }
  return count;
}

// From the very first start on.
void append(Life& life, const StorageLimits& limits) {
  life.count_from_here();
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 2);
  append_each(broker, kB, 1, 5000);  // two blocks
  append_each(broker, kA, 1);
  EXPECT_GE(broker.store().stats().journal.groups, 4u);
  EXPECT_EQ(broker.store().stats().checkpoints, 0u);
}

void group_commit(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, PartitionId(99), 1);
  const std::uint64_t groups_before = broker.store().stats().journal.groups;
  life.count_from_here();
  constexpr std::size_t kRounds = 4;
  for (std::size_t i = 0; i < kRounds; ++i) {
    broker.append({PartitionId(99), PartitionId(102)}, 1, 300);  // core 0 of 3
    broker.append(PartitionId(100), 2, 700);
    broker.append({PartitionId(101), PartitionId(104)}, 1, 500);
  }
  EXPECT_TRUE(broker.settle());
  EXPECT_EQ(broker.refused(), 0u);
  const std::uint64_t groups = broker.store().stats().journal.groups - groups_before;
  EXPECT_LT(groups, kRounds * 3 / 2) << "each append had a flush of its own";
}

void flush(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 2);
  append_each(broker, kB, 1);
  life.count_from_here();
  checkpoint(broker);
  append_each(broker, kA, 2);
  // Something comes meanwhile, and stays.
  broker.append(kB, 1, 300);
  broker.runtime().run_for(200us);
  checkpoint(broker);
  EXPECT_TRUE(broker.settle());
  const StoreStats stats = broker.store().stats();
  EXPECT_EQ(stats.checkpoints, 2u);
  EXPECT_GT(stats.checkpoint_bytes, 1000u);
  EXPECT_EQ(segments_of(life.disk(), kA).size(), 1u) << "the second goes on in the first's file";
}

void segment_roll(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 2, 1500);
  checkpoint(broker);
  life.count_from_here();
  append_each(broker, kA, 4, 1500);
  checkpoint(broker);
  EXPECT_GE(segments_of(life.disk(), kA).size(), 3u);
}

void retention(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 6, 1500);
  append_each(broker, kB, 2, 1500);
  checkpoint(broker);
  append_each(broker, kA, 2, 300);
  const std::size_t before = segments_of(life.disk(), kA).size();
  EXPECT_GE(before, 3u);
  life.count_from_here();
  raise(broker, kA, Offset(1));  // in the middle of a segment
  EXPECT_EQ(segments_of(life.disk(), kA).size(), before);
  raise(broker, kA, Offset(5));
  EXPECT_LT(segments_of(life.disk(), kA).size(), before);
  raise(broker, kA, Offset(7));  // in the journal
  EXPECT_EQ(segments_of(life.disk(), kA).size(), 0u);
  raise(broker, kB, broker.log(kB).high_watermark());  // nothing is left
  append_each(broker, kB, 1);
  checkpoint(broker);
  append_each(broker, kA, 1);
}

void journal_recycling(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 6);
  const JournalSequence before = broker.store().journal().durable_through();
  life.count_from_here();
  checkpoint(broker);
  pass(broker, 50ms);  // its files are made ready
  append_each(broker, kA, 4);
  append_each(broker, kB, 2);
  checkpoint(broker);
  pass(broker, 50ms);
  append_each(broker, kB, 4);
  EXPECT_GE(files_used_again(life.disk(), before), 2u);
}

// The journal is at its limit: what is appended waits for a checkpoint.
void full_journal(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 4);
  life.count_from_here();
  for (int i = 0; i < 6; ++i) broker.append(i % 2 == 0 ? kA : kB, 1, 3000);
  EXPECT_TRUE(
      broker.runtime().run_until([&] { return broker.store().journal().is_stalled(); }, 1min));
  for (int i = 0; i < 3 && broker.unanswered() > 0; ++i) {
    auto step = broker.runtime().run(broker.runtime().core(CoreId(0)),
                                     broker.store().checkpoint(Store::Extent::step));
    EXPECT_TRUE(step);
    pass(broker, 50ms);
  }
  EXPECT_TRUE(broker.settle());
  EXPECT_EQ(broker.refused(), 0u);
  EXPECT_LE(broker.store().stats().journal.file_bytes, limits.journal_bytes_max);
}

void snapshot(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kMachine, 2, 60);
  life.count_from_here();
  save(broker);
  append_each(broker, kMachine, 2, 60);
  checkpoint(broker);
  save(broker);
  append_each(broker, kMachine, 1, 60);
  save(broker);
  EXPECT_EQ(paths_with(life.disk(), ".snapshot").size(), 2u);
  EXPECT_EQ(broker.log(kMachine).log_start(), Offset(4)) << "is not cut below the older one";
  checkpoint(broker);
}

std::string no_file_of_the_deleted(TestBroker& broker, PartitionId id) {
  auto left = paths_with(broker.disk(), fmt::format("segments/{:016x}", id.value()));
  // A file that was just being made when the power went is an orphan of the start.
  return left.empty() ? std::string() : fmt::format("{} of a deleted partition is there", left[0]);
}

void topic_deletion(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kDeleted, 3, 900);
  append_each(broker, kA, 1);
  checkpoint(broker);
  append_each(broker, kDeleted, 1, 300);         // stays in the journal
  append_each(broker, kDeletedDirect, 2, 2000);  // straight to a file that no manifest lists
  EXPECT_EQ(segments_of(life.disk(), kDeleted).size(), 1u);
  EXPECT_EQ(segments_of(life.disk(), kDeletedDirect).size(), 1u);
  life.count_from_here();
  remove(broker, kDeleted);
  append_each(broker, kA, 1);
  remove(broker, kDeletedDirect);
  EXPECT_EQ(segments_of(life.disk(), kDeleted).size(), 0u);
  EXPECT_EQ(segments_of(life.disk(), kDeletedDirect).size(), 0u);
  append_each(broker, kB, 1);
  checkpoint(broker);
}

std::string check_deletion(TestBroker& broker) {
  for (PartitionId id : {kDeleted, kDeletedDirect}) {
    if (!broker.history().deleted.contains(id)) continue;
    if (auto wrong = no_file_of_the_deleted(broker, id); !wrong.empty()) return wrong;
  }
  return {};
}

void large_writes(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 1);
  life.count_from_here();
  append_each(broker, kA, 2, 2000);
  broker.append(kA, 1, 3000);
  broker.append(kB, 1, 2500);  // two files at once
  EXPECT_TRUE(broker.settle());
  append_each(broker, kA, 1, 300);  // goes on there
  checkpoint(broker);
  append_each(broker, kA, 2, 2500);  // another file
  append_each(broker, kB, 1, 100);
  EXPECT_EQ(broker.refused(), 0u);
  EXPECT_GT(broker.store().bytes_written_direct(), 14'000u);
  EXPECT_GE(segments_of(life.disk(), kA).size(), 2u);
}

void carrying_forward(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  std::vector<PartitionId> ids;
  for (std::uint64_t i = 0; i < 4; ++i) ids.emplace_back(200 + 2 * i);
  broker.append(ids, 1, 60);
  EXPECT_TRUE(broker.settle());
  append_each(broker, ids[1], 1, 100);
  life.count_from_here();
  broker.append(ids[2], 1, 100);  // while it is carried
  checkpoint(broker);
  EXPECT_TRUE(broker.settle());
  EXPECT_GT(broker.store().bytes_carried(), 300u);
  EXPECT_EQ(paths_with(life.disk(), "segments/").size(), 0u);
  pass(broker, 50ms);  // where it stood before is made ready to be written over
  append_each(broker, ids[0], 3);
  checkpoint(broker);  // it was carried once: now it gets files
  EXPECT_GE(segments_of(life.disk(), ids[3]).size(), 1u);
  append_each(broker, ids[3], 1);
}

// Until the store asks to be started again.
void fail_flush(Life& life, TestBroker& broker) {
  pass(broker, 50ms);  // no other one comes before
  life.disk().fail_sync(1);
  broker.append(kA, 1, 700);
  broker.append(kB, 1, 400);
  EXPECT_TRUE(broker.runtime().run_until([&] { return broker.must_restart(); }, 1min));
  EXPECT_GT(broker.refused(), 0u);
  EXPECT_TRUE(broker.store().journal().is_voided());
}

void failed_flush(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  start_ticking(broker);
  append_each(broker, kA, 2);
  append_each(broker, kB, 1);
  life.count_from_here();
  fail_flush(life, broker);
  life.kill();
  TestBroker& after = life.start(limits);
  append_each(after, kA, 2, 300);
  append_each(after, kB, 1, 300);
  checkpoint(after);
  append_each(after, kA, 1, 300);
}

// Again before anything of the first one was released.
void failed_flushes(Life& life, const StorageLimits& limits) {
  for (int i = 0; i < 2; ++i) {
    TestBroker& broker = life.start(limits);
    start_ticking(broker);
    append_each(broker, kB, 1);
    if (i == 1) life.count_from_here();
    fail_flush(life, broker);
    life.kill();
  }
  TestBroker& after = life.start(limits);
  append_each(after, kA, 1, 300);
  checkpoint(after);
  append_each(after, kB, 1, 300);
}

// A commit that failed leaves the manifest's file in doubt: the next one writes another.
void new_manifest(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 3);
  checkpoint(broker);
  append_each(broker, kA, 1);
  pass(broker, 50ms);  // no other flush comes before it
  life.count_from_here();
  life.disk().fail_sync(1);
  EXPECT_FALSE(broker.raise_log_start(kA, Offset(1)));
  EXPECT_EQ(paths_with(life.disk(), "manifest-").size(), 1u);
  const std::string before = paths_with(life.disk(), "manifest-").front();
  checkpoint(broker);
  EXPECT_EQ(paths_with(life.disk(), "manifest-").size(), 1u);
  EXPECT_NE(paths_with(life.disk(), "manifest-").front(), before);
  raise(broker, kA, Offset(2));
  append_each(broker, kA, 1);
}

void stop_in_order(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 2);
  append_each(broker, kB, 1);
  const LeaderEpoch epoch = broker.store().leader_epoch();
  life.count_from_here();
  life.close();
  TestBroker& again = life.start(limits);
  EXPECT_EQ(again.store().leader_epoch(), epoch) << "it was no stop in order";
  append_each(again, kA, 1);
  life.close();
}

// A mark follows what was written last, when nothing else does.
void idle_mark(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  start_ticking(broker);
  append_each(broker, kA, 1);
  const std::uint64_t groups = broker.store().stats().journal.groups;
  life.count_from_here();
  pass(broker, 1s);
  EXPECT_EQ(broker.store().stats().journal.groups, groups + 1);
  append_each(broker, kB, 1);
  pass(broker, 1s);
  EXPECT_EQ(broker.store().stats().journal.groups, groups + 3);
}

std::array<std::uint32_t, 2> format_versions(SimDisk& disk) {
  std::array<std::uint32_t, 2> found{~0u, 0};
  for (const std::string& path : paths_with(disk, ".journal")) {
    const std::uint32_t version = header_at<FileHeader>(disk, path, 0).version;
    found = {std::min(found[0], version), std::max(found[1], version)};
  }
  return found;
}

// What is on the disk is what the version before wrote: that had no references, and said so in each
// file's header, and in nothing else. Durable.
void make_old_version(SimDisk& disk) {
  for (const std::string& path : paths_with(disk, ".journal")) {
    auto header = header_at<FileHeader>(disk, path, 0);
    ASSERT_EQ(header.magic, journal_format::kFileMagic) << path;
    header.version = journal_format::kOldestVersion;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
    header.crc = crc32c({bytes, offsetof(FileHeader, crc)});
    auto file = disk.files().open(path, OpenMode::read_write);
    ASSERT_TRUE(file);
    ByteChain chain;
    chain.append(Bytes::copy_of({bytes, sizeof header}));
    ASSERT_TRUE((*file)->write_at(0, chain));
    ASSERT_TRUE((*file)->sync());
  }
}

void format_upgrade(Life& life, const StorageLimits& limits) {
  static_assert(journal_format::kOldestVersion < journal_format::kVersion);
  {
    StorageLimits old = limits;
    old.direct_append_bytes = small().direct_append_bytes;
    TestBroker& broker = life.start(old);
    append_each(broker, kA, 3);
    checkpoint(broker);
    append_each(broker, kB, 2, 2000);
    pass(broker, 50ms);
    EXPECT_EQ(broker.store().bytes_written_direct(), 0u);
    life.kill();
  }
  make_old_version(life.disk());
  constexpr std::uint32_t kOld = journal_format::kOldestVersion;
  EXPECT_EQ(format_versions(life.disk()), (std::array{kOld, kOld}));
  life.count_from_here();
  TestBroker& broker = life.start(limits);
  append_each(broker, kA, 1);
  EXPECT_EQ(format_versions(life.disk()), (std::array{kOld, journal_format::kVersion}));
  append_each(broker, kB, 2, 2000);  // what the old one could not say
  EXPECT_GT(broker.store().bytes_written_direct(), 4000u);
  checkpoint(broker);
  pass(broker, 50ms);
  append_each(broker, kA, 3);
  EXPECT_EQ(format_versions(life.disk())[0], journal_format::kVersion);
}

StorageLimits everything() {
  StorageLimits limits = straight();
  limits.journal_first_file_bytes = 16 << 10;
  limits.journal_file_bytes = 32 << 10;
  limits.carry_partitions_min = 0;
  limits.carry_bytes = 1 << 10;
  return limits;
}

void append_round(TestBroker& broker, std::size_t bytes) {
  broker.append({kA, PartitionId(102)}, 2, bytes);
  broker.append(kB, 1, bytes);
  broker.append(PartitionId(103), 3, bytes / 2);
  broker.append(kMachine, 1, 60);
}

// What the others do one by one, in one life of some length.
void all_together(Life& life, const StorageLimits& limits) {
  TestBroker& broker = life.start(limits);
  life.count_from_here();
  append_round(broker, 100);
  EXPECT_TRUE(broker.settle());
  checkpoint(broker);
  append_round(broker, 1500);
  broker.runtime().run_for(1ms);
  checkpoint(broker);  // with appends under way
  EXPECT_TRUE(broker.settle());
  save(broker);
  for (int i = 0; i < 3; ++i) append_round(broker, 2500);
  EXPECT_TRUE(broker.settle());
  save(broker);
  checkpoint(broker);
  save(broker);
  raise(broker, kA, Offset(3));
  append_round(broker, 700);
  EXPECT_TRUE(broker.settle());
  raise(broker, kB, broker.log(kB).high_watermark());
  checkpoint(broker);
  append_each(broker, kDeleted, 2, 900);
  checkpoint(broker);
  append_each(broker, kDeleted, 1, 900);
  remove(broker, kDeleted);
  append_round(broker, 200);
  EXPECT_TRUE(broker.settle());
  EXPECT_EQ(broker.refused(), 0u);
  EXPECT_GT(broker.store().bytes_written_direct(), 10'000u);
  EXPECT_GT(broker.store().bytes_carried(), 1000u);
}

}  // namespace

std::span<const CrashScenario> crash_scenarios() {
  static const std::vector<CrashScenario> kScenarios = {
      {.name = "append", .limits = small(), .live = append},
      {.name = "group_commit", .limits = small(), .live = group_commit, .cores = 3},
      {.name = "flush", .limits = small(), .live = flush},
      {.name = "segment_roll", .limits = small(), .live = segment_roll},
      {.name = "retention", .limits = small(), .live = retention},
      {.name = "journal_recycling", .limits = small(), .live = journal_recycling},
      {.name = "full_journal", .limits = little_journal(), .live = full_journal},
      {.name = "snapshot", .limits = small(), .live = snapshot},
      {.name = "topic_deletion",
       .limits = straight(),
       .live = topic_deletion,
       .check = check_deletion},
      {.name = "large_writes", .limits = straight(), .live = large_writes},
      {.name = "carrying_forward", .limits = carrying(), .live = carrying_forward},
      {.name = "failed_flush", .limits = small(), .live = failed_flush, .seeds = 3},
      {.name = "failed_flushes", .limits = small(), .live = failed_flushes},
      {.name = "new_manifest", .limits = small(), .live = new_manifest, .seeds = 6},
      {.name = "stop_in_order", .limits = small(), .live = stop_in_order},
      {.name = "idle_mark", .limits = small(), .live = idle_mark},
      {.name = "format_upgrade", .limits = straight(), .live = format_upgrade},
      {.name = "all_together",
       .limits = everything(),
       .live = all_together,
       .check = check_deletion,
       .seeds = 1,
       .swept_starts = 0},
  };
  return kScenarios;
}

}  // namespace millrace::test

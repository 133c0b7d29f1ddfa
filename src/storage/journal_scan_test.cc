// Reading the journal back: what counts, what is cut, what is corruption (STORAGE.md rule 3).
#include <cstring>

#include "record/crc32c.h"
#include "storage/journal_test_support.h"

namespace millrace::test {
namespace {

using journal_format::align_up;
using journal_format::FileHeader;
using journal_format::GroupHeader;
using journal_format::GroupKind;
using journal_format::kBlock;

constexpr const char* kFirst = "data/journal/0-00000001.journal";

struct GroupPlace {
  std::uint64_t position;
  std::uint64_t size;     // padding included
  std::uint64_t checked;  // bytes that a checksum covers
  GroupHeader header;
};

// The groups at the front of a file, by the format's description.
std::vector<GroupPlace> groups_of(const SimDisk& disk, const std::string& path) {
  std::vector<GroupPlace> groups;
  Blob file = disk.content(path);
  for (std::uint64_t at = kBlock; at + sizeof(GroupHeader) <= file.size();) {
    GroupHeader header;
    std::memcpy(&header, file.data() + at, sizeof header);
    if (header.magic != journal_format::kGroupMagic) break;
    std::uint64_t checked = sizeof header +
                            header.frame_count * sizeof(journal_format::FrameHeader) +
                            header.payload_size;
    groups.push_back({at, align_up(checked), checked, header});
    at += align_up(checked);
  }
  return groups;
}

void overwrite(SimDisk& disk, const std::string& path, std::uint64_t position, const Blob& bytes) {
  auto file = disk.files().open(path, OpenMode::read_write);
  ASSERT_TRUE(file);
  ByteChain chain;
  chain.append(Bytes::copy_of(bytes));
  ASSERT_TRUE((*file)->write_at(position, chain));
  ASSERT_TRUE((*file)->sync());
}

// Three groups, the second of several blocks, then a mark.
void write_three_groups(SimDisk& disk, bool mark) {
  TestLane lane(disk, journal_limits(), {.cores = 1});
  lane.append_groups(1);
  lane.append_groups(1, 9000);
  lane.append_groups(1, 200);
  if (mark) lane.mark();
}

TEST(JournalScan, an_empty_journal_begins_at_the_first_group) {
  SimDisk disk(1);
  disk.make_durable_directory(kJournalFolder);
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(1));
  EXPECT_EQ(found->scan.start.next_file_id, 1u);
  EXPECT_TRUE(found->batches.empty());
}

TEST(JournalScan, a_journal_that_was_released_whole_goes_on_behind_the_mark_of_the_manifest) {
  SimDisk disk(1);
  disk.make_durable_directory(kJournalFolder);
  auto found = scan_of(disk, JournalSequence(41), JournalSequence(40));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(41));
}

TEST(JournalScan, groups_come_back_in_order_with_their_bytes) {
  SimDisk disk(1);
  std::vector<std::pair<PartitionId, Blob>> made;
  {
    TestLane lane(disk, journal_limits());
    for (std::uint32_t i = 0; i < 40; ++i) {
      lane.append(i * 50, i % 2);
      if (i % 7 == 0) lane.settle();
    }
    ASSERT_TRUE(lane.settle());
    made = lane.made();
  }
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  // Of each partition; the lane may take what cores append in any order.
  for (PartitionId partition : {PartitionId(1), PartitionId(2)}) {
    auto of = [partition](const auto& all) {
      std::vector<Blob> batches;
      for (const auto& [id, batch] : all) {
        if (id == partition) batches.push_back(batch);
      }
      return batches;
    };
    EXPECT_EQ(of(found->batches), of(made));
  }
}

TEST(JournalScan, any_tear_of_the_newest_group_without_a_mark_is_cut) {
  QuietLog quiet;
  SimDisk disk(1);
  write_three_groups(disk, false);
  auto groups = groups_of(disk, kFirst);
  ASSERT_EQ(groups.size(), 3u);
  // The second group was the longest: cut there, as if the third had never been written.
  overwrite(disk, kFirst, groups[2].position, Blob(groups[2].size, 0));
  const GroupPlace torn = groups[1];
  const Blob whole = disk.content(kFirst);
  const Blob group(whole.begin() + static_cast<std::ptrdiff_t>(torn.position),
                   whole.begin() + static_cast<std::ptrdiff_t>(torn.position + torn.size));
  const std::size_t sectors = (torn.checked + kSectorBytes - 1) / kSectorBytes;
  SimRandom random(7);
  int cut = 0;
  for (std::size_t variant = 0; variant < sectors + 200; ++variant) {
    // First each prefix of sectors, then random subsets.
    Blob torn_group = group;
    bool complete = true;
    for (std::size_t sector = 0; sector < sectors; ++sector) {
      bool kept = variant < sectors ? sector < variant : random.below(2) == 0;
      if (kept) continue;
      auto begin = torn_group.begin() + static_cast<std::ptrdiff_t>(sector * kSectorBytes);
      auto end = torn_group.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                          (sector + 1) * kSectorBytes, group.size()));
      std::fill(begin, end, 0);
      complete = complete && torn_group == group;
    }
    overwrite(disk, kFirst, torn.position, torn_group);
    auto found = scan_of(disk);
    ASSERT_TRUE(found) << found.error().message();
    if (complete) continue;
    ++cut;
    EXPECT_EQ(found->batches.size(), 1u) << "variant " << variant;
    EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(2));
    // Its first sector tells how long it was.
    bool has_header = torn_group[0] != 0;
    EXPECT_EQ(found->scan.bytes_cut, has_header ? torn.size : 0u) << "variant " << variant;
  }
  EXPECT_GT(cut, 200);
}

TEST(JournalScan, the_bytes_cut_are_counted_when_the_torn_group_is_the_first_of_its_file) {
  QuietLog quiet;
  SimDisk disk(1);
  {
    TestLane lane(disk, journal_limits(), {.cores = 1});
    lane.append_groups(1, 9000);
  }
  auto groups = groups_of(disk, kFirst);
  ASSERT_EQ(groups.size(), 1u);
  overwrite(disk, kFirst, groups[0].position + 5000, Blob(512, 0));
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->batches.empty());
  EXPECT_EQ(found->scan.bytes_cut, groups[0].size);
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(1));
}

TEST(JournalScan, a_flipped_bit_anywhere_at_or_below_a_mark_is_corruption_with_file_and_position) {
  QuietLog quiet;
  SimDisk disk(1);
  write_three_groups(disk, true);
  auto groups = groups_of(disk, kFirst);
  ASSERT_EQ(groups.size(), 4u);
  ASSERT_EQ(groups[3].header.kind, GroupKind::mark);
  ASSERT_EQ(groups[3].header.durable_through, 3u);
  SimRandom random(11);
  int flips = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::uint64_t at = groups[i].position; at < groups[i].position + groups[i].checked;
         at += 1 + random.below(60)) {
      unsigned bit = static_cast<unsigned>(random.below(8));
      disk.flip_bit(kFirst, at, bit);
      auto found = scan_of(disk);
      disk.flip_bit(kFirst, at, bit);
      ++flips;
      ASSERT_FALSE(found) << "bit " << bit << " of byte " << at << " in group " << i + 1;
      EXPECT_EQ(found.error().code, ErrorCode::storage_corrupt);
      EXPECT_NE(found.error().detail.find(kFirst), std::string::npos) << found.error().detail;
      EXPECT_NE(found.error().detail.find(fmt::format("position {}", groups[i].position)),
                std::string::npos)
          << found.error().detail;
    }
  }
  EXPECT_GT(flips, 200);
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->batches.size(), 3u);
}

TEST(JournalScan, damage_below_the_manifests_mark_is_corruption_without_any_later_group) {
  QuietLog quiet;
  SimDisk disk(1);
  write_three_groups(disk, false);
  auto groups = groups_of(disk, kFirst);
  disk.flip_bit(kFirst, groups[2].position + 100, 3);
  auto lenient = scan_of(disk, JournalSequence(1), JournalSequence(2));
  ASSERT_TRUE(lenient) << "above every mark it is a torn tail: " << lenient.error().message();
  EXPECT_EQ(lenient->batches.size(), 2u);
  auto strict = scan_of(disk, JournalSequence(1), JournalSequence(3));
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().code, ErrorCode::storage_corrupt);
}

TEST(JournalScan, damage_in_groups_that_nobody_needs_does_no_harm_to_the_ones_behind) {
  QuietLog quiet;
  SimDisk disk(1);
  write_three_groups(disk, true);
  auto found = scan_of(disk, JournalSequence(3), JournalSequence(2));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->batches.size(), 1u);
}

void write_files(SimDisk& disk, int groups) {
  TestLane lane(disk, journal_limits(), {.cores = 1});
  lane.append_groups(groups, 10'000);
}

TEST(JournalScan, a_missing_file_is_corruption_wherever_it_is) {
  QuietLog quiet;
  for (int missing = 1; missing <= 3; ++missing) {
    SimDisk disk(1);
    write_files(disk, 15);  // 12 KiB a group, 5 a file
    auto before = scan_of(disk);
    ASSERT_TRUE(before);
    ASSERT_GE(before->scan.start.in_use.size(), 3u);
    std::string path = before->scan.start.in_use[static_cast<std::size_t>(missing - 1)]->path();
    ASSERT_TRUE(disk.files().remove(path));
    // The manifest's mark tells of the last one.
    auto found = scan_of(disk, JournalSequence(1), JournalSequence(15));
    ASSERT_FALSE(found) << "file " << missing;
    EXPECT_EQ(found.error().code, ErrorCode::storage_corrupt);
  }
}

TEST(JournalScan, a_damaged_file_header_is_corruption_when_the_file_holds_groups) {
  QuietLog quiet;
  for (std::uint64_t position = 0; position < sizeof(FileHeader); ++position) {
    SimDisk disk(1);
    write_three_groups(disk, true);
    disk.flip_bit(kFirst, position, position % 8);
    auto found = scan_of(disk);
    ASSERT_FALSE(found) << "byte " << position;
    EXPECT_EQ(found.error().code, ErrorCode::storage_corrupt);
    EXPECT_NE(found.error().detail.find(kFirst), std::string::npos);
  }
}

TEST(JournalScan, a_file_whose_preparation_was_cut_short_is_removed) {
  SimDisk disk(1);
  write_three_groups(disk, false);
  const std::string path = "data/journal/0-00000077.journal";
  auto file = disk.files().open(path, OpenMode::create);
  ASSERT_TRUE(file);
  ByteChain zeros;
  zeros.append(Bytes::copy_of(Blob(10'000, 0)));
  ASSERT_TRUE((*file)->write_at(0, zeros));
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_FALSE(disk.files().exists(path));
  EXPECT_EQ(found->batches.size(), 3u);
}

TEST(JournalScan, files_that_recovery_does_not_need_are_spare) {
  SimDisk disk(1);
  write_files(disk, 15);
  auto found = scan_of(disk, JournalSequence(8), JournalSequence(7));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->batches.size(), 8u);
  EXPECT_EQ(found->scan.start.in_use.size(), 2u);
  EXPECT_GE(found->scan.start.spare.size(), 1u);
}

// Bug B2: released files vanish in any order, so what is left of them may have holes.
TEST(JournalScan, holes_between_groups_that_nobody_needs_are_no_damage) {
  QuietLog quiet;
  SimDisk disk(1);
  write_files(disk, 15);
  auto before = scan_of(disk);
  ASSERT_TRUE(before);
  ASSERT_EQ(before->scan.start.in_use.size(), 3u);
  ASSERT_TRUE(before->scan.start.in_use[1]->recycle());
  const JournalSequence needed = before->scan.start.in_use[1]->last_sequence + 1;
  auto found = scan_of(disk, needed, needed - 1);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(16));
  EXPECT_EQ(found->batches.size(), 15 - (needed.value() - 1));
}

// Bug B2, its second half.
TEST(JournalScan, a_released_file_that_came_back_alone_is_no_damage) {
  QuietLog quiet;
  SimDisk disk(1);
  write_files(disk, 15);
  auto before = scan_of(disk);
  ASSERT_TRUE(before);
  ASSERT_EQ(before->scan.start.in_use.size(), 3u);
  ASSERT_TRUE(before->scan.start.in_use[1]->recycle());
  ASSERT_TRUE(before->scan.start.in_use[2]->recycle());
  auto found = scan_of(disk, JournalSequence(16), JournalSequence(15));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(16));
  EXPECT_TRUE(found->batches.empty());
}

// Bug B16, found by a random history: a torn group that nobody needs any more was believed.
TEST(JournalScan, a_torn_group_that_was_cut_and_written_again_is_no_damage_once_it_is_released) {
  QuietLog quiet;
  SimDisk disk(1);
  {
    TestLane lane(disk, journal_limits(), {.cores = 1});
    lane.append_groups(2);
    lane.append_groups(1, 9000);
  }
  const GroupPlace torn = groups_of(disk, kFirst)[2];
  overwrite(disk, kFirst, torn.position + 5120, Blob(kSectorBytes, 0));
  auto first = scan_of(disk);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->scan.start.next_sequence, JournalSequence(3));
  {
    TestLane lane(disk, journal_limits(), {.cores = 1}, std::move(first->scan.start));
    lane.append_groups(2);  // 3 and 4, in another file
  }
  for (std::uint64_t replay_from : {1, 2, 3, 4, 5}) {
    auto found = scan_of(disk, JournalSequence(replay_from), JournalSequence(replay_from - 1));
    ASSERT_TRUE(found) << "from " << replay_from << ": " << found.error().message();
    EXPECT_EQ(found->batches.size(), 5 - replay_from);
    EXPECT_EQ(found->scan.start.next_sequence, JournalSequence(5));
  }
}

TEST(JournalScan, a_recycled_file_is_empty_whatever_it_held) {
  SimDisk disk(1);
  write_three_groups(disk, true);
  {
    auto file = JournalFile::open(disk.files(), kFirst);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->recycle());
  }
  auto found = scan_of(disk, JournalSequence(5), JournalSequence(4));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->batches.empty());
  EXPECT_GE(found->scan.start.spare.size(), 1u);
}

TEST(JournalScan, broker_time_of_the_newest_group_is_known) {
  SimDisk disk(1);
  {
    TestLane lane(disk, journal_limits());
    lane.clock().advance(WallMs(5'000'000));
    lane.append_groups(1);
    lane.clock().advance(WallMs(4'000'000));
    lane.append_groups(1);
  }
  auto found = scan_of(disk);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->scan.broker_time, WallMs(5'000'000));
}

// Bug B9: the size in the header was believed, and every block of it looked at.
TEST(JournalScan, a_file_shorter_than_its_header_says_is_read_as_far_as_it_goes) {
  SimDisk disk(1);
  disk.make_durable_directory(kJournalFolder);
  FileHeader header;
  header.file_id = 1;
  header.lap = 1;
  header.file_size = 1ull << 40;
  header.crc = crc32c({reinterpret_cast<const std::uint8_t*>(&header), offsetof(FileHeader, crc)});
  auto file = disk.files().open(kFirst, OpenMode::create);
  ASSERT_TRUE(file);
  ByteChain chain;
  chain.append(Bytes::copy_of({reinterpret_cast<const std::uint8_t*>(&header), sizeof header}));
  ASSERT_TRUE((*file)->write_at(0, chain));
  auto found = scan_of(disk);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found->batches.empty());
}

TEST(JournalScan, an_unknown_format_version_is_refused_by_name) {
  SimDisk disk(1);
  write_three_groups(disk, true);
  FileHeader header;
  Blob content = disk.content(kFirst);
  std::memcpy(&header, content.data(), sizeof header);
  header.version = 9;
  header.crc = crc32c({reinterpret_cast<const std::uint8_t*>(&header), offsetof(FileHeader, crc)});
  overwrite(disk, kFirst, 0,
            blob_of({reinterpret_cast<const std::uint8_t*>(&header), sizeof header}));
  auto found = scan_of(disk);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().detail.find("version 9"), std::string::npos) << found.error().detail;
}

}  // namespace
}  // namespace millrace::test

// The manifest: the state before or after a commit, never anything between (STORAGE.md rules 4,
// 13).
#include "storage/manifest.h"

#include "storage/manifest_codec.h"
#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

PartitionState partition_of(std::uint64_t id, std::int64_t number) {
  PartitionState partition;
  partition.id = PartitionId(id);
  partition.log_start = Offset(number);
  partition.flushed_to = Offset(number * 10);
  partition.segments = {
      {Offset(0), Offset(number * 5), 1000, WallMs(-1), 3},
      {Offset(number * 5), Offset(number * 10), 1ull << 40, WallMs(1'700'000'000'000), 4}};
  partition.epochs = {{LeaderEpoch(0), Offset(0)}, {LeaderEpoch(7), Offset(number)}};
  partition.snapshots = {{Offset(number), 9}, {Offset(number + 1), 10}};
  partition.annotation = Blob(static_cast<std::size_t>(number), 0xab);
  return partition;
}

ManifestEdit edit_of(std::int64_t number) {
  ManifestEdit edit;
  edit.replay_from = JournalSequence(static_cast<std::uint64_t>(number));
  edit.partitions.push_back(partition_of(100 + static_cast<std::uint64_t>(number) % 3, number));
  return edit;
}

// Everything in it, as bytes: equal states are equal blobs.
Blob everything(const ManifestState& state) {
  return blob_of(encode_edit(edit_of_everything(state)).view());
}

class ManifestTest : public ::testing::Test {
 protected:
  ManifestTest() { disk.make_durable_directory("data"); }
  std::unique_ptr<Manifest> open() {
    auto manifest = Manifest::open(disk.files(), "data");
    EXPECT_TRUE(manifest) << manifest.error().message();
    return manifest ? std::move(*manifest) : nullptr;
  }
  std::string newest() { return disk.paths().back(); }

  QuietLog quiet;
  SimDisk disk{1};
};

TEST_F(ManifestTest, an_empty_folder_gets_an_empty_manifest) {
  auto manifest = open();
  EXPECT_TRUE(manifest->is_new());
  EXPECT_TRUE(manifest->state().partitions.empty());
  EXPECT_TRUE(manifest->state().clean);
  manifest = open();
  EXPECT_FALSE(manifest->is_new());
}

TEST_F(ManifestTest, every_field_comes_back) {
  ManifestEdit edit;
  edit.leader_epoch = LeaderEpoch(12);
  edit.clean = false;
  edit.replay_from = JournalSequence(1ull << 50);
  edit.durable_through = JournalSequence(77);
  edit.next_file_number = 1234;
  edit.cluster_id = "a cluster";
  edit.partitions = {partition_of(1, 5), partition_of(1ull << 63, 9)};
  edit.removed = {PartitionId(3)};
  auto bytes = encode_edit(edit);
  auto decoded = decode_edit(bytes.view());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(blob_of(encode_edit(*decoded).view()), blob_of(bytes.view()));
  EXPECT_EQ(decoded->leader_epoch, LeaderEpoch(12));
  EXPECT_EQ(decoded->clean, false);
  EXPECT_EQ(decoded->replay_from, JournalSequence(1ull << 50));
  EXPECT_EQ(decoded->durable_through, JournalSequence(77));
  EXPECT_EQ(decoded->next_file_number, 1234u);
  EXPECT_EQ(decoded->cluster_id, "a cluster");
  EXPECT_EQ(decoded->removed, edit.removed);
  ASSERT_EQ(decoded->partitions.size(), 2u);
  const PartitionState& partition = decoded->partitions[1];
  EXPECT_EQ(partition.id, PartitionId(1ull << 63));
  EXPECT_EQ(partition.log_start, Offset(9));
  EXPECT_EQ(partition.flushed_to, Offset(90));
  ASSERT_EQ(partition.segments.size(), 2u);
  EXPECT_EQ(partition.segments[0].max_timestamp, WallMs(-1));
  EXPECT_EQ(partition.segments[1].bytes, 1ull << 40);
  EXPECT_EQ(partition.segments[1].file_number, 4u);
  EXPECT_EQ(partition.epochs, edit.partitions[1].epochs);
  ASSERT_EQ(partition.snapshots.size(), 2u);
  EXPECT_EQ(partition.snapshots[1].file_number, 10u);
  EXPECT_EQ(partition.annotation, Blob(9, 0xab));
}

TEST_F(ManifestTest, no_cut_of_an_edit_is_a_crash_of_the_reader) {
  auto bytes = blob_of(encode_edit(edit_of(9)).view());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    (void)decode_edit(ByteView(bytes).first(size));
  SimRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    Blob damaged = bytes;
    damaged[random.below(damaged.size())] = static_cast<std::uint8_t>(random.next());
    (void)decode_edit(damaged);
  }
}

TEST_F(ManifestTest, edits_add_up_over_starts) {
  Blob expected;
  {
    auto manifest = open();
    for (int i = 1; i <= 10; ++i) ASSERT_TRUE(manifest->commit(edit_of(i)));
    ManifestEdit removal;
    removal.removed = {PartitionId(101)};
    ASSERT_TRUE(manifest->commit(removal));
    expected = everything(manifest->state());
  }
  auto manifest = open();
  EXPECT_EQ(everything(manifest->state()), expected);
  EXPECT_EQ(manifest->state().partitions.size(), 2u);
  EXPECT_EQ(manifest->state().replay_from, JournalSequence(10));
}

TEST_F(ManifestTest, a_torn_last_edit_is_ignored_and_the_next_commit_goes_to_a_new_file) {
  std::uint64_t begin = 0;
  Blob before;
  {
    auto manifest = open();
    ASSERT_TRUE(manifest->commit(edit_of(1)));
    begin = disk.content(newest()).size();
    before = everything(manifest->state());
    ASSERT_TRUE(manifest->commit(edit_of(2)));
  }
  const std::string path = newest();
  const Blob whole = disk.content(path);
  for (std::uint64_t size = begin; size < whole.size(); ++size) {
    SimDisk torn(size);
    torn.make_durable_directory("data");
    {
      auto file = torn.files().open(path, OpenMode::create);
      ByteChain bytes;
      bytes.append(Bytes::copy_of(ByteView(whole).first(size)));
      ASSERT_TRUE((*file)->write_at(0, bytes));
      ASSERT_TRUE((*file)->sync());
      ASSERT_TRUE(torn.files().sync_directory("data"));
    }
    auto manifest = Manifest::open(torn.files(), "data");
    ASSERT_TRUE(manifest) << manifest.error().message();
    EXPECT_EQ(everything((*manifest)->state()), before) << size;
    ASSERT_TRUE((*manifest)->commit(edit_of(3)));
    Blob after = everything((*manifest)->state());
    EXPECT_EQ(torn.paths().size(), 1u);
    EXPECT_EQ(torn.paths().front() == path, size == begin) << "torn bytes are not written over";
    torn.crash(CrashKeeps::nothing);
    manifest = Manifest::open(torn.files(), "data");
    ASSERT_TRUE(manifest);
    EXPECT_EQ(everything((*manifest)->state()), after);
  }
}

TEST_F(ManifestTest, a_flipped_bit_in_the_last_edit_leaves_the_state_before_it) {
  Blob before;
  std::uint64_t begin = 0;
  {
    auto manifest = open();
    ASSERT_TRUE(manifest->commit(edit_of(1)));
    before = everything(manifest->state());
    begin = disk.content(newest()).size();
    ASSERT_TRUE(manifest->commit(edit_of(2)));
  }
  const std::string path = newest();
  const std::uint64_t end = disk.content(path).size();
  for (std::uint64_t at = begin; at < end; ++at) {
    disk.flip_bit(path, at, at % 8);
    auto manifest = open();
    EXPECT_EQ(everything(manifest->state()), before) << at;
    disk.flip_bit(path, at, at % 8);
  }
}

TEST_F(ManifestTest, a_damaged_first_edit_is_corruption_and_named) {
  {
    auto manifest = open();
    ASSERT_TRUE(manifest->commit(edit_of(1)));
  }
  disk.flip_bit(newest(), 9, 1);
  auto manifest = Manifest::open(disk.files(), "data");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, ErrorCode::storage_corrupt);
  EXPECT_NE(manifest.error().detail.find(newest()), std::string::npos) << manifest.error().detail;
}

TEST_F(ManifestTest, an_edit_counts_in_its_own_file_and_place_only) {
  {
    auto manifest = open();
    ASSERT_TRUE(manifest->commit(edit_of(1)));
  }
  Blob whole = disk.content(newest());
  auto copy = disk.files().open("data/manifest-000009", OpenMode::create);
  ByteChain bytes;
  bytes.append(Bytes::copy_of(whole));
  ASSERT_TRUE((*copy)->write_at(0, bytes));
  EXPECT_FALSE(Manifest::open(disk.files(), "data")) << "a manifest under another number is none";
}

TEST_F(ManifestTest, a_manifest_that_has_grown_is_written_anew_and_the_old_one_removed) {
  auto manifest = open();
  const std::string first = newest();
  ManifestEdit edit = edit_of(1);
  for (int i = 0; newest() == first; ++i) {
    ASSERT_LT(i, 400) << "3 MiB of edits of the same partition";
    edit.partitions[0].annotation = Blob(20'000, static_cast<std::uint8_t>(i));
    ASSERT_TRUE(manifest->commit(edit));
  }
  EXPECT_EQ(disk.paths().size(), 1u);
  EXPECT_LT(disk.content(newest()).size(), 30'000u);
  Blob expected = everything(manifest->state());
  ASSERT_TRUE(manifest->commit(edit_of(2)));
  ASSERT_NE(everything(manifest->state()), expected);
  expected = everything(manifest->state());
  EXPECT_EQ(everything(open()->state()), expected);
}

// Runs `body` with a manifest on a disk that fails from its `operation`th operation on.
template <class Body>
void at_every_operation(CrashKeeps keeps, Body body) {
  for (std::uint64_t operation = 1;; ++operation) {
    SimDisk disk(operation * 10 + static_cast<std::uint64_t>(keeps));
    disk.make_durable_directory("data");
    if (!body(disk, operation)) return;
    ASSERT_LT(operation, 1000u);
  }
}

TEST_F(ManifestTest, a_power_cut_at_any_operation_of_a_commit_leaves_the_state_before_or_after) {
  for (CrashKeeps keeps :
       {CrashKeeps::nothing, CrashKeeps::everything, CrashKeeps::some, CrashKeeps::some}) {
    for (bool whole : {false, true}) {
      at_every_operation(keeps, [&](SimDisk& disk, std::uint64_t operation) {
        auto manifest = Manifest::open(disk.files(), "data");
        EXPECT_TRUE((*manifest)->commit(edit_of(1)));
        if (whole) {  // the next commit writes a new file
          disk.fail_sync(1);
          EXPECT_FALSE((*manifest)->commit(edit_of(5)));
        }
        Blob before = everything((*manifest)->state());
        disk.crash_at_operation(operation);
        bool committed = (*manifest)->commit(edit_of(2)).has_value();
        bool reached = disk.crashed();
        EXPECT_TRUE(committed || everything((*manifest)->state()) == before);
        ManifestState expected = (*manifest)->state();
        if (!committed) apply_edit(expected, edit_of(2));
        manifest->reset();
        disk.crash(keeps);
        auto again = Manifest::open(disk.files(), "data");
        EXPECT_TRUE(again) << "operation " << operation << ": " << again.error().message();
        if (!again) return false;
        Blob found = everything((*again)->state());
        ManifestState failed_before;
        if (whole && !committed) {
          // The edit whose flush failed may be there or not: it was neither refused nor taken.
          auto one = decode_edit(before);
          apply_edit(failed_before, *one);
          apply_edit(failed_before, edit_of(5));
        }
        EXPECT_TRUE(
            found == everything(expected) ||
            (!committed && (found == before || (whole && found == everything(failed_before)))))
            << "operation " << operation;
        EXPECT_TRUE((*again)->commit(edit_of(3)));
        return reached;
      });
    }
  }
}

TEST_F(ManifestTest, a_failed_commit_leaves_the_state_and_the_next_one_goes_to_a_new_file) {
  auto manifest = open();
  ASSERT_TRUE(manifest->commit(edit_of(1)));
  Blob before = everything(manifest->state());
  const std::string path = newest();
  disk.fail_sync(1);
  EXPECT_FALSE(manifest->commit(edit_of(2)));
  EXPECT_EQ(everything(manifest->state()), before);
  ASSERT_TRUE(manifest->commit(edit_of(3)));
  EXPECT_NE(newest(), path);
  Blob after = everything(manifest->state());
  manifest.reset();
  disk.crash(CrashKeeps::nothing);
  EXPECT_EQ(everything(open()->state()), after);
}

TEST_F(ManifestTest, commits_fail_one_by_one_on_a_full_disk_and_go_on_when_there_is_room) {
  auto manifest = open();
  ASSERT_TRUE(manifest->commit(edit_of(1)));
  Blob before = everything(manifest->state());
  disk.set_capacity(disk.used());
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(manifest->commit(edit_of(2)));
    EXPECT_EQ(everything(manifest->state()), before);
    EXPECT_EQ(everything(open()->state()), before);
  }
  disk.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(manifest->commit(edit_of(4)));
  Blob after = everything(manifest->state());
  manifest.reset();
  disk.crash(CrashKeeps::nothing);
  EXPECT_EQ(everything(open()->state()), after);
}

// The cache may go on to hold an edit that the disk lost with its flush, and take it for written.
TEST_F(ManifestTest, an_edit_whose_flush_failed_takes_none_with_it_that_follow_after_a_restart) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SimDisk failing(seed);
    failing.make_durable_directory("data");
    {
      auto manifest = Manifest::open(failing.files(), "data");
      ASSERT_TRUE(manifest);
      ASSERT_TRUE((*manifest)->commit(edit_of(1)));
      ManifestEdit large = edit_of(2);  // of more sectors than those that follow it write again
      large.partitions.front().annotation = Blob(3000, 0xcd);
      failing.fail_sync(1);
      ASSERT_FALSE((*manifest)->commit(large));
    }
    Blob after;
    {
      auto manifest = Manifest::open(failing.files(), "data");  // the process was killed
      ASSERT_TRUE(manifest);
      if ((*manifest)->state().replay_from == JournalSequence(2)) ++found;
      ASSERT_TRUE((*manifest)->commit(edit_of(3)));
      ASSERT_TRUE((*manifest)->commit(edit_of(4)));
      after = everything((*manifest)->state());
    }
    failing.crash(CrashKeeps::nothing);
    auto manifest = Manifest::open(failing.files(), "data");
    ASSERT_TRUE(manifest);
    EXPECT_EQ(everything((*manifest)->state()), after) << "seed " << seed;
  }
  EXPECT_GT(found, 5) << "the edit was never there after the restart";
  EXPECT_LT(found, 30) << "the edit was always there after the restart";
}

}  // namespace
}  // namespace millrace::test

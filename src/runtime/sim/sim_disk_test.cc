#include "runtime/sim/sim_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ByteChain chain_of(const std::string& text) {
  ByteChain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  return chain;
}

std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return std::string(as_text(ByteView(bytes)));
}

std::unique_ptr<File> create(SimDisk& disk, const std::string& path) {
  auto file = disk.files().open(path, OpenMode::create);
  EXPECT_TRUE(file) << file.error().message();
  return std::move(*file);
}

// A file with durable content and a durable entry.
std::unique_ptr<File> create_durable(SimDisk& disk, const std::string& path,
                                     const std::string& text) {
  auto file = create(disk, path);
  EXPECT_TRUE(file->write_at(0, chain_of(text)));
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(disk.files().sync_directory(path.substr(0, path.find('/'))));
  return file;
}

SimDisk& with_folder(SimDisk& disk) {
  disk.make_durable_directory("data");
  return disk;
}

constexpr std::size_t kSector = kSectorBytes;

TEST(SimDisk, ReadsWhatWasWritten) {
  SimDisk disk(1);
  with_folder(disk);
  auto file = create(disk, "/data//a");
  ASSERT_TRUE(file->write_at(3, chain_of("hello")));
  std::vector<std::uint8_t> space(100);
  EXPECT_EQ(*file->read_at(0, space), 8u);
  EXPECT_EQ(text_of({space.begin(), space.begin() + 8}), std::string("\0\0\0hello", 8));
  EXPECT_EQ(*file->read_at(8, space), 0u);
  EXPECT_EQ(*file->read_at(1000, space), 0u);
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(*file->size(), 4u);
  EXPECT_EQ(disk.used(), 4u);
  EXPECT_THAT(disk.paths(), ElementsAre("data/a"));
  EXPECT_EQ(disk.files().open("data/b", OpenMode::read).error().code, ErrorCode::not_found);
  EXPECT_EQ(disk.files().open("none/b", OpenMode::create).error().code, ErrorCode::not_found);
  EXPECT_EQ(disk.files().open("data/a", OpenMode::create).error().code, ErrorCode::io_error);
  auto reader = disk.files().open("data/a", OpenMode::read);
  EXPECT_EQ((*reader)->write_at(0, chain_of("x")).error().code, ErrorCode::io_error);
}

TEST(SimDisk, CrashKeepsOnlyTheFlushedOrEverything) {
  for (const CrashKeeps keeps : {CrashKeeps::nothing, CrashKeeps::everything}) {
    SimDisk disk(1);
    auto file = create_durable(with_folder(disk), "data/a", "old old");
    ASSERT_TRUE(file->write_at(4, chain_of("new new")));
    EXPECT_EQ(text_of(disk.content("data/a")), "old new new");
    disk.crash(keeps);
    EXPECT_EQ(text_of(disk.content("data/a")),
              keeps == CrashKeeps::nothing ? "old old" : "old new new");
  }
}

TEST(SimDisk, UnsyncedTruncationIsUndone) {
  SimDisk disk(1);
  auto file = create_durable(with_folder(disk), "data/a", "content");
  ASSERT_TRUE(file->truncate(2));
  EXPECT_EQ(text_of(disk.content("data/a")), "co");
  disk.crash(CrashKeeps::nothing);
  EXPECT_EQ(text_of(disk.content("data/a")), "content");
}

// A crash between flushes leaves each sector at any content it had since the last one.
TEST(SimDisk, CrashTearsAndReordersBySector) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SimDisk disk(seed);
    auto file = create_durable(with_folder(disk), "data/a", std::string(2 * kSector, 'o'));
    ASSERT_TRUE(file->write_at(0, chain_of(std::string(2 * kSector, 'x'))));
    ASSERT_TRUE(file->write_at(kSector, chain_of(std::string(kSector, 'y'))));
    disk.crash(CrashKeeps::some);
    const std::string after = text_of(disk.content("data/a"));
    ASSERT_EQ(after.size(), 2 * kSector);
    const char first = after[0], second = after[kSector];
    EXPECT_EQ(after, std::string(kSector, first) + std::string(kSector, second));
    outcomes.insert({first, second});
  }
  EXPECT_THAT(outcomes, testing::UnorderedElementsAre("oo", "ox", "oy", "xo", "xx", "xy"));
}

TEST(SimDisk, CrashMayLeaveAHoleInAGrowingFile) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimDisk disk(seed);
    auto file = create_durable(with_folder(disk), "data/a", "");
    ASSERT_TRUE(file->write_at(0, chain_of(std::string(kSector, 'x'))));
    ASSERT_TRUE(file->write_at(kSector, chain_of("yy")));
    disk.crash(CrashKeeps::some);
    const std::string after = text_of(disk.content("data/a"));
    outcomes.insert(after.substr(0, 1) + "/" + std::to_string(after.size()));
  }
  EXPECT_THAT(outcomes,
              testing::UnorderedElementsAre("/0", "x/512", std::string("\0/514", 5), "x/514"));
}

TEST(SimDisk, EntriesNeedTheirFolderSynced) {
  SimDisk disk(1);
  with_folder(disk);
  create_durable(disk, "data/kept", "1");
  create_durable(disk, "data/renamed", "2");
  create_durable(disk, "data/removed", "3");
  auto lost = create(disk, "data/lost");
  ASSERT_TRUE(lost->write_at(0, chain_of("4")));
  ASSERT_TRUE(lost->sync());
  ASSERT_TRUE(disk.files().rename("data/renamed", "data/kept"));
  ASSERT_TRUE(disk.files().remove("data/removed"));
  EXPECT_THAT(*disk.files().list("data"), ElementsAre("kept", "lost"));
  EXPECT_EQ(text_of(disk.content("data/kept")), "2");

  disk.crash(CrashKeeps::nothing);
  EXPECT_THAT(*disk.files().list("data"), ElementsAre("kept", "removed", "renamed"));
  EXPECT_EQ(text_of(disk.content("data/kept")), "1");
  EXPECT_EQ(text_of(disk.content("data/renamed")), "2");

  ASSERT_TRUE(disk.files().rename("data/renamed", "data/kept"));
  ASSERT_TRUE(disk.files().remove("data/removed"));
  ASSERT_TRUE(disk.files().sync_directory("data"));
  disk.crash(CrashKeeps::nothing);
  EXPECT_THAT(*disk.files().list("data"), ElementsAre("kept"));
  EXPECT_EQ(text_of(disk.content("data/kept")), "2");
}

TEST(SimDisk, ChangesOfEntriesSurviveOrNotEachOnItsOwn) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimDisk disk(seed);
    with_folder(disk);
    create_durable(disk, "data/a", "");
    create(disk, "data/b");
    ASSERT_TRUE(disk.files().remove("data/a"));
    disk.crash(CrashKeeps::some);
    std::string names;
    for (const std::string& name : *disk.files().list("data")) names += name;
    outcomes.insert(names);
  }
  EXPECT_THAT(outcomes, testing::UnorderedElementsAre("", "a", "b", "ab"));
}

TEST(SimDisk, AFolderThatIsLostTakesItsFilesAlong) {
  SimDisk disk(1);
  ASSERT_TRUE(disk.files().make_directory("data/deep"));
  auto file = create(disk, "data/deep/a");
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk.files().sync_directory("data/deep"));
  ASSERT_TRUE(disk.files().sync_directory("data"));
  disk.crash(CrashKeeps::nothing);
  EXPECT_FALSE(disk.files().exists("data")) << "the root was not synced";
  EXPECT_THAT(disk.paths(), IsEmpty());

  ASSERT_TRUE(disk.files().make_directory("data/deep"));
  create(disk, "data/deep/a");
  for (const char* folder : {"", "data", "data/deep"}) {
    ASSERT_TRUE(disk.files().sync_directory(folder));
  }
  disk.crash(CrashKeeps::nothing);
  EXPECT_THAT(disk.paths(), ElementsAre("data/deep/a"));
  EXPECT_THAT(*disk.files().list("data"), ElementsAre("deep"));
}

TEST(SimDisk, FilesAndLocksEndWithThePower) {
  SimDisk disk(1);
  auto file = create_durable(with_folder(disk), "data/a", "x");
  auto lock = disk.files().lock_directory("data");
  ASSERT_TRUE(lock);
  auto second = disk.files().lock_directory("data/");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().detail, HasSubstr("another process holds the directory"));
  disk.crash(CrashKeeps::everything);
  std::vector<std::uint8_t> space(10);
  EXPECT_EQ(file->read_at(0, space).error().code, ErrorCode::io_error);
  EXPECT_EQ(file->write_at(0, chain_of("y")).error().code, ErrorCode::io_error);
  EXPECT_EQ(file->sync().error().code, ErrorCode::io_error);
  auto taken = disk.files().lock_directory("data");
  ASSERT_TRUE(taken);
  lock->reset();  // of the time before: must not free the new one
  EXPECT_FALSE(disk.files().lock_directory("data"));
  taken->reset();
  EXPECT_TRUE(disk.files().lock_directory("data"));
}

TEST(SimDisk, CrashAtAnOperation) {
  SimDisk disk(1);
  auto file = create_durable(with_folder(disk), "data/a", "x");
  disk.crash_at_operation(3);
  EXPECT_TRUE(file->write_at(0, chain_of("y")));
  EXPECT_TRUE(file->sync());
  EXPECT_FALSE(disk.crashed());
  EXPECT_EQ(file->write_at(0, chain_of("z")).error().code, ErrorCode::io_error);
  EXPECT_TRUE(disk.crashed());
  std::vector<std::uint8_t> space(10);
  EXPECT_FALSE(file->read_at(0, space));
  EXPECT_FALSE(file->sync());
  EXPECT_FALSE(disk.files().open("data/b", OpenMode::create));
  EXPECT_FALSE(disk.files().rename("data/a", "data/b"));
  EXPECT_FALSE(disk.files().list("data"));
  disk.crash(CrashKeeps::nothing);
  EXPECT_FALSE(disk.crashed());
  EXPECT_EQ(text_of(disk.content("data/a")), "y");
  EXPECT_TRUE(disk.files().open("data/b", OpenMode::create));
}

TEST(SimDisk, AWriteHitByTheCrashMayBeThereInPart) {
  bool part = false;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimDisk disk(seed);
    auto file = create_durable(with_folder(disk), "data/a", "");
    disk.crash_at_operation(1);
    EXPECT_FALSE(file->write_at(0, chain_of(std::string(4 * kSector, 'x'))));
    disk.crash(CrashKeeps::everything);
    const std::size_t size = disk.content("data/a").size();
    part = part || (size > 0 && size < 4 * kSector);
  }
  EXPECT_TRUE(part);
}

// STORAGE.md rule 4.
TEST(SimDisk, AFailedSyncLosesItsDataAndTheNextReportsSuccess) {
  bool lost = false;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimDisk disk(seed);
    auto file = create_durable(with_folder(disk), "data/a", std::string(kSector, 'o'));
    ASSERT_TRUE(file->write_at(0, chain_of(std::string(kSector, 'x'))));
    disk.fail_sync(1);
    EXPECT_EQ(file->sync().error().code, ErrorCode::io_error);
    EXPECT_TRUE(file->sync());
    disk.crash(CrashKeeps::everything);
    lost = lost || disk.content("data/a")[0] == 'o';
  }
  EXPECT_TRUE(lost);
}

TEST(SimDisk, FailsTheWriteItIsToldTo) {
  SimDisk disk(1);
  auto file = create_durable(with_folder(disk), "data/a", "");
  disk.fail_write(2);
  EXPECT_TRUE(file->write_at(0, chain_of("a")));
  EXPECT_EQ(file->write_at(0, chain_of("b")).error().code, ErrorCode::io_error);
  EXPECT_TRUE(file->write_at(0, chain_of("c")));
}

TEST(SimDisk, FullDisk) {
  SimDisk disk(1);
  auto file = create_durable(with_folder(disk), "data/a", "12345");
  disk.set_capacity(8);
  EXPECT_EQ(file->write_at(5, chain_of("6789")).error().code, ErrorCode::storage_full);
  EXPECT_EQ(text_of(disk.content("data/a")), "12345678");
  EXPECT_TRUE(file->write_at(0, chain_of("abcd"))) << "what is there may be written over";
  EXPECT_EQ(file->truncate(100).error().code, ErrorCode::storage_full);
  auto other = create(disk, "data/b");
  EXPECT_EQ(other->write_at(0, chain_of("x")).error().code, ErrorCode::storage_full);
  ASSERT_TRUE(disk.files().remove("data/a"));
  EXPECT_TRUE(other->write_at(0, chain_of("x")));
}

TEST(SimDisk, FlippedBitSurvives) {
  SimDisk disk(1);
  create_durable(with_folder(disk), "data/a", "A");
  disk.flip_bit("data/a", 0, 1);
  EXPECT_EQ(text_of(disk.content("data/a")), "C");
  disk.crash(CrashKeeps::nothing);
  EXPECT_EQ(text_of(disk.content("data/a")), "C");
}

}  // namespace
}  // namespace millrace

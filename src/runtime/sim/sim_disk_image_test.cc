// Copies of a simulated disk, and power cuts of which a test chooses every piece.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "runtime/sim/sim_disk.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kSector = kSectorBytes;

ByteChain chain_of(const std::string& text) {
  ByteChain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  return chain;
}

class SimDiskImage : public testing::Test {
 protected:
  SimDiskImage() { disk.make_durable_directory("data"); }

  std::unique_ptr<File> create(const std::string& path) {
    auto file = disk.files().open(path, OpenMode::create);
    EXPECT_TRUE(file) << file.error().message();
    return std::move(*file);
  }
  // Of two sectors of 'o', durable.
  std::unique_ptr<File> create_durable(const std::string& path) {
    auto file = create(path);
    EXPECT_TRUE(file->write_at(0, chain_of(std::string(2 * kSector, 'o'))));
    EXPECT_TRUE(file->sync());
    EXPECT_TRUE(disk.files().sync_directory("data"));
    return file;
  }
  // The first byte of each sector after a power cut that keeps these of what is unflushed.
  static std::string after(const SimDisk& disk, const std::vector<bool>& kept,
                           const std::string& path = "data/a") {
    auto copy = disk.copy();
    copy->crash(kept);
    std::string found;
    if (!copy->files().exists(path)) return "none";
    const std::vector<std::uint8_t> content = copy->content(path);
    for (std::size_t at = 0; at < content.size(); at += kSector) {
      found += content[at] == 0 ? '0' : static_cast<char>(content[at]);
    }
    return found;
  }
  std::vector<std::string> unflushed() const {
    std::vector<std::string> all;
    for (const SimUnflushed& one : disk.unflushed()) all.push_back(one.what);
    return all;
  }

  SimDisk disk{1};
};

TEST_F(SimDiskImage, EachSectorOfEachWriteIsKeptOrLostOnItsOwn) {
  auto file = create_durable("data/a");
  ASSERT_TRUE(file->write_at(0, chain_of(std::string(2 * kSector, 'x'))));
  ASSERT_TRUE(file->write_at(kSector, chain_of(std::string(2 * kSector, 'y'))));
  EXPECT_THAT(unflushed(), ElementsAre("data/a sector at 0", "data/a sector at 512",
                                       "data/a sector at 512", "data/a sector at 1024"));
  EXPECT_EQ(after(disk, {false, false, false, false}), "oo");
  EXPECT_EQ(after(disk, {true, true, true, true}), "xyy");
  EXPECT_EQ(after(disk, {false, true, false, false}), "ox");
  EXPECT_EQ(after(disk, {false, true, true, false}), "oy") << "the later write wins";
  EXPECT_EQ(after(disk, {true, false, false, true}), "xoy");
  EXPECT_EQ(disk.content("data/a").size(), 3 * kSector) << "the copies share nothing with it";
}

TEST_F(SimDiskImage, WhatIsThereAlreadyIsNotUnflushed) {
  auto file = create_durable("data/a");
  ASSERT_TRUE(file->write_at(0, chain_of(std::string(kSector, 'o') + std::string(kSector, 'x'))));
  EXPECT_THAT(unflushed(), ElementsAre("data/a sector at 512"));
  // It matters again when something else was there in between.
  ASSERT_TRUE(file->write_at(kSector, chain_of(std::string(kSector, 'o'))));
  EXPECT_THAT(unflushed(), ElementsAre("data/a sector at 512", "data/a sector at 512"));
  EXPECT_EQ(after(disk, {true, false}), "ox");
}

TEST_F(SimDiskImage, TruncationsAreKeptOrLostToo) {
  auto file = create_durable("data/a");
  ASSERT_TRUE(file->truncate(kSector));
  ASSERT_TRUE(file->write_at(kSector, chain_of(std::string(kSector, 'o'))));
  EXPECT_THAT(unflushed(), ElementsAre("data/a truncated to 512", "data/a sector at 512"));
  EXPECT_EQ(after(disk, {true, false}), "o");
  EXPECT_EQ(after(disk, {false, true}), "oo");
}

TEST_F(SimDiskImage, ChangesOfFoldersAreKeptOrLostEachOnItsOwn) {
  auto gone = create_durable("data/gone");
  auto file = create("data/a.tmp");
  ASSERT_TRUE(file->write_at(0, chain_of(std::string(kSector, 'x'))));
  ASSERT_TRUE(disk.files().rename("data/a.tmp", "data/a"));
  ASSERT_TRUE(disk.files().remove("data/gone"));
  EXPECT_THAT(unflushed(), ElementsAre("new file data/a.tmp", "data/a.tmp sector at 0",
                                       "data/a.tmp renamed to data/a", "removal of data/gone"));
  EXPECT_EQ(after(disk, {true, true, true, true}), "x");
  EXPECT_EQ(after(disk, {true, true, false, true}), "none");
  EXPECT_EQ(after(disk, {true, true, false, true}, "data/a.tmp"), "x");
  EXPECT_EQ(after(disk, {true, false, true, true}), "");
  EXPECT_EQ(after(disk, {true, true, true, true}, "data/gone"), "none");
  EXPECT_EQ(after(disk, {true, true, true, false}, "data/gone"), "oo");
  ASSERT_TRUE(disk.files().sync_directory("data"));
  EXPECT_THAT(unflushed(), ElementsAre(HasSubstr("sector at 0")));
  ASSERT_TRUE(file->sync());
  EXPECT_THAT(unflushed(), IsEmpty());
}

TEST_F(SimDiskImage, AFileThatIsMadeAgainHasTheSectorsOfBoth) {
  auto old = create_durable("data/a");
  ASSERT_TRUE(old->write_at(0, chain_of(std::string(kSector, 'x'))));
  ASSERT_TRUE(disk.files().remove("data/a"));
  auto file = create("data/a");
  ASSERT_TRUE(file->write_at(0, chain_of(std::string(kSector, 'y'))));
  EXPECT_EQ(disk.unflushed().size(), 4u);
  EXPECT_EQ(after(disk, {true, false, false, true}), "xo");
  EXPECT_EQ(after(disk, {true, true, false, true}), "none");
  EXPECT_EQ(after(disk, {true, false, true, true}), "y");
}

TEST_F(SimDiskImage, WhatLiesInAFolderThatWasLostIsGone) {
  ASSERT_TRUE(disk.files().make_directory("data/sub"));
  auto file = create("data/sub/a");
  ASSERT_TRUE(file->write_at(0, chain_of(std::string(kSector, 'x'))));
  EXPECT_EQ(after(disk, {true, true, true}, "data/sub/a"), "x");
  EXPECT_EQ(after(disk, {false, true, true}, "data/sub/a"), "none");
}

TEST_F(SimDiskImage, AllOrNothingIsTheSameAsByMode) {
  auto file = create_durable("data/a");
  ASSERT_TRUE(file->write_at(0, chain_of(std::string(3 * kSector, 'x'))));
  auto other = create("data/b");
  for (const CrashKeeps keeps : {CrashKeeps::nothing, CrashKeeps::everything}) {
    auto by_mode = disk.copy();
    by_mode->crash(keeps);
    auto by_choice = disk.copy();
    by_choice->crash(std::vector<bool>(disk.unflushed().size(), keeps == CrashKeeps::everything));
    EXPECT_EQ(by_mode->durable_hash(), by_choice->durable_hash());
    EXPECT_EQ(by_mode->paths(), by_choice->paths());
  }
}

TEST_F(SimDiskImage, ItsHashTellsWhatIsDurable) {
  std::set<std::uint64_t> hashes;
  hashes.insert(disk.durable_hash());
  auto file = create_durable("data/a");
  hashes.insert(disk.durable_hash());
  ASSERT_TRUE(file->write_at(kSector, chain_of("x")));
  hashes.insert(disk.durable_hash());  // not flushed: as before
  ASSERT_TRUE(file->sync());
  hashes.insert(disk.durable_hash());
  ASSERT_TRUE(disk.files().rename("data/a", "data/b"));
  ASSERT_TRUE(disk.files().sync_directory("data"));
  hashes.insert(disk.durable_hash());
  EXPECT_EQ(hashes.size(), 4u);
  EXPECT_TRUE(hashes.contains(disk.copy()->durable_hash()));
}

// What a write brings waits, a flush has not happened yet.
TEST_F(SimDiskImage, IsSeenInTheMiddleOfEachOperation) {
  std::vector<std::size_t> waiting;
  disk.on_operation([&] { waiting.push_back(disk.unflushed().size()); });
  auto file = create("data/a");
  ASSERT_TRUE(file->write_at(0, chain_of("x")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk.files().sync_directory("data"));
  ASSERT_TRUE(disk.files().remove("data/a"));
  ASSERT_TRUE(disk.files().sync_directory("data"));
  EXPECT_THAT(waiting, ElementsAre(1, 2, 2, 1, 1, 1));
  EXPECT_EQ(disk.operations(), waiting.size());
  EXPECT_THAT(unflushed(), IsEmpty());
}

TEST_F(SimDiskImage, MayLieAboutFlushes) {
  disk.lie_about_flushes([](const std::string& path) { return path == "data/a"; });
  auto file = create("data/a");
  auto other = create("data/b");
  ASSERT_TRUE(disk.files().sync_directory("data"));
  ASSERT_TRUE(file->write_at(0, chain_of("x")));
  ASSERT_TRUE(other->write_at(0, chain_of("x")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(other->sync());
  EXPECT_THAT(unflushed(), ElementsAre("data/a sector at 0"));
  disk.lie_about_flushes([](const std::string& path) { return path == "data"; });
  ASSERT_TRUE(disk.files().remove("data/b"));
  ASSERT_TRUE(disk.files().sync_directory("data"));
  disk.crash(CrashKeeps::nothing);
  EXPECT_THAT(disk.paths(), ElementsAre("data/a", "data/b"));
}

}  // namespace
}  // namespace millrace

#include "generator/sparse_files.h"

#include <gtest/gtest.h>

#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_runtime.h"
#include "storage/counting_files_test_support.h"

namespace millrace {
namespace {

constexpr std::size_t kBlock = 4096;

class SparseFilesTest : public ::testing::Test {
 protected:
  SparseFilesTest() {
    disk.make_durable_directory("data");
    EXPECT_TRUE(counting.make_directory("data/segments"));
    EXPECT_TRUE(counting.make_directory("data/journal"));
  }

  static ByteChain chain_of(const std::vector<std::uint8_t>& bytes, std::size_t first_part) {
    ByteChain chain;
    ByteView view(bytes);
    chain.append(Bytes::copy_of(view.first(first_part)));
    chain.append(Bytes::copy_of(view.subspan(first_part)));
    return chain;
  }
  static std::vector<std::uint8_t> content(File& file) {
    std::vector<std::uint8_t> bytes(*file.size());
    EXPECT_EQ(*file.read_at(0, bytes), bytes.size());
    return bytes;
  }

  SimDisk disk{1};
  SimRuntime runtime{{.seed = 1, .cores = 1}, disk};
  test::CountingFiles counting{runtime.files()};
  SparseFiles sparse{counting};
};

TEST_F(SparseFilesTest, zeros_are_left_out_and_read_back) {
  std::vector<std::uint8_t> bytes(20 * kBlock + 100);
  bytes[5 * kBlock + 7] = 1;
  bytes[12 * kBlock] = 2;
  bytes.back() = 3;
  for (std::size_t first_part : {std::size_t{1}, kBlock, 7 * kBlock + 11, bytes.size() - 1}) {
    std::string path = "data/segments/" + std::to_string(first_part) + ".log";
    auto file = sparse.open(path, OpenMode::create);
    ASSERT_TRUE(file);
    counting.counts.written_bytes = 0;
    ASSERT_TRUE((*file)->write_at(0, chain_of(bytes, first_part)));
    EXPECT_LE(counting.counts.written_bytes, 5 * kBlock) << first_part;
    EXPECT_GE(counting.counts.written_bytes, 2 * kBlock + 100);
    EXPECT_EQ(content(**file), bytes) << first_part;
  }
}

TEST_F(SparseFilesTest, a_file_may_end_with_a_hole) {
  auto file = sparse.open("data/segments/1.log", OpenMode::create);
  ASSERT_TRUE(file);
  std::vector<std::uint8_t> bytes(3 * kBlock);
  ASSERT_TRUE((*file)->write_at(0, chain_of(bytes, kBlock)));
  EXPECT_EQ(counting.counts.written_bytes, 0u);
  EXPECT_EQ(content(**file), bytes);
}

TEST_F(SparseFilesTest, zeros_over_what_is_there_are_written) {
  std::vector<std::uint8_t> ones(2 * kBlock, 1);
  {
    auto file = sparse.open("data/segments/1.log", OpenMode::create);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(0, chain_of(ones, 10)));
  }
  auto again = sparse.open("data/segments/1.log", OpenMode::read_write);
  ASSERT_TRUE(again);
  std::vector<std::uint8_t> zeros(4 * kBlock);
  counting.counts.written_bytes = 0;
  ASSERT_TRUE((*again)->write_at(0, chain_of(zeros, kBlock)));
  EXPECT_EQ(counting.counts.written_bytes, 2 * kBlock);
  EXPECT_EQ(content(**again), zeros);
}

TEST_F(SparseFilesTest, the_journal_has_no_holes_and_nothing_is_flushed_before_the_end) {
  auto file = sparse.open("data/journal/1.journal", OpenMode::create);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(0, chain_of(std::vector<std::uint8_t>(8 * kBlock), kBlock)));
  EXPECT_EQ(counting.counts.written_bytes, 8 * kBlock);
  ASSERT_TRUE((*file)->sync());
  ASSERT_TRUE(sparse.sync_directory("data/journal"));
  ASSERT_TRUE(sparse.sync_all("data/segments"));
  EXPECT_EQ(counting.counts.syncs, 0u);
  ASSERT_TRUE(sparse.flush("data"));
  EXPECT_EQ(counting.counts.syncs, 1u);
}

}  // namespace
}  // namespace millrace

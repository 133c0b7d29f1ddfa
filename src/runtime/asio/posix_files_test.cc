#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "runtime/asio/asio_runtime.h"
#include "runtime/asio/asio_test_support.h"

namespace millrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PosixFiles : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::unique_ptr<File> create(const std::string& name) {
    auto file = files_.open(path(name), OpenMode::create);
    EXPECT_TRUE(file) << file.error().message();
    return std::move(*file);
  }
  TestDirectory directory_;
  AsioRuntime runtime_{{.cores = 1}};
  FileSystem& files_ = runtime_.files();
};

ByteChain chain_of(const std::vector<std::string>& parts) {
  ByteChain chain;
  for (const std::string& part : parts) chain.append(Bytes::copy_of(as_bytes(part)));
  return chain;
}

std::string read_text(File& file, std::uint64_t position, std::size_t size) {
  std::vector<std::uint8_t> space(size);
  auto count = file.read_at(position, space);
  EXPECT_TRUE(count);
  return std::string(as_text(ByteView(space).first(*count)));
}

TEST_F(PosixFiles, RoundTrip) {
  auto file = create("a");
  std::vector<std::string> parts;
  std::string whole;
  for (int i = 0; i < 1000; ++i) {  // more parts than one system call takes
    parts.push_back(std::to_string(i) + ",");
    whole += parts.back();
  }
  ASSERT_TRUE(file->write_at(10, chain_of(parts)));
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(*file->size(), 10 + whole.size());
  EXPECT_EQ(read_text(*file, 10, whole.size()), whole);
  EXPECT_EQ(read_text(*file, 10 + whole.size() - 3, 100), "99,");
  EXPECT_EQ(read_text(*file, 0, 10), std::string(10, '\0'));
  EXPECT_EQ(read_text(*file, 1 << 20, 10), "");
  ASSERT_TRUE(file->truncate(12));
  EXPECT_EQ(*file->size(), 12u);
  EXPECT_EQ(read_text(*file, 10, 10), "0,");
}

TEST_F(PosixFiles, OpenModes) {
  EXPECT_EQ(files_.open(path("a"), OpenMode::read).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_.open(path("a"), OpenMode::read_write).error().code, ErrorCode::not_found);
  create("a");
  auto again = files_.open(path("a"), OpenMode::create);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::io_error);
  EXPECT_THAT(again.error().detail, HasSubstr(path("a")));
  auto reader = files_.open(path("a"), OpenMode::read);
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->write_at(0, chain_of({"x"})).error().code, ErrorCode::io_error);
}

TEST_F(PosixFiles, Folders) {
  ASSERT_TRUE(files_.make_directory(path("b/c")));
  ASSERT_TRUE(files_.make_directory(path("b/c")));
  create("b/c/two");
  create("b/c/one");
  EXPECT_THAT(*files_.list(path("b/c")), ElementsAre("one", "two"));
  ASSERT_TRUE(files_.rename(path("b/c/one"), path("b/c/two")));
  EXPECT_THAT(*files_.list(path("b/c")), ElementsAre("two"));
  ASSERT_TRUE(files_.sync_directory(path("b/c")));
  EXPECT_TRUE(files_.exists(path("b/c/two")));
  ASSERT_TRUE(files_.remove(path("b/c/two")));
  EXPECT_FALSE(files_.exists(path("b/c/two")));
  EXPECT_EQ(files_.remove(path("b/c/two")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_.list(path("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_.sync_directory(path("none")).error().code, ErrorCode::not_found);
}

TEST_F(PosixFiles, DirectoryLock) {
  auto lock = files_.lock_directory(directory_.path());
  ASSERT_TRUE(lock);
  auto second = files_.lock_directory(directory_.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_THAT(second.error().detail, HasSubstr("another process holds the directory"));
  EXPECT_THAT(second.error().detail, HasSubstr(directory_.path()));
  lock->reset();
  EXPECT_TRUE(files_.lock_directory(directory_.path()));
}

TEST_F(PosixFiles, ADirectoryThatCannotBeLockedSaysWhatToDo) {
  ASSERT_TRUE(files_.make_directory(path("LOCK")));  // a folder can't be opened for writing
  auto lock = files_.lock_directory(directory_.path());
  ASSERT_FALSE(lock);
  EXPECT_THAT(lock.error().detail, HasSubstr("cannot open the lock file " + path("LOCK")));
  EXPECT_THAT(lock.error().detail, HasSubstr("must be able to read and write everything in"));
}

TEST_F(PosixFiles, FullDiskIsStorageFull) {
  auto full = files_.open("/dev/full", OpenMode::read_write);
  ASSERT_TRUE(full);
  auto written = (*full)->write_at(0, chain_of({"x"}));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::storage_full);
}

// Whether a file system has the non-waiting read at all; where it has not, would_block is the only
// right answer.
bool has_cached_reads(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY);
  char byte;
  iovec part{&byte, 1};
  const bool has =
      preadv2(descriptor, &part, 1, 0, RWF_NOWAIT) >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS);
  ::close(descriptor);
  return has;
}

TEST_F(PosixFiles, CachedReadGivesCachedBytesOrWouldBlock) {
  auto file = create("a");
  const std::string text(3 << 20, 'x');
  ASSERT_TRUE(file->write_at(0, chain_of({text})));
  ASSERT_TRUE(file->sync());  // clean pages, so that they can be dropped
  const bool has = has_cached_reads(path("a"));

  std::vector<std::uint8_t> space(text.size() + 100);
  auto cached = file->read_cached_at(0, space);
  if (has) {
    ASSERT_TRUE(cached) << cached.error().message();
    EXPECT_EQ(*cached, text.size()) << "short at the end of the file only";
    EXPECT_EQ(std::memcmp(space.data(), text.data(), text.size()), 0);
  } else {
    ASSERT_EQ(cached.error().code, ErrorCode::would_block);
  }

  // Drops the middle from the cache: a read across it must not come back short as if the file
  // ended.
  const int descriptor = ::open(path("a").c_str(), O_RDONLY);
  ASSERT_EQ(posix_fadvise(descriptor, 1 << 20, 1 << 20, POSIX_FADV_DONTNEED), 0);
  ::close(descriptor);
  auto partly = file->read_cached_at(0, space);
  if (partly) {
    EXPECT_EQ(*partly, text.size()) << "the file system kept the pages, then all must come";
  } else {
    EXPECT_EQ(partly.error().code, ErrorCode::would_block);
  }
  // The waiting read gives everything in either case.
  EXPECT_EQ(*file->read_at(0, space), text.size());
}

}  // namespace
}  // namespace millrace

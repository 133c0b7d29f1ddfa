// Segment files: opened on demand, read in chunks.
#include "storage/segment_files.h"

#include "storage/storage_test_support.h"

namespace millrace::test {
namespace {

constexpr std::size_t kChunk = 8192;

// Descriptors run out when `open_max` files are open, as a process's do.
class FewDescriptors final : public FileSystem {
 public:
  explicit FewDescriptors(FileSystem& files) : files_(files) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (open_files >= open_max) return fail(ErrorCode::too_many_open_files);
    auto file = files_.open(path, mode);
    if (!file) return file;
    return std::make_unique<Counted>(std::move(*file), *this);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return files_.list(directory);
  }
  Result<void> make_directory(const std::string& path) override {
    return files_.make_directory(path);
  }
  Result<void> remove(const std::string& path) override { return files_.remove(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Result<void> sync_directory(const std::string& path) override {
    return files_.sync_directory(path);
  }
  Result<std::uint64_t> file_size(const std::string& path) override {
    return files_.file_size(path);
  }
  Result<void> sync_all(const std::string& directory) override {
    return files_.sync_all(directory);
  }
  Result<DiskSpace> disk_space(const std::string& directory) override {
    return files_.disk_space(directory);
  }
  bool exists(const std::string& path) override { return files_.exists(path); }
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    return files_.lock_directory(path);
  }

  std::size_t open_files = 0;
  std::size_t open_max = 1000;
  std::size_t reads = 0;

 private:
  class Counted final : public File {
   public:
    Counted(std::unique_ptr<File> file, FewDescriptors& owner)
        : file_(std::move(file)), owner_(owner) {
      ++owner_.open_files;
    }
    ~Counted() override { --owner_.open_files; }
    Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
      ++owner_.reads;
      return file_->read_at(position, space);
    }
    Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
      return file_->read_cached_at(position, space);
    }
    Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override {
      return file_->write_at(position, bytes);
    }
    Result<void> sync() override { return file_->sync(); }
    Result<std::uint64_t> size() override { return file_->size(); }
    Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }

   private:
    std::unique_ptr<File> file_;
    FewDescriptors& owner_;
  };

  FileSystem& files_;
};

class SegmentFilesTest : public ::testing::Test {
 protected:
  void make(std::size_t open_max, std::size_t cached_bytes_max = 1 << 20) {
    segments = std::make_shared<SegmentFiles>(files, open_max, cached_bytes_max, kChunk);
  }
  // A file of `size` bytes, each telling where it stands.
  std::shared_ptr<SegmentFile> file_of(const std::string& name, std::size_t size) {
    auto file = segments->create(name);
    EXPECT_TRUE(file) << file.error().message();
    write(**file, 0, size);
    return *file;
  }
  static std::uint8_t at(std::uint64_t position) {
    return static_cast<std::uint8_t>(position * 7 + position / 251);
  }
  static void write(SegmentFile& file, std::uint64_t position, std::size_t size) {
    Blob bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = at(position + i);
    ByteChain chain;
    chain.append(Bytes::copy_of(bytes));
    ASSERT_TRUE(file.write_at(position, chain));
  }
  static void expect_chunk(const Result<Bytes>& chunk, std::uint64_t number, std::size_t size) {
    ASSERT_TRUE(chunk) << chunk.error().message();
    ASSERT_EQ(chunk->size(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(chunk->data()[i], at(number * kChunk + i));
  }

  SimDisk disk{1};
  FewDescriptors files{disk.files()};
  std::shared_ptr<SegmentFiles> segments;
};

TEST_F(SegmentFilesTest, nothing_is_opened_until_somebody_reads) {
  make(10);
  file_of("a", 100);
  segments->close_released();
  EXPECT_EQ(files.open_files, 0u);
  auto file = segments->existing("a");
  EXPECT_EQ(files.open_files, 0u);
  auto cached = file->chunk(0, 100, ReadFrom::cache);
  ASSERT_FALSE(cached);
  EXPECT_EQ(cached.error().code, ErrorCode::would_block);
  EXPECT_EQ(files.open_files, 0u) << "a read from the cache opens nothing";
  expect_chunk(file->chunk(0, 100, ReadFrom::device), 0, 100);
  expect_chunk(file->chunk(0, 100, ReadFrom::cache), 0, 100);
  EXPECT_EQ(files.open_files, 1u);
}

TEST_F(SegmentFilesTest, at_most_so_many_files_are_open_and_all_can_be_read) {
  make(3, kChunk);
  std::vector<std::shared_ptr<SegmentFile>> all;
  for (int i = 0; i < 20; ++i) all.push_back(file_of(fmt::format("f{}", i), 3 * kChunk));
  EXPECT_LE(files.open_files, 3u);
  for (int round = 0; round < 3; ++round) {
    for (auto& file : all) {
      expect_chunk(file->chunk(1, kChunk, ReadFrom::device), 1, kChunk);
      EXPECT_LE(files.open_files, 3u);
    }
  }
}

TEST_F(SegmentFilesTest, a_pinned_file_stays_open) {
  make(1);
  auto first = file_of("first", 10);
  auto pin = first->pin();
  ASSERT_TRUE(pin);
  auto second = file_of("second", 10);
  ASSERT_TRUE(second->pin());
  ASSERT_TRUE((*pin)->sync());
  EXPECT_EQ(files.open_files, 2u);
}

// Too many open files: those that nobody uses make room.
TEST_F(SegmentFilesTest, when_descriptors_run_out_others_are_closed) {
  make(100);
  std::vector<std::shared_ptr<SegmentFile>> all;
  for (int i = 0; i < 10; ++i) all.push_back(file_of(fmt::format("f{}", i), kChunk));
  EXPECT_EQ(files.open_files, 10u);
  files.open_max = 10;
  auto more = file_of("more", kChunk);
  EXPECT_LE(files.open_files, 10u);
  for (auto& file : all) expect_chunk(file->chunk(0, kChunk, ReadFrom::device), 0, kChunk);
  // When there is nothing of ours to close, it is said.
  std::vector<std::shared_ptr<File>> pins;
  for (auto& file : all) pins.push_back(*file->pin());
  auto refused = segments->create("one too many");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::too_many_open_files);
}

TEST_F(SegmentFilesTest, a_growing_file_is_read_up_to_its_end) {
  make(10);
  auto file = file_of("f", 5000);
  expect_chunk(file->chunk(0, 5000, ReadFrom::device), 0, 5000);
  write(*file, 5000, 2 * kChunk);
  auto cached = file->chunk(0, kChunk, ReadFrom::cache);
  ASSERT_FALSE(cached) << "what was loaded before the write is not enough";
  expect_chunk(file->chunk(0, kChunk, ReadFrom::device), 0, kChunk);
  expect_chunk(file->chunk(2, 5000, ReadFrom::device), 2, 5000);
}

TEST_F(SegmentFilesTest, what_was_read_before_a_write_went_over_it_is_not_kept) {
  make(10);
  auto file = file_of("f", kChunk);
  expect_chunk(file->chunk(0, 100, ReadFrom::device), 0, kChunk);
  ByteChain chain;
  chain.append(Bytes::copy_of(Blob(10, 0xee)));
  ASSERT_TRUE(file->write_at(50, chain));
  auto chunk = file->chunk(0, 100, ReadFrom::device);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->data()[49], at(49));
  EXPECT_EQ(chunk->data()[50], 0xee);
}

TEST_F(SegmentFilesTest, the_cache_keeps_to_its_limit_and_forgets_the_oldest) {
  make(10, 4 * (kChunk + kDirectAlignment));
  auto file = file_of("f", 20 * kChunk);
  for (std::uint64_t n = 0; n < 20; ++n) {
    expect_chunk(file->chunk(n, kChunk, ReadFrom::device), n, kChunk);
    EXPECT_LE(segments->cached_bytes(), 4 * (kChunk + kDirectAlignment));
    if (n >= 1) expect_chunk(file->chunk(1, kChunk, ReadFrom::cache), 1, kChunk);
  }
  EXPECT_FALSE(file->chunk(5, kChunk, ReadFrom::cache));
  file = nullptr;
  EXPECT_EQ(segments->cached_bytes(), 0u);
}

TEST_F(SegmentFilesTest, reads_that_go_forward_are_read_ahead_of) {
  make(10);
  auto file = file_of("f", 10 * kChunk);
  const std::uint64_t end = 10 * kChunk;
  file->note_read(3 * kChunk, 100);
  EXPECT_FALSE(file->should_read_ahead(end)) << "one read says nothing";
  file->note_read(3 * kChunk + 100, 100);
  ASSERT_TRUE(file->should_read_ahead(end));
  EXPECT_FALSE(file->should_read_ahead(end)) << "once";
  file->read_ahead();
  expect_chunk(file->chunk(4, kChunk, ReadFrom::cache), 4, kChunk);
  file->note_read(kChunk, 100);
  EXPECT_FALSE(file->should_read_ahead(end)) << "a step back";
  file->note_read(9 * kChunk - 50, 100);
  file->note_read(9 * kChunk + 50, 100);
  EXPECT_FALSE(file->should_read_ahead(end)) << "there is nothing behind the end";
}

// Many readers in turn would push out what was read ahead for others before they came for it.
TEST_F(SegmentFilesTest, nothing_is_read_ahead_at_the_cost_of_what_waits_to_be_read) {
  make(10, 2 * (kChunk + kDirectAlignment));
  auto one = file_of("one", 10 * kChunk);
  auto other = file_of("other", 10 * kChunk);
  auto go_forward = [](SegmentFile& file, std::uint64_t chunk) {
    file.note_read(chunk * kChunk, 100);
    file.note_read(chunk * kChunk + 100, 100);
    return file.should_read_ahead(10 * kChunk);
  };
  ASSERT_TRUE(go_forward(*one, 0));
  one->read_ahead();
  ASSERT_TRUE(go_forward(*other, 0));
  other->read_ahead();
  EXPECT_FALSE(go_forward(*other, 4)) << "it would cost the first one's";
  expect_chunk(one->chunk(1, kChunk, ReadFrom::cache), 1, kChunk);
  expect_chunk(other->chunk(1, kChunk, ReadFrom::cache), 1, kChunk);
  EXPECT_TRUE(go_forward(*other, 5));
}

TEST_F(SegmentFilesTest, a_missing_file_is_told_when_it_is_read) {
  make(10);
  auto file = segments->existing("nowhere");
  auto chunk = file->chunk(0, 1, ReadFrom::device);
  ASSERT_FALSE(chunk);
  EXPECT_EQ(chunk.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace millrace::test

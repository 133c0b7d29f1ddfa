#include "runtime/sim/sim_files.h"

#include <utility>

namespace millrace {

void SimFileSystem::begin(char operation) {
  scheduler_.trace(static_cast<std::uint64_t>(operation));
  if (on_core_()) ++calls_on_cores_;
}

template <class Value>
Result<Value> SimFileSystem::end(Result<Value> result, std::uint64_t size) {
  scheduler_.trace(result ? size : ~static_cast<std::uint64_t>(result.error().code));
  return result;
}

class SimFile final : public File {
 public:
  SimFile(SimFileSystem& files, std::unique_ptr<File> file)
      : files_(files), file_(std::move(file)) {}

  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
    files_.begin('r');
    auto count = file_->read_at(position, space);
    const std::size_t got = count.value_or(0);
    return files_.end(std::move(count), got);
  }
  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
    files_.scheduler_.trace('c');
    if (files_.scheduler_.random().percent(files_.would_block_percent_)) {
      return fail(ErrorCode::would_block);
    }
    auto count = file_->read_cached_at(position, space);
    const std::size_t got = count.value_or(0);
    return files_.end(std::move(count), got);
  }
  Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override {
    files_.begin('w');
    return files_.end(file_->write_at(position, bytes), bytes.size());
  }
  Result<void> sync() override {
    files_.begin('s');
    return files_.end(file_->sync());
  }
  Result<std::uint64_t> size() override {
    files_.begin('z');
    auto size = file_->size();
    const std::uint64_t bytes = size.value_or(0);
    return files_.end(std::move(size), bytes);
  }
  Result<void> truncate(std::uint64_t size) override {
    files_.begin('t');
    return files_.end(file_->truncate(size), size);
  }

 private:
  SimFileSystem& files_;
  std::unique_ptr<File> file_;
};

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode) {
  begin('o');
  auto file = end(disk_.files().open(path, mode));
  if (!file) return file;
  return std::make_unique<SimFile>(*this, std::move(*file));
}

Result<std::vector<std::string>> SimFileSystem::list(const std::string& directory) {
  begin('l');
  return end(disk_.files().list(directory));
}

Result<void> SimFileSystem::make_directory(const std::string& path) {
  begin('m');
  return end(disk_.files().make_directory(path));
}

Result<void> SimFileSystem::remove(const std::string& path) {
  begin('x');
  return end(disk_.files().remove(path));
}

Result<void> SimFileSystem::rename(const std::string& from, const std::string& to) {
  begin('n');
  return end(disk_.files().rename(from, to));
}

Result<void> SimFileSystem::sync_directory(const std::string& path) {
  begin('d');
  return end(disk_.files().sync_directory(path));
}

Result<std::uint64_t> SimFileSystem::file_size(const std::string& path) {
  begin('z');
  return end(disk_.files().file_size(path));
}

Result<DiskSpace> SimFileSystem::disk_space(const std::string& directory) {
  begin('f');
  return end(disk_.files().disk_space(directory));
}

Result<void> SimFileSystem::sync_all(const std::string& directory) {
  begin('a');
  return end(disk_.files().sync_all(directory));
}

bool SimFileSystem::exists(const std::string& path) {
  begin('e');
  return disk_.files().exists(path);
}

Result<std::unique_ptr<DirectoryLock>> SimFileSystem::lock_directory(const std::string& path) {
  begin('k');
  return end(disk_.files().lock_directory(path));
}

}  // namespace millrace

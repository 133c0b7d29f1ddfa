#include "runtime/sim/sim_disk_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace millrace {
namespace {

std::unexpected<Error> power_is_off(const std::string& path) {
  return fail(ErrorCode::io_error, path + ": the simulated disk has lost power");
}

std::unexpected<Error> no_such(const std::string& path) {
  return fail(ErrorCode::not_found, "no such file or folder: " + path);
}

template <class Value>
Result<Value> with_path(Result<Value> result, const std::string& path) {
  if (result) return result;
  return fail(result.error().code, fmt::format("{}: {}", path, result.error().message()));
}

}  // namespace

std::string sim_path(const std::string& path) {
  std::string clean;
  for (char c : path) {
    const bool repeated = clean.empty() || clean.back() == '/';
    if (c != '/' || !repeated) clean += c;
  }
  if (!clean.empty() && clean.back() == '/') clean.pop_back();
  return clean;
}

std::string sim_path_parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

class SimDiskFile final : public File {
 public:
  SimDiskFile(SimDisk& disk, SimDisk::Inode inode, std::string path, bool writable)
      : disk_(disk),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(writable),
        power_cycle_(disk.power_cycle_) {}

  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
    if (!powered() || disk_.crashed_) return power_is_off(path_);
    const std::vector<std::uint8_t>& content = inode_->content();
    if (position >= content.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(space.size(), content.size() - position);
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(position), count, space.begin());
    return count;
  }
  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
    return read_at(position, space);
  }
  Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override {
    TRY(check_writable());
    if (bytes.empty()) return {};
    return with_path(disk_.write(*inode_, position, bytes), path_);
  }
  Result<void> sync() override {
    if (!powered()) return power_is_off(path_);
    return with_path(disk_.sync(*inode_, path_), path_);
  }
  Result<std::uint64_t> size() override {
    if (!powered() || disk_.crashed_) return power_is_off(path_);
    return inode_->content().size();
  }
  Result<void> truncate(std::uint64_t size) override {
    TRY(check_writable());
    return with_path(disk_.truncate(*inode_, size), path_);
  }

 private:
  // Opened since the last power cut.
  bool powered() const { return power_cycle_ == disk_.power_cycle_; }
  Result<void> check_writable() const {
    if (!powered()) return power_is_off(path_);
    if (!writable_) return fail(ErrorCode::io_error, path_ + ": opened for reading only");
    return {};
  }

  SimDisk& disk_;
  SimDisk::Inode inode_;
  std::string path_;
  bool writable_;
  std::uint64_t power_cycle_;
};

class SimDiskLock final : public DirectoryLock {
 public:
  SimDiskLock(SimDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)), power_cycle_(disk.power_cycle_) {}
  ~SimDiskLock() override {
    if (power_cycle_ == disk_.power_cycle_) disk_.locks_.erase(path_);
  }

 private:
  SimDisk& disk_;
  std::string path_;
  std::uint64_t power_cycle_;
};

Result<std::unique_ptr<File>> SimDiskFiles::open(const std::string& given, OpenMode mode) {
  const std::string path = sim_path(given);
  auto found = disk_.now_.files.find(path);
  if (mode != OpenMode::create) {
    if (disk_.crashed_) return power_is_off(path);
    if (found == disk_.now_.files.end()) return no_such(path);
    return std::make_unique<SimDiskFile>(disk_, found->second, path, mode != OpenMode::read);
  }
  if (!disk_.begin_operation()) return power_is_off(path);
  const std::string parent = sim_path_parent(path);
  if (!disk_.now_.has_directory(parent)) return no_such(parent);
  if (found != disk_.now_.files.end() || disk_.now_.has_directory(path)) {
    return fail(ErrorCode::io_error, "cannot create " + path + ": it exists");
  }
  auto inode = std::make_shared<SimInode>();
  disk_.change({Change::make_file, path, {}, inode});
  return std::make_unique<SimDiskFile>(disk_, std::move(inode), path, true);
}

Result<std::vector<std::string>> SimDiskFiles::list(const std::string& given) {
  const std::string directory = sim_path(given);
  if (disk_.crashed_) return power_is_off(directory);
  if (!disk_.now_.has_directory(directory)) return no_such(directory);
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (sim_path_parent(path) != directory) return;
    names.push_back(directory.empty() ? path : path.substr(directory.size() + 1));
  };
  for (const auto& [path, inode] : disk_.now_.files) add(path);
  for (const std::string& path : disk_.now_.directories) add(path);
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> SimDiskFiles::make_directory(const std::string& given) {
  const std::string path = sim_path(given);
  if (disk_.crashed_) return power_is_off(path);
  if (disk_.now_.has_directory(path)) return {};
  if (disk_.now_.files.contains(path)) {
    return fail(ErrorCode::io_error, "cannot create the folder " + path + ": a file is there");
  }
  const std::string parent = sim_path_parent(path);
  TRY(make_directory(parent));
  if (!disk_.begin_operation()) return power_is_off(path);
  disk_.change({Change::make_directory, path, {}, nullptr});
  return {};
}

Result<void> SimDiskFiles::remove(const std::string& given) {
  const std::string path = sim_path(given);
  if (!disk_.begin_operation()) return power_is_off(path);
  auto found = disk_.now_.files.find(path);
  if (found == disk_.now_.files.end()) return no_such(path);
  disk_.change({Change::remove, path, {}, found->second});
  return {};
}

Result<void> SimDiskFiles::rename(const std::string& given_from, const std::string& given_to) {
  const std::string from = sim_path(given_from);
  const std::string to = sim_path(given_to);
  if (!disk_.begin_operation()) return power_is_off(from);
  auto found = disk_.now_.files.find(from);
  if (found == disk_.now_.files.end()) return no_such(from);
  if (!disk_.now_.has_directory(sim_path_parent(to))) return no_such(sim_path_parent(to));
  if (from == to) return {};
  disk_.change({Change::rename, to, from, found->second});
  return {};
}

Result<void> SimDiskFiles::sync_directory(const std::string& given) {
  const std::string path = sim_path(given);
  if (!disk_.begin_operation()) return power_is_off(path);
  if (!disk_.now_.has_directory(path)) return no_such(path);
  disk_.sync_entries(path);
  return {};
}

Result<std::uint64_t> SimDiskFiles::file_size(const std::string& given) {
  auto file = open(given, OpenMode::read);
  if (!file) return std::unexpected(file.error());
  return (*file)->size();
}

Result<DiskSpace> SimDiskFiles::disk_space(const std::string&) {
  return DiskSpace{disk_.capacity_, disk_.free_bytes()};
}

// File by file: a power cut in between finds some of them flushed.
Result<void> SimDiskFiles::sync_all(const std::string& directory) {
  auto names = list(directory);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    std::string path = directory;
    path.append("/").append(name);
    if (disk_.now_.has_directory(sim_path(path))) continue;
    auto file = open(path, OpenMode::read_write);
    if (!file) return std::unexpected(file.error());
    TRY((*file)->sync());
  }
  return {};
}

bool SimDiskFiles::exists(const std::string& given) {
  const std::string path = sim_path(given);
  return disk_.now_.files.contains(path) || disk_.now_.has_directory(path);
}

Result<std::unique_ptr<DirectoryLock>> SimDiskFiles::lock_directory(const std::string& given) {
  const std::string path = sim_path(given);
  if (disk_.crashed_) return power_is_off(path);
  if (!disk_.now_.has_directory(path)) return no_such(path);
  if (!disk_.locks_.insert(path).second) {
    return fail(ErrorCode::io_error, "another process holds the directory " + path);
  }
  return std::make_unique<SimDiskLock>(disk_, path);
}

}  // namespace millrace

#include "runtime/asio/posix_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "runtime/asio/gather.h"

namespace millrace {
namespace {

constexpr mode_t kFileMode = 0644;

std::unexpected<Error> file_failure(std::string_view doing, std::string_view path, int number) {
  ErrorCode code = ErrorCode::io_error;
  if (number == ENOSPC || number == EDQUOT) code = ErrorCode::storage_full;
  if (number == ENOENT) code = ErrorCode::not_found;
  if (number == EMFILE || number == ENFILE) code = ErrorCode::too_many_open_files;
  return fail(
      code, fmt::format("cannot {} {}: {}", doing, path, std::generic_category().message(number)));
}

// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

class PosixFile final : public File {
 public:
  // `direct` may be none.
  PosixFile(Descriptor descriptor, Descriptor direct, std::string path)
      : descriptor_(std::move(descriptor)), direct_(std::move(direct)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
    const std::uint64_t bits =
        position | space.size() | reinterpret_cast<std::uintptr_t>(space.data());
    const bool direct = is_direct(bits);
    std::size_t done = 0;
    while (done < space.size()) {
      const ssize_t count = uninterrupted([&] {
        return pread(direct ? direct_.get() : descriptor_.get(), space.data() + done,
                     space.size() - done, static_cast<off_t>(position + done));
      });
      if (count < 0) return file_failure("read", path_, errno);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
      if (direct && done % kDirectAlignment != 0) break;  // the end of the file
    }
    return done;
  }

  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
    std::size_t done = 0;
    while (done < space.size()) {
      iovec part{space.data() + done, space.size() - done};
      const ssize_t count = uninterrupted([&] {
        return preadv2(descriptor_.get(), &part, 1, static_cast<off_t>(position + done),
                       RWF_NOWAIT);
      });
      // A short count says nothing: the end of the file reads as 0 in the next turn, a missing page
      // as EAGAIN. A file system without this flag always sends the caller to a worker.
      if (count < 0 && (errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS)) {
        return fail(ErrorCode::would_block);
      }
      if (count < 0) return file_failure("read", path_, errno);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override {
    std::uint64_t bits = position;
    for (const Bytes& part : bytes.parts()) {
      bits |= part.size() | reinterpret_cast<std::uintptr_t>(part.data());
    }
    const int descriptor = is_direct(bits) ? direct_.get() : descriptor_.get();
    std::size_t done = 0;
    while (done < bytes.size()) {
      const Gather gather(bytes, done);
      const ssize_t count = uninterrupted([&] {
        return pwritev(descriptor, gather.parts.data(), static_cast<int>(gather.count),
                       static_cast<off_t>(position + done));
      });
      if (count < 0) return file_failure("write", path_, errno);
      ASSERT(count > 0);
      done += static_cast<std::size_t>(count);
    }
    return {};
  }

  Result<void> sync() override {
    if (uninterrupted([&] { return fdatasync(descriptor_.get()); }) < 0) {
      return file_failure("flush", path_, errno);
    }
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat status{};
    if (fstat(descriptor_.get(), &status) < 0) return file_failure("inspect", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) < 0) {
      return file_failure("truncate", path_, errno);
    }
    return {};
  }

 private:
  // `bits`: position, sizes and addresses, or-ed.
  bool is_direct(std::uint64_t bits) const {
    return direct_.get() >= 0 && bits % kDirectAlignment == 0;
  }

  Descriptor descriptor_;
  Descriptor direct_;
  std::string path_;
};

class PosixDirectoryLock final : public DirectoryLock {
 public:
  explicit PosixDirectoryLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;  // the lock goes with it
};

int open_descriptor(const std::string& path, int flags) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::read_write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  ASSERT(false);
  return 0;
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  Descriptor descriptor(open_descriptor(path, flags_of(mode)));
  if (descriptor.get() < 0) {
    return file_failure(mode == OpenMode::create ? "create" : "open", path, errno);
  }
  return std::make_unique<PosixFile>(std::move(descriptor), Descriptor(-1), path);
}

Result<std::unique_ptr<File>> PosixFileSystem::open_direct(const std::string& path, OpenMode mode) {
  Descriptor descriptor(open_descriptor(path, flags_of(mode)));
  if (descriptor.get() < 0) {
    return file_failure(mode == OpenMode::create ? "create" : "open", path, errno);
  }
  // Not every file system can: then all goes through the page cache.
  Descriptor direct(open_descriptor(path, O_RDWR | O_DIRECT));
  return std::make_unique<PosixFile>(std::move(descriptor), std::move(direct), path);
}

Result<std::vector<std::string>> PosixFileSystem::list(const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  std::vector<std::string> names;
  while (!error && entries != std::filesystem::directory_iterator()) {
    names.push_back(entries->path().filename().string());
    entries.increment(error);
  }
  if (error) return file_failure("list", directory, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> PosixFileSystem::make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return file_failure("create the folder", path, error.value());
  return {};
}

Result<void> PosixFileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) < 0) return file_failure("remove", path, errno);
  return {};
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) < 0) {
    return file_failure("rename", fmt::format("{} to {}", from, to), errno);
  }
  return {};
}

Result<void> PosixFileSystem::sync_directory(const std::string& path) {
  const Descriptor descriptor(open_descriptor(path, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() < 0) return file_failure("open the folder", path, errno);
  if (uninterrupted([&] { return fsync(descriptor.get()); }) < 0) {
    return file_failure("flush the folder", path, errno);
  }
  return {};
}

Result<std::uint64_t> PosixFileSystem::file_size(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) < 0) return file_failure("inspect", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<DiskSpace> PosixFileSystem::disk_space(const std::string& directory) {
  struct statvfs status{};
  if (::statvfs(directory.c_str(), &status) < 0) return file_failure("inspect", directory, errno);
  std::uint64_t block = status.f_frsize;
  return DiskSpace{status.f_blocks * block, status.f_bavail * block};
}

Result<void> PosixFileSystem::sync_all(const std::string& directory) {
  const Descriptor descriptor(open_descriptor(directory, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() < 0) return file_failure("open the folder", directory, errno);
  if (uninterrupted([&] { return syncfs(descriptor.get()); }) < 0) {
    return file_failure("flush the file system of", directory, errno);
  }
  return {};
}

bool PosixFileSystem::exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Result<std::unique_ptr<DirectoryLock>> PosixFileSystem::lock_directory(const std::string& path) {
  const std::string file = path + "/LOCK";
  Descriptor descriptor(open_descriptor(file, O_RDWR | O_CREAT));
  if (descriptor.get() < 0) {
    Error error = file_failure("open the lock file", file, errno).error();
    error.detail += fmt::format(
        ". The broker must be able to read and write everything in {}: look at its owner, its "
        "permissions and how its disk is mounted",
        path);
    return std::unexpected(error);
  }
  if (uninterrupted([&] { return flock(descriptor.get(), LOCK_EX | LOCK_NB); }) < 0) {
    if (errno != EWOULDBLOCK) return file_failure("lock", file, errno);
    return fail(
        ErrorCode::io_error,
        fmt::format("another process holds the directory {} (it has locked {})", path, file));
  }
  return std::make_unique<PosixDirectoryLock>(std::move(descriptor));
}

}  // namespace millrace

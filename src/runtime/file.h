// File and FileSystem: what storage stands on. Everything here may block, so it is called from a
// Worker, never from a core; the one exception is File::read_cached_at.
//
// A write is durable when a later sync() of the same file returned success, and the file itself
// when a sync_directory() of its folder did after it was created or renamed. A file whose sync()
// failed must never be trusted again (STORAGE.md rule 4). Any thread; the same file from one thread
// at a time, except reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace millrace {

class File {
 public:
  virtual ~File() = default;
  // Fills `space` as far as the file reaches; the count is short only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) = 0;
  // The same from the page cache alone. Error::would_block when any of it would have to come from
  // the device.
  virtual Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) = 0;
  // All of it or an error; the file grows as needed.
  virtual Result<void> write_at(std::uint64_t position, const ByteChain& bytes) = 0;
  // Data, and the metadata needed to read it back.
  virtual Result<void> sync() = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
};

inline constexpr std::size_t kDirectAlignment = 4096;

enum class OpenMode { read, read_write, create };  // create: read and write, must not exist

struct DiskSpace {
  std::uint64_t total = 0;  // bytes
  std::uint64_t free = 0;   // what can still be written
};

// Holds a folder against a second process until it goes.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // Reads and writes whose position, size and memory are multiples of kDirectAlignment go past the
  // page cache, where the file system can do that. What is read is the same, and sync() is needed
  // as ever.
  virtual Result<std::unique_ptr<File>> open_direct(const std::string& path, OpenMode mode) {
    return open(path, mode);
  }
  // Names (not paths) of the files of a folder, sorted.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Result<void> make_directory(
      const std::string& path) = 0;  // and its parents; fine when it is there
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from,
                              const std::string& to) = 0;  // replaces atomically
  virtual Result<void> sync_directory(const std::string& path) = 0;
  // Error::not_found when it is not there.
  virtual Result<std::uint64_t> file_size(const std::string& path) = 0;
  // As sync() of every file of the folder. For when there are many: one flush instead of one each.
  virtual Result<void> sync_all(const std::string& directory) = 0;
  virtual bool exists(const std::string& path) = 0;
  // Of the disk that holds `directory`.
  virtual Result<DiskSpace> disk_space(const std::string& directory) = 0;
  virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;
};

}  // namespace millrace

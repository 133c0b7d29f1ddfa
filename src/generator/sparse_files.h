// SparseFiles: a file system in front of another one, for making large files that take little room:
// whole blocks of zeros behind the end of a segment are not written, so they become holes. Reads
// see no difference.
//
//   SparseFiles sparse(runtime.files());
//   ... everything writes through `sparse` ...
//   TRY(sparse.flush("data"));
//
// Nothing is flushed before that: who makes a directory to measure with throws it away when the
// machine stops in between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/file.h"

namespace millrace {

class SparseFiles final : public FileSystem {
 public:
  explicit SparseFiles(FileSystem& files) : files_(files) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
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
  Result<void> sync_directory(const std::string&) override { return {}; }
  Result<std::uint64_t> file_size(const std::string& path) override {
    return files_.file_size(path);
  }
  Result<void> sync_all(const std::string&) override { return {}; }
  bool exists(const std::string& path) override { return files_.exists(path); }
  Result<DiskSpace> disk_space(const std::string& directory) override {
    return files_.disk_space(directory);
  }
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    return files_.lock_directory(path);
  }

  // The file system that holds `directory`, everything.
  Result<void> flush(const std::string& directory) { return files_.sync_all(directory); }

 private:
  FileSystem& files_;
};

}  // namespace millrace

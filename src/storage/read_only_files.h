// ReadOnlyFiles: another file system, through which nothing can be changed. What recovery would
// remove is noted instead, so that its own functions can be used to look.
#pragma once

#include <string>
#include <vector>

#include "runtime/file.h"

namespace millrace {

class ReadOnlyFiles final : public FileSystem {
 public:
  explicit ReadOnlyFiles(FileSystem& files) : files_(files) {}

  // What somebody wanted to remove.
  const std::vector<std::string>& unwanted() const { return unwanted_; }

  // For reading, whatever was asked for; a new file is Error::io_error.
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return files_.list(directory);
  }
  Result<void> make_directory(const std::string& path) override { return refuse("make", path); }
  Result<void> remove(const std::string& path) override {
    unwanted_.push_back(path);
    return {};
  }
  Result<void> rename(const std::string& from, const std::string&) override {
    return refuse("rename", from);
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
    return refuse("lock", path);
  }

 private:
  static std::unexpected<Error> refuse(std::string_view doing, const std::string& path) {
    return fail(ErrorCode::io_error,
                "cannot " + std::string(doing) + ' ' + path + ": it is only looked at");
  }

  FileSystem& files_;
  std::vector<std::string> unwanted_;
};

}  // namespace millrace

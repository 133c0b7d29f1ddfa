// PosixFileSystem: files of the operating system. Private to this folder.
//
// ENOSPC and EDQUOT come as storage_full, ENOENT as not_found, everything else as io_error; all
// with the path and the system's text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/file.h"

namespace millrace {

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::unique_ptr<File>> open_direct(const std::string& path, OpenMode mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::uint64_t> file_size(const std::string& path) override;
  Result<void> sync_all(const std::string& directory) override;
  bool exists(const std::string& path) override;
  Result<DiskSpace> disk_space(const std::string& directory) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;
};

}  // namespace millrace

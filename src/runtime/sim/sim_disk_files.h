// The FileSystem of a SimDisk. Private to this folder.
//
// Paths are taken apart and put together again ("data//a/" is "data/a"); a leading slash changes
// nothing, so that relative paths and absolute ones name the same file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/sim/sim_disk.h"

namespace millrace {

std::string sim_path(const std::string& path);
// "" of what lies in the root.
std::string sim_path_parent(const std::string& path);

class SimDiskFiles final : public FileSystem {
 public:
  explicit SimDiskFiles(SimDisk& disk) : disk_(disk) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
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

 private:
  using Change = SimDisk::EntryChange::Kind;
  SimDisk& disk_;
};

}  // namespace millrace

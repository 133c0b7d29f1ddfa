// SimFileSystem: the disk as a runtime's works see it. Private to this folder.
//
// Adds to the disk's own file system what the scheduler knows: every operation and its outcome goes
// into the trace, a read from the cache alone sometimes would block, and file calls made on a core
// are counted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_scheduler.h"

namespace millrace {

class SimFileSystem final : public FileSystem {
 public:
  // `on_core`: whether what runs now is a core.
  SimFileSystem(SimScheduler& scheduler, SimDisk& disk, unsigned would_block_percent,
                std::function<bool()> on_core)
      : scheduler_(scheduler),
        disk_(disk),
        would_block_percent_(would_block_percent),
        on_core_(std::move(on_core)) {}

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

  std::uint64_t calls_on_cores() const { return calls_on_cores_; }
  void set_would_block_percent(unsigned percent) { would_block_percent_ = percent; }

 private:
  friend class SimFile;
  // Before anything that may block.
  void begin(char operation);
  // After it: traces the outcome.
  template <class Value>
  Result<Value> end(Result<Value> result, std::uint64_t size = 0);

  SimScheduler& scheduler_;
  SimDisk& disk_;
  unsigned would_block_percent_;
  std::function<bool()> on_core_;
  std::uint64_t calls_on_cores_ = 0;
};

}  // namespace millrace

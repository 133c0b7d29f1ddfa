#include "runtime/sim/sim_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "runtime/sim/sim_disk_files.h"

namespace millrace {
namespace {

std::unexpected<Error> power_is_off() {
  return fail(ErrorCode::io_error, "the simulated disk has lost power");
}

}  // namespace

bool SimDisk::Tree::has_directory(const std::string& path) const {
  return path.empty() || directories.contains(path);
}

std::unique_ptr<FileSystem> SimDisk::make_files(SimDisk& disk) {
  return std::make_unique<SimDiskFiles>(disk);
}

bool SimDisk::begin_operation() {
  ++operations_;
  if (operations_ == crash_at_) crashed_ = true;
  return !crashed_;
}

Result<void> SimDisk::write(SimInode& inode, std::uint64_t position, const ByteChain& bytes) {
  ASSERT(!bytes.empty());
  const bool was_down = crashed_;
  const bool up = begin_operation();
  if (was_down) return power_is_off();
  const Bytes whole = bytes.flatten();
  const std::uint64_t size = inode.content().size();
  const std::uint64_t end = position + whole.size();

  std::uint64_t allowed = whole.size();
  Result<void> result;
  if (!up) {
    allowed = random_.below(whole.size() + 1);
    result = power_is_off();
  } else if (++writes_ == fail_write_at_) {
    allowed = random_.below(whole.size() + 1);
    result = fail(ErrorCode::io_error, "the simulated disk fails this write");
  } else if (end > size && end - size > free_bytes()) {
    const std::uint64_t end_max = size + free_bytes();
    allowed = end_max > position ? end_max - position : 0;
    result = fail(ErrorCode::storage_full, "the simulated disk is full");
  }
  inode.write(position, whole.view().first(allowed), operations_);
  observe();
  return result;
}

Result<void> SimDisk::sync(SimInode& inode, const std::string& path) {
  if (!begin_operation()) return power_is_off();
  observe();
  if (lies_about(path)) return {};
  if (++syncs_ == fail_sync_at_) {
    inode.fail_sync(random_);
    return fail(ErrorCode::io_error, "the simulated disk fails this flush");
  }
  inode.sync();
  return {};
}

Result<void> SimDisk::truncate(SimInode& inode, std::uint64_t size) {
  if (!begin_operation()) return power_is_off();
  const std::uint64_t before = inode.content().size();
  if (size > before && size - before > free_bytes()) {
    return fail(ErrorCode::storage_full, "the simulated disk is full");
  }
  inode.truncate(size, operations_);
  observe();
  return {};
}

std::uint64_t SimDisk::free_bytes() const {
  if (capacity_ == kUnlimited) return kUnlimited;
  const std::uint64_t bytes = used();
  return capacity_ > bytes ? capacity_ - bytes : 0;
}

void SimDisk::observe() const {
  if (observer_) observer_();
}

void SimDisk::change(EntryChange change) {
  change.operation = operations_;
  change.apply(now_);
  changes_.push_back(std::move(change));
  observe();
}

void SimDisk::sync_entries(const std::string& folder) {
  observe();
  if (lies_about(folder)) return;
  std::vector<EntryChange> rest;
  for (EntryChange& change : changes_) {
    if (change.concerns(folder)) {
      change.apply(durable_);
    } else {
      rest.push_back(std::move(change));
    }
  }
  changes_ = std::move(rest);
}

std::uint64_t SimDisk::used() const {
  std::uint64_t used = 0;
  for (const auto& [path, inode] : now_.files) used += inode->content().size();
  return used;
}

void SimDisk::crash(CrashKeeps keeps) {
  for (const EntryChange& change : std::exchange(changes_, {})) {
    const bool kept =
        keeps == CrashKeeps::everything || (keeps == CrashKeeps::some && random_.below(2) == 0);
    if (kept) change.apply(durable_);
  }
  end_crash();
  for (const auto& [path, inode] : now_.files) inode->crash(keeps, random_);
}

void SimDisk::end_crash() {
  // Parents sort before what they hold, so one pass finds all that hangs in the air.
  std::set<std::string> connected;
  for (const std::string& path : durable_.directories) {
    const std::string parent = sim_path_parent(path);
    if (parent.empty() || connected.contains(parent)) connected.insert(path);
  }
  durable_.directories = std::move(connected);
  std::erase_if(durable_.files, [this](const auto& entry) {
    return !durable_.has_directory(sim_path_parent(entry.first));
  });
  now_ = durable_;
  end_process();
  crashed_ = false;
}

void SimDisk::end_process() {
  locks_.clear();
  ++power_cycle_;
  crash_at_ = fail_write_at_ = fail_sync_at_ = 0;
}

void SimDisk::flip_bit(const std::string& path, std::uint64_t position, unsigned bit) {
  auto found = now_.files.find(sim_path(path));
  ASSERT(found != now_.files.end());
  found->second->flip_bit(position, bit);
}

void SimDisk::make_durable_directory(const std::string& path) {
  for (std::string part = sim_path(path); !part.empty(); part = sim_path_parent(part)) {
    now_.directories.insert(part);
    durable_.directories.insert(part);
  }
}

std::vector<std::string> SimDisk::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, inode] : now_.files) paths.push_back(path);
  return paths;
}

std::vector<std::uint8_t> SimDisk::content(const std::string& path) const {
  auto found = now_.files.find(sim_path(path));
  ASSERT(found != now_.files.end());
  return found->second->content();
}

std::vector<std::uint8_t> SimDisk::durable_content(const std::string& path) const {
  auto found = durable_.files.find(sim_path(path));
  ASSERT(found != durable_.files.end());
  return found->second->durable();
}

}  // namespace millrace

// SimDisk: a disk in memory that outlives the runtimes that use it, forgets on a crash what was not
// flushed, and fails where a test says.
//
//   SimDisk disk(seed);
//   disk.make_durable_directory("data");
//   {
//     SimRuntime runtime(options, disk);  ...  disk.crash_at_operation(17);
//     runtime.run_until([&] { return disk.crashed(); }, limit);
//     runtime.abandon();
//   }
//   disk.crash(CrashKeeps::some);           // power is back: another SimRuntime may open it
//
// File contents survive by 512-byte sectors (sim_inode.h). Directory entries survive by operation:
// a creation, rename or removal that no sync_directory() of its folder followed happened or did
// not, each on its own; what lies in a folder that did not survive is gone. The root always is
// there. Operations (counted, and where a crash can be put) are writes, truncations, syncs,
// creations, removals, renames, new folders and folder syncs.
//
// A test that wants every power cut and not one by chance copies the disk while a run goes on, and
// says of each copy what survives:
//
//   disk.on_operation([&] { images.push_back(disk.copy()); });
//   ...
//   std::vector<SimUnflushed> unflushed = images[17]->unflushed();
//   images[17]->crash(std::vector<bool>(unflushed.size(), true));    // as CrashKeeps::everything
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/file.h"
#include "runtime/sim/sim_inode.h"
#include "runtime/sim/sim_random.h"

namespace millrace {

// One thing that a power cut keeps or loses, whatever becomes of the others.
struct SimUnflushed {
  std::uint64_t operation = 0;  // which wrote it
  std::string what;             // for people
};

class SimDisk {
 public:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  explicit SimDisk(std::uint64_t seed) : random_(seed) {}
  SimDisk(const SimDisk&) = delete;

  // Power cut and return: keeps what `keeps` says of the unflushed, and ends every file and lock
  // still held (they fail from now on). Injected failures that did not happen are forgotten.
  void crash(CrashKeeps keeps);
  // The same, and what is kept is said: `kept` is as long as unflushed().
  void crash(const std::vector<bool>& kept);
  // In the order of operations: sectors of writes, but those that are there already, truncations,
  // changes of folders.
  std::vector<SimUnflushed> unflushed() const;
  // The disk as it stands, flushed or not, with nothing open.
  std::unique_ptr<SimDisk> copy() const;
  // Called in every operation: what it writes waits to be flushed, what it flushes is not yet.
  void on_operation(std::function<void()> observer) { observer_ = std::move(observer); }
  // Of what is durable: the same for the same content, and hardly for another.
  std::uint64_t durable_hash() const;
  // The process ends by force: its files and locks end, what it wrote stays as it is. Injected
  // failures that did not happen are forgotten.
  void end_process();
  // The `number`th operation from now (1 is the next) and all after it fail, reads too, until
  // crash(). A write it hits may be there in part.
  void crash_at_operation(std::uint64_t number) { crash_at_ = operations_ + number; }
  void never_crash() { crash_at_ = 0; }
  bool crashed() const { return crashed_; }
  // Since the disk was made.
  std::uint64_t operations() const { return operations_; }
  std::uint64_t writes() const { return writes_; }
  std::uint64_t syncs() const { return syncs_; }

  // The `number`th write or file sync from now (1 is the next) fails with io_error. After a failed
  // sync what was unflushed is lost though it may still be read, and the next sync reports success.
  void fail_write(std::uint64_t number) { fail_write_at_ = writes_ + number; }
  void fail_sync(std::uint64_t number) { fail_sync_at_ = syncs_ + number; }
  // A disk that lies: of the files and folders for which this holds it reports that they were
  // flushed, and does nothing.
  void lie_about_flushes(std::function<bool(const std::string& path)> of) { lies_ = std::move(of); }
  // Writes that would need more than this in all files fail with storage_full, written in part.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  std::uint64_t used() const;
  // Of an existing byte; in the cache and on the medium.
  void flip_bit(const std::string& path, std::uint64_t position, unsigned bit);

  // A folder that needs no sync any more: where a test's broker lives.
  void make_durable_directory(const std::string& path);
  // For looking at what a broker left: as read now, and as after CrashKeeps::nothing.
  std::vector<std::string> paths() const;
  std::vector<std::uint8_t> content(const std::string& path) const;
  std::vector<std::uint8_t> durable_content(const std::string& path) const;

  // The disk as files, without a runtime. SimRuntime::files() adds the scheduler's part to it.
  FileSystem& files() { return *files_; }

 private:
  friend class SimDiskFile;
  friend class SimDiskLock;
  friend class SimDiskFiles;

  using Inode = std::shared_ptr<SimInode>;
  struct Tree {
    std::map<std::string, Inode> files;
    std::set<std::string> directories;
    bool has_directory(const std::string& path) const;
  };
  // A change of the tree that is not durable yet. It is when one of its folders was synced.
  struct EntryChange {
    enum class Kind { make_file, make_directory, remove, rename };
    Kind kind;
    std::string path;  // of a rename: the new one
    std::string from;
    Inode inode;
    std::uint64_t operation = 0;

    bool concerns(const std::string& folder) const;
    void apply(Tree& tree) const;
    std::string describe() const;
  };
  // What unflushed() tells of: a piece of a file, or a change of a folder.
  struct Piece {
    std::uint64_t operation = 0;
    std::string path;  // of the inode
    Inode inode;
    SimInode::Piece of_inode;
    const EntryChange* change = nullptr;
  };

  // Counts an operation; false when the disk is or goes down.
  bool begin_operation();
  Result<void> write(SimInode& inode, std::uint64_t position, const ByteChain& bytes);
  Result<void> sync(SimInode& inode, const std::string& path);
  Result<void> truncate(SimInode& inode, std::uint64_t size);
  std::uint64_t free_bytes() const;
  void change(EntryChange change);
  void sync_entries(const std::string& folder);
  void observe() const;
  bool lies_about(const std::string& path) const { return lies_ && lies_(path); }
  std::vector<Piece> pieces() const;
  // What hangs in the air is gone; power is back.
  void end_crash();

  SimRandom random_;
  Tree now_;
  Tree durable_;
  std::vector<EntryChange> changes_;
  std::set<std::string> locks_;
  std::uint64_t power_cycle_ = 0;

  std::uint64_t operations_ = 0;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t crash_at_ = 0;  // 0: never
  std::uint64_t fail_write_at_ = 0;
  std::uint64_t fail_sync_at_ = 0;
  bool crashed_ = false;
  std::uint64_t capacity_ = kUnlimited;
  std::function<void()> observer_;
  std::function<bool(const std::string&)> lies_;

  static std::unique_ptr<FileSystem> make_files(SimDisk& disk);
  std::unique_ptr<FileSystem> files_ = make_files(*this);
};

}  // namespace millrace

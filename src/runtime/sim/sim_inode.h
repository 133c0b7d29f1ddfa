// SimInode: the content of one simulated file, as read now and as it would be after a power cut.
// Private to this folder.
//
// What is written waits as operations until a sync carries it over to the durable image. A crash
// replays a part of the waiting operations: every 512-byte sector on its own takes one of the
// contents it had since the last sync, or none; each truncation happened or did not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "runtime/sim/sim_random.h"

namespace millrace {

inline constexpr std::uint64_t kSectorBytes = 512;

// What of the unflushed survives a crash.
enum class CrashKeeps { nothing, everything, some };

class SimInode {
 public:
  const std::vector<std::uint8_t>& content() const { return content_; }
  const std::vector<std::uint8_t>& durable() const { return durable_; }
  std::uint64_t unsynced_operations() const { return pending_.size(); }

  // `number` is the operation's of the disk.
  void write(std::uint64_t position, ByteView bytes, std::uint64_t number);
  void truncate(std::uint64_t size, std::uint64_t number);
  void sync();
  // A sync that failed: some sectors may have arrived, the others are never written again, and
  // reads give their new content or, where the cache let go of it, the old.
  void fail_sync(SimRandom& random);
  void crash(CrashKeeps keeps, SimRandom& random);
  // What waits, taken apart: one sector of one write, or one truncation.
  struct Piece {
    std::uint64_t number = 0;   // of the operation, on the disk
    std::size_t operation = 0;  // among those that wait
    std::uint64_t sector = 0;   // of the write
    std::uint64_t position = 0;
    bool truncates = false;
  };
  // In the order of writing, without sectors that would leave everything as it is durably.
  std::vector<Piece> pieces() const;
  // Keeps these of pieces() and nothing else.
  void crash(std::span<const Piece> kept);
  void flip_bit(std::uint64_t position, unsigned bit);

 private:
  struct Operation {
    std::uint64_t number = 0;
    bool truncates = false;
    std::uint64_t first_sector = 0;
    // Whole sectors as they were after the write, but the last may end with the file; or the new
    // size of a truncation.
    std::vector<std::uint8_t> sectors;
    std::uint64_t size = 0;
  };

  static std::uint64_t sector_count(const Operation& operation);
  static ByteView sector_bytes(const Operation& operation, std::uint64_t sector);
  bool is_durable(const Operation& operation, std::uint64_t sector) const;
  void apply_sector(const Operation& operation, std::uint64_t sector);
  void apply(const Operation& operation);
  void apply_some(SimRandom& random);

  std::vector<std::uint8_t> content_;
  std::vector<std::uint8_t> durable_;
  std::vector<Operation> pending_;
};

}  // namespace millrace

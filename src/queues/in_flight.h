// InFlight: who holds which offset. Volatile. Bounded by the credit of the holders, not by the
// backlog.
//
// A holder for each offset, in blocks of offsets that lie side by side: consumers take turns, so
// runs of one holder are short, but what is in flight lies together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "queues/ids.h"

namespace millrace {

class InFlight {
 public:
  InFlight() = default;
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

  void add(Offset offset, HolderId holder);
  // kNoHolder: it is not in flight.
  HolderId find(Offset offset) const;
  // False: this holder does not have it.
  bool remove(Offset offset, HolderId holder);
  // Takes out what `holder` has of `range`; adds that to `removed` and the rest to `refused`.
  void remove(OffsetRange range, HolderId holder, OffsetRuns& removed, OffsetRuns& refused);
  // Takes them out, whoever has them.
  void remove_all(OffsetRange range);
  // What it has, in order. O(blocks in flight).
  OffsetRuns held_by(HolderId holder) const;

  std::int64_t count() const { return count_; }

 private:
  static constexpr std::int64_t kBlock = 16;
  struct Block {
    std::array<HolderId, kBlock> holders{};
    std::int64_t used = 0;
  };

  static std::int64_t index_of(Offset offset) { return offset.value() / kBlock; }
  static std::size_t slot_of(Offset offset) {
    return static_cast<std::size_t>(offset.value() % kBlock);
  }
  // Null: nothing of it is in flight.
  Block* find_block(std::int64_t index) const;
  void forget_if_empty(std::int64_t index, Block& block);

  // Blocks stay where they are. mutable: the cache below gives them out for writing.
  mutable std::unordered_map<std::int64_t, Block> blocks_;
  std::int64_t count_ = 0;
  // The block that was used last; null: none.
  mutable std::int64_t last_index_ = -1;
  mutable Block* last_ = nullptr;
};

}  // namespace millrace

// InFlight: who holds which offset. Volatile. Bounded by the credit of the holders, not by the
// backlog.
//
// A holder for each offset, in blocks of offsets that lie side by side: consumers take turns, so
// runs of one holder are short, but what is in flight lies together.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "queues/ids.h"

namespace millrace {

class InFlight {
 public:
  InFlight() = default;
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  InFlight(InFlight&& other) noexcept;
  InFlight& operator=(InFlight&& other) noexcept;

  void add(Offset offset, HolderId holder);
  // kNoHolder: it is not in flight.
  HolderId find(Offset offset) const;
  // Takes out what `holder` has of `range`, and calls refused(OffsetRange) for each run it does not
  // have, taken(OffsetRange) for each it had.
  template <class Taken, class Refused>
  void remove(OffsetRange range, HolderId holder, Taken taken, Refused refused);
  // Takes them out, whoever has them.
  void remove_all(OffsetRange range);
  // What it has, in order.
  std::vector<OffsetRange> held_by(HolderId holder) const;

  std::int64_t count() const { return count_; }

 private:
  static constexpr std::int64_t kBlock = 16;
  struct Block {
    std::array<HolderId, kBlock> holders{};
    std::int64_t used = 0;
  };
  using Blocks = std::unordered_map<std::int64_t, Block>;

  Block* block_of(std::int64_t index) const;
  void release(std::int64_t index);

  Blocks blocks_;
  std::int64_t count_ = 0;
  // The block that was used last.
  mutable std::int64_t last_index_ = -1;
  mutable Block* last_ = nullptr;
};

}  // namespace millrace

#include "queues/in_flight.h"

#include <algorithm>

#include "base/assert.h"

namespace millrace {
namespace {

constexpr std::size_t kTableMin = 1024;

}  // namespace

InFlight::Block* InFlight::find_block(std::int64_t index) const {
  if (index == last_index_) return last_;
  auto found = blocks_.find(index);
  if (found == blocks_.end()) return nullptr;
  last_index_ = index;
  last_ = &found->second;
  return last_;
}

void InFlight::forget_if_empty(std::int64_t index, Block& block) {
  if (block.used > 0) return;
  if (index == last_index_) {
    last_index_ = -1;
    last_ = nullptr;
  }
  blocks_.erase(index);
  // Erasing leaves the table as large as it ever was.
  if (blocks_.bucket_count() > kTableMin && blocks_.size() < blocks_.bucket_count() / 8) {
    blocks_.rehash(0);
  }
}

void InFlight::add(Offset offset, HolderId holder) {
  ASSERT(holder != kNoHolder && offset.value() >= 0);
  std::int64_t index = index_of(offset);
  Block* block = find_block(index);
  if (block == nullptr) {
    block = &blocks_[index];
    last_index_ = index;
    last_ = block;
  }
  HolderId& slot = block->holders[slot_of(offset)];
  ASSERT(slot == kNoHolder);
  slot = holder;
  ++block->used;
  ++count_;
}

HolderId InFlight::find(Offset offset) const {
  if (offset.value() < 0) return kNoHolder;
  const Block* block = find_block(index_of(offset));
  return block == nullptr ? kNoHolder : block->holders[slot_of(offset)];
}

bool InFlight::remove(Offset offset, HolderId holder) {
  ASSERT(holder != kNoHolder);
  if (offset.value() < 0) return false;
  std::int64_t index = index_of(offset);
  Block* block = find_block(index);
  if (block == nullptr || block->holders[slot_of(offset)] != holder) return false;
  block->holders[slot_of(offset)] = kNoHolder;
  --block->used;
  --count_;
  forget_if_empty(index, *block);
  return true;
}

void InFlight::remove(OffsetRange range, HolderId holder, OffsetRuns& removed,
                      OffsetRuns& refused) {
  ASSERT(holder != kNoHolder && range.first.value() >= 0);
  while (!range.empty()) {
    std::int64_t index = index_of(range.first);
    OffsetRange part{range.first, std::min(Offset((index + 1) * kBlock), range.end)};
    range.first = part.end;
    Block* block = find_block(index);
    if (block == nullptr) {
      append_run(refused, part);
      continue;
    }
    std::int64_t before = block->used;
    for (Offset offset = part.first; offset < part.end; ++offset) {
      HolderId& slot = block->holders[slot_of(offset)];
      bool has = slot == holder;
      append_run(has ? removed : refused, OffsetRange::of(offset));
      if (!has) continue;
      slot = kNoHolder;
      --block->used;
    }
    count_ -= before - block->used;
    forget_if_empty(index, *block);
  }
}

void InFlight::remove_all(OffsetRange range) {
  for (Offset offset = range.first; count_ > 0 && offset < range.end;) {
    std::int64_t index = index_of(offset);
    if (Block* block = find_block(index)) {
      HolderId holder = block->holders[slot_of(offset)];
      if (holder != kNoHolder) remove(offset, holder);
      ++offset;
    } else {
      offset = Offset((index + 1) * kBlock);
    }
  }
}

OffsetRuns InFlight::held_by(HolderId holder) const {
  OffsetRuns runs;
  for (const auto& [index, block] : blocks_) {
    for (std::int64_t slot = 0; slot < kBlock; ++slot) {
      if (block.holders[static_cast<std::size_t>(slot)] != holder) continue;
      append_run(runs, OffsetRange::of(Offset(index * kBlock + slot)));
    }
  }
  put_in_order(runs);
  return runs;
}

}  // namespace millrace

// Carrying forward: where many partitions have a little each, a checkpoint appends that to the
// journal once more, at the same offsets, instead of writing as many files. So what the journal's
// files cost to be used again depends on the bytes, not on the partitions (STORAGE.md rule 11).
//
// Durable in its new place before the manifest says that the old one is not needed. Recovery may
// see both, or the new one behind what followed it; it sorts by offset.
//
// What is small is carried some times and then gets its file: bytes that nobody adds to must not be
// carried for ever, and retention looks at segments.
#include <algorithm>

#include "base/rare.h"
#include "record/batch.h"
#include "storage/format.h"
#include "storage/store.h"

namespace millrace {
namespace {

// One append is one group's part: it must not hold up others for long.
constexpr std::uint64_t kAppendBytes = 1 << 20;

}  // namespace

struct Store::CarriedAppend : Append {
  void done(Result<void> outcome) override {
    for (std::size_t i = 0; outcome && i < frames.size(); ++i) {
      entries[i]->file = file;
      entries[i]->position = frames[i].position;
    }
    finished->set(std::move(outcome));
  }

  std::vector<TailEntry*> entries;            // of each frame
  Promise<Result<void>>* finished = nullptr;  // who waits has it
};

// The partitions that have little, when they are many.
std::vector<PartitionLog::Flush*> Store::choose_carried(Flushes& flushes) const {
  std::vector<PartitionLog::Flush*> chosen;
  for (auto& of_core : flushes) {
    for (PartitionLog::Flush& flush : of_core) {
      std::uint64_t bytes = 0;
      bool may = true;
      for (const TailEntry& entry : flush.entries) {
        bytes += entry.place.size;
        may = may && !entry.direct && entry.carried < limits_.carry_times_max;
      }
      if (!may) RARE("a remainder was carried as often as it may be");
      if (may && bytes < limits_.carry_bytes) chosen.push_back(&flush);
    }
  }
  if (chosen.size() <= limits_.carry_partitions_min) chosen.clear();
  return chosen;
}

// The next append with what some of them have; takes these off `left`. On the background worker.
Result<std::unique_ptr<Store::CarriedAppend>> Store::next_carried(
    std::span<PartitionLog::Flush*>& left) {
  auto append = std::make_unique<CarriedAppend>();
  append->of_checkpoint = true;
  std::uint64_t bytes = 0;
  while (!left.empty() && bytes < kAppendBytes) {
    PartitionLog::Flush& flush = *left.front();
    left = left.subspan(1);
    for (TailEntry& entry : flush.entries) {
      auto batch = bytes_of(flush.state.id, entry);
      if (!batch) return std::unexpected(batch.error());
      JournalFrame& frame = append->frames.emplace_back();
      frame.partition = flush.state.id;
      frame.base_offset = entry.place.base;
      frame.epoch = entry.epoch;
      auto header = read_batch_header(batch->view());
      ASSERT(header);
      frame.crc = header->crc;
      frame.batch = std::move(*batch);
      append->entries.push_back(&entry);
      bytes += entry.place.size + sizeof(journal_format::FrameHeader);
    }
  }
  return append;
}

// On success the chosen ones are marked; otherwise they get files as all others do.
Task<void> Store::carry_forward(Flushes& flushes) {
  Core& here = runtime_.core(CoreId(0));
  std::vector<PartitionLog::Flush*> chosen = choose_carried(flushes);
  std::span<PartitionLog::Flush*> left = chosen;
  std::uint64_t carried = 0;
  while (!left.empty()) {
    auto append = co_await call_on(here, *background_, [&] { return next_carried(left); });
    if (!append) {
      RARE("what is to be carried forward can't be read");
      co_return;  // writing the files will say what is damaged
    }
    CarriedAppend& next = **append;
    carried += next.bytes() + next.frames.size() * sizeof(journal_format::FrameHeader);
    Promise<Result<void>> promise(here);
    auto finished = promise.future();
    next.finished = &promise;
    lane_->append(here, std::move(*append));
    if (auto outcome = co_await finished; !outcome) {
      RARE("carrying forward failed: files are written");
      co_return;
    }
  }
  for (PartitionLog::Flush* flush : chosen) flush->is_carried = true;
  carried_bytes_ = carried;
  bytes_carried_ += carried;
}

}  // namespace millrace

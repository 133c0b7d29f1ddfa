// AppendQueue: what waits for the journal, and what of it goes next. Small appends go before large
// ones and before those that are being written straight to segments; appends that have a partition
// in common stay in the order in which they came.
//
//   queue.add(std::move(appends));
//   direct.write(queue.candidates(), ...);     // maybe, when no direct write is under way
//   queue.hold(direct.open_partitions());      // what of them is not in a segment yet stays here
//   std::vector<WaitingAppend> group = queue.take(now);
//
// One line, looked at from its front for each group: who stays holds up whoever comes later with
// one of its partitions. Of what is large a group takes only a share while small appends keep
// coming, because these wait for it.
//
// Plain state, the journal's thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_set>
#include <vector>

#include "runtime/core.h"
#include "storage/journal.h"
#include "storage/limits.h"

namespace millrace {

struct WaitingAppend {
  Core* core;
  std::unique_ptr<Append> append;
};

class AppendQueue {
 public:
  explicit AppendQueue(const StorageLimits& limits) : limits_(limits) {}

  void add(std::vector<WaitingAppend> appends);
  // A group's worth from the front: what of it may be written straight to segments.
  std::vector<JournalFrame*> candidates();
  // Appends with a batch of one of these stay, but for those that a direct write has been through:
  // whatever it left goes to the journal. In place of those named before.
  void hold(std::unordered_set<PartitionId> partitions) { held_ = std::move(partitions); }
  // The next group. Empty: nothing may go before the next add() or hold().
  std::vector<WaitingAppend> take(MonotonicTime now);

  // Everything, when nothing is to be written any more.
  std::vector<WaitingAppend> take_all();
  // Those of a checkpoint.
  std::vector<WaitingAppend> take_of_checkpoint();

 private:
  using Partitions = std::unordered_set<PartitionId>;
  bool must_stay(const Append& append, const Partitions& blocked) const;
  std::size_t large_bytes_max(MonotonicTime now) const;

  const StorageLimits limits_;
  std::deque<WaitingAppend> waiting_;
  Partitions held_;
  bool has_small_come_ = false;
  MonotonicTime small_came_{0};
};

}  // namespace millrace

#include "storage/stats.h"

#include "storage/store.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {
// Under a load that a disk can't carry the journal waits for a checkpoint now and then.
constexpr Duration kStallPatience = 1s;
}  // namespace

StoreHealth Store::health() const {
  if (lane_->failed()) return StoreHealth::disk_failing;
  if (refuses_appends()) {
    bool full = disk_is_low_ || disk_budget_ < 0 || checkpoint_found_full_ || lane_->out_of_files();
    return full ? StoreHealth::disk_full : StoreHealth::disk_failing;
  }
  // Before start() nobody looks at the journal.
  bool stalls = started_ && lane_->is_stalled() &&
                runtime_.core(CoreId(0)).now() - last_unstalled_ > Duration(kStallPatience).count();
  return stalls ? StoreHealth::journal_stalled : StoreHealth::good;
}

StoreStats Store::stats() const {
  StoreStats stats;
  stats.journal = lane_->stats();
  stats.checkpoints = checkpoints_;
  stats.checkpoints_failed = checkpoints_failed_;
  stats.checkpoint_time = checkpoint_time_;
  stats.checkpoint_bytes = checkpoint_bytes_.value();
  stats.segment_cache_bytes = segment_files_->cached_bytes();
  stats.segments_open = segment_files_->open_count();
  return stats;
}

}  // namespace millrace

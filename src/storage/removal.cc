// Removal: what retention, deletions and snapshots let go of.
//
// The manifest forgets a file first; then it is unlinked. A crash in between leaves an orphan,
// which the next start removes.
#include "base/log.h"
#include "base/rare.h"
#include "storage/store.h"

namespace millrace {

PartitionState Store::listed_state(PartitionId id) const {
  auto listed = manifest_->state().partitions.find(id);
  if (listed != manifest_->state().partitions.end()) return listed->second;
  PartitionState state;
  state.id = id;
  return state;
}

void Store::trim(PartitionState& state, std::vector<std::string>& doomed) const {
  std::erase_if(state.segments, [&](const SegmentState& segment) {
    bool goes =
        segment.end <= state.log_start && direct_->is_finished(segment.file_number, segment.bytes);
    if (goes) doomed.push_back(segment_path(state.id, segment.file_number));
    return goes;
  });
}

void Store::remove_files(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (path.ends_with(kSegmentSuffix) && runtime_.files().exists(index_path(path))) {
      (void)runtime_.files().remove(index_path(path));  // an orphan is removed at the next start
    }
    if (auto removed = runtime_.files().remove(path); !removed) {
      RARE("a file could not be removed");
      log_warning("storage", "{}", removed.error().message());
    }
  }
}

// The files go last: they are opened when they are read, and until the logs let go of them somebody
// may.
Task<Result<void>> Store::raise_log_starts(CoreStore& core, std::vector<RaisedStart> raised) {
  for (const RaisedStart& one : raised) ASSERT(one.offset <= one.log->high_watermark());
  std::vector<std::string> doomed;
  auto done = co_await call_on(core.core(), *background_, [&]() -> Result<void> {
    ManifestEdit edit;
    for (const RaisedStart& one : raised) {
      if (removed_.contains(one.log->id())) {
        RARE("a partition was deleted while its start was raised");
        continue;
      }
      PartitionState state = listed_state(one.log->id());
      if (state.log_start >= one.offset) continue;
      state.log_start = one.offset;
      trim(state, doomed);
      drop_epochs_below(state.epochs, one.offset);
      edit.partitions.push_back(std::move(state));
    }
    if (edit.partitions.empty()) return {};
    return manifest_->commit(edit);
  });
  if (!done) co_return done;
  for (const RaisedStart& one : raised) one.log->raise_log_start(one.offset);
  if (doomed.empty()) {
    // What no manifest lists yet goes with the next checkpoint.
    if (refuses_appends()) room_wanted_ = true;
    co_return Result<void>{};
  }
  co_await call_on(core.core(), *background_, [&] {
    remove_files(doomed);
    return true;
  });
  co_return Result<void>{};
}

Task<Result<void>> Store::remove_partitions(std::vector<PartitionId> ids) {
  Core& here = runtime_.core(CoreId(0));
  co_return co_await call_on(here, *background_, [&]() -> Result<void> {
    ManifestEdit edit;
    std::vector<std::string> doomed;
    for (PartitionId id : ids) {
      removed_.insert(id);
      auto listed = manifest_->state().partitions.find(id);
      if (listed == manifest_->state().partitions.end()) continue;
      edit.removed.push_back(id);
      for (const SegmentState& segment : listed->second.segments) {
        doomed.push_back(segment_path(id, segment.file_number));
      }
      for (const SnapshotState& snapshot : listed->second.snapshots) {
        doomed.push_back(snapshot_path(id, snapshot.file_number));
      }
    }
    for (PartitionId id : ids) remove_unlisted(id);
    if (edit.removed.empty()) return {};
    TRY(manifest_->commit(edit));
    remove_files(doomed);
    return {};
  });
}

void Store::remove_unlisted(PartitionId id) {
  std::set<std::string> listed;
  for (const SegmentState& segment : listed_state(id).segments) {
    listed.insert(segment_path(id, segment.file_number));
  }
  std::vector<std::string> doomed;
  for (const auto& segment : direct_->forget(id)) {
    // Gone already when the deletion came before the last start.
    bool is_there = runtime_.files().exists(segment->path());
    if (is_there && !listed.contains(segment->path())) doomed.push_back(segment->path());
  }
  remove_files(doomed);
}

}  // namespace millrace

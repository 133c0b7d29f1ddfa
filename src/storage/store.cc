#include "storage/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/log.h"
#include "base/rare.h"
#include "storage/paths.h"

namespace millrace {
namespace {

// Kafka's form of a cluster id: 16 random bytes in URL-safe base64 without padding.
std::string make_cluster_id(Core& core) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string id;
  while (id.size() < 22) id += kAlphabet[core.random() % 64];
  return id;
}

}  // namespace

Store::Store(Runtime& runtime, std::string directory, StorageLimits limits)
    : runtime_(runtime),
      directory_(std::move(directory)),
      limits_(limits),
      segment_files_(std::make_shared<SegmentFiles>(runtime.files(), limits.open_segments_max,
                                                    limits.segment_cache_bytes_max,
                                                    limits.segment_chunk_bytes)),
      direct_(std::make_unique<DirectSegments>(
          runtime, limits, *segment_files_, segments_directory(),
          [this](PartitionId id, std::uint64_t number) { return segment_path(id, number); },
          next_file_number_)) {}

Store::~Store() {
  // The writer first: it may still tell cores and ask the background worker for files.
  if (lane_) lane_->stop();
  background_.reset();
  reader_.reset();
}

std::string Store::segment_path(PartitionId id, std::uint64_t file_number) const {
  return millrace::segment_path(directory_, id, file_number);
}

std::string Store::index_path(const std::string& segment) { return millrace::index_path(segment); }

std::string Store::snapshot_path(PartitionId id, std::uint64_t file_number) const {
  return millrace::snapshot_path(directory_, id, file_number);
}

Result<std::unique_ptr<Store>> Store::open(Runtime& runtime, std::string directory,
                                           StorageLimits limits) {
  std::unique_ptr<Store> store(new Store(runtime, std::move(directory), limits));
  TRY(store->recover());
  return store;
}

Result<void> Store::recover() {
  FileSystem& files = runtime_.files();
  for (const char* folder : {"", "/journal", "/segments", "/snapshots"}) {
    TRY(files.make_directory(directory_ + folder));
  }
  TRY(files.sync_directory(directory_));
  // And the folder's own name. Above a mount point there may be nothing to sync.
  auto slash = directory_.find_last_of('/');
  std::string parent =
      slash == std::string::npos ? "." : directory_.substr(0, std::max<std::size_t>(slash, 1));
  if (auto synced = files.sync_directory(parent);
      !synced && synced.error().code != ErrorCode::not_found) {
    return synced;
  }
  auto lock = files.lock_directory(directory_);
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::move(*lock);
  auto manifest = Manifest::open(files, directory_);
  if (!manifest) return std::unexpected(manifest.error());
  manifest_ = std::move(*manifest);

  const ManifestState& state = manifest_->state();
  bool was_clean = state.clean;
  ManifestEdit opened;
  opened.clean = false;
  opened.leader_epoch = was_clean ? state.leader_epoch : state.leader_epoch + 1;
  if (state.cluster_id.empty()) opened.cluster_id = make_cluster_id(runtime_.core(CoreId(0)));
  JournalSequence replay_from = state.replay_from;
  JournalSequence durable_through = state.durable_through;

  std::map<PartitionId, RecoveredPartition> partitions;
  TRY(recover_partitions(partitions));
  auto scan = scan_journal(files, directory_ + "/journal", replay_from, durable_through,
                           [&](ScannedFrame frame) {
                             RecoveredPartition& partition = partitions[frame.partition];
                             partition.state.id = frame.partition;
                             recover_frame(partition, std::move(frame));
                           });
  if (!scan) return std::unexpected(scan.error());
  for (auto& [id, partition] : partitions) find_damage(partition);
  clock_.advance(scan->broker_time);
  if (!manifest_->is_new()) {
    log_info("storage", "recovered {} partitions, {} journal groups{}", partitions.size(),
             scan->groups_replayed, was_clean ? "" : " after an unclean stop");
  }
  TRY(manifest_->commit(opened));
  leader_epoch_ = manifest_->state().leader_epoch;
  cluster_id_ = manifest_->state().cluster_id;
  next_file_number_ = std::max(next_file_number_.load(), manifest_->state().next_file_number);
  TRY(remove_orphans());
  recovered_ = std::move(partitions);

  reader_ = runtime_.make_worker("reader");
  background_ = runtime_.make_worker("background");
  for (std::uint32_t id = 0; id < runtime_.core_count(); ++id) {
    cores_.push_back(std::make_unique<CoreStore>(*this, runtime_.core(CoreId(id)),
                                                 limits_.tail_bytes_max / runtime_.core_count()));
  }
  lane_ = std::make_unique<JournalLane>(runtime_, directory_ + "/journal", limits_, *background_,
                                        clock_, std::move(scan->start), direct_.get());
  return lane_->open();
}

void Store::recover_frame(RecoveredPartition& partition, ScannedFrame frame) {
  Offset base = frame.batch.base_offset;
  if (base < partition.state.flushed_to) return;
  // Nearly always behind the others; what was carried forward may come again, or late.
  auto place = std::ranges::lower_bound(partition.tail, base, {},
                                        [](const TailEntry& entry) { return entry.place.base; });
  if (place != partition.tail.end() && place->place.base == base) {
    RARE("recovery finds a batch twice: it was carried forward");
    return;
  }
  TailEntry& entry = *partition.tail.emplace(place);
  entry.place = {frame.batch.base_offset, frame.batch.last_offset(), frame.batch.max_timestamp,
                 frame.batch.size};
  entry.epoch = frame.batch.leader_epoch;
  entry.file = frame.file;
  entry.position = frame.position;
  entry.durable = true;
  if (frame.segment) {
    entry.direct =
        direct_->recovered(frame.partition, *frame.segment, frame.position + frame.batch.size);
    next_file_number_ = std::max(next_file_number_.load(), *frame.segment + 1);
  }
  if (frame.batch.producer_id == kNoProducer) return;
  auto after = std::ranges::upper_bound(partition.replayed, base, {}, &BatchHeader::base_offset);
  partition.replayed.insert(after, frame.batch);
}

// Whether the tail follows what the segments hold without a gap, and what it refers to is there.
void Store::find_damage(RecoveredPartition& partition) const {
  Offset end = partition.state.flushed_to;
  const DirectSegment* direct = nullptr;
  std::uint64_t position = 0;
  Result<std::uint64_t> size;  // of `direct`
  for (const TailEntry& entry : partition.tail) {
    std::string found;
    if (entry.place.base != end) {
      found = fmt::format("offsets {} to {} are missing from the journal", end.value(),
                          entry.place.base.value());
    } else if (entry.direct) {
      if (entry.direct.get() != direct) {
        const auto& segments = partition.state.segments;
        bool is_listed = !segments.empty() && segments.back().file_number == entry.direct->number();
        position = is_listed ? segments.back().bytes : 0;
        size = runtime_.files().file_size(entry.direct->path());
      }
      if (!size) {
        found = size.error().message();
      } else if (entry.position != position || *size < position + entry.place.size) {
        found = fmt::format("{} of {} bytes does not hold offset {} at position {}",
                            entry.direct->path(), *size, end.value(), entry.position);
      }
      position += entry.place.size;
    }
    if (!found.empty()) {
      RARE("recovery finds a partition damaged");
      partition.damage = Error(ErrorCode::storage_corrupt,
                               fmt::format("partition {}: {}", partition.state.id.value(), found));
      return;
    }
    direct = entry.direct.get();
    end = entry.place.last + 1;
  }
}

// It is opened when somebody reads or writes it.
Result<std::shared_ptr<Segment>> Store::find_segment(PartitionId id, const SegmentState& state) {
  std::string path = segment_path(id, state.file_number);
  auto size = runtime_.files().file_size(path);
  if (!size) {
    return fail(ErrorCode::storage_corrupt,
                fmt::format("the manifest lists {}, which can't be used: {}. Restore the data "
                            "directory from a copy",
                            path, size.error().message()));
  }
  if (*size < state.bytes) {
    return fail(ErrorCode::storage_corrupt,
                fmt::format("{} has {} bytes and should have {}. Restore the data directory from a "
                            "copy",
                            path, *size, state.bytes));
  }
  return std::make_shared<Segment>(segment_files_->existing(std::move(path)), state,
                                   limits_.segment_index_interval);
}

Result<void> Store::recover_partitions(std::map<PartitionId, RecoveredPartition>& partitions) {
  for (const auto& [id, state] : manifest_->state().partitions) {
    RecoveredPartition& partition = partitions[id];
    partition.state = state;
    for (const SegmentState& segment : state.segments) {
      auto found = find_segment(id, segment);
      if (!found) return std::unexpected(found.error());
      partition.segments.push_back(std::move(*found));
    }
  }
  return {};
}

Result<void> Store::remove_orphans() {
  std::set<std::string> listed;
  for (const auto& [id, state] : manifest_->state().partitions) {
    for (const SegmentState& segment : state.segments) {
      std::string path = segment_path(id, segment.file_number);
      listed.insert(index_path(path));
      listed.insert(std::move(path));
    }
    for (const SnapshotState& snapshot : state.snapshots) {
      listed.insert(snapshot_path(id, snapshot.file_number));
    }
  }
  for (std::string& path : direct_->paths()) listed.insert(std::move(path));
  for (const char* folder : {"/segments", "/snapshots"}) {
    auto names = runtime_.files().list(directory_ + folder);
    if (!names) return std::unexpected(names.error());
    for (const std::string& name : *names) {
      std::string path = directory_ + folder + "/" + name;
      if (listed.contains(path)) continue;
      RARE("recovery removes a file that nothing lists");
      TRY(runtime_.files().remove(path));
    }
  }
  return {};
}

std::optional<DiskSpace> Store::disk_space() const {
  DiskSpace space{disk_total_, disk_free_};
  return space.total > 0 ? std::optional(space) : std::nullopt;
}

std::vector<PartitionId> Store::unclaimed() const {
  std::lock_guard lock(recovered_mutex_);
  std::vector<PartitionId> ids;
  for (const auto& [id, partition] : recovered_) ids.push_back(id);
  return ids;
}

RecoveredPartition Store::take_recovered(PartitionId id, bool& found) {
  std::lock_guard lock(recovered_mutex_);
  auto node = recovered_.extract(id);
  found = !node.empty();
  return found ? std::move(node.mapped()) : RecoveredPartition{};
}

void Store::discard_recovered(PartitionId id) {
  std::lock_guard lock(recovered_mutex_);
  recovered_.erase(id);
}

}  // namespace millrace

#include "storage/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "record/batch.h"
#include "storage/journal_scan.h"
#include "storage/manifest.h"
#include "storage/paths.h"
#include "storage/read_only_files.h"
#include "storage/segment.h"
#include "storage/snapshot_file.h"

namespace millrace {
namespace {

constexpr std::string_view kRestore =
    "restore the data directory from a copy; without one, move the directory away and start empty";
constexpr std::string_view kRestoreOrSkip =
    "restore the file from a copy; without one, delete the records up to the end of the damage "
    "(DeleteRecords) and the partition can be read from there on";

constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::size_t kBatchesAtOnce = 1000;

class Inspector {
 public:
  Inspector(FileSystem& files, const std::string& directory, const InspectOptions& options)
      : read_only_(files), directory_(directory), options_(options) {}

  Result<InspectedDirectory> run() {
    auto names = read_only_.list(directory_);
    if (!names) return std::unexpected(names.error());
    const bool listed = std::ranges::any_of(*names, [](const std::string& name) {
      return name.starts_with("manifest-") && !name.ends_with(".tmp");
    });
    if (!listed)
      return fail(ErrorCode::not_found,
                  fmt::format("{} is no data directory: it has no manifest", directory_));
    auto manifest = Manifest::open(read_only_, directory_);
    if (!manifest) {
      if (manifest.error().code != ErrorCode::storage_corrupt)
        return std::unexpected(manifest.error());
      damage(directory_ + "/manifest", std::string(manifest.error().message()), kRestore);
      return std::move(found_);
    }
    note_manifest(**manifest);
    TRY(check_listed_files((*manifest)->state()));
    TRY(check_journal((*manifest)->state()));
    TRY(find_orphans());
    if (options_.deep) TRY(check_contents((*manifest)->state()));
    return std::move(found_);
  }

 private:
  void note(std::string place, std::string what, std::string_view advice = "") {
    found_.remarks.push_back(
        {DirectoryRemark::Weight::note, std::move(place), std::move(what), std::string(advice)});
  }
  void damage(std::string place, std::string what, std::string_view advice) {
    found_.remarks.push_back(
        {DirectoryRemark::Weight::damage, std::move(place), std::move(what), std::string(advice)});
  }

  void note_manifest(const Manifest& manifest) {
    const ManifestState& state = manifest.state();
    found_.was_clean = state.clean;
    found_.cluster_id = state.cluster_id;
    found_.leader_epoch = state.leader_epoch;
    found_.partitions = state.partitions.size();
    if (manifest.torn_bytes() > 0)
      note(directory_ + "/manifest",
           fmt::format("its last {} bytes are an edit that was being written when the broker "
                       "stopped; the next start cuts it",
                       manifest.torn_bytes()));
    for (const std::string& path : read_only_.unwanted())
      note(path, "left over from an older manifest; the next start removes it");
  }

  Result<void> check_listed_files(const ManifestState& state) {
    for (const auto& [id, partition] : state.partitions) {
      for (const SegmentState& segment : partition.segments) TRY(check_segment_file(id, segment));
      for (const SnapshotState& snapshot : partition.snapshots) {
        ++found_.snapshots;
        const std::string path = snapshot_path(directory_, id, snapshot.file_number);
        listed_.insert(path);
        if (!read_only_.exists(path))
          damage(path, fmt::format("a snapshot of internal log {} is missing", id.value()),
                 partition.snapshots.size() > 1 ? "the other snapshot is used, if it is whole"
                                                : kRestore);
      }
    }
    return {};
  }

  Result<void> check_segment_file(PartitionId id, const SegmentState& segment) {
    ++found_.segments;
    found_.segment_bytes += segment.bytes;
    std::string path = segment_path(directory_, id, segment.file_number);
    listed_.insert(path);
    listed_.insert(index_path(path));
    auto size = read_only_.file_size(path);
    if (!size && size.error().code != ErrorCode::not_found) return std::unexpected(size.error());
    if (!size)
      damage(path,
             fmt::format("missing, though the manifest lists it: offsets {} to {} of partition {}",
                         segment.base.value(), segment.end.value() - 1, id.value()),
             kRestore);
    else if (*size < segment.bytes)
      damage(path, fmt::format("has {} bytes and should have {}", *size, segment.bytes), kRestore);
    else
      return {};
    unreadable_.insert(std::move(path));
    return {};
  }

  Result<void> find_orphans() {
    for (const char* folder : {"/segments", "/snapshots"}) {
      auto names = read_only_.list(directory_ + folder);
      if (!names && names.error().code == ErrorCode::not_found) {
        note(directory_ + folder, "the folder is missing; the next start makes it");
        continue;
      }
      if (!names) return std::unexpected(names.error());
      for (const std::string& name : *names) {
        std::string path = directory_ + folder + "/" + name;
        if (!listed_.contains(path))
          note(std::move(path), "no file that counts; the next start removes it");
      }
    }
    return {};
  }

  // A batch that only the journal knows of.
  struct Journaled {
    Offset next;
    std::string path;  // of the journal's file, or of the segment that it refers to
    std::uint64_t position;
    std::uint32_t size;
    bool in_segment;
  };
  using JournaledBatches = std::map<Offset, Journaled>;

  Result<void> check_journal(const ManifestState& state) {
    std::map<PartitionId, JournaledBatches> batches;
    const std::string folder = directory_ + "/journal";
    const auto noted_before = read_only_.unwanted().size();
    auto scan = scan_journal(
        read_only_, folder, state.replay_from, state.durable_through, [&](ScannedFrame frame) {
          const PartitionId id = frame.partition;
          batches[id].try_emplace(
              frame.batch.base_offset, frame.batch.next_offset(),
              frame.segment ? segment_path(directory_, id, *frame.segment) : frame.file->path(),
              frame.position, frame.batch.size, frame.segment.has_value());
        });
    if (!scan && scan.error().code == ErrorCode::storage_corrupt) {
      damage(folder, std::string(scan.error().message()), "");
      return {};
    }
    if (!scan) return std::unexpected(scan.error());
    found_.journal_files = scan->start.in_use.size() + scan->start.spare.size();
    found_.journal_groups = scan->groups_replayed;
    for (const TornTail& torn : scan->torn)
      note(torn.path,
           fmt::format("position {}: {} bytes of group {}, which was being written when the broker "
                       "stopped and was never answered; the next start cuts them",
                       torn.position, torn.bytes, torn.sequence.value()));
    for (std::size_t i = noted_before; i < read_only_.unwanted().size(); ++i)
      note(read_only_.unwanted()[i],
           "a journal file that was never finished; the next start "
           "removes it");
    for (const auto& [id, of_partition] : batches) {
      // Of one that the manifest does not know, nobody but the catalogue can say whether its
      // beginning is missing or was deleted with it.
      auto known = state.partitions.find(id);
      if (known == state.partitions.end()) unlisted_.insert(id);
      TRY(check_journaled(id, of_partition,
                          known == state.partitions.end() ? of_partition.begin()->first
                                                          : known->second.flushed_to));
    }
    return {};
  }

  // They must follow what the segments hold, which ends at `end`, and be where the journal says.
  Result<void> check_journaled(PartitionId id, const JournaledBatches& batches, Offset end) {
    for (const auto& [base, batch] : batches) {
      if (base < end) continue;
      if (base > end) {
        damage(batch.path,
               fmt::format("offsets {} to {} of partition {} are missing from the journal, before "
                           "position {}",
                           end.value(), base.value() - 1, id.value(), batch.position),
               kRestore);
        return {};
      }
      if (batch.in_segment) TRY(check_reference(id, base, batch));
      end = batch.next;
    }
    return {};
  }

  Result<void> check_reference(PartitionId id, Offset base, const Journaled& batch) {
    listed_.insert(batch.path);
    listed_.insert(index_path(batch.path));
    auto file = read_only_.open(batch.path, OpenMode::read);
    if (!file && file.error().code != ErrorCode::not_found) return std::unexpected(file.error());
    if (!file && unlisted_.contains(id)) {
      // A deleted partition goes from the manifest and the folder before it goes from the journal.
      if (gone_.insert(batch.path).second)
        note(batch.path,
             fmt::format("missing, though the journal refers to it: partition {} was deleted; the "
                         "next start says so if it was not",
                         id.value()));
      return {};
    }
    auto size = file ? (*file)->size() : Result<std::uint64_t>(0);
    if (!size) return std::unexpected(size.error());
    bool whole = *size >= batch.position + batch.size;
    if (whole && options_.deep) {
      auto intact = has_its_checksum(**file, batch.position, batch.size);
      if (!intact) return std::unexpected(intact.error());
      whole = *intact;
      ++found_.batches_checked;
    }
    if (!whole) {
      damage(batch.path,
             fmt::format("should hold offset {} of partition {} at position {}, says the journal",
                         base.value(), id.value(), batch.position),
             kRestore);
    }
    return {};
  }

  Result<void> check_contents(const ManifestState& state) {
    auto segment_files =
        std::make_shared<SegmentFiles>(read_only_, 1, 2 * kChunkBytes, kChunkBytes);
    for (const auto& [id, partition] : state.partitions) {
      for (const SegmentState& segment : partition.segments) {
        const std::string path = segment_path(directory_, id, segment.file_number);
        if (!unreadable_.contains(path))
          TRY(check_batches(*segment_files->existing(path), id, segment));
        checked_before_ += segment.bytes;
        tell(checked_before_);
      }
      for (const SnapshotState& snapshot : partition.snapshots) TRY(check_snapshot(id, snapshot));
    }
    return {};
  }

  void tell(std::uint64_t done) const {
    if (options_.progress) options_.progress(done, found_.segment_bytes);
  }

  Result<void> check_snapshot(PartitionId id, const SnapshotState& snapshot) {
    const std::string path = snapshot_path(directory_, id, snapshot.file_number);
    auto bytes = read_snapshot(read_only_, path, id, snapshot.offset);
    if (bytes || bytes.error().code == ErrorCode::not_found) return {};  // missing: told already
    if (bytes.error().code != ErrorCode::storage_corrupt) return std::unexpected(bytes.error());
    damage(path, std::string(bytes.error().message()),
           "an older snapshot is used, if there is one");
    return {};
  }

  Result<void> check_batches(SegmentFile& file, PartitionId id, const SegmentState& segment) {
    std::uint64_t position = 0;
    Offset end = segment.base;
    const auto damaged = [&](std::string_view what) {
      damage(file.path(),
             fmt::format("position {}: {}; offsets {} to {} of partition {} can't be relied on",
                         position, what, end.value(), segment.end.value() - 1, id.value()),
             kRestoreOrSkip);
      return Result<void>{};
    };
    while (position < segment.bytes) {
      auto batches = walk_segment(file, position, segment.bytes, kBatchesAtOnce);
      // What comes before the damage is gone over one by one.
      if (!batches && batches.error().code == ErrorCode::storage_corrupt)
        batches = walk_segment(file, position, segment.bytes, 1);
      if (!batches && batches.error().code == ErrorCode::storage_corrupt)
        return damaged("there is no record batch");
      if (!batches) return std::unexpected(batches.error());
      for (const auto& [at, batch] : *batches) {
        position = at;
        if (batch.base < end)
          return damaged(fmt::format("offset {} comes again", batch.base.value()));
        auto intact = has_its_checksum(file, at, batch.size);
        if (!intact) return std::unexpected(intact.error());
        if (!*intact) return damaged("a record batch failed its checksum");
        ++found_.batches_checked;
        end = batch.last + 1;
        position = at + batch.size;
        tell(checked_before_ + position);
      }
    }
    if (end != segment.end)
      return damaged(fmt::format("the segment ends at offset {}", end.value()));
    return {};
  }

  static Result<bool> has_its_checksum(File& file, std::uint64_t position, std::uint32_t size) {
    std::vector<std::uint8_t> bytes(size);
    auto count = file.read_at(position, bytes);
    if (!count) return std::unexpected(count.error());
    return *count == bytes.size() && checksum_matches(bytes);
  }

  ReadOnlyFiles read_only_;
  const std::string& directory_;
  const InspectOptions& options_;
  InspectedDirectory found_;
  std::set<std::string> listed_;
  std::set<PartitionId> unlisted_;    // in the journal, and not in the manifest
  std::set<std::string> gone_;        // segments of those
  std::set<std::string> unreadable_;  // listed, and told already
  std::uint64_t checked_before_ = 0;  // bytes of segments
};

}  // namespace

bool InspectedDirectory::is_damaged() const {
  return std::ranges::any_of(remarks, [](const DirectoryRemark& remark) {
    return remark.weight == DirectoryRemark::Weight::damage;
  });
}

Result<InspectedDirectory> inspect_directory(FileSystem& files, const std::string& directory,
                                             const InspectOptions& options) {
  return Inspector(files, directory, options).run();
}

}  // namespace millrace

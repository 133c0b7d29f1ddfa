// Manifest: which files count, and everything recovery must know before it reads them. The manifest
// is the truth, not the directory (STORAGE.md rule 13): a file it does not list is an orphan, a
// listed one that is missing is corruption.
//
// On disk: `manifest-N`, a run of checksummed edits; the first holds everything. Each edit replaces
// the state of the partitions it names. When the file has grown, everything is written to
// `manifest-N+1` and N is removed.
//
// Not thread-safe: used by the start-up thread, then by the background worker alone.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "runtime/file.h"
#include "storage/journal.h"

namespace millrace {

struct SegmentState {
  Offset base;
  Offset end;               // the offset after its last record
  std::uint64_t bytes = 0;  // what lies beyond in the file is garbage
  WallMs max_timestamp{-1};
  std::uint64_t file_number = 0;  // with the partition's id, the file's name
  WallMs begun{-1};               // broker time of its first write; -1: not known
};

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

struct SnapshotState {
  Offset offset;  // holds the events below this offset
  std::uint64_t file_number = 0;
};

struct PartitionState {
  PartitionId id;
  Offset log_start{0};
  Offset flushed_to{0};                  // everything below stands in segments
  std::vector<SegmentState> segments;    // oldest first, contiguous
  std::vector<EpochStart> epochs;        // of what stands below flushed_to
  std::vector<SnapshotState> snapshots;  // of a machine's log, oldest first
  std::vector<std::uint8_t>
      annotation;  // what the layer above keeps per partition, as of flushed_to
};

struct ManifestEdit {
  std::optional<LeaderEpoch> leader_epoch;
  std::optional<bool> clean;
  std::optional<JournalSequence> replay_from;
  std::optional<JournalSequence> durable_through;
  std::optional<std::uint64_t> next_file_number;
  std::optional<std::string> cluster_id;
  std::vector<PartitionState> partitions;
  std::vector<PartitionId> removed;
};

struct ManifestState {
  LeaderEpoch leader_epoch{0};  // of this run; rises at every start that did not end cleanly
  bool clean = true;            // the last run ended with everything in segments
  JournalSequence replay_from{1};
  JournalSequence durable_through{0};
  std::uint64_t next_file_number = 1;
  std::string cluster_id;
  std::map<PartitionId, PartitionState> partitions;
};

class Manifest {
 public:
  // Reads the newest manifest of the folder, or starts an empty one. Error::storage_corrupt says
  // which edit is damaged.
  static Result<std::unique_ptr<Manifest>> open(FileSystem& files, std::string directory);

  const ManifestState& state() const { return state_; }
  bool is_new() const { return is_new_; }
  // Of the edit that was being written when the broker stopped: found when it was opened.
  std::uint64_t torn_bytes() const { return torn_bytes_; }
  // Durable on return; on an error the state is as before, and the next commit goes to a new file.
  Result<void> commit(const ManifestEdit& edit);

 private:
  Manifest(FileSystem& files, std::string directory);
  Result<void> load(std::uint64_t number);
  Result<void> write_whole();
  Result<void> append(const ManifestEdit& edit);
  std::string path_of(std::uint64_t number) const;

  FileSystem& files_;
  std::string directory_;
  ManifestState state_;
  bool is_new_ = false;
  std::uint64_t number_ = 0;  // of the current file
  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::uint64_t whole_size_ = 0;  // of the current file's first edit
  std::uint64_t torn_bytes_ = 0;
  std::vector<std::uint8_t> unproven_;  // the last edit as it was found: see append()
  bool failed_ = false;
};

}  // namespace millrace

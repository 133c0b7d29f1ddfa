// inspect_directory: what is in a data directory, and what is wrong with it, told by the functions
// that recovery uses. Nothing is changed, and nobody may use the directory meanwhile: the caller
// holds its lock. Blocks.
//
//   auto found = inspect_directory(files, "data", {.deep = true});
//   for (const DirectoryRemark& remark : found->remarks) ...
//
// Without `deep` it reads the manifest, what the journal still holds, and the sizes of all files;
// with it every batch of every segment and every snapshot, against their checksums.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "runtime/file.h"

namespace millrace {

struct DirectoryRemark {
  enum class Weight {
    note,    // as it may be; the next start puts it right by itself
    damage,  // data are gone, or the broker would not start
  };
  Weight weight = Weight::note;
  std::string place;  // the file or folder
  std::string what;
  std::string advice;  // what to do; empty: nothing
};

struct InspectedDirectory {
  bool was_clean = false;  // the last stop
  std::string cluster_id;
  LeaderEpoch leader_epoch{0};
  std::size_t partitions = 0;  // those of internal logs too
  std::size_t segments = 0;
  std::uint64_t segment_bytes = 0;
  std::size_t snapshots = 0;
  std::size_t journal_files = 0;
  std::uint64_t journal_groups = 0;   // that a start would replay
  std::uint64_t batches_checked = 0;  // deep
  std::vector<DirectoryRemark> remarks;

  bool is_damaged() const;
};

struct InspectOptions {
  bool deep = false;
  // Bytes of segments checked so far, and of all.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

// Errors: not_found when this is no data directory, io_error when it can't be read.
Result<InspectedDirectory> inspect_directory(FileSystem& files, const std::string& directory,
                                             const InspectOptions& options);

}  // namespace millrace

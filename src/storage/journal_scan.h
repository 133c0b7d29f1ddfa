// Reading the journal back: which groups count, in order, and where the next one goes.
//
// A group that is damaged at or below any flush mark is corruption and an error; above all marks it
// is the torn tail of a crash: cut, and the cut logged with file, position and size (STORAGE.md
// rule 3). Sequences are gapless, so a missing file is seen as well. Blocks; before the cores run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "record/batch.h"
#include "runtime/file.h"
#include "storage/journal_lane.h"

namespace millrace {

struct ScannedFrame {
  PartitionId partition;
  BatchHeader batch;
  std::shared_ptr<JournalFile> file;
  std::uint64_t position = 0;            // of the batch, in `file` or in the segment
  std::optional<std::uint64_t> segment;  // the file number of the one it stands in
};

// The remains of a group that was being written when the broker stopped, and was never answered.
struct TornTail {
  std::string path;
  std::uint64_t position = 0;
  JournalSequence sequence;
  std::uint64_t bytes = 0;
};

struct JournalScan {
  JournalStart start;
  WallMs broker_time{0};
  std::uint64_t groups_replayed = 0;
  std::uint64_t bytes_cut = 0;  // of all that was torn
  std::vector<TornTail> torn;
};

// Calls `on_frame` for every frame of the groups from `replay_from` on. `durable_through` is a mark
// from elsewhere (the manifest). Errors: storage_corrupt with file, position and what to do.
Result<JournalScan> scan_journal(FileSystem& files, const std::string& directory,
                                 JournalSequence replay_from, JournalSequence durable_through,
                                 const std::function<void(ScannedFrame)>& on_frame);

}  // namespace millrace

// Snapshots of machines' logs: a file each, listed in the manifest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "runtime/file.h"

namespace millrace {

// The machine's bytes. Error::storage_corrupt when it is not whole, or not that of this log and
// offset. Blocks.
Result<std::vector<std::uint8_t>> read_snapshot(FileSystem& files, const std::string& path,
                                                PartitionId id, Offset offset);

}  // namespace millrace

// Where the files of a data directory stand; their names say whose they are.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"

namespace millrace {

std::string segment_path(const std::string& data_directory, PartitionId id,
                         std::uint64_t file_number);
// Of a segment's path.
std::string index_path(const std::string& segment);
std::string snapshot_path(const std::string& data_directory, PartitionId id,
                          std::uint64_t file_number);

}  // namespace millrace

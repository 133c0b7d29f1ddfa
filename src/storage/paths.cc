#include "storage/paths.h"

#include <fmt/format.h>

#include "storage/segment_files.h"

namespace millrace {

std::string segment_path(const std::string& data_directory, PartitionId id,
                         std::uint64_t file_number) {
  return fmt::format("{}/segments/{:016x}-{:08}{}", data_directory, id.value(), file_number,
                     kSegmentSuffix);
}

std::string index_path(const std::string& segment) {
  return segment.substr(0, segment.size() - kSegmentSuffix.size()) + std::string(kIndexSuffix);
}

std::string snapshot_path(const std::string& data_directory, PartitionId id,
                          std::uint64_t file_number) {
  return fmt::format("{}/snapshots/{:016x}-{:08}.snapshot", data_directory, id.value(),
                     file_number);
}

}  // namespace millrace

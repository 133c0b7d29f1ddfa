// What the kernel says of this process and of the file system its data is on. Reads files of /proc:
// may block, and takes as long as there are descriptors.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace millrace {

// Zero: not known.
struct ProcessFigures {
  std::chrono::nanoseconds cpu{0};  // user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  double started = 0;  // seconds since 1970
  std::uint64_t disk_free_bytes = 0;
  std::uint64_t disk_size_bytes = 0;
};

ProcessFigures read_process_figures(const std::string& data_directory);

}  // namespace millrace

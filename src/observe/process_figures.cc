#include "observe/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace millrace {
namespace {

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::uint64_t boot_time() {
  std::istringstream lines(read_file("/proc/stat"));
  std::string word;
  while (lines >> word) {
    std::uint64_t seconds = 0;
    if (word == "btime" && lines >> seconds) return seconds;
  }
  return 0;
}

// proc(5): the fields behind the program's name, which may hold anything and ends with the last
// parenthesis. The first of them is the third of the line.
void read_stat(ProcessFigures& figures) {
  const std::string stat = read_file("/proc/self/stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream rest(stat.substr(name_end + 1));
  const std::vector<std::string> words{std::istream_iterator<std::string>(rest), {}};
  constexpr std::size_t kFirst = 3;
  auto field = [&words](std::size_t number) -> std::uint64_t {
    const std::size_t index = number - kFirst;
    return index < words.size() ? std::strtoull(words[index].c_str(), nullptr, 10) : 0;
  };
  figures.virtual_bytes = field(23);
  figures.resident_bytes = field(24) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  figures.started =
      static_cast<double>(boot_time()) + static_cast<double>(field(22)) / ticks_per_second;
}

std::chrono::nanoseconds to_time(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ProcessFigures read_process_figures(const std::string& data_directory) {
  ProcessFigures figures;
  read_stat(figures);
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    figures.cpu = to_time(usage.ru_utime) + to_time(usage.ru_stime);
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) figures.max_fds = limit.rlim_cur;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++figures.open_fds;
  }
  const auto space = std::filesystem::space(data_directory, error);
  if (!error) {
    figures.disk_free_bytes = space.available;
    figures.disk_size_bytes = space.capacity;
  }
  return figures;
}

}  // namespace millrace

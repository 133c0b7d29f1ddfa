#include "observe/process_figures.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>

namespace millrace {
namespace {

TEST(ProcessFigures, AreThoseOfThisProcess) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  while (std::chrono::steady_clock::now() < end) {
  }
  const ProcessFigures figures = read_process_figures(".");
  EXPECT_GT(figures.cpu.count(), 0);
  EXPECT_GT(figures.resident_bytes, std::uint64_t{1} << 20);
  EXPECT_GT(figures.virtual_bytes, figures.resident_bytes);
  EXPECT_GE(figures.max_fds, figures.open_fds);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(figures.started, now + 1);
  EXPECT_GT(figures.started, now - 24 * 3600);
  EXPECT_GT(figures.disk_size_bytes, 0u);
  EXPECT_LE(figures.disk_free_bytes, figures.disk_size_bytes);
}

TEST(ProcessFigures, DescriptorsAreCounted) {
  const std::uint64_t before = read_process_figures(".").open_fds;
  const int one = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(one, 0);
  EXPECT_EQ(read_process_figures(".").open_fds, before + 1);
  close(one);
  EXPECT_EQ(read_process_figures(".").open_fds, before);
}

TEST(ProcessFigures, WithoutTheDirectoryNothingIsSaidOfTheDisk) {
  EXPECT_EQ(read_process_figures("/no such directory").disk_size_bytes, 0u);
}

}  // namespace
}  // namespace millrace

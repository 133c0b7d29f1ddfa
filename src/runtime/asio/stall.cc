#include "runtime/asio/stall.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "base/assert.h"

namespace millrace {

ThreadMeter::~ThreadMeter() {
  if (schedstat_ >= 0) ::close(schedstat_);
}

void ThreadMeter::begin() {
  ASSERT(!begun_.load(std::memory_order_relaxed));
  if (pthread_getcpuclockid(pthread_self(), &clock_) != 0) return;
  schedstat_ =
      ::open(fmt::format("/proc/self/task/{}/schedstat", gettid()).c_str(), O_RDONLY | O_CLOEXEC);
  begun_.store(true, std::memory_order_release);
}

ThreadUse ThreadMeter::read() const {
  ThreadUse use;
  if (!begun_.load(std::memory_order_acquire)) return use;
  timespec cpu{};
  if (clock_gettime(clock_, &cpu) == 0) {
    use.cpu = std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
  }
  // "on a processor, waiting for one, how often": the first two in nanoseconds.
  std::array<char, 96> text{};
  const ssize_t size = schedstat_ < 0 ? -1 : pread(schedstat_, text.data(), text.size(), 0);
  if (size <= 0) return use;
  const char* end = text.data() + size;
  std::int64_t on_cpu = 0;
  std::int64_t waited = 0;
  const auto first = std::from_chars(text.data(), end, on_cpu);
  if (first.ec != std::errc{} || first.ptr == end) return use;
  if (std::from_chars(first.ptr + 1, end, waited).ec == std::errc{}) use.waited = Duration(waited);
  return use;
}

}  // namespace millrace

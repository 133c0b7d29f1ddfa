#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

namespace millrace::cli {
namespace {

constexpr std::size_t kBufferBytes = 64 << 10;

Error cannot_write(int error) {
  return {ErrorCode::io_error, fmt::format("cannot write to standard output: {}",
                                           std::generic_category().message(error))};
}

}  // namespace

// Instead of being killed by the signal, writes tell.
Output::Output() {
  struct sigaction action{};
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

void Output::close(int error) {
  closed_ = true;
  if (error != EPIPE) failure_ = cannot_write(error);
}

Result<void> flush_standard_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return std::unexpected(cannot_write(errno));
}

void Output::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

bool Output::flush() {
  std::string_view left = buffer_;
  while (!left.empty() && !closed_) {
    const ssize_t count = ::write(STDOUT_FILENO, left.data(), left.size());
    if (count >= 0)
      left.remove_prefix(static_cast<std::size_t>(count));
    else if (errno != EINTR)
      close(errno);
  }
  buffer_.clear();
  return !closed_;
}

}  // namespace millrace::cli

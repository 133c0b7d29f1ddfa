#include "cli/lines.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/interrupt.h"

namespace millrace::cli {

LineReader::Outcome LineReader::next(std::string_view& line,
                                     std::optional<client::Clock::time_point> until) {
  for (;;) {
    const char* from = buffer_.data() + searched_;
    const void* found = std::memchr(from, '\n', end_ - searched_);
    if (found != nullptr) {
      const auto stop = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
      line = {buffer_.data() + begin_, stop - begin_};
      begin_ = searched_ = stop + 1;
      return Outcome::line;
    }
    searched_ = end_;
    if (at_end_) {
      if (begin_ == end_) return Outcome::end;
      line = {buffer_.data() + begin_, end_ - begin_};
      begin_ = searched_ = end_;
      return Outcome::line;
    }
    if (auto outcome = fill(until)) return *outcome;
  }
}

// Nothing when there is more to look at.
std::optional<LineReader::Outcome> LineReader::fill(
    std::optional<client::Clock::time_point> until) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    searched_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    if (end_ >= kLineBytesMax) return Outcome::too_long;
    buffer_.resize(end_ * 2);
  }
  int wait_ms = -1;
  if (until) {
    const auto left = std::chrono::ceil<client::Milliseconds>(*until - client::Clock::now());
    wait_ms = left.count() > 0 ? static_cast<int>(left.count()) : 0;
  }
  if (interrupted()) return Outcome::interrupted;
  pollfd input{descriptor_, POLLIN, 0};
  const int ready = ::poll(&input, 1, wait_ms);
  if (ready == 0) return Outcome::timeout;
  if (ready < 0) return errno == EINTR ? Outcome::interrupted : Outcome::failed;
  const ssize_t count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
  if (count < 0) return errno == EINTR ? Outcome::interrupted : Outcome::failed;
  if (count == 0) at_end_ = true;
  end_ += static_cast<std::size_t>(count);
  return std::nullopt;
}

}  // namespace millrace::cli

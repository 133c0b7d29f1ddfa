// LineReader: a file descriptor, line by line, never waiting longer than it may.
//
//   LineReader lines(0);
//   std::string_view line;
//   switch (lines.next(line, until)) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "client/deadline.h"

namespace millrace::cli {

// Far above what a broker takes for a record.
inline constexpr std::size_t kLineBytesMax = 128 << 20;

class LineReader {
 public:
  enum class Outcome { line, timeout, end, interrupted, too_long, failed };

  explicit LineReader(int descriptor) : descriptor_(descriptor), buffer_(64 << 10) {}

  // A line without its end, valid until the next call; the last one needs no end. `until`: nothing
  // waits for ever.
  Outcome next(std::string_view& line, std::optional<client::Clock::time_point> until);

 private:
  std::optional<Outcome> fill(std::optional<client::Clock::time_point> until);

  const int descriptor_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;     // of what was read and not yet given
  std::size_t searched_ = 0;  // up to here there is no line's end
  std::size_t end_ = 0;
  bool at_end_ = false;
};

}  // namespace millrace::cli

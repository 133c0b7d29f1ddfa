// Output: standard output in large writes. A reader that has gone (`| head`) is no error: closed()
// says so, and the command ends in order. Anything else, a full disk say, is one: failure().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millrace::cli {

class Output {
 public:
  Output();
  ~Output() { flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text);
  // Everything written is with the kernel; false when nobody takes it any more.
  bool flush();
  bool closed() const { return closed_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  void close(int error);

  std::string buffer_;
  bool closed_ = false;
  std::optional<Error> failure_;
};

// For what was printed by other means: that it got out.
Result<void> flush_standard_output();

}  // namespace millrace::cli

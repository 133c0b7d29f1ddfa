// InputFile: where a command reads lines from: a file, or standard input.
#pragma once

#include <string>

#include "base/error.h"

namespace millrace::cli {

class InputFile {
 public:
  InputFile() = default;
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // A descriptor that this closes. Empty or "-": standard input.
  Result<int> open(const std::string& file);

 private:
  int descriptor_ = -1;
};

}  // namespace millrace::cli

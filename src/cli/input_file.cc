#include "cli/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace millrace::cli {

InputFile::~InputFile() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

Result<int> InputFile::open(const std::string& file) {
  if (file.empty() || file == "-") return STDIN_FILENO;
  descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0)
    return fail(ErrorCode::io_error,
                fmt::format("cannot read {}: {}", file, std::generic_category().message(errno)));
  return descriptor_;
}

}  // namespace millrace::cli

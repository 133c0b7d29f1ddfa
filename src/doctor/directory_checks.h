// What can be told of a data directory whose broker does not run.
#pragma once

#include <string>

#include "base/error.h"
#include "doctor/report.h"
#include "runtime/file.h"

namespace millrace::doctor {

struct DirectoryOptions {
  std::string data_dir;
  bool deep = false;   // checksums of everything
  bool quiet = false;  // no progress on a terminal
};

// Errors: could not look, because a broker holds the directory, or there is none.
Result<void> check_directory(FileSystem& files, const DirectoryOptions& options, Report& report);

}  // namespace millrace::doctor

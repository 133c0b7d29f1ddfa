// The command line of the one binary: which subcommand, and for `serve` its settings from flags,
// environment and file.
#pragma once

#include <optional>

#include "server/serve_options.h"

namespace millrace {

// The options of `serve`, or the process's exit code when there is nothing to serve: --help,
// another subcommand, which has done its work, or a mistake, which is printed.
struct Parsed {
  std::optional<ServeOptions> serve;
  int exit_code = 0;
};
// `environment`: NAME=VALUE, ending in null.
Parsed parse_command_line(int argc, char** argv, const char* const* environment);

}  // namespace millrace

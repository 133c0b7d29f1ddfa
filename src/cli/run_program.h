// run_program: a shell command that reads something on its standard input.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace millrace::cli {

// Its exit status, 128 and more when a signal ended it. Runs under /bin/sh with `variables` beside
// our environment; its standard output and error are ours.
Result<int> run_program(const std::string& command, const std::string& input,
                        const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace millrace::cli

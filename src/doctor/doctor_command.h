// `millrace doctor` on the command line of the one binary.
#pragma once

#include <optional>
#include <string>

#include "cli/options.h"
#include "runtime/file.h"

namespace millrace::doctor {

class DoctorCommand {
 public:
  // Before parsing; outlives it.
  explicit DoctorCommand(CLI::App& app);
  bool is_chosen() const { return chosen_; }
  // Looks; the exit code.
  int run(FileSystem& files) const;

 private:
  cli::Shared shared_;
  std::string data_dir_;
  bool deep_ = false;
  bool chosen_ = false;
};

}  // namespace millrace::doctor

// The client commands on the command line of the one binary.
//
//   CLI::App app;
//   cli::ClientCommands clients(app);              // before parsing; outlives it
//   app.parse(argc, argv);
//   if (auto exit_code = clients.run()) return *exit_code;
//   ... none of them was asked for: serve
#pragma once

#include <optional>

#include "cli/options.h"

namespace millrace::cli {

class ClientCommands {
 public:
  explicit ClientCommands(CLI::App& app);
  // Does what was asked for; nothing when no client command was.
  std::optional<int> run();

 private:
  Action action_;
};

}  // namespace millrace::cli

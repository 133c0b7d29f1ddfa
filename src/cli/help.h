// --help of the client commands: an option, what it takes, and what it means, broken at 100
// columns.
#pragma once

namespace CLI {
class App;
}

namespace millrace::cli {

// On a command; its subcommands, made later, follow.
void use_help_format(CLI::App& command);

// A mistake on the command line: what, and whose --help tells more.
void use_failure_message(CLI::App& app);

}  // namespace millrace::cli

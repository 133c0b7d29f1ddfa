#include "server/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/help.h"
#include "doctor/doctor_command.h"
#include "runtime/asio/asio_runtime.h"
#include "server/config_command.h"
#include "server/setting_flags.h"
#include "server/version.h"
#include "settings/rules.h"

namespace millrace {
namespace {

constexpr std::string_view kServeFooter =
    R"(Every setting, of which these are the ones with a flag, can be given in the environment
(MILLRACE_KAFKA_LISTEN) and in a file as well; a flag wins over the environment, that over the file.

  millrace config --reference     all settings
  millrace config                 what is in force, and from where

Examples:
  millrace serve --data-dir /var/lib/millrace
  millrace serve --kafka 0.0.0.0:9092 --advertise broker.example:9092
  millrace serve --config millrace.toml --log-level debug)";

constexpr std::string_view kRootFooter =
    R"(Without a command it is 'serve' that runs. 'millrace COMMAND --help' tells more.)";

}  // namespace

Parsed parse_command_line(int argc, char** argv, const char* const* environment) {
  CLI::App app{"Millrace: message broker and event-streaming platform in one binary", "millrace"};
  cli::use_help_format(app);
  app.set_version_flag("--version", std::string("millrace ") + kVersion);
  app.require_subcommand(0, 1);
  app.footer(std::string(kRootFooter));
  SettingFlags flags;
  CLI::App* serve =
      app.add_subcommand("serve", "Run the broker (what happens without a subcommand)");
  serve->footer(std::string(kServeFooter));
  flags.add_to(*serve);
  flags.add_to(app);
  ConfigCommand config(app, environment);
  doctor::DoctorCommand doctor(app);
  cli::ClientCommands clients(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has a code of its own for each kind of mistake; to scripts all of them are the same.
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  if (auto exit_code = clients.run()) return {std::nullopt, *exit_code};
  if (auto exit_code = config.run()) return {std::nullopt, *exit_code};
  if (doctor.is_chosen()) {
    AsioRuntime runtime({.cores = 1});
    return {std::nullopt, doctor.run(runtime.files())};
  }
  Settings settings;
  Mistakes mistakes = flags.read_all(settings, environment);
  if (!mistakes.empty()) {
    for (const std::string& mistake : mistakes) fmt::print(stderr, "millrace: {}\n", mistake);
    fmt::print(stderr, "See 'millrace config --reference'.\n");
    return {std::nullopt, 2};
  }
  return {serve_options(settings), 0};
}

}  // namespace millrace

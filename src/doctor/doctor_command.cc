#include "doctor/doctor_command.h"

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/help.h"
#include "doctor/broker_checks.h"
#include "doctor/directory_checks.h"

namespace millrace::doctor {
namespace {

constexpr int kCouldNotLook = 2;

constexpr std::string_view kFooter =
    R"(Looks and changes nothing. Of a running broker (--server): whether it answers and where it sends
clients, topics without a leader, groups without members that have records to read. Of a stopped one
(--data-dir): the manifest, whether every file that it lists is there, whether the journal is whole,
what is left over; with --deep every checksum.

Exit code 0: nothing is wrong; 1: something is, and what to do; 2: it could not look.

Examples:
  millrace doctor
  millrace doctor --server broker.example:9092 --json
  millrace doctor --data-dir ./data --deep)";

}  // namespace

DoctorCommand::DoctorCommand(CLI::App& app) {
  CLI::App& command =
      *app.add_subcommand("doctor", "Look for what is wrong with a broker or its data directory");
  cli::use_help_format(command);
  command.footer(std::string(kFooter));
  command.callback([this] { chosen_ = true; });
  auto* directory =
      command.add_option("--data-dir", data_dir_, "The folder of a broker that does not run")
          ->type_name("PATH");
  command.add_flag("--deep", deep_, "Read all of it and compare every checksum")->needs(directory);
  cli::add_shared_options(command, shared_);
}

int DoctorCommand::run(FileSystem& files) const {
  // What recovery's functions log would say that they did it.
  set_log_level(LogLevel::error);
  const auto options = cli::client_options(shared_);
  Report report(data_dir_.empty() ? options.server.text() : data_dir_);
  const DirectoryOptions directory{data_dir_, deep_, shared_.json};
  const auto looked =
      data_dir_.empty() ? check_broker(options, report) : check_directory(files, directory, report);
  if (looked) return report.print(shared_.json);
  cli::report(looked.error(), shared_.json);
  return kCouldNotLook;
}

}  // namespace millrace::doctor

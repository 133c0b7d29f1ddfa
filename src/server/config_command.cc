#include "server/config_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/help.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/table.h"
#include "settings/pages.h"
#include "settings/rules.h"

namespace millrace {
namespace {

constexpr std::string_view kFooter =
    R"(SOURCE is the default, the line of the file, the variable or the flag that a value comes from. The
flags of 'serve' are taken here as well. Exit code 1: there are mistakes, on standard error.

Examples:
  millrace config
  millrace config --config millrace.toml --json
  millrace config --check millrace.toml
  millrace config --sample > millrace.toml)";

// Whether the number says something that the text doesn't.
bool has_number(const Setting& setting, const SettingValue& value) {
  switch (setting.kind) {
    case Kind::bytes:
    case Kind::milliseconds:
    case Kind::microseconds:
    case Kind::count:
      return !value.is_word;
    case Kind::boolean:
    case Kind::choice:
    case Kind::address:
    case Kind::path:
      break;
  }
  return false;
}

std::string source(const Settings::Effective& effective) {
  return effective.place.empty() ? std::string(origin_name(effective.origin)) : effective.place;
}

cli::Json to_json(const Settings& settings) {
  cli::Json rows = cli::Json::array();
  for (const Setting& setting : all_settings()) {
    const Settings::Effective& effective = settings.at(setting.name);
    cli::Json row;
    row["name"] = setting.name;
    row["value"] = effective.value.text;
    if (has_number(setting, effective.value)) row["number"] = effective.value.number;
    row["default"] = setting.default_text;
    row["source"] = origin_name(effective.origin);
    row["place"] = source(effective);
    rows.push_back(std::move(row));
  }
  return rows;
}

int told(const Mistakes& mistakes) {
  for (const std::string& mistake : mistakes) cli::warn(mistake);
  return cli::kFailed;
}

}  // namespace

ConfigCommand::ConfigCommand(CLI::App& app, const char* const* environment)
    : environment_(environment) {
  CLI::App& command =
      *app.add_subcommand("config", "The settings in force, and where each comes from");
  cli::use_help_format(command);
  command.footer(std::string(kFooter));
  command.callback([this] { chosen_ = true; });
  auto* check = command.add_option("--check", checked_file_, "Only look for mistakes in this file")
                    ->type_name("FILE");
  auto* sample = command.add_flag("--sample", sample_,
                                  "Print a configuration file with every setting, commented out");
  auto* reference =
      command.add_flag("--reference", reference_, "Print the page about all settings, in Markdown");
  check->excludes(sample)->excludes(reference);
  sample->excludes(reference);
  command.add_flag("--json", json_, "Print JSON, for programs");
  flags_.add_to(command, SettingFlags::Which::without_json);
}

std::optional<int> ConfigCommand::run() const {
  if (!chosen_) return std::nullopt;
  if (sample_ || reference_) {
    fmt::print("{}", sample_ ? sample_page() : reference_page());
    return cli::kDone;
  }
  return checked_file_.empty() ? show() : check();
}

int ConfigCommand::check() const {
  Settings settings;
  Mistakes mistakes = settings.read_file(checked_file_);
  if (mistakes.empty()) append(mistakes, check_together(settings));
  const auto all = all_settings();
  const auto count = std::ranges::count_if(
      all, [&](const Setting& each) { return settings.at(each.name).origin == Origin::file; });
  if (json_) {
    cli::Json out;
    out["file"] = checked_file_;
    out["settings"] = count;
    out["mistakes"] = mistakes;
    cli::print_json(out);
    return mistakes.empty() ? cli::kDone : cli::kFailed;
  }
  if (!mistakes.empty()) return told(mistakes);
  fmt::print("{}: {} setting{}, no mistakes\n", checked_file_, count, count == 1 ? "" : "s");
  return cli::kDone;
}

int ConfigCommand::show() const {
  Settings settings;
  if (const Mistakes mistakes = flags_.read_all(settings, environment_); !mistakes.empty())
    return told(mistakes);
  if (json_) {
    cli::Json out;
    out["settings"] = to_json(settings);
    cli::print_json(out);
    return cli::kDone;
  }
  cli::Table table({"SETTING", "VALUE", "SOURCE"});
  for (const Setting& setting : all_settings()) {
    const Settings::Effective& effective = settings.at(setting.name);
    table.add({std::string(setting.name), effective.value.text, source(effective)});
  }
  table.print();
  return cli::kDone;
}

}  // namespace millrace

#include "server/setting_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstring>

#include "settings/rules.h"

namespace millrace {
namespace {

std::string type_name(const Setting& setting) {
  switch (setting.kind) {
    case Kind::bytes:
      return "SIZE";
    case Kind::milliseconds:
    case Kind::microseconds:
      return "DURATION";
    case Kind::count:
      return "N";
    case Kind::choice:
      return "WORD";
    case Kind::address:
      return "ADDRESS";
    case Kind::path:
    case Kind::boolean:
      break;
  }
  return "PATH";
}

// Beside what the type name says.
std::string short_allowed(const Setting& setting) {
  std::string text;
  if (setting.kind == Kind::choice) text = fmt::to_string(fmt::join(choices_of(setting), ", "));
  if (setting.kind == Kind::address) text = "HOST:PORT";
  if (setting.max > 0)
    text = fmt::format("{} to {}", number_text(setting.kind, setting.min),
                       number_text(setting.kind, setting.max));
  return setting.word.empty() ? text : fmt::format("{}, or '{}'", text, setting.word);
}

// The first sentence of the text; the reference has all of it.
std::string description(const Setting& setting) {
  std::string sentence(setting.text.substr(0, setting.text.find(". ")));
  if (sentence.ends_with('.')) sentence.pop_back();
  const std::string range = short_allowed(setting);
  return range.empty() ? sentence : fmt::format("{} ({})", sentence, range);
}

// Of the process's variables; empty when it is not there.
std::string variable(const char* const* environment, const char* name) {
  const auto size = std::strlen(name);
  for (; *environment != nullptr; ++environment)
    if (std::strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
      return *environment + size + 1;
  return "";
}

}  // namespace

void SettingFlags::add_to(CLI::App& command, Which which) {
  command
      .add_option("--config", config_file_,
                  "Configuration file, TOML; or in $" + std::string(kConfigVariable))
      ->type_name("FILE");
  for (const Setting& setting : all_settings()) {
    if (setting.flag.empty()) continue;
    const std::string flag(setting.flag);
    if (setting.kind == Kind::boolean) {
      if (which == Which::without_json && flag == "json") continue;
      command.add_flag_callback(
          "--" + flag, [this, flag] { given_.emplace_back(flag, "true"); }, description(setting));
      continue;
    }
    command
        .add_option_function<std::string>(
            "--" + flag, [this, flag](const std::string& text) { given_.emplace_back(flag, text); },
            description(setting))
        ->type_name(type_name(setting))
        ->default_str(std::string(setting.default_text));
  }
}

Mistakes SettingFlags::read_all(Settings& settings, const char* const* environment) const {
  Mistakes mistakes;
  const std::string file =
      config_file_.empty() ? variable(environment, kConfigVariable) : config_file_;
  if (!file.empty()) append(mistakes, settings.read_file(file));
  append(mistakes, settings.read_environment(environment));
  for (const auto& [flag, text] : given_) append(mistakes, settings.set_flag(flag, text));
  if (mistakes.empty()) append(mistakes, check_together(settings));
  return mistakes;
}

}  // namespace millrace

// `millrace config`: the settings in force, the pages about them, and whether a file is right.
#pragma once

#include <optional>
#include <string>

#include "server/setting_flags.h"

namespace millrace {

class ConfigCommand {
 public:
  // Before parsing; outlives it.
  ConfigCommand(CLI::App& app, const char* const* environment);
  // Does what was asked for; nothing when another command was.
  std::optional<int> run() const;

 private:
  int check() const;
  int show() const;

  const char* const* environment_;
  SettingFlags flags_;
  bool chosen_ = false;
  bool json_ = false;
  bool sample_ = false;
  bool reference_ = false;
  std::string checked_file_;
};

}  // namespace millrace

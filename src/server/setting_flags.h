// SettingFlags: the settings that have a flag, on the command line of one or several commands, and
// --config.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "settings/settings.h"

namespace CLI {
class App;
}

namespace millrace {

class SettingFlags {
 public:
  enum class Which { all, without_json };
  // Before parsing; this outlives it.
  void add_to(CLI::App& command, Which which = Which::all);

  // After parsing: all layers, and what must hold between settings when each alone is right.
  Mistakes read_all(Settings& settings, const char* const* environment) const;

 private:
  std::string config_file_;
  std::vector<std::pair<std::string, std::string>> given_;  // flag and text
};

}  // namespace millrace

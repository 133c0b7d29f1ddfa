// Settings: the effective values, each with where it comes from. Four layers, the later one wins:
// the default, the configuration file, the environment, the command line.
//
//   Settings settings;
//   Mistakes mistakes = settings.read_file("millrace.toml");
//   append(mistakes, settings.read_environment(environ));
//   append(mistakes, settings.set_flag("kafka", "127.0.0.1:9092"));
//   settings.number("storage.checkpoint_bytes");
//
// A mistake is one sentence that names its place, what is wrong and what is allowed; what it is
// about keeps the value that it had.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "settings/value.h"

namespace millrace {

using Mistakes = std::vector<std::string>;
void append(Mistakes& all, Mistakes more);

enum class Origin { default_value, file, environment, flag };
std::string_view origin_name(Origin origin);

class Settings {
 public:
  struct Effective {
    SettingValue value;
    Origin origin = Origin::default_value;
    std::string place;  // "millrace.toml:12", "MILLRACE_LOG_LEVEL", "--log-level"; empty: default
  };

  Settings();  // all at their defaults

  // TOML; `name` is what mistakes call the file.
  Mistakes read_file(const std::string& path);
  Mistakes read_text(std::string_view toml, const std::string& name);
  // NAME=VALUE, as of a process, ending in null. What begins with MILLRACE_ must be a setting, or
  // one of those that mean something else to Millrace.
  Mistakes read_environment(const char* const* variables);
  // Without its dashes.
  Mistakes set_flag(std::string_view flag, std::string_view text);

  // By name, which must be one of the table's.
  const Effective& at(std::string_view name) const;
  std::int64_t number(std::string_view name) const { return at(name).value.number; }
  bool boolean(std::string_view name) const { return at(name).value.number != 0; }
  const std::string& text(std::string_view name) const { return at(name).value.text; }
  bool is_word(std::string_view name) const { return at(name).value.is_word; }

 private:
  friend class FileReader;
  // `as_written` is what a mistake quotes.
  Mistakes set(const Setting& setting, std::string_view text, Origin origin, std::string place,
               const std::string& as_written);

  std::map<std::string_view, Effective> values_;
};

// The variable that names the configuration file when no flag does.
inline constexpr const char* kConfigVariable = "MILLRACE_CONFIG";

}  // namespace millrace

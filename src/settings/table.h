// The table of settings: everything an operator can set, declared once.
//
//   const Setting* setting = find_setting("kafka.listen");
//   environment_name(*setting);      // MILLRACE_KAFKA_LISTEN
//
// A row has the setting's name, what its value is, its default as it is written in a file, its
// bounds in the base unit that the name ends in (bytes, milliseconds, microseconds), and the text
// that explains it. Names never change their meaning; `since` is the version that brought them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

enum class Kind { bytes, milliseconds, microseconds, count, boolean, choice, address, path };

struct Setting {
  std::string_view name;  // section.key
  Kind kind = Kind::count;
  std::string_view default_text;
  std::int64_t min = 0;  // of numbers
  std::int64_t max = 0;
  std::string_view word;     // taken beside what the kind allows: 'off', 'auto'
  std::string_view choices;  // of a choice: "debug|info"
  std::string_view flag;     // of `serve`, without its dashes; empty: none
  std::string_view since = "0.1.0";
  std::string_view text;

  std::string_view section() const { return name.substr(0, name.find('.')); }
  std::string_view key() const { return name.substr(name.find('.') + 1); }
};

struct Section {
  std::string_view name;
  std::string_view text;
};

// In the order in which pages show them; the settings of a section stand together.
std::span<const Section> all_sections();
std::span<const Setting> all_settings();

// Null when there is none.
const Setting* find_setting(std::string_view name);

// MILLRACE_, the name in capitals, '_' for '.'.
std::string environment_name(const Setting& setting);

}  // namespace millrace

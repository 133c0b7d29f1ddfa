// The configuration file: TOML, a table a section.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "settings/nearest.h"
#include "settings/settings.h"

namespace millrace {
namespace {

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const Setting& setting : all_settings()) names.emplace_back(setting.name);
  return names;
}

// As it stands in the file, or nearly so.
std::string written(const toml::node& node) {
  std::ostringstream text;
  node.visit([&](const auto& value) { text << toml::toml_formatter(value); });
  return text.str();
}

// Words and paths stand in quotes, numbers and booleans do not; a size or a duration may do both.
bool has_right_type(const Setting& setting, const toml::node& node) {
  switch (setting.kind) {
    case Kind::boolean:
      return node.is_boolean();
    case Kind::count:
      return node.is_integer() || node.value<std::string>() == setting.word;
    case Kind::bytes:
    case Kind::milliseconds:
    case Kind::microseconds:
      return node.is_integer() || node.is_string();
    case Kind::choice:
    case Kind::address:
    case Kind::path:
      break;
  }
  return node.is_string();
}

std::string_view right_type(const Setting& setting) {
  switch (setting.kind) {
    case Kind::boolean:
    case Kind::count:
      return "without quotes";
    case Kind::bytes:
    case Kind::milliseconds:
    case Kind::microseconds:
      return "in quotes when it has a unit";
    case Kind::choice:
    case Kind::address:
    case Kind::path:
      break;
  }
  return "in quotes";
}

std::string plain_text(const toml::node& node) {
  if (const auto text = node.value<std::string>(); text && node.is_string()) return *text;
  if (const auto number = node.value<std::int64_t>(); number && node.is_integer())
    return fmt::to_string(*number);
  return node.value_or(false) ? "true" : "false";
}

}  // namespace

class FileReader {
 public:
  FileReader(Settings& settings, const std::string& name) : settings_(settings), name_(name) {}

  // What `path` holds, "" for the file as a whole.
  void read(const toml::table& table, const std::string& path) {
    for (const auto& [key, node] : table) {
      const std::string name =
          path.empty() ? std::string(key.str()) : path + '.' + std::string(key);
      const Setting* setting = find_setting(name);
      if (setting != nullptr)
        take(*setting, node);
      else if (const auto* inner = node.as_table(); inner != nullptr && is_section(name))
        read(*inner, name);
      else
        unknown(name, key.source().begin.line);
    }
  }
  // In the order of the file, which is not that of the parser's tables.
  Mistakes mistakes() const {
    Mistakes all;
    for (const auto& [line, mistake] : mistakes_) all.push_back(mistake);
    return all;
  }

 private:
  static bool is_section(std::string_view name) {
    for (const Section& section : all_sections())
      if (section.name == name) return true;
    return false;
  }
  void add(toml::source_index line, std::string mistake) {
    mistakes_.emplace(line, std::move(mistake));
  }
  std::string place(toml::source_index line) const { return fmt::format("{}:{}", name_, line); }

  void unknown(const std::string& name, toml::source_index line) {
    std::vector<std::string> names = setting_names();
    // A section alone is compared with sections.
    if (!name.contains('.')) {
      names.clear();
      for (const Section& section : all_sections()) names.emplace_back(section.name);
    }
    add(line, fmt::format("{}: there is no setting '{}'; the nearest that there is: '{}'",
                          place(line), name, nearest(name, names)));
  }

  void take(const Setting& setting, const toml::node& node) {
    const std::string where = place(node.source().begin.line);
    const std::string as_written = fmt::format("{}: {} = {}", where, setting.name, written(node));
    if (!has_right_type(setting, node)) {
      return add(node.source().begin.line, fmt::format("{}: it must be {}, {}", as_written,
                                                       allowed(setting), right_type(setting)));
    }
    for (std::string& mistake :
         settings_.set(setting, plain_text(node), Origin::file, where, as_written))
      add(node.source().begin.line, std::move(mistake));
  }

  Settings& settings_;
  const std::string& name_;
  std::multimap<toml::source_index, std::string> mistakes_;
};

Mistakes Settings::read_text(std::string_view toml, const std::string& name) {
  try {
    const toml::table table = toml::parse(toml, name);
    FileReader reader(*this, name);
    reader.read(table, "");
    return reader.mistakes();
  } catch (const toml::parse_error& error) {
    return {fmt::format("{}:{}: this is no TOML: {}", name, error.source().begin.line,
                        error.description())};
  }
}

Mistakes Settings::read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  // A folder opens, and reads as if it were empty.
  if (!file || std::filesystem::is_directory(path))
    return {fmt::format("the configuration file {} can't be read", path)};
  return read_text(text.str(), path);
}

}  // namespace millrace

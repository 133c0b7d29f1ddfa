#include "cli/help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace millrace::cli {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kTextColumn = 30;

// Broken between words, every line but the first indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::size_t size = end - at;
    if (column > indent && column + 1 + size > kColumns) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(at, size);
    column += size;
    at = end + 1;
  }
  return out;
}

class HelpFormat : public CLI::Formatter {
 public:
  HelpFormat() { column_width(kTextColumn); }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string left = "  " + option->get_name(is_positional, true);
    const std::string type = option->get_type_name();
    const std::string what = type.substr(0, type.find(':'));
    const bool number = what == "INT" || what == "UINT" || what == "FLOAT";
    if (!is_positional && option->get_expected_max() > 0) left += number ? " N" : ' ' + what;
    std::string text = option->get_description();
    if (const auto list = type.find(":{"); list != std::string::npos)
      text += " (" + type.substr(list + 2, type.find('}', list) - list - 2) + ")";
    if (!option->get_default_str().empty()) text += " [" + option->get_default_str() + "]";
    if (!option->get_envname().empty()) text += ", or in $" + option->get_envname();
    std::string line = left;
    if (line.size() + 2 > kTextColumn)
      line += '\n' + std::string(kTextColumn, ' ');
    else
      line.append(kTextColumn - line.size(), ' ');
    return line + wrapped(text, kTextColumn) + '\n';
  }
  std::string make_footer(const CLI::App* command) const override {
    const std::string footer = command->get_footer();
    return footer.empty() ? "" : footer + '\n';
  }
};

}  // namespace

void use_help_format(CLI::App& command) { command.formatter(std::make_shared<HelpFormat>()); }

void use_failure_message(CLI::App& app) {
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    const CLI::App* command = failed;
    std::string path = failed->get_name();
    for (auto chosen = failed->get_subcommands(); !chosen.empty();
         chosen = command->get_subcommands()) {
      command = chosen.front();
      path += ' ' + command->get_name();
    }
    std::string what = error.what();
    const auto commands = command->get_subcommands([](const CLI::App*) { return true; });
    // Without a subcommand a mistake may be one of `serve`'s options: then that is what is told.
    const bool about_commands =
        error.get_name() == "RequiredError" || error.get_name() == "ExtrasError";
    if (!commands.empty() && about_commands) {
      const auto unknown = command->remaining();
      what = unknown.empty()
                 ? fmt::format("'{}' is one of several commands:", path)
                 : fmt::format("'{}' is no command of '{}', which are", unknown.front(), path);
      for (const CLI::App* each : commands)
        what += (each == commands.front() ? " " : ", ") + each->get_name();
    }
    return fmt::format("millrace: {}\nSee '{} --help'.\n", what, path);
  });
}

}  // namespace millrace::cli

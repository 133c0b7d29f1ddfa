#include "settings/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "settings/nearest.h"

namespace millrace {
namespace {

constexpr std::string_view kPrefix = "MILLRACE_";

// What else begins like a setting: the file, the client commands' broker, and what the project's
// scripts and tests are told by.
constexpr std::string_view kOtherVariables[] = {
    "MILLRACE_CONFIG",       "MILLRACE_SERVER",          "MILLRACE_MANAGEMENT",
    "MILLRACE_AMQP",         "MILLRACE_BINARY",          "MILLRACE_SETUP",
    "MILLRACE_SEED",         "MILLRACE_SEED_COUNT",      "MILLRACE_SEED_FIRST",
    "MILLRACE_TEST_ALL",     "MILLRACE_TEST_PEER",       "MILLRACE_KILL_CYCLES",
    "MILLRACE_LEAK_CHECK",   "MILLRACE_FUZZ_SEED",       "MILLRACE_UNIT_SECONDS",
    "MILLRACE_TIDY_SECONDS", "MILLRACE_CLIENTS_SECONDS", "MILLRACE_FRESH_NAMESPACE",
    "MILLRACE_RARE_REPORT",  "MILLRACE_CRASH_POINT",
};

std::vector<std::string> variable_names() {
  std::vector<std::string> names;
  for (const Setting& setting : all_settings()) names.push_back(environment_name(setting));
  names.emplace_back(kConfigVariable);
  return names;
}

}  // namespace

void append(Mistakes& all, Mistakes more) { std::ranges::move(more, std::back_inserter(all)); }

std::string_view origin_name(Origin origin) {
  constexpr std::array<std::string_view, 4> kNames = {"default", "file", "environment", "flag"};
  return kNames[static_cast<std::size_t>(origin)];
}

Settings::Settings() {
  for (const Setting& setting : all_settings()) {
    auto value = parse_value(setting, setting.default_text);
    ASSERT(value.has_value());
    values_[setting.name].value = std::move(*value);
  }
}

const Settings::Effective& Settings::at(std::string_view name) const {
  const auto found = values_.find(name);
  ASSERT(found != values_.end());
  return found->second;
}

Mistakes Settings::set(const Setting& setting, std::string_view text, Origin origin,
                       std::string place, const std::string& as_written) {
  auto value = parse_value(setting, text);
  if (!value) return {fmt::format("{}: {}", as_written, value.error().message())};
  values_[setting.name] = {std::move(*value), origin, std::move(place)};
  return {};
}

Mistakes Settings::set_flag(std::string_view flag, std::string_view text) {
  const auto settings = all_settings();
  const auto found = std::ranges::find(settings, flag, &Setting::flag);
  ASSERT(!flag.empty() && found != settings.end());
  return set(*found, text, Origin::flag, fmt::format("--{}", flag),
             fmt::format("--{} {}", flag, text));
}

Mistakes Settings::read_environment(const char* const* variables) {
  const std::vector<std::string> names = variable_names();
  Mistakes mistakes;
  for (; *variables != nullptr; ++variables) {
    const std::string_view variable = *variables;
    const auto equals = std::min(variable.find('='), variable.size());
    const std::string name(variable.substr(0, equals));
    if (!name.starts_with(kPrefix) || std::ranges::count(kOtherVariables, name) > 0) continue;
    const auto settings = all_settings();
    const auto found = std::ranges::find(settings, name, environment_name);
    if (found == settings.end()) {
      mistakes.push_back(
          fmt::format("the environment variable {} is no setting; the nearest that is one: {}",
                      name, nearest(name, names)));
      continue;
    }
    append(mistakes, set(*found, variable.substr(std::min(equals + 1, variable.size())),
                         Origin::environment, name, std::string(variable)));
  }
  return mistakes;
}

}  // namespace millrace

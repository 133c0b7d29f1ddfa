#include "settings/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>
#include <span>
#include <vector>

#include "settings/address.h"

namespace millrace {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// From small to large, the base unit among them.
constexpr Unit kSizes[] = {
    {"B", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40},
};
constexpr Unit kMilliseconds[] = {
    {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000},
};
constexpr Unit kMicroseconds[] = {{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}};

std::span<const Unit> units_of(Kind kind) {
  if (kind == Kind::bytes) return kSizes;
  if (kind == Kind::milliseconds) return kMilliseconds;
  if (kind == Kind::microseconds) return kMicroseconds;
  return {};
}

// Nothing: no number, an unknown unit, or more than fits.
std::optional<std::int64_t> parse_number(Kind kind, std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (unit.empty()) return number;
  const auto units = units_of(kind);
  const auto found = std::ranges::find(units, unit, &Unit::name);
  std::int64_t product = 0;
  if (found == units.end() || __builtin_mul_overflow(number, found->factor, &product))
    return std::nullopt;
  return product;
}

bool is_valid_text(const Setting& setting, std::string_view text) {
  if (setting.kind == Kind::path) return !text.empty() && !text.contains('\0');
  if (setting.kind == Kind::address) return parse_address(std::string(text)).has_value();
  return std::ranges::count(choices_of(setting), text) > 0;
}

std::string allowed_kind(const Setting& setting) {
  const auto range = fmt::format("from {} to {}", number_text(setting.kind, setting.min),
                                 number_text(setting.kind, setting.max));
  switch (setting.kind) {
    case Kind::bytes:
      return fmt::format("a size {}, as 64MiB, or a number of bytes", range);
    case Kind::milliseconds:
      return fmt::format("a duration {}, as 200ms or 10m, or a number of milliseconds", range);
    case Kind::microseconds:
      return fmt::format("a duration {}, as 300us, or a number of microseconds", range);
    case Kind::count:
      return fmt::format("a number {}", range);
    case Kind::boolean:
      return "true or false";
    case Kind::address:
      return "an address HOST:PORT, IPv6 in brackets";
    case Kind::path:
      return "a path";
    case Kind::choice:
      break;
  }
  return fmt::format("one of {}", fmt::join(choices_of(setting), ", "));
}

}  // namespace

std::vector<std::string_view> choices_of(const Setting& setting) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= setting.choices.size();) {
    const auto end = std::min(setting.choices.find('|', at), setting.choices.size());
    out.push_back(setting.choices.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string number_text(Kind kind, std::int64_t number) {
  const auto units = units_of(kind);
  for (const Unit& unit : std::ranges::reverse_view(units))
    if (number != 0 && number % unit.factor == 0)
      return fmt::format("{}{}", number / unit.factor, unit.name);
  return fmt::to_string(number);
}

std::string allowed(const Setting& setting) {
  const std::string kind = allowed_kind(setting);
  return setting.word.empty() ? kind : fmt::format("{}, or '{}'", kind, setting.word);
}

Result<SettingValue> parse_value(const Setting& setting, std::string_view text) {
  if (!setting.word.empty() && text == setting.word)
    return SettingValue{std::string(text), 0, true};
  const auto refused = [&] {
    return fail(ErrorCode::invalid_config, fmt::format("it must be {}", allowed(setting)));
  };
  switch (setting.kind) {
    case Kind::boolean:
      if (text != "true" && text != "false") return refused();
      return SettingValue{std::string(text), text == "true"};
    case Kind::choice:
    case Kind::address:
    case Kind::path:
      if (!is_valid_text(setting, text)) return refused();
      return SettingValue{std::string(text)};
    case Kind::bytes:
    case Kind::milliseconds:
    case Kind::microseconds:
    case Kind::count:
      break;
  }
  const auto number = parse_number(setting.kind, text);
  if (!number || *number < setting.min || *number > setting.max) return refused();
  return SettingValue{number_text(setting.kind, *number), *number};
}

}  // namespace millrace

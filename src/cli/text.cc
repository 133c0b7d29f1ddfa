#include "cli/text.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace millrace::cli {

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  // What would be shown as 1024.0 is shown in the next unit.
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string human_count(std::int64_t count) {
  std::string digits = fmt::to_string(count < 0 ? 0 - static_cast<std::uint64_t>(count)
                                                : static_cast<std::uint64_t>(count));
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return count < 0 ? "-" + digits : digits;
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", human_count(count), noun, count == 1 ? "" : "s");
}

std::string iso_time(std::int64_t unix_ms) {
  namespace chrono = std::chrono;
  const chrono::milliseconds since{unix_ms};
  const auto day = chrono::floor<chrono::days>(since);
  const chrono::year_month_day date{chrono::sys_days(day)};
  const chrono::hh_mm_ss time{since - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace millrace::cli

// Log lines for the operator: level, area, text. One line, one write, on standard error.
//
//   log_warning("storage", "journal {}: cut a torn tail of {} bytes at {}", file, bytes, position);
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace millrace {

enum class LogLevel { debug, info, warning, error };

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
// Safe from any thread.
void log_line(LogLevel level, std::string_view area, std::string_view text);

template <class... Args>
void log_at(LogLevel level, std::string_view area, fmt::format_string<Args...> format,
            Args&&... args) {
  if (log_enabled(level)) log_line(level, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::debug, area, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::info, area, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warning(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::warning, area, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::error, area, format, std::forward<Args>(args)...);
}

}  // namespace millrace

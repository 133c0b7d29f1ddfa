// Log lines for the operator: level, area, text. One line, one write, on standard error. As text
// (2026-11-21T10:00:00.123Z info storage: ...) or as JSON.
//
//   log_warning("storage", "journal {}: cut a torn tail of {} bytes at {}", file, bytes, position);
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

enum class LogLevel { debug, info, warning, error };
// json: one object a line, with time, level, area and text.
enum class LogFormat { text, json };

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
bool log_enabled(LogLevel level);
// One line as it is written, with its end; `text` may hold anything.
std::string log_line_text(LogFormat format, std::int64_t unix_ms, LogLevel level,
                          std::string_view area, std::string_view text);
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

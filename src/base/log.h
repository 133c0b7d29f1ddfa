// Log lines for the operator: level, area, text, and fields where a program is to read them. One
// line, one write, on standard error.
//
//   log_warning("storage", "journal {}: cut a torn tail of {} bytes at {}", file, bytes, position);
//   log_event(LogLevel::warning, "runtime", "core 1 stalled for 12.0 ms", {{"core", 1}});
//
// As text:  2026-01-31T12:00:00.123Z warning runtime: core 1 stalled for 12.0 ms core=1
// As JSON:  {"time":"2026-01-31T12:00:00.123Z","level":"warning","area":"runtime",
//            "text":"core 1 stalled for 12.0 ms","core":1}            (one line)
//
// What a client sent may stand in a text: whatever it holds, it stays within its line and, in JSON,
// within its string. Control characters are written as escapes, in JSON what is not UTF-8 as
// U+FFFD, in text as \xNN. A text longer than kLogTextBytesMax is cut.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

enum class LogLevel { debug, info, warning, error };
inline constexpr std::size_t kLogLevels = 4;
enum class LogFormat { text, json };

// Of a text and of each field's value, before it is escaped.
inline constexpr std::size_t kLogTextBytesMax = 8 << 10;

// "debug", "info", "warning", "error".
std::string_view to_text(LogLevel level);
void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void set_log_format(LogFormat format);
// Text when standard error is a terminal.
LogFormat log_format_for_standard_error();
// Lines since the process began, those of levels that are not shown left out. Any thread.
std::uint64_t log_lines(LogLevel level);

// A key, a literal in snake_case other than time, level, area and text, and a value.
struct LogField {
  LogField(std::string_view key_in, std::string_view value_in) : key(key_in), value(value_in) {}
  LogField(std::string_view key_in, const char* value_in) : key(key_in), value(value_in) {}
  template <class T>
    requires std::integral<T> || std::floating_point<T>
  LogField(std::string_view key_in, T value_in)
      : key(key_in), value(fmt::format("{}", value_in)), is_bare(true) {}

  std::string_view key;
  std::string value;
  bool is_bare = false;  // a number, true or false
};

// One line without its end, as it would be written at this time. For the tests.
std::string format_log_line(LogFormat format, std::int64_t unix_ms, LogLevel level,
                            std::string_view area, std::string_view text,
                            std::span<const LogField> fields);

// Safe from any thread.
void log_line(LogLevel level, std::string_view area, std::string_view text,
              std::span<const LogField> fields = {});
inline void log_event(LogLevel level, std::string_view area, std::string_view text,
                      std::initializer_list<LogField> fields) {
  if (log_enabled(level)) log_line(level, area, text, {fields.begin(), fields.size()});
}

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

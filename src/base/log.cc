#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <iterator>

#include "base/utf8.h"

namespace millrace {
namespace {

std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<LogFormat> g_format{LogFormat::text};
std::array<std::atomic<std::uint64_t>, kLogLevels> g_lines;

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kCut = " ... (cut)";

// Ends a line for some reader, or moves a terminal's cursor.
bool is_control(char32_t character) {
  return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x2028 ||
         character == 0x2029;
}

void escape(std::string& line, LogFormat format, const Utf8Character& character) {
  const bool json = format == LogFormat::json;
  if (!character.is_valid) {
    if (json) {
      line += "\ufffd";
    } else {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}",
                     static_cast<std::uint32_t>(character.value));
    }
  } else if (character.value == '\n') {
    line += "\\n";
  } else if (character.value == '\r') {
    line += "\\r";
  } else if (character.value == '\t') {
    line += "\\t";
  } else {
    fmt::format_to(std::back_inserter(line), "\\u{:04x}",
                   static_cast<std::uint32_t>(character.value));
  }
}

void append_escaped(std::string& line, LogFormat format, std::string_view text) {
  const bool is_cut = text.size() > kLogTextBytesMax;
  if (is_cut) text = text.substr(0, kLogTextBytesMax);
  while (!text.empty()) {
    const Utf8Character character = first_utf8_character(text);
    if (!character.is_valid || is_control(character.value)) {
      escape(line, format, character);
    } else {
      const bool quotes = character.value == '"' || character.value == '\\';
      if (format == LogFormat::json && quotes) line += '\\';
      line += text.substr(0, character.size);
    }
    text.remove_prefix(character.size);
  }
  if (is_cut) line += kCut;
}

void append_text_field(std::string& line, const LogField& field) {
  line += fmt::format(" {}=", field.key);
  if (!field.value.empty() && field.value.find_first_of(" \"=") == std::string::npos) {
    append_escaped(line, LogFormat::text, field.value);
    return;
  }
  line += '"';
  append_escaped(line, LogFormat::json, field.value);
  line += '"';
}

void append_json_field(std::string& line, std::string_view key, std::string_view value) {
  line += fmt::format(R"("{}":")", key);
  append_escaped(line, LogFormat::json, value);
  line += '"';
}

std::string rfc3339(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     unix_ms % 1000);
}

}  // namespace

std::string_view to_text(LogLevel level) { return kNames[static_cast<std::size_t>(level)]; }
void set_log_level(LogLevel level) { g_level = level; }
bool log_enabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }
void set_log_format(LogFormat format) { g_format = format; }

LogFormat log_format_for_standard_error() {
  return isatty(STDERR_FILENO) != 0 ? LogFormat::text : LogFormat::json;
}

std::uint64_t log_lines(LogLevel level) {
  return g_lines[static_cast<std::size_t>(level)].load(std::memory_order_relaxed);
}

std::string format_log_line(LogFormat format, std::int64_t unix_ms, LogLevel level,
                            std::string_view area, std::string_view text,
                            std::span<const LogField> fields) {
  std::string line;
  if (format == LogFormat::text) {
    line = fmt::format("{} {} {}: ", rfc3339(unix_ms), to_text(level), area);
    append_escaped(line, format, text);
    for (const LogField& field : fields) append_text_field(line, field);
    return line;
  }
  line = fmt::format(R"({{"time":"{}","level":"{}",)", rfc3339(unix_ms), to_text(level));
  append_json_field(line, "area", area);
  line += ',';
  append_json_field(line, "text", text);
  for (const LogField& field : fields) {
    line += ',';
    if (field.is_bare) {
      line += fmt::format(R"("{}":{})", field.key, field.value);
    } else {
      append_json_field(line, field.key, field.value);
    }
  }
  line += '}';
  return line;
}

void log_line(LogLevel level, std::string_view area, std::string_view text,
              std::span<const LogField> fields) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  std::string line =
      format_log_line(g_format.load(std::memory_order_relaxed),
                      std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), level,
                      area, text, fields);
  line += '\n';
  g_lines[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  // A full or closed standard error must not stop a broker.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace millrace

#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>

namespace millrace {
namespace {

std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<LogFormat> g_format{LogFormat::text};
constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

std::string time_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     unix_ms % 1000);
}

// What clients send may stand in a text, so it is not always UTF-8: of bytes that are not ASCII
// the number is shown. JSON has no other way to carry them.
std::string json_text(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\')
      out += {'\\', letter};
    else if (byte < 0x20 || byte >= 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += letter;
  }
  return out;
}

}  // namespace

void set_log_level(LogLevel level) { g_level = level; }
void set_log_format(LogFormat format) { g_format = format; }
bool log_enabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

std::string log_line_text(LogFormat format, std::int64_t unix_ms, LogLevel level,
                          std::string_view area, std::string_view text) {
  const std::string_view name = kNames[static_cast<int>(level)];
  if (format == LogFormat::text)
    return fmt::format("{} {} {}: {}\n", time_text(unix_ms), name, area, text);
  return fmt::format(R"({{"time":"{}","level":"{}","area":"{}","text":"{}"}})"
                     "\n",
                     time_text(unix_ms), name, json_text(area), json_text(text));
}

void log_line(LogLevel level, std::string_view area, std::string_view text) {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  const std::string line =
      log_line_text(g_format.load(std::memory_order_relaxed), unix_ms, level, area, text);
  // A full or closed standard error must not stop a broker.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace millrace

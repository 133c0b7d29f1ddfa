#include "settings/rules.h"

#include <fmt/format.h>

#include "settings/address.h"
#include "settings/memory_parts.h"

namespace millrace {
namespace {

// "kafka.listen = 0.0.0.0:9092 (--kafka)"
std::string told(const Settings& settings, std::string_view name) {
  const Settings::Effective& found = settings.at(name);
  return fmt::format("{} = {} ({})", name, found.value.text,
                     found.place.empty() ? origin_name(found.origin) : found.place);
}

void check_addresses(const Settings& settings, Mistakes& mistakes) {
  const bool kafka = !settings.is_word("kafka.listen");
  const bool advertised = !settings.is_word("kafka.advertise");
  if (advertised) {
    const auto address = parse_address(settings.text("kafka.advertise"));
    if (address && (is_wildcard(address->host) || address->port == 0))
      mistakes.push_back(
          fmt::format("{}: it must be the HOST:PORT at which clients reach this "
                      "broker, not all interfaces or port 0",
                      told(settings, "kafka.advertise")));
  }
  if (kafka && !advertised) {
    const auto address = parse_address(settings.text("kafka.listen"));
    if (address && is_wildcard(address->host))
      mistakes.push_back(
          fmt::format("{} listens on all interfaces, but clients are sent to one "
                      "address: name it with --advertise HOST:PORT "
                      "(kafka.advertise)",
                      told(settings, "kafka.listen")));
  }
  if (!kafka && settings.is_word("amqp.listen") && settings.is_word("management.listen") &&
      settings.is_word("http.listen"))
    mistakes.emplace_back("all listeners are off: there is nothing to serve");
}

void check_numbers(const Settings& settings, Mistakes& mistakes) {
  constexpr std::int64_t kJournalFilesMin = 4;
  if (settings.number("groups.session_timeout_ms_min") >
      settings.number("groups.session_timeout_ms_max"))
    mistakes.push_back(fmt::format("{} is above {}",
                                   told(settings, "groups.session_timeout_ms_min"),
                                   told(settings, "groups.session_timeout_ms_max")));
  if (settings.number("storage.journal_bytes_max") <
      kJournalFilesMin * settings.number("storage.journal_file_bytes"))
    mistakes.push_back(fmt::format("{} is too little for {} files of {}",
                                   told(settings, "storage.journal_bytes_max"), kJournalFilesMin,
                                   told(settings, "storage.journal_file_bytes")));
}

void check_memory(const Settings& settings, Mistakes& mistakes) {
  const MemoryParts parts = memory_parts(settings);
  if (parts.connections >= connection_bytes_min(settings)) return;
  auto size = [](std::uint64_t bytes) {
    return number_text(Kind::bytes, static_cast<std::int64_t>(bytes));
  };
  mistakes.push_back(fmt::format(
      "{} is too little: {}, {}, {} and {} for the process leave {} for connections, which need "
      "{}, twice {}; at least {} would do",
      told(settings, "server.memory_bytes_max"), told(settings, "storage.tail_bytes_max"),
      told(settings, "storage.segment_cache_bytes_max"),
      told(settings, "storage.pending_bytes_max"), size(parts.process), size(parts.connections),
      size(connection_bytes_min(settings)), told(settings, "kafka.request_bytes_max"),
      size(parts.process + parts.storage + connection_bytes_min(settings))));
}

}  // namespace

Mistakes check_together(const Settings& settings) {
  Mistakes mistakes;
  check_addresses(settings, mistakes);
  check_numbers(settings, mistakes);
  check_memory(settings, mistakes);
  return mistakes;
}

}  // namespace millrace

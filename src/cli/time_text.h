// Times as text: ISO 8601, of which people write a part.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::cli {

// "2026-11-21", "2026-11-21T10:00", "2026-11-21 10:00:00.25Z", "...+01:00": Unix milliseconds.
// Without a zone it is UTC. Nothing when it is no such time.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace millrace::cli

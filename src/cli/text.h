// Numbers and times as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::cli {

// 999 B, 1.5 KiB, 3.0 GiB.
std::string human_bytes(std::int64_t bytes);
// 1,234,567
std::string human_count(std::int64_t count);
// "1 record", "2 records"
std::string counted(std::int64_t count, std::string_view noun);
// 2026-11-21T10:00:00.123Z
std::string iso_time(std::int64_t unix_ms);

}  // namespace millrace::cli

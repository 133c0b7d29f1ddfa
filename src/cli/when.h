// When: a place in a partition's log, as people say it.
//
//   beginning (start, earliest)          end (latest)
//   1200            the offset           -10           the last ten offsets of each partition
//   5m, "5m ago"    s, m, h, d           @1763719200000   milliseconds since 1970
//   2026-11-21      2026-11-21T10:00:00Z   2026-11-21T10:00:00.5+01:00   (without a zone: UTC)
//
// A time means the first record that is not older.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/offsets.h"

namespace millrace::cli {

struct When {
  enum class Kind { beginning, end, offset, from_end, time };
  Kind kind = Kind::beginning;
  std::int64_t value = 0;  // offset, count from the end, or Unix milliseconds

  friend bool operator==(const When&, const When&) = default;
};

// `now_ms`: what "ago" counts from.
Result<When> parse_when(const std::string& text, std::int64_t now_ms);
std::int64_t unix_ms_now();

// For CLI11's check(): what is wrong, or nothing.
std::string check_when(const std::string& text);

struct Range {
  std::int64_t first = 0;
  std::int64_t next = 0;
};
using Ranges = std::map<std::int32_t, Range>;
using Offsets = std::map<std::int32_t, std::int64_t>;

// What the log of each partition holds now.
Result<Ranges> find_ranges(client::Client& client, const client::Topic& topic,
                           const std::vector<std::int32_t>& partitions);

// The offset of the place in each partition. An offset outside of what the log holds is moved to
// its nearer end; `moved` says so, one sentence each.
Result<Offsets> resolve(client::Client& client, const client::Topic& topic, const Ranges& ranges,
                        const When& when, std::vector<std::string>* moved = nullptr);

}  // namespace millrace::cli

// How much one scrape may say, and cost. Every limit has a name and a unit.
#pragma once

#include <cstddef>
#include <string_view>

namespace millrace {

struct ObserveLimits {
  // Topics with series of their own; the others are summed in one.
  std::size_t topic_series_max = 500;
  // Partitions of groups with series of their own; the others' lag is summed in one.
  std::size_t lag_series_max = 2000;
  // Reads that have to go to the disk in one scrape, to learn when an unread record was written.
  std::size_t age_reads_max = 32;
};

// In place of a name: what stands for all that have no series. No topic can have this name.
inline constexpr std::string_view kOther = "(other)";

}  // namespace millrace

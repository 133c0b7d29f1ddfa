#include "server/descriptors.h"

#include <algorithm>

namespace millrace {
namespace {

// The log, the listeners, segments that are written straight to, what is opened for a moment; and
// of each core its loop.
constexpr std::uint64_t kOwn = 48;
constexpr std::uint64_t kOwnOfCore = 4;
constexpr std::uint64_t kOfJournalFile = 2;
constexpr std::uint64_t kOfSegment = 2;  // storage.open_segments_max

bool lower(std::size_t& limit, std::uint64_t to) {
  to = std::max<std::uint64_t>(to, 1);
  if (limit <= to) return false;
  limit = to;
  return true;
}

}  // namespace

bool fit_to_descriptors(std::uint64_t descriptors, ServeOptions& options) {
  bool lowered = lower(options.storage.open_segments_max, descriptors / 4 / kOfSegment);
  lowered |= lower(options.http_limits.connections_max, descriptors / 16);
  const StorageLimits& storage = options.storage;
  const std::uint64_t journal = storage.journal_bytes_max / storage.journal_file_bytes + 1;
  const std::uint64_t own =
      std::min(kOwn + kOwnOfCore * options.cores + kOfJournalFile * journal, descriptors / 3);
  const std::uint64_t others = own + kOfSegment * options.storage.open_segments_max +
                               (options.http ? options.http_limits.connections_max : 0);
  const std::uint64_t left = descriptors > others ? descriptors - others : 0;
  lowered |= lower(options.sessions.connections_max, left / options.cores);
  return lowered;
}

}  // namespace millrace

#include "storage/segment_index.h"

#include <algorithm>
#include <cstring>

#include "base/rare.h"
#include "record/crc32c.h"
#include "storage/segment.h"

namespace millrace {
namespace {

// Little-endian, as everything in the data directory.
struct StoredEntry {
  std::int64_t base = 0;
  std::uint64_t position = 0;
  std::int64_t max_timestamp_before = 0;
  std::uint32_t reserved = 0;
  std::uint32_t crc = 0;  // of the bytes before, seeded with the segment's file number
};
static_assert(sizeof(StoredEntry) == 32);

std::uint32_t crc_of(const StoredEntry& entry, std::uint64_t file_number) {
  std::uint32_t seed =
      crc32c({reinterpret_cast<const std::uint8_t*>(&file_number), sizeof file_number});
  return crc32c({reinterpret_cast<const std::uint8_t*>(&entry), offsetof(StoredEntry, crc)}, seed);
}

}  // namespace

std::optional<IndexEntry> IndexBuilder::add(std::uint64_t position, const BatchPlace& batch) {
  WallMs before = newest_;
  newest_ = std::max(newest_, batch.max_timestamp);
  if (position < next_) return std::nullopt;
  next_ = position + interval_;
  return IndexEntry{batch.base, position, before};
}

Result<std::vector<IndexEntry>> read_index(File& file, std::uint64_t file_number,
                                           std::uint64_t bytes) {
  auto size = file.size();
  if (!size) return std::unexpected(size.error());
  std::vector<StoredEntry> stored(*size / sizeof(StoredEntry));
  auto count = file.read_at(
      0, {reinterpret_cast<std::uint8_t*>(stored.data()), stored.size() * sizeof(StoredEntry)});
  if (!count) return std::unexpected(count.error());
  stored.resize(*count / sizeof(StoredEntry));
  std::vector<IndexEntry> entries;
  for (const StoredEntry& entry : stored) {
    bool follows = entries.empty() || entry.position > entries.back().position;
    if (!follows || entry.crc != crc_of(entry, file_number) || entry.position >= bytes) {
      RARE("a segment's index is damaged, or longer than the segment");
      break;
    }
    entries.push_back({Offset(entry.base), entry.position, WallMs(entry.max_timestamp_before)});
  }
  return entries;
}

Result<void> write_index(File& file, std::uint64_t file_number, std::size_t first,
                         const std::vector<IndexEntry>& entries) {
  std::uint64_t position = first * sizeof(StoredEntry);
  auto size = file.size();
  if (!size) return std::unexpected(size.error());
  if (*size > position) TRY(file.truncate(position));
  std::vector<StoredEntry> stored;
  for (const IndexEntry& entry : entries) {
    StoredEntry& one = stored.emplace_back();
    one.base = entry.base.value();
    one.position = entry.position;
    one.max_timestamp_before = entry.max_timestamp_before.value();
    one.crc = crc_of(one, file_number);
  }
  ByteChain chain;
  chain.append(Bytes::copy_of(
      {reinterpret_cast<const std::uint8_t*>(stored.data()), stored.size() * sizeof(StoredEntry)}));
  return file.write_at(position, chain);
}

Result<void> complete_index(std::vector<IndexEntry>& known, ChunkSource& segment,
                            std::uint64_t bytes, std::uint64_t interval) {
  constexpr std::size_t kAtOnce = 1000;
  std::uint64_t position = 0;
  IndexBuilder builder(interval);
  if (!known.empty()) {
    position = known.back().position;
    builder = IndexBuilder(interval, known.back().max_timestamp_before);
    known.pop_back();  // comes again
  }
  while (position < bytes) {
    auto batches = walk_segment(segment, position, bytes, kAtOnce);
    if (!batches) return std::unexpected(batches.error());
    for (const auto& [at, place] : *batches) {
      if (auto entry = builder.add(at, place)) known.push_back(*entry);
      position = at + place.size;
    }
  }
  return {};
}

}  // namespace millrace

#include "storage/segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace millrace {

void Segment::extend(const std::vector<BatchPlace>& batches) {
  for (const BatchPlace& batch : batches) {
    ASSERT(batch.base >= state_.end);
    index(state_.bytes, batch);
    state_.bytes += batch.size;
    state_.end = batch.last + 1;
    state_.max_timestamp = std::max(state_.max_timestamp, batch.max_timestamp);
  }
}

void Segment::learn(const SegmentRead& read) {
  for (const auto& [position, batch] : read.passed) index(position, batch);
}

void Segment::index(std::uint64_t position, const BatchPlace& batch) {
  if (position != indexed_to_) return;  // known, or behind a gap
  if (index_.empty() || position - index_.back().position >= kIndexInterval) {
    index_.push_back({batch.base, position, newest_indexed_});
  }
  indexed_to_ = position + batch.size;
  newest_indexed_ = std::max(newest_indexed_, batch.max_timestamp);
}

std::uint64_t Segment::position_before(Offset offset) const {
  auto after = std::ranges::upper_bound(index_, offset, {}, &IndexEntry::base);
  return after == index_.begin() ? 0 : std::prev(after)->position;
}

std::uint64_t Segment::position_before(WallMs time) const {
  // Entries whose front holds nothing as new as `time` may be skipped to; the newest-before grows
  // along the index.
  auto after = std::ranges::partition_point(
      index_, [time](const IndexEntry& entry) { return entry.max_timestamp_before < time; });
  return after == index_.begin() ? 0 : std::prev(after)->position;
}

namespace {

Result<Bytes> read_bytes(File& file, std::uint64_t position, std::size_t size, ReadFrom from) {
  BufferRef buffer = Buffer::allocate(size);
  MutableByteView space(buffer->data(), size);
  auto count = from == ReadFrom::cache ? file.read_cached_at(position, space)
                                       : file.read_at(position, space);
  if (!count) return std::unexpected(count.error());
  if (*count < size) {
    return fail(ErrorCode::storage_corrupt, fmt::format("a segment ends at {} and should reach {}",
                                                        position + *count, position + size));
  }
  return Bytes(std::move(buffer), 0, size);
}

std::unexpected<Error> no_batch(std::uint64_t position) {
  return fail(ErrorCode::storage_corrupt,
              fmt::format("no record batch at position {} of a segment", position));
}

// How far a read walks in front of the offset it looks for.
constexpr std::size_t kWalk = 64 << 10;

}  // namespace

Result<SegmentRead> read_segment(File& file, std::uint64_t position, std::uint64_t end,
                                 Offset offset, std::size_t bytes_max, Offset limit,
                                 ReadFrom from) {
  SegmentRead read;
  std::size_t want = bytes_max + kWalk;
  while (position < end) {
    auto bytes = read_bytes(file, position, std::min<std::uint64_t>(want, end - position), from);
    if (!bytes) return std::unexpected(bytes.error());
    std::size_t at = 0;
    std::optional<std::size_t> first;
    while (bytes->size() - at >= kBatchHeaderSize) {
      auto batch = peek_batch_header(bytes->view().subspan(at));
      if (!batch) return no_batch(position + at);
      if (at + batch->size > bytes->size()) {
        want = batch->size;  // for when it is the first one, and larger than the read
        break;
      }
      if (first && at + batch->size - *first > bytes_max) break;
      if (batch->last_offset() >= limit) {
        if (first) break;
        // Nothing in front of the limit holds the offset; reading on would not find it either.
        if (offset < limit) return no_batch(position + at);
        return fail(ErrorCode::offset_out_of_range);
      }
      if (!first) {
        read.passed.push_back(
            {position + at,
             {batch->base_offset, batch->last_offset(), batch->max_timestamp, batch->size}});
        if (batch->last_offset() >= offset) first = at;
      }
      read.next = batch->next_offset();
      at += batch->size;
    }
    if (first) {
      read.batches = bytes->slice(*first, at - *first);
      return read;
    }
    // Nothing whole in all that is left: a damaged length.
    if (at == 0 && position + bytes->size() == end) return no_batch(position);
    if (at == 0) want = std::max(want, bytes->size() + kWalk);
    position += at;
  }
  return fail(ErrorCode::offset_out_of_range);
}

}  // namespace millrace

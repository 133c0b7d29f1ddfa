#include "storage/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>

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
  if (read.passed.empty()) return;
  newest_read_end_ = (newest_read_end_ + 1) % read_ends_.size();
  read_ends_[newest_read_end_] = {read.next, read.passed.back().first + read.batches.size()};
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
  for (const ReadEnd& end : read_ends_) {
    if (end.next == offset && end.position > 0) return end.position;
  }
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

// No batch that was taken in is larger: a damaged length must not bring the rest of the segment
// into memory.
constexpr std::size_t kBatchBytesMax = 128 << 20;
// A part this much smaller than its chunk is copied out, or it would keep the whole alive.
constexpr std::size_t kCopyBelowFraction = 4;

std::unexpected<Error> no_batch(std::uint64_t position) {
  return fail(ErrorCode::storage_corrupt, fmt::format("no record batch at position {}", position));
}

// The chunks of one read: what it looked at stays, whatever the cache does meanwhile.
class Chunks {
 public:
  Chunks(ChunkSource& source, ReadFrom from) : source_(source), from_(from) {}

  // A view of [position, position + size), in `scratch` when it lies in two chunks.
  Result<ByteView> view(std::uint64_t position, std::size_t size, MutableByteView scratch) {
    std::size_t in_chunk = position % chunk_size();
    if (in_chunk + size <= chunk_size()) {
      auto chunk = take(position / chunk_size(), in_chunk + size);
      if (!chunk) return std::unexpected(chunk.error());
      return (*chunk)->view().subspan(in_chunk, size);
    }
    TRY(require(position, size));
    Bytes whole = slices(position, size).flatten();
    std::memcpy(scratch.data(), whole.data(), size);
    return ByteView(scratch.first(size));
  }
  // Makes sure that all of it is there.
  Result<void> require(std::uint64_t position, std::size_t size) {
    std::uint64_t last = position + size - 1;
    for (std::uint64_t number = position / chunk_size(); number <= last / chunk_size(); ++number) {
      auto chunk =
          take(number, std::min<std::uint64_t>(last + 1 - number * chunk_size(), chunk_size()));
      if (!chunk) return std::unexpected(chunk.error());
    }
    return {};
  }
  // What require() found.
  ByteChain slices(std::uint64_t position, std::size_t size) {
    ByteChain chain;
    while (size > 0) {
      std::size_t in_chunk = position % chunk_size();
      std::size_t count = std::min(size, chunk_size() - in_chunk);
      const Bytes& chunk = **take(position / chunk_size(), in_chunk + count);
      Bytes part = chunk.slice(in_chunk, count);
      if (count * kCopyBelowFraction < chunk.owner_capacity()) part = Bytes::copy_of(part.view());
      chain.append(std::move(part));
      position += count;
      size -= count;
    }
    return chain;
  }
  // Nothing in front of `position` is looked at any more.
  void let_go_before(std::uint64_t position) {
    std::erase_if(taken_, [&](const auto& one) { return one.number < position / chunk_size(); });
  }

 private:
  std::size_t chunk_size() const { return source_.chunk_size(); }
  // Its first `needed` bytes at least.
  Result<const Bytes*> take(std::uint64_t number, std::size_t needed) {
    auto known = std::ranges::find(taken_, number, &Taken::number);
    if (known != taken_.end() && known->bytes.size() >= needed) return &known->bytes;
    auto chunk = source_.chunk(number, needed, from_);
    if (!chunk) return std::unexpected(chunk.error());
    if (chunk->size() < needed) {
      return fail(ErrorCode::storage_corrupt,
                  fmt::format("the file ends at {}, in the middle of a batch",
                              number * chunk_size() + chunk->size()));
    }
    if (known == taken_.end()) known = taken_.insert(known, {number, {}});
    known->bytes = std::move(*chunk);
    return &known->bytes;
  }

  struct Taken {
    std::uint64_t number;
    Bytes bytes;
  };
  ChunkSource& source_;
  ReadFrom from_;
  std::deque<Taken> taken_;
};

}  // namespace

Result<SegmentRead> read_segment(ChunkSource& source, std::uint64_t position, std::uint64_t end,
                                 Offset offset, std::size_t bytes_max, Offset limit,
                                 ReadFrom from) {
  SegmentRead read;
  Chunks chunks(source, from);
  std::optional<std::uint64_t> first;
  std::uint64_t at = position;
  std::optional<Error> stopped;
  while (at < end && !stopped) {
    std::array<std::uint8_t, kBatchHeaderSize> scratch;
    if (end - at < kBatchHeaderSize) {
      stopped = no_batch(at).error();
      break;
    }
    auto header = chunks.view(at, kBatchHeaderSize, scratch);
    if (!header) {
      stopped = header.error();
      break;
    }
    auto batch = peek_batch_header(*header);
    if (!batch || batch->size > std::min<std::uint64_t>(end - at, kBatchBytesMax)) {
      stopped = no_batch(at).error();
      break;
    }
    if (first && at + batch->size - *first > bytes_max) break;
    if (batch->last_offset() >= limit) {
      if (first) break;
      // Nothing in front of the limit holds the offset; reading on would not find it either.
      if (offset < limit) return no_batch(at);
      return fail(ErrorCode::offset_out_of_range);
    }
    if (!first) {
      chunks.let_go_before(at);
      read.passed.push_back(
          {at, {batch->base_offset, batch->last_offset(), batch->max_timestamp, batch->size}});
      if (batch->last_offset() >= offset) first = at;
    }
    if (first) {
      if (auto whole = chunks.require(at, batch->size); !whole) {
        if (at == *first) return std::unexpected(whole.error());
        break;
      }
      read.next = batch->next_offset();
    }
    at += batch->size;
  }
  if (first) {
    read.batches = chunks.slices(*first, at - *first);
    return read;
  }
  if (stopped) return std::unexpected(*stopped);
  return fail(ErrorCode::offset_out_of_range);
}

}  // namespace millrace

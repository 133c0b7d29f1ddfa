#include "storage/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/rare.h"

namespace millrace {

Segment::Segment(std::shared_ptr<SegmentFile> file, SegmentState state,
                 std::uint64_t index_interval)
    : file_(std::move(file)),
      state_(state),
      index_interval_(index_interval),
      bytes_found_(state.bytes),
      has_index_(state.bytes <= index_interval),
      builder_(index_interval, state.max_timestamp) {}

void Segment::extend(const std::vector<BatchPlace>& batches,
                     const std::vector<IndexEntry>& entries) {
  for (const BatchPlace& batch : batches) {
    ASSERT(batch.base >= state_.end);
    state_.bytes += batch.size;
    state_.end = batch.last + 1;
    state_.max_timestamp = std::max(state_.max_timestamp, batch.max_timestamp);
  }
  index_.insert(index_.end(), entries.begin(), entries.end());
}

Result<std::vector<IndexEntry>> Segment::load_index() const {
  std::vector<IndexEntry> entries;
  auto file = file_->beside(kIndexSuffix);
  auto stored = read_index(*file, state_.file_number, bytes_found_);
  if (stored) {
    entries = std::move(*stored);
  } else if (stored.error().code != ErrorCode::not_found) {
    log_warning("storage", "{}: walking over the segment instead", stored.error().message());
  }
  // Where it ends early, damage is told by who reads there.
  if (auto completed = complete_index(entries, *file_, bytes_found_, index_interval_);
      !completed && completed.error().code != ErrorCode::storage_corrupt) {
    return std::unexpected(completed.error());
  }
  return entries;
}

void Segment::take_index(std::vector<IndexEntry> entries) {
  if (std::exchange(has_index_, true)) {
    RARE("two readers wanted a segment's index");
    return;
  }
  entries.insert(entries.end(), index_.begin(), index_.end());
  index_ = std::move(entries);
}

std::uint64_t Segment::position_before(Offset offset) const {
  ASSERT(has_index_);
  for (const ReadEnd& end : read_ends_) {
    if (end.next == offset && end.position > 0) return end.position;
  }
  auto after = std::ranges::upper_bound(index_, offset, {}, &IndexEntry::base);
  return after == index_.begin() ? 0 : std::prev(after)->position;
}

Offset Segment::offset_before(WallMs time) const {
  ASSERT(has_index_);
  // Entries whose front holds nothing as new as `time` may be skipped to; the newest-before grows
  // along the index.
  auto after = std::ranges::partition_point(
      index_, [time](const IndexEntry& entry) { return entry.max_timestamp_before < time; });
  return after == index_.begin() ? base() : std::prev(after)->base;
}

void Segment::learn(const SegmentRead& read) {
  newest_read_end_ = (newest_read_end_ + 1) % read_ends_.size();
  read_ends_[newest_read_end_] = {read.next, read.end};
}

std::vector<IndexEntry> Segment::index(std::uint64_t position,
                                       const std::vector<BatchPlace>& batches) {
  std::vector<IndexEntry> entries;
  for (const BatchPlace& batch : batches) {
    if (auto entry = builder_.add(position, batch)) entries.push_back(*entry);
    position += batch.size;
  }
  return entries;
}

Result<std::shared_ptr<SegmentFile>> Segment::write_index(const std::vector<IndexEntry>& entries) {
  if (entries.empty()) return nullptr;
  if (!index_file_) {
    // What a checkpoint wrote that did not come to its end is cut.
    auto file = file_->beside(kIndexSuffix);
    auto stored = read_index(*file, state_.file_number, bytes_found_);
    if (!stored && stored.error().code == ErrorCode::not_found) {
      auto made = file_->make_beside(kIndexSuffix);
      if (!made) return std::unexpected(made.error());
      file = std::move(*made);
      made_index_ = true;
    } else if (!stored) {
      return std::unexpected(stored.error());
    } else {
      entries_stored_ = stored->size();
    }
    index_file_ = std::move(file);
  }
  TRY(millrace::write_index(*index_file_, state_.file_number, entries_stored_, entries));
  entries_stored_ += entries.size();
  return index_file_;
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
  // The header of the batch at `position`; the batch ends at or before `end`, so it says.
  Result<BatchHeader> batch_at(std::uint64_t position, std::uint64_t end) {
    if (end - position < kBatchHeaderSize) return no_batch(position);
    std::array<std::uint8_t, kBatchHeaderSize> scratch;
    auto header = view(position, kBatchHeaderSize, scratch);
    if (!header) return std::unexpected(header.error());
    auto batch = peek_batch_header(*header);
    if (!batch || batch->size > std::min<std::uint64_t>(end - position, kBatchBytesMax)) {
      return no_batch(position);
    }
    return batch;
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

Result<std::vector<std::pair<std::uint64_t, BatchPlace>>> walk_segment(ChunkSource& source,
                                                                       std::uint64_t position,
                                                                       std::uint64_t end,
                                                                       std::size_t count_max) {
  std::vector<std::pair<std::uint64_t, BatchPlace>> places;
  Chunks chunks(source, ReadFrom::device);
  std::optional<Offset> expected;
  while (position < end && places.size() < count_max) {
    auto batch = chunks.batch_at(position, end);
    if (!batch) return std::unexpected(batch.error());
    if (batch->base_offset != expected.value_or(batch->base_offset)) return no_batch(position);
    expected = batch->next_offset();
    places.push_back(
        {position, {batch->base_offset, batch->last_offset(), batch->max_timestamp, batch->size}});
    chunks.let_go_before(position);
    position += batch->size;
  }
  return places;
}

Result<SegmentRead> read_segment(ChunkSource& source, std::uint64_t position, std::uint64_t end,
                                 Offset offset, std::size_t bytes_max, Offset limit,
                                 ReadFrom from) {
  SegmentRead read;
  Chunks chunks(source, from);
  bool found = false;
  std::optional<Offset> expected;
  for (std::uint64_t at = position; at < end;) {
    auto batch = chunks.batch_at(at, end);
    // The batch's checksum, which clients look at, does not cover its base offset.
    if (batch && batch->base_offset != expected.value_or(std::min(batch->base_offset, offset))) {
      batch = no_batch(at);
    }
    if (!batch && !found) return std::unexpected(batch.error());
    if (!batch) break;  // the next read tells
    if (found && at + batch->size - read.begin > bytes_max) break;
    if (batch->last_offset() >= limit) {
      if (found) break;
      // Nothing in front of the limit holds the offset; reading on would not find it either.
      if (offset < limit) return no_batch(at);
      return fail(ErrorCode::offset_out_of_range);
    }
    if (found || batch->last_offset() >= offset) {
      if (!found) chunks.let_go_before(at);
      if (auto whole = chunks.require(at, batch->size); !whole) {
        if (!found) return std::unexpected(whole.error());
        break;
      }
      if (!std::exchange(found, true)) read.begin = at;
      read.next = batch->next_offset();
      read.end = at + batch->size;
    }
    expected = batch->next_offset();
    at += batch->size;
  }
  if (!found) return fail(ErrorCode::offset_out_of_range);
  read.batches = chunks.slices(read.begin, read.end - read.begin);
  return read;
}

}  // namespace millrace

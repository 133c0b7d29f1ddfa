#include "storage/partition_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/rare.h"
#include "storage/core_store.h"
#include "storage/receive_buffer.h"

namespace millrace {
namespace {

// A batch that is a small part of its receive buffer is copied out of it, or it would keep the
// whole alive.
constexpr std::size_t kCopyBelowFraction = 4;
constexpr std::size_t kCopyBelowFractionOfSmall = 2;

bool is_small_part(const Bytes& batch) {
  const std::size_t capacity = batch.owner_capacity();
  return batch.size() *
             (capacity > kReceiveBufferBytes ? kCopyBelowFraction : kCopyBelowFractionOfSmall) <
         capacity;
}

Offset last_of(const TailEntry& entry) { return entry.place.last; }

}  // namespace

PartitionLog::PartitionLog(CoreStore& store, PartitionState state,
                           std::vector<std::shared_ptr<Segment>> segments,
                           std::deque<TailEntry> tail)
    : store_(store),
      state_(std::move(state)),
      segments_(std::move(segments)),
      tail_(std::move(tail)),
      epochs_(state_.epochs),
      high_watermark_(state_.flushed_to),
      end_(state_.flushed_to) {
  for (const TailEntry& entry : tail_) {
    ASSERT(entry.durable && entry.place.base == end_);
    note_epoch(entry.epoch, entry.place.base);
    high_watermark_ = end_ = entry.place.last + 1;
  }
}

void drop_epochs_below(std::vector<EpochStart>& epochs, Offset log_start) {
  // The last one that began at or below it holds there.
  auto after = std::ranges::upper_bound(epochs, log_start, {}, &EpochStart::start);
  if (after - epochs.begin() < 2) return;
  epochs.erase(epochs.begin(), after - 1);
}

void PartitionLog::note_epoch(LeaderEpoch epoch, Offset start) {
  if (!epochs_.empty() && epochs_.back().epoch >= epoch) return;
  epochs_.push_back({epoch, start});
}

void PartitionLog::append(BatchHeader& header, Bytes& batch) {
  ASSERT(batch.size() == header.size);
  if (is_small_part(batch)) {
    batch = Bytes::copy_of(batch.view());
  }
  header.base_offset = end_;
  header.leader_epoch = store_.leader_epoch();
  set_base_offset(batch.mutable_data(), header.base_offset);
  set_leader_epoch(batch.mutable_data(), header.leader_epoch);
  note_epoch(header.leader_epoch, header.base_offset);
  TailEntry& entry = tail_.emplace_back();
  entry.place = {header.base_offset, header.last_offset(), header.max_timestamp, header.size};
  entry.epoch = header.leader_epoch;
  entry.bytes = batch;
  end_ = header.next_offset();
  store_.keep(*this, entry);
}

void PartitionLog::mark_durable(const JournalFrame& frame, std::shared_ptr<JournalFile> file) {
  auto found = find_tail(frame.base_offset);
  ASSERT(found != tail_.cend() && found->place.base == frame.base_offset && !found->durable);
  TailEntry& entry = tail_[static_cast<std::size_t>(found - tail_.cbegin())];
  entry.file = std::move(file);
  entry.direct = frame.direct;
  entry.position = frame.position;
  entry.durable = true;
  ASSERT(high_watermark_ == entry.place.base);
  high_watermark_ = entry.place.last + 1;
  if (!closed_) return;
  tail_.pop_front();
  if (frame.direct) store_.remove_unlisted(frame.direct);
}

bool TailEntry::is_head_of(ByteView bytes) const {
  auto header = peek_batch_header(bytes);
  return header && header->base_offset == place.base && header->last_offset() == place.last &&
         header->size == place.size && header->leader_epoch == epoch;
}

namespace {

std::unexpected<Error> damaged(const TailEntry& entry) {
  return fail(ErrorCode::storage_corrupt,
              fmt::format("{}: the batch at position {} is not the one with offset {}",
                          entry.holder_path(), entry.position, entry.place.base.value()));
}

}  // namespace

std::deque<TailEntry>::const_iterator PartitionLog::find_tail(Offset offset) const {
  return std::ranges::lower_bound(tail_, offset, {}, last_of);
}

std::shared_ptr<Segment> PartitionLog::find_segment(Offset offset) const {
  auto found = std::ranges::upper_bound(segments_, offset, {},
                                        [](const auto& segment) { return segment->end(); });
  return found == segments_.end() ? nullptr : *found;
}

Result<LogRead> PartitionLog::read_tail(std::deque<TailEntry>::const_iterator entry,
                                        std::size_t bytes_max, Offset limit, ReadFrom from_where) {
  LogRead read;
  read.next = entry->place.base;
  for (; entry != tail_.cend() && entry->place.last < limit; ++entry) {
    ASSERT(entry->durable);
    if (!read.batches.empty() && read.batches.size() + entry->place.size > bytes_max) break;
    Bytes bytes = entry->bytes;
    if (bytes.empty()) {
      BufferRef buffer = Buffer::allocate(entry->place.size);
      MutableByteView space(buffer->data(), entry->place.size);
      // A flushed entry leaves the tail with its bytes, so this one's place is the journal.
      ASSERT(entry->file);
      auto count = from_where == ReadFrom::cache
                       ? entry->holder().read_cached_at(entry->position, space)
                       : entry->holder().read_at(entry->position, space);
      if (!count && !read.batches.empty()) break;
      if (!count) return std::unexpected(count.error());
      if (*count < entry->place.size) {
        return fail(ErrorCode::storage_corrupt, entry->holder_path() + ": is shorter than it was");
      }
      if (!entry->is_head_of(space)) return damaged(*entry);
      bytes = Bytes(std::move(buffer), 0, entry->place.size);
    }
    read.next = entry->place.last + 1;
    read.batches.append(std::move(bytes));
  }
  return read;
}

std::optional<Result<LogRead>> PartitionLog::read_now(Offset from, std::size_t bytes_max,
                                                      Offset limit) {
  if (closed_) return fail(ErrorCode::unknown_topic_or_partition);
  if (from < log_start() || from > limit) return fail(ErrorCode::offset_out_of_range);
  if (from == limit) return LogRead{{}, from};
  auto entry = find_tail(from);
  if (entry != tail_.cend() && entry->place.base <= from) {
    auto read = read_tail(entry, bytes_max, limit, ReadFrom::cache);
    if (!read && read.error().code == ErrorCode::would_block) return std::nullopt;
    return read;
  }
  auto segment = find_segment(from);
  if (!segment)
    return fail(ErrorCode::storage_corrupt, "an offset is in no segment and not in the tail");
  if (!segment->has_index()) return std::nullopt;
  auto read = read_segment(*segment->file(), segment->position_before(from), segment->bytes(), from,
                           bytes_max, limit, ReadFrom::cache);
  if (!read && read.error().code == ErrorCode::would_block) return std::nullopt;
  return take_read(*segment, std::move(read));
}

Result<LogRead> PartitionLog::take_read(Segment& segment, Result<SegmentRead> read) {
  // Who calls has seen that the segment should hold it.
  if (!read && read.error().code == ErrorCode::offset_out_of_range) {
    read = fail(ErrorCode::storage_corrupt, "a batch is not where its offset says");
  }
  if (!read && read.error().code == ErrorCode::storage_corrupt) {
    Error error(ErrorCode::storage_corrupt,
                fmt::format("{}: {}. Restore the data directory from a copy, or delete what is in "
                            "front of it (DeleteRecords) to go on behind it",
                            segment.file()->path(), read.error().message()));
    log_error("storage", "{}", error.message());
    return std::unexpected(std::move(error));
  }
  if (!read) return std::unexpected(read.error());
  segment.learn(*read);
  segment.file()->note_read(read->begin, read->batches.size());
  if (segment.file()->should_read_ahead(segment.bytes())) {
    store_.reader().submit([file = segment.file()] { file->read_ahead(); });
  }
  LogRead result;
  result.next = read->next;
  result.batches.append(std::move(read->batches));
  return result;
}

Task<Result<LogRead>> PartitionLog::read(Offset from, std::size_t bytes_max, Offset limit) {
  if (auto now = read_now(from, bytes_max, limit)) co_return std::move(*now);
  auto self = shared_from_this();  // a deletion may come in between
  auto entry = find_tail(from);
  if (entry != tail_.cend() && entry->place.base <= from) {
    // One batch is enough to go on: the kernel has read ahead when the next one is asked for.
    Offset next = entry->place.last + 1;
    auto bytes = co_await call_on(store_.core(), store_.reader(), [found = *entry] {
      std::size_t size = found.place.size;
      BufferRef buffer = Buffer::allocate(size);
      auto count = found.holder().read_at(found.position, {buffer->data(), size});
      if (!count) return Result<Bytes>(std::unexpected(count.error()));
      if (*count < size)
        return Result<Bytes>(
            fail(ErrorCode::storage_corrupt, found.holder_path() + ": is shorter than it was"));
      if (!found.is_head_of({buffer->data(), size})) return Result<Bytes>(damaged(found));
      return Result<Bytes>(Bytes(std::move(buffer), 0, size));
    });
    if (!bytes) co_return std::unexpected(bytes.error());
    LogRead result;
    result.next = next;
    result.batches.append(std::move(*bytes));
    co_return result;
  }
  auto segment = find_segment(from);
  if (!segment)
    co_return fail(ErrorCode::storage_corrupt, "an offset is in no segment and not in the tail");
  auto loaded = co_await need_index(segment);
  if (closed_) co_return fail(ErrorCode::unknown_topic_or_partition);
  if (from < log_start()) co_return fail(ErrorCode::offset_out_of_range);
  if (!loaded) co_return std::unexpected(loaded.error());
  auto position = segment->position_before(from);
  auto end = segment->bytes();
  auto file = segment->file();
  auto read = co_await call_on(store_.core(), store_.reader(), [=] {
    return read_segment(*file, position, end, from, bytes_max, limit, ReadFrom::device);
  });
  // The file may have gone meanwhile, with what it held.
  if (closed_) co_return fail(ErrorCode::unknown_topic_or_partition);
  if (from < log_start()) co_return fail(ErrorCode::offset_out_of_range);
  co_return take_read(*segment, std::move(read));
}

Task<Result<void>> PartitionLog::need_index(std::shared_ptr<Segment> segment) {
  if (segment->has_index()) co_return Result<void>{};
  auto loaded =
      co_await call_on(store_.core(), store_.reader(), [segment] { return segment->load_index(); });
  if (!loaded) co_return std::unexpected(loaded.error());
  segment->take_index(std::move(*loaded));
  co_return Result<void>{};
}

Task<Result<std::optional<Bytes>>> PartitionLog::batch_at_time(WallMs time) {
  auto self = shared_from_this();  // a deletion may come in between
  Offset from = log_start();
  Offset limit = high_watermark_;
  std::shared_ptr<Segment> candidate;
  for (const auto& segment : segments_) {
    candidate = segment;
    if (segment->max_timestamp() >= time) break;
    from = std::max(from, segment->end());
    candidate = nullptr;
  }
  if (candidate) {
    auto loaded = co_await need_index(candidate);
    if (closed_) co_return fail(ErrorCode::unknown_topic_or_partition);
    bool gone = candidate->end() <= log_start();
    if (!loaded && !gone) co_return std::unexpected(loaded.error());
    if (loaded) from = std::max(from, candidate->offset_before(time));
  }
  // In the tail the index tells without reading.
  for (const TailEntry& entry : tail_) {
    if (entry.place.base > from) break;
    if (entry.place.base == from && entry.place.max_timestamp < time) from = entry.place.last + 1;
  }
  while (from < limit) {
    constexpr std::size_t kStep = 1 << 20;
    from = std::max(from, log_start());  // it may have moved
    if (from >= limit) break;
    auto chunk = co_await read(from, kStep, limit);
    if (!chunk) co_return std::unexpected(chunk.error());
    Bytes batches = chunk->batches.flatten();
    for (std::size_t at = 0; at < batches.size();) {
      auto header = read_batch_header(batches.view().subspan(at));
      if (!header) co_return std::unexpected(header.error());
      if (header->max_timestamp >= time && header->last_offset() >= log_start()) {
        co_return batches.slice(at, header->size);
      }
      at += header->size;
    }
    from = chunk->next;
  }
  co_return std::optional<Bytes>{};
}

std::optional<WallMs> PartitionLog::newest_timestamp() const {
  std::optional<WallMs> newest;
  auto consider = [&newest](WallMs time) {
    if (!newest || time > *newest) newest = time;
  };
  for (const auto& segment : segments_) consider(segment->max_timestamp());
  for (const TailEntry& entry : tail_) {
    if (entry.durable) consider(entry.place.max_timestamp);
  }
  return newest;
}

std::optional<EpochStart> PartitionLog::epoch_end(LeaderEpoch epoch) const {
  auto after = std::ranges::upper_bound(epochs_, epoch, {}, &EpochStart::epoch);
  if (after == epochs_.begin()) return std::nullopt;
  Offset end = after == epochs_.end() ? high_watermark_ : after->start;
  return EpochStart{std::prev(after)->epoch, std::min(end, high_watermark_)};
}

std::uint64_t PartitionLog::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->bytes();
  for (const TailEntry& entry : tail_) {
    if (!entry.flushed) bytes += entry.place.size;
  }
  return bytes;
}

Offset PartitionLog::expired_before(WallMs time) const {
  Offset end = log_start();
  for (const auto& segment : segments_) {
    if (segment->max_timestamp() >= time) break;
    end = std::max(end, segment->end());
  }
  return end;
}

Offset PartitionLog::beyond_size(std::uint64_t bytes_kept) const {
  std::uint64_t left = bytes();
  Offset end = log_start();
  for (const auto& segment : segments_) {
    if (left < bytes_kept + segment->bytes()) break;
    left -= segment->bytes();
    end = std::max(end, segment->end());
  }
  return end;
}

std::optional<PartitionLog::Flush> PartitionLog::begin_flush(const JournalFile* file) {
  Flush flush;
  // What was carried forward stands in a later file than what follows it.
  std::size_t count = 0;
  for (const TailEntry& entry : tail_) {
    if (!entry.durable) break;
    if (entry.flushed) continue;
    flush.entries.push_back(entry);
    if (!file || entry.file.get() == file) count = flush.entries.size();
  }
  flush.entries.resize(count);
  if (flush.entries.empty()) return std::nullopt;
  flush.log = shared_from_this();
  flush.settings = settings_;
  flush.now = store_.broker_time();
  if (!segments_.empty()) flush.active = segments_.back();
  flush.is_sealed = seal_active_;
  flush.state = state_;
  flush.state.flushed_to = flush.entries.back().place.last + 1;
  flush.state.epochs = epochs_;
  std::erase_if(flush.state.epochs,
                [&](const EpochStart& epoch) { return epoch.start >= flush.state.flushed_to; });
  if (observer_) flush.state.annotation = observer_->annotation();
  return flush;
}

void PartitionLog::end_flush(Flush& flush) {
  seal_active_ = false;
  for (const Flush::Written& written : flush.written) {
    if (segments_.empty() || segments_.back() != written.segment) {
      segments_.push_back(written.segment);
    }
    written.segment->extend(written.batches, written.entries);
  }
  // A snapshot may have moved these meanwhile.
  flush.state.log_start = state_.log_start;
  flush.state.snapshots = state_.snapshots;
  state_ = std::move(flush.state);
  state_.annotation = {};  // the observer has it, and the manifest
  drop_segments();
  for (TailEntry& entry : tail_) {
    if (entry.place.base >= state_.flushed_to) break;
    entry.flushed = true;
    entry.file = nullptr;
    entry.direct = nullptr;
  }
  while (!tail_.empty() && tail_.front().flushed && tail_.front().bytes.empty()) tail_.pop_front();
}

void PartitionLog::end_carry(const Flush& flush) {
  ASSERT(flush.is_carried);
  for (const TailEntry& carried : flush.entries) {
    auto found = find_tail(carried.place.base);
    if (found == tail_.cend() || found->place.base != carried.place.base) {
      RARE("a partition was closed while it was carried forward");
      continue;
    }
    TailEntry& entry = tail_[static_cast<std::size_t>(found - tail_.cbegin())];
    entry.file = carried.file;
    entry.position = carried.position;
    ++entry.carried;
  }
}

void PartitionLog::abort_flush() { seal_active_ = true; }

std::size_t PartitionLog::drop_bytes(Offset base) {
  auto found = find_tail(base);
  if (found == tail_.cend() || found->place.base != base) return 0;
  TailEntry& entry = tail_[static_cast<std::size_t>(found - tail_.cbegin())];
  if (!entry.durable) return 0;
  std::size_t size = entry.bytes.size();
  entry.bytes = {};
  while (!tail_.empty() && tail_.front().flushed && tail_.front().bytes.empty()) tail_.pop_front();
  return size;
}

void PartitionLog::add_snapshot(SnapshotState snapshot, Offset log_start) {
  state_.snapshots.push_back(snapshot);
  raise_log_start(log_start);
}

void PartitionLog::raise_log_start(Offset log_start) {
  state_.log_start = std::max(state_.log_start, log_start);
  drop_epochs_below(epochs_, state_.log_start);
  drop_segments();
}

// Their files are gone, or go when the last reader lets go of them.
void PartitionLog::drop_segments() {
  std::erase_if(segments_, [this](const auto& segment) { return segment->end() <= log_start(); });
}

void PartitionLog::close() {
  closed_ = true;
  observer_ = nullptr;
  segments_.clear();
  while (!tail_.empty() && tail_.front().durable) tail_.pop_front();
}

}  // namespace millrace

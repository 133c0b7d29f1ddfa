// Checkpoint: what the journal holds goes to segments, the manifest says so, the journal's files
// are released.
//
// Order: segment bytes written and synced, the folder synced when files were made, the manifest's
// edit synced, then the tails forget the journal and the lane may recycle. Each step rests on the
// one before having returned success.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/rare.h"
#include "storage/file_writer.h"
#include "storage/store.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {
constexpr Duration kTick = 100ms;
// After a failed checkpoint: a full disk does not get better by trying ten times a second.
constexpr Duration kPauseMin = 1s;
constexpr Duration kPauseMax = 5s;
// With less than this above the reserve, the disk is looked at with every tick, otherwise once a
// second: no disk takes as much in that time.
constexpr std::uint64_t kDiskIsNear = 8ull << 30;
}  // namespace

void Store::start() {
  // A recovered partition that nobody opened would lose its tail with the first checkpoint.
  ASSERT(unclaimed().empty());
  started_ = true;
  last_checkpoint_ = last_unstalled_ = runtime_.core(CoreId(0)).now();
  tick();
}

void Store::tick() {
  if (closing_) return;
  Core& core = runtime_.core(CoreId(0));
  core.call_after(kTick, [this] { tick(); });
  // A mark follows when nothing was written since some ticks ago.
  JournalSequence sequence = lane_->durable_through();
  if (sequence != last_sequence_seen_) {
    last_sequence_seen_ = sequence;
    last_append_seen_ = core.now();
  } else if (core.now() - last_append_seen_ > Duration(limits_.mark_after).count()) {
    lane_->mark_when_idle();
  }
  if (segment_files_->has_released()) {
    background_->submit([files = segment_files_] { files->close_released(); });
  }
  if (lane_->failed()) {
    refusing_.store(true, std::memory_order_release);  // the journal has said why
    recover_journal();
    return;
  }
  bool stalled = lane_->is_stalled();
  if (!stalled) last_unstalled_ = core.now();
  if (stalled && core.now() >= next_journal_retry_) {
    lane_->retry();
    if (lane_->out_of_files()) next_journal_retry_ = core.now() + Duration(kPauseMin).count();
  }
  bool failing = checkpoint_pause_ > Duration(0);
  look_at_disk();
  refuse(disk_is_low_ || checkpoint_found_full_ || (stalled && (failing || lane_->out_of_files())));
  std::uint64_t written = lane_->bytes_written() - checkpointed_bytes_;
  std::uint64_t written_direct = direct_->bytes_written() - checkpointed_direct_bytes_;
  bool due = stalled || failing || room_wanted_ ||
             written >= std::min(limits_.checkpoint_bytes, limits_.journal_bytes_max / 4) ||
             written_direct >= limits_.checkpoint_direct_bytes ||
             direct_->batches_written() - checkpointed_direct_batches_ >=
                 limits_.checkpoint_direct_batches ||
             ((written > 0 || carried_bytes_ > 0) &&
              core.now() - last_checkpoint_ > Duration(limits_.checkpoint_interval).count());
  bool may = !checkpointing_ && core.now() - last_checkpoint_ >= checkpoint_pause_.count();
  if (!due || !may) return;
  room_wanted_ = false;
  core.spawn("checkpoint", run_checkpoint());
}

// Rule 4 of STORAGE.md: the file that failed is not trusted again.
void Store::recover_journal() {
  Core& core = runtime_.core(CoreId(0));
  if (lane_->is_voided()) {
    RARE("the failed journal is voided: the broker begins again");
    if (must_restart_) std::exchange(must_restart_, {})();
    return;
  }
  if (core.now() < next_journal_retry_) return;
  next_journal_retry_ = core.now() + Duration(kPauseMin).count();
  lane_->void_failed();
}

Task<void> Store::run_checkpoint() {
  // On a full disk: what one file of the journal holds may find room where all of it does not.
  in_steps_ = in_steps_ && lane_->oldest_full();
  auto done = co_await checkpoint(in_steps_ ? Extent::step : Extent::everything);
  checkpoint_pause_ = done ? Duration(0) : std::clamp(checkpoint_pause_ * 2, kPauseMin, kPauseMax);
  checkpoint_found_full_ = !done && done.error().code == ErrorCode::storage_full;
  in_steps_ = in_steps_ || checkpoint_found_full_;
  if (in_steps_) RARE("a checkpoint goes in steps");
  if (!done) {
    RARE("a checkpoint failed");
    log_error("storage", "a checkpoint failed and will be tried again: {}", done.error().message());
  }
}

// STORAGE.md rule 20: what is left when producing is refused is for checkpoints, commits and
// deletions. On the reader, so that it is seen while a checkpoint goes on; one look at a time,
// since a disk that hangs holds up the reader too.
void Store::look_at_disk() {
  Core& core = runtime_.core(CoreId(0));
  bool near = disk_free_ < limits_.disk_reserve_bytes + kDiskIsNear;
  if (!near && core.now() < next_disk_look_) return;
  if (looking_at_disk_.exchange(true)) return;
  next_disk_look_ = core.now() + Duration(1s).count();
  reader_->submit([this] {
    measure_disk();
    looking_at_disk_ = false;
  });
}

void Store::measure_disk() {
  auto space = runtime_.files().disk_space(directory_);
  if (!space) return;  // whatever it is, a write will meet it
  disk_total_ = space->total;
  disk_free_ = space->free;
  std::uint64_t reserve = limits_.disk_reserve_bytes;
  std::uint64_t kept = reserve + lane_->pending_bytes();
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  disk_budget_ =
      static_cast<std::int64_t>(std::min(space->free, kMost)) - static_cast<std::int64_t>(kept);
  bool was_low = disk_is_low_.load();
  bool low = was_low ? space->free < reserve + reserve / 4 : space->free < reserve;
  if (low == was_low) return;
  disk_is_low_ = low;
  if (low) {
    RARE("the disk has less than its reserve");
  } else {
    RARE("the disk has its reserve again");
  }
  if (low) log_error("storage", "{} MiB are left on the disk of {}", space->free >> 20, directory_);
}

// A new append would wait for nobody knows how long, or take the room that a checkpoint needs.
void Store::refuse(bool refuses) {
  if (refusing_.exchange(refuses, std::memory_order_acq_rel) == refuses) return;
  if (refuses) {
    RARE("producing is refused: the disk is full or fails");
    log_error("storage",
              "the disk is full or fails: producing is refused, reading goes on. Make room, and it "
              "goes on by itself");
  } else {
    RARE("producing goes on after a full disk");
    log_info("storage", "there is room on the disk again: producing goes on");
  }
}

// What is durable on every core, and up to which group that is complete. The journal's thread says
// so to the cores: its word comes behind its own news of every group up to there. What becomes
// durable later may be in it too: replay skips what segments hold.
Task<Store::Collected> Store::collect(const JournalFile* file) {
  Core& here = runtime_.core(CoreId(0));
  Collected collected;
  collected.flushes.resize(cores_.size());
  std::size_t missing = cores_.size();
  Promise<bool> complete(here);
  auto done = complete.future();
  lane_->at_group_boundary([&](JournalSequence through) {
    collected.through = through;
    for (auto& core : cores_) {
      core->core().post([&] {
        here.post([&] {
          if (--missing == 0) complete.set(true);
        });
      });
    }
  });
  co_await done;
  std::vector<Future<std::vector<PartitionLog::Flush>>> begun;
  for (auto& core : cores_) {
    begun.push_back(start_on(here, core->core(), core->begin_flushes(file)));
  }
  for (std::size_t i = 0; i < cores_.size(); ++i) collected.flushes[i] = co_await begun[i];
  co_return collected;
}

Task<Result<void>> Store::checkpoint(Extent extent) {
  ASSERT(!checkpointing_);
  checkpointing_ = true;
  Core& here = runtime_.core(CoreId(0));
  last_checkpoint_ = here.now();
  std::uint64_t written = lane_->bytes_written();
  std::uint64_t written_direct = direct_->bytes_written();
  std::uint64_t batches_direct = direct_->batches_written();
  std::shared_ptr<JournalFile> step = extent == Extent::step ? lane_->oldest_full() : nullptr;
  auto [through, flushes] = co_await collect(step.get());
  if (step) through = step->last_sequence;
  step = nullptr;  // it is to be recycled
  carried_bytes_ = 0;
  if (extent == Extent::everything) co_await carry_forward(flushes);
  ManifestEdit edit;
  edit.replay_from = through + 1;
  edit.durable_through = through;
  if (extent == Extent::last) edit.clean = true;
  Result<void> outcome = co_await call_on(
      here, *background_, [&] { return flush_and_commit(flushes, std::move(edit)); });
  co_await end_flushes(flushes, outcome.has_value());
  if (outcome) {
    lane_->release(through);
    if (extent != Extent::step) {
      checkpointed_bytes_ = written + carried_bytes_;
      checkpointed_direct_bytes_ = written_direct;
      checkpointed_direct_batches_ = batches_direct;
    }
  }
  ++(outcome ? checkpoints_ : checkpoints_failed_);
  if (outcome) checkpoint_time_.observe(Duration(here.now() - last_checkpoint_));
  checkpointing_ = false;
  co_return outcome;
}

// In one go: nothing else changes the manifest between what is listed and what will be.
Result<void> Store::flush_and_commit(Flushes& flushes, ManifestEdit edit) {
  made_files_.clear();
  std::vector<std::string> doomed;
  for (auto& of_core : flushes) {
    for (PartitionLog::Flush& flush : of_core) take_listed(flush);
  }
  if (auto written = write_flushes(flushes); !written) {
    // Nobody lists them, and on a full disk they would be in their own way.
    remove_files(made_files_);
    return written;
  }
  for (auto& of_core : flushes) {
    for (PartitionLog::Flush& flush : of_core) {
      if (flush.is_carried || removed_.contains(flush.state.id)) continue;
      trim(flush.state, doomed);
      edit.partitions.push_back(flush.state);
    }
  }
  edit.next_file_number = next_file_number_.load();
  if (auto committed = manifest_->commit(edit); !committed) {
    // The manifest on the disk may list them or not, until the next commit.
    doubtful_.insert(doubtful_.end(), made_files_.begin(), made_files_.end());
    return committed;
  }
  for (const PartitionState& state : edit.partitions) direct_->listed(state.segments);
  remove_files(std::exchange(doubtful_, {}));
  remove_files(doomed);
  removed_.clear();
  return {};
}

Task<void> Store::end_flushes(Flushes& flushes, bool succeeded) {
  Core& here = runtime_.core(CoreId(0));
  std::vector<Future<bool>> ended;
  for (std::size_t i = 0; i < cores_.size(); ++i) {
    CoreStore& core = *cores_[i];
    ended.push_back(start_on(here, core.core(), core.end_flushes(&flushes[i], succeeded)));
  }
  for (auto& one : ended) co_await one;
}

// What snapshots, retention and deletions did since the flush began: the manifest is this worker's.
void Store::take_listed(PartitionLog::Flush& flush) const {
  if (removed_.contains(flush.state.id)) {
    flush.entries.clear();
    return;
  }
  PartitionState listed = listed_state(flush.state.id);
  flush.state.snapshots = std::move(listed.snapshots);
  flush.state.log_start = listed.log_start;
  flush.state.segments = std::move(listed.segments);
  drop_epochs_below(flush.state.epochs, flush.state.log_start);
  bool is_listed = flush.active && !flush.state.segments.empty() &&
                   flush.state.segments.back().file_number == flush.active->state().file_number;
  if (!is_listed) flush.active = nullptr;
}

Task<Result<void>> Store::close() {
  ASSERT(!closing_);
  closing_ = true;
  Core& here = runtime_.core(CoreId(0));
  while (checkpointing_) co_await sleep_for(here, 5ms);
  if (!started_ || lane_->failed()) co_return fail(ErrorCode::storage_failed);
  co_return co_await checkpoint(Extent::last);
}

Result<Bytes> Store::bytes_of(PartitionId id, const TailEntry& entry) {
  if (!entry.bytes.empty()) return entry.bytes;
  ASSERT(entry.file);
  BufferRef buffer = Buffer::allocate(entry.place.size);
  auto count = entry.file->file().read_at(entry.position, {buffer->data(), entry.place.size});
  if (!count) return std::unexpected(count.error());
  Bytes bytes(std::move(buffer), 0, entry.place.size);
  if (*count < entry.place.size || !entry.is_head_of(bytes.view()) ||
      !checksum_matches(bytes.view())) {
    return fail(ErrorCode::storage_corrupt,
                fmt::format("{}: the batch at position {} is damaged. Restore the data directory "
                            "from a copy, or delete the topic of partition {}",
                            entry.file->path(), entry.position, id.value()));
  }
  return bytes;
}

Result<std::shared_ptr<Segment>> Store::make_segment(PartitionLog::Flush& flush, Offset base) {
  SegmentState state;
  state.base = state.end = base;
  state.begun = flush.now;
  state.file_number = next_file_number_++;
  std::string path = segment_path(flush.state.id, state.file_number);
  auto file = segment_files_->create(path);
  if (!file) return std::unexpected(file.error());
  made_files_.push_back(path);
  return std::make_shared<Segment>(std::move(*file), state, limits_.segment_index_interval);
}

// Files written by a checkpoint, until they are flushed: few of them one by one, many at once.
class Store::Unflushed {
 public:
  Result<void> add(SegmentFile& file) {
    ++count_;
    if (count_ > kFlushedEach) files_.clear();
    if (count_ > kFlushedEach) return {};
    auto open = file.pin();
    if (!open) return std::unexpected(open.error());
    files_.push_back(std::move(*open));
    return {};
  }
  Result<void> flush(FileSystem& files, const std::string& directory) {
    if (count_ > kFlushedEach) return files.sync_all(directory);
    for (const auto& file : files_) TRY(file->sync());
    return {};
  }

 private:
  static constexpr std::size_t kFlushedEach = 16;
  std::size_t count_ = 0;
  std::vector<std::shared_ptr<File>> files_;
};

Result<void> Store::begin_writing(FileWriter& writer, Segment& segment, std::uint64_t position,
                                  bool in_blocks, Unflushed& unflushed) {
  TRY(unflushed.add(*segment.file()));
  if (!in_blocks) {
    writer.begin(*segment.file(), position);
    return {};
  }
  auto before = segment.file()->pin();
  if (!before) return std::unexpected(before.error());
  return writer.begin_blocks(*segment.file(), position, **before);
}

// The segment that a batch was written to straight, as the manifest has it.
std::shared_ptr<Segment> Store::adopt(const PartitionLog::Flush& flush,
                                      const TailEntry& entry) const {
  const auto& listed = flush.state.segments;
  bool is_listed = !listed.empty() && listed.back().file_number == entry.direct->number();
  if (is_listed && flush.active) return flush.active;
  SegmentState state;
  state.base = state.end = entry.place.base;
  state.begun = entry.direct->begun();
  state.file_number = entry.direct->number();
  return std::make_shared<Segment>(entry.direct->file(), is_listed ? listed.back() : state,
                                   limits_.segment_index_interval);
}

Result<void> Store::write_flush(PartitionLog::Flush& flush, FileWriter& writer,
                                Unflushed& unflushed) {
  std::uint64_t bytes_max =
      flush.settings.segment_bytes > 0 ? flush.settings.segment_bytes : limits_.segment_bytes;
  Duration age = flush.settings.segment_age;
  std::uint64_t bytes = 0;  // to be written
  for (const TailEntry& entry : flush.entries) bytes += entry.direct ? 0 : entry.place.size;
  bool in_blocks = bytes >= limits_.direct_write_bytes;

  std::shared_ptr<Segment> segment = flush.active;
  std::uint64_t position = segment ? segment->bytes() : 0;
  bool is_writing = false;
  auto takes = [&](const TailEntry& entry) {
    if (!segment || (position > 0 && position + entry.place.size > bytes_max)) return false;
    if (is_writing) return true;
    bool old = age > Duration(0) && segment->state().begun + age / 1ms < flush.now;
    return !old && !flush.is_sealed && direct_->may_append(segment->state().file_number);
  };
  for (const TailEntry& entry : flush.entries) {
    bool changes = entry.direct ? !segment || segment->state().file_number != entry.direct->number()
                                : !takes(entry);
    if (is_writing && (changes || entry.direct)) {
      TRY(writer.flush());
      is_writing = false;
    }
    if (changes && entry.direct) {
      segment = adopt(flush, entry);
      position = segment->bytes();
    } else if (changes) {
      auto made = make_segment(flush, entry.place.base);
      if (!made) return std::unexpected(made.error());
      segment = std::move(*made);
      position = 0;
    }
    if (!entry.direct && !is_writing) {
      TRY(begin_writing(writer, *segment, position, in_blocks, unflushed));
      is_writing = true;
    }
    if (flush.written.empty() || flush.written.back().segment != segment) {
      flush.written.push_back({segment, {}, {}});
    }
    if (entry.direct) {
      ASSERT(entry.position == position);
    } else {
      auto batch = bytes_of(flush.state.id, entry);
      if (!batch) return std::unexpected(batch.error());
      TRY(writer.add(batch->view()));
    }
    position += entry.place.size;
    checkpoint_bytes_.add(entry.place.size);
    flush.written.back().batches.push_back(entry.place);
  }
  if (is_writing) TRY(writer.flush());
  for (PartitionLog::Flush::Written& written : flush.written) {
    Segment& to = *written.segment;
    bool known = !flush.state.segments.empty() &&
                 flush.state.segments.back().file_number == to.state().file_number;
    SegmentState& state =
        known ? flush.state.segments.back() : flush.state.segments.emplace_back(to.state());
    written.entries = to.index(state.bytes, written.batches);
    auto index = to.write_index(written.entries);
    if (!index) return std::unexpected(index.error());
    if (*index) TRY(unflushed.add(**index));
    for (const BatchPlace& batch : written.batches) {
      state.bytes += batch.size;
      state.end = batch.last + 1;
      state.max_timestamp = std::max(state.max_timestamp, batch.max_timestamp);
    }
  }
  return {};
}

Result<void> Store::write_flushes(Flushes& flushes) {
  Unflushed unflushed;
  FileWriter writer;
  for (auto& of_core : flushes) {
    for (PartitionLog::Flush& flush : of_core) {
      if (!flush.is_carried) TRY(write_flush(flush, writer, unflushed));
    }
  }
  TRY(unflushed.flush(runtime_.files(), segments_directory()));
  bool made_files = !made_files_.empty();
  for (auto& of_core : flushes) {
    for (PartitionLog::Flush& flush : of_core) {
      for (auto& written : flush.written) made_files = written.segment->made_index() || made_files;
    }
  }
  if (made_files) TRY(runtime_.files().sync_directory(segments_directory()));
  return {};
}

}  // namespace millrace

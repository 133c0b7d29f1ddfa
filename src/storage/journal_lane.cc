#include "storage/journal_lane.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/rare.h"
#include "record/batch.h"
#include "record/crc32c.h"

namespace millrace {

using journal_format::align_up;
using journal_format::FrameHeader;
using journal_format::GroupHeader;
using journal_format::GroupKind;
using journal_format::kBlock;
using journal_format::Reference;

namespace {

// Files made ready ahead of the writer when none is being recycled. Recycled ones are all kept:
// zeroing a file costs as much as writing it.
constexpr std::size_t kReadyFiles = 1;

std::size_t payload_size(const JournalFrame& frame) {
  return frame.direct ? sizeof(Reference) : frame.batch.size();
}

Reference reference_to(const JournalFrame& frame) {
  Reference reference;
  reference.file_number = frame.direct->number();
  reference.position = frame.position;
  static_assert(sizeof reference.batch_header == kBatchHeaderSize);
  std::memcpy(reference.batch_header, frame.batch.data(), kBatchHeaderSize);
  return reference;
}

ByteView view_of(const Reference& reference) {
  return {reinterpret_cast<const std::uint8_t*>(&reference), sizeof reference};
}

}  // namespace

WallMs BrokerClock::advance(WallMs wall) {
  std::int64_t newest = newest_.load(std::memory_order_relaxed);
  while (wall.value() > newest && !newest_.compare_exchange_weak(newest, wall.value())) {
  }
  return WallMs(std::max(newest, wall.value()));
}

JournalLane::JournalLane(Runtime& runtime, std::string directory, const StorageLimits& limits,
                         Worker& background, BrokerClock& clock, JournalStart start,
                         DirectSegments* direct)
    : runtime_(runtime),
      directory_(std::move(directory)),
      limits_(limits),
      background_(background),
      clock_(clock),
      direct_(direct),
      writer_(runtime.make_worker("journal")),
      next_file_id_(start.next_file_id),
      next_sequence_(start.next_sequence),
      queue_(limits) {
  durable_through_ = start.next_sequence.value() - 1;
  for (auto& file : start.in_use) {
    total_file_bytes_ += file->size();
    sealed_.push_back(std::move(file));
  }
  spare_ = std::move(start.spare);
  unproven_ = start.unproven;
}

JournalLane::~JournalLane() { stop(); }

Result<void> JournalLane::open() {
  for (auto& file : std::exchange(spare_, {})) {
    if (file->size() == limits_.journal_file_bytes && !file->is_suspect) {
      TRY(file->recycle());
      total_file_bytes_ += file->size();
      ready_.push_back(std::move(file));
    } else {
      TRY(runtime_.files().remove(file->path()));
    }
  }
  // What a killed process wrote may be in the page cache alone, files and their names; from here on
  // readers see it, so it must be durable now.
  if (unproven_.file) TRY(write_again(unproven_));
  unproven_ = {};
  for (auto& file : sealed_) {
    // Its first group came to the disk before its header did.
    if (file->is_free()) TRY(file->take_into_use());
    TRY(file->file().sync());
  }
  if (ready_.empty()) {
    // A small one: a start does not wait for a large one to be zeroed.
    auto size = limits_.journal_first_file_bytes;
    auto header = next_header(size);
    auto made = JournalFile::create(runtime_.files(), path_of(header.file_id), header);
    // A full disk is no reason not to serve readers.
    bool full = !made && made.error().code == ErrorCode::storage_full;
    if (!made && !full) return std::unexpected(made.error());
    if (made) {
      total_file_bytes_ += size;
      ready_.push_back(std::move(*made));
    }
  }
  TRY(runtime_.files().sync_directory(directory_));
  prepare_ahead();
  return {};
}

// Where the flush of a group failed and the process ended, the cache may hold what the disk does
// not, and takes it for written: a flush alone would report success and do nothing. Only the last
// group can be so (STORAGE.md rule 3). It is written over with what it is, so a power cut in
// between takes nothing from it.
Result<void> JournalLane::write_again(const JournalStart::Group& group) {
  File& file = group.file->file();
  BufferRef buffer = Buffer::allocate(group.size);
  std::memset(buffer->data(), 0, group.size);  // the file may end before the group's padding does
  auto count = file.read_at(group.position, {buffer->data(), group.size});
  if (!count) return std::unexpected(count.error());
  TRY(out_.begin_blocks(file, group.position, file));
  TRY(out_.add({buffer->data(), group.size}));
  return out_.flush();
}

void JournalLane::stop() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  // First what the writer may wait for.
  if (direct_) direct_->stop();
  writer_.reset();
  // Only a stalled lane has any left.
  if (is_writing_direct_) end_direct();
  queue_.add(std::exchange(waiting_, {}));
  tell_done(std::exchange(stalled_group_, {}), fail(ErrorCode::outcome_unknown));
  tell_done(queue_.take_all(), fail(ErrorCode::outcome_unknown));
}

void JournalLane::at_group_boundary(BoundaryWork work) {
  std::lock_guard lock(mutex_);
  boundary_.push_back(std::move(work));
  if (writing_) return;  // taken with the next group, at the latest when there is none
  writer_->submit([this] { run_boundary_works(); });
}

void JournalLane::run_boundary_works() {
  std::vector<BoundaryWork> works;
  {
    std::lock_guard lock(mutex_);
    works.swap(boundary_);
  }
  for (BoundaryWork& work : works) work(durable_through());
}

bool JournalLane::out_of_files() const {
  std::lock_guard lock(mutex_);
  return out_of_files_;
}

bool JournalLane::is_stalled() const {
  std::lock_guard lock(mutex_);
  return stalled_;
}

JournalStats JournalLane::stats() const {
  JournalStats stats;
  stats.groups = groups_.value();
  stats.bytes_written = bytes_written();
  stats.flush_time = flush_time_;
  stats.pending_bytes = pending_bytes();
  std::lock_guard lock(mutex_);
  stats.file_bytes = total_file_bytes_;
  for (const auto& file : ready_) stats.free_bytes += file->size();
  return stats;
}

void JournalLane::retry() {
  background_.submit([this] { recycle_released(); });
}

std::string JournalLane::path_of(std::uint64_t file_id) const {
  return fmt::format("{}/0-{:08}.journal", directory_, file_id);
}

journal_format::FileHeader JournalLane::next_header(std::uint64_t size) {
  journal_format::FileHeader header;
  header.file_id = next_file_id_++;
  header.lap = 1;
  header.state = journal_format::FileState::free;
  header.file_size = size;
  return header;
}

void JournalLane::append(Core& from, std::unique_ptr<Append> append) {
  ASSERT(!append->frames.empty());
  pending_bytes_.fetch_add(append->bytes(), std::memory_order_relaxed);
  bool wake = false;
  Group refused;
  {
    std::lock_guard lock(mutex_);
    auto& to = stalled_ && append->of_checkpoint ? refused : waiting_;
    to.push_back({&from, std::move(append)});
    wake = !writing_ && !stalled_;
    if (wake) writing_ = true;
  }
  if (wake) writer_->submit([this] { write_loop(); });
  tell_done(std::move(refused), fail(ErrorCode::storage_full));
}

void JournalLane::mark_when_idle() {
  {
    std::lock_guard lock(mutex_);
    if (writing_ || stalled_ || failed()) return;
    writing_ = true;
    mark_wanted_ = true;
  }
  writer_->submit([this] { write_loop(); });
}

void JournalLane::write_loop() {
  while (write_once() == Step::wrote) {
  }
  // One that came while the last round found the journal full: the checkpoint that would make room
  // waits for it.
  run_boundary_works();
}

// Whether a mark is wanted.
bool JournalLane::take_waiting(std::vector<BoundaryWork>& boundary) {
  bool mark = false;
  bool direct_written = false;
  {
    std::lock_guard lock(mutex_);
    boundary.swap(boundary_);
    queue_.add(std::exchange(waiting_, {}));
    mark = std::exchange(mark_wanted_, false);
    direct_written = std::exchange(direct_written_, false);
  }
  if (direct_written) end_direct();
  return mark;
}

// False: something came meanwhile.
bool JournalLane::go_idle() {
  std::lock_guard lock(mutex_);
  writing_ = !waiting_.empty() || direct_written_;
  return !writing_;
}

// STORAGE.md rule 1. Where one producer waits for each answer there is one append in a group, and
// nothing is gained by waiting.
void JournalLane::pace() {
  std::size_t waiting = pending_bytes();
  if (appends_in_group_ < 2 || waiting == 0 || waiting >= limits_.paced_bytes_max) return;
  std::int64_t due = group_begun_.value() + Duration(limits_.flush_pace).count();
  std::int64_t now = runtime_.core(CoreId(0)).now().value();
  if (now < due) {
    RARE("a flush was paced");
    writer_->pause(Duration(due - now));
  }
}

JournalLane::Step JournalLane::write_once() {
  pace();
  std::vector<BoundaryWork> boundary;
  bool mark = take_waiting(boundary);
  for (BoundaryWork& work : boundary) work(durable_through());
  Group group = next_group();
  mark = mark && group.empty() && marked_through_ < newest_data_ && !failed();
  if (group.empty() && !mark) return go_idle() ? Step::idle : Step::wrote;
  if (failed()) {
    RARE("an append met a journal that has failed");
    tell_done(std::move(group), fail(ErrorCode::outcome_unknown));
    return Step::wrote;
  }
  appends_in_group_ = group.size();
  group_begun_ = runtime_.core(CoreId(0)).now();
  return write_taken(std::move(group), mark);
}

JournalLane::Group JournalLane::next_group() {
  if (!stalled_group_.empty()) return std::exchange(stalled_group_, {});
  // What is being written has to be there until it is done.
  if (failed()) return is_writing_direct_ ? Group{} : queue_.take_all();
  if (direct_ && !is_writing_direct_) begin_direct();
  return queue_.take(runtime_.core(CoreId(0)).now());
}

void JournalLane::begin_direct() {
  std::unordered_set<PartitionId> open;
  if (direct_->wants(pending_bytes())) {
    is_writing_direct_ = direct_->write(queue_.candidates(), clock_.advance(WallMs(0)),
                                        [this] { direct_written(); });
    if (!is_writing_direct_) RARE("much waits, and no partition has enough of it");
    open = direct_->open_partitions();
  }
  queue_.hold(std::move(open));
}

// On a worker of the segments'.
void JournalLane::direct_written() {
  {
    std::lock_guard lock(mutex_);
    direct_written_ = true;
    if (writing_ || stalled_) return;
    writing_ = true;
  }
  writer_->submit([this] { write_loop(); });
}

void JournalLane::end_direct() {
  direct_->finish();
  is_writing_direct_ = false;
}

JournalLane::Step JournalLane::write_taken(Group group, bool mark) {
  std::size_t needed = sizeof(GroupHeader);
  for (const WaitingAppend& waiting : group) {
    for (const JournalFrame& frame : waiting.append->frames) {
      needed += payload_size(frame) + sizeof(FrameHeader);
    }
  }
  needed = align_up(needed);
  if (!current_ || position_ + needed > current_->size()) {
    Result<void> rolled = roll(needed, group);
    if (!rolled && rolled.error().code == ErrorCode::would_block) return Step::stalled;
    if (!rolled) {
      fail_all(rolled.error());
      tell_done(std::move(group), fail(ErrorCode::outcome_unknown));
      return Step::wrote;
    }
  }
  Result<void> written = write_group(group, mark);
  if (written) {
    tell_written(group);
    MonotonicTime flush_begun = runtime_.core(CoreId(0)).now();
    written = current_->file().sync();
    flush_time_.observe(Duration(runtime_.core(CoreId(0)).now() - flush_begun));
  }
  if (!written) {
    fail_all(written.error());
    tell_done(std::move(group), fail(ErrorCode::outcome_unknown));
    return Step::wrote;
  }
  position_ += needed;
  bytes_written_.fetch_add(needed, std::memory_order_relaxed);
  groups_.add();
  if (!mark) newest_data_ = next_sequence_;
  current_->last_sequence = next_sequence_;
  // Told before it is published: who reads durable_through() and then posts to a core comes after
  // done().
  tell_done(std::move(group), {});
  durable_through_.store(next_sequence_.value(), std::memory_order_release);
  ++next_sequence_;
  return Step::wrote;
}

Result<void> JournalLane::write_group(Group& group, bool mark) {
  std::size_t frames = 0;
  std::size_t payloads = 0;
  std::vector<Reference> references;
  for (const WaitingAppend& waiting : group) {
    frames += waiting.append->frames.size();
    for (const JournalFrame& frame : waiting.append->frames) {
      payloads += payload_size(frame);
      if (frame.direct) references.push_back(reference_to(frame));
    }
  }
  std::size_t front = sizeof(GroupHeader) + frames * sizeof(FrameHeader);
  BufferRef buffer = Buffer::allocate(front);
  std::uint8_t* directory = buffer->data() + sizeof(GroupHeader);
  std::uint64_t position = position_ + front;
  std::size_t next_reference = 0;
  for (WaitingAppend& waiting : group) {
    Append& append = *waiting.append;
    append.file = current_;
    append.sequence = next_sequence_;
    for (JournalFrame& frame : append.frames) {
      FrameHeader header;
      header.partition = frame.partition.value();
      header.base_offset = frame.base_offset.value();
      header.payload_size = static_cast<std::uint32_t>(payload_size(frame));
      header.payload_crc = frame.crc;
      header.leader_epoch = frame.epoch.value();
      if (frame.direct) {
        header.kind = journal_format::FrameKind::reference;
        header.payload_crc = crc32c(view_of(references[next_reference++]));
      } else {
        frame.position = position;
      }
      std::memcpy(directory, &header, sizeof header);
      directory += sizeof header;
      position += header.payload_size;
    }
  }
  GroupHeader header;
  header.header_size = sizeof(GroupHeader);
  header.kind = mark ? GroupKind::mark : GroupKind::data;
  header.frame_count = static_cast<std::uint32_t>(frames);
  header.payload_size = static_cast<std::uint32_t>(payloads);
  header.sequence = next_sequence_.value();
  header.durable_through = durable_through_;
  header.broker_time = clock_.advance(WallMs(0)).value();
  std::memcpy(buffer->data(), &header, sizeof header);
  constexpr std::size_t kChecked = offsetof(GroupHeader, crc) + sizeof header.crc;
  header.crc = crc32c({buffer->data() + kChecked, front - kChecked}, current_->seed());
  std::memcpy(buffer->data(), &header, sizeof header);
  marked_through_ = JournalSequence(header.durable_through);
  TRY(out_.begin_blocks(current_->file(), position_, current_->file()));
  TRY(out_.add({buffer->data(), front}));
  next_reference = 0;
  for (const WaitingAppend& waiting : group) {
    for (const JournalFrame& frame : waiting.append->frames) {
      TRY(out_.add(frame.direct ? view_of(references[next_reference++]) : frame.batch.view()));
    }
  }
  return out_.flush();
}

Result<void> JournalLane::roll(std::uint64_t needed, Group& group) {
  std::shared_ptr<JournalFile> next = take_ready();
  if (next && kBlock + needed > next->size()) {
    // Only the small first file or a group larger than a file: make one that fits.
    RARE("the next journal file is too small for the group");
    std::lock_guard lock(mutex_);
    sealed_.push_front(std::move(next));
    next = nullptr;
  }
  std::uint64_t size = align_up(kBlock + needed);
  if (!next && size > limits_.journal_file_bytes) next = make_file(size);
  if (!next) {
    stall(size, group);
    return fail(ErrorCode::would_block);
  }
  TRY(next->take_into_use());
  {
    std::lock_guard lock(mutex_);
    if (current_) sealed_.push_back(std::move(current_));
  }
  current_ = std::move(next);
  position_ = kBlock;
  prepare_ahead();
  return {};
}

// The group waits, for a file of this size, and so does everything behind it.
void JournalLane::stall(std::uint64_t size, Group& group) {
  RARE("the journal is full: a group waits");
  {
    std::lock_guard lock(mutex_);
    if (current_) sealed_.push_back(std::exchange(current_, nullptr));
    queue_.add(std::exchange(waiting_, {}));
    stalled_ = true;
    writing_ = false;
    oversized_waits_ = size > limits_.journal_file_bytes;
  }
  Group refused = queue_.take_of_checkpoint();
  for (WaitingAppend& waiting : group) {
    auto& to = waiting.append->of_checkpoint ? refused : stalled_group_;
    to.push_back(std::move(waiting));
  }
  if (!refused.empty()) RARE("a full journal refuses what a checkpoint carries forward");
  tell_done(std::move(refused), fail(ErrorCode::storage_full));
  // Who may have become ready meanwhile did not see that somebody waits.
  if (!out_of_files()) background_.submit([this] { recycle_released(); });
}

std::shared_ptr<JournalFile> JournalLane::take_ready() {
  std::lock_guard lock(mutex_);
  if (ready_.empty()) return nullptr;
  auto file = std::move(ready_.front());
  ready_.pop_front();
  return file;
}

void JournalLane::tell_written(Group& group) {
  for (WaitingAppend& waiting : group) {
    if (!waiting.append->wants_written) continue;
    // The append outlives this: its done() is posted to the same core later.
    waiting.core->post([append = waiting.append.get()] { append->written(); });
  }
}

void JournalLane::tell_done(Group group, const Result<void>& outcome) {
  if (group.empty()) return;
  std::size_t bytes = 0;
  for (const WaitingAppend& waiting : group) bytes += waiting.append->bytes();
  pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  // One post per core.
  std::vector<std::vector<std::unique_ptr<Append>>> by_core(runtime_.core_count());
  for (WaitingAppend& waiting : group) {
    by_core[waiting.core->id().value()].push_back(std::move(waiting.append));
  }
  for (std::uint32_t id = 0; id < by_core.size(); ++id) {
    if (by_core[id].empty()) continue;
    runtime_.core(CoreId(id)).post([appends = std::move(by_core[id]), outcome]() mutable {
      for (auto& append : appends) append->done(outcome);
    });
  }
}

void JournalLane::fail_all(const Error& error) {
  RARE("the journal failed");
  log_error("storage",
            "the journal failed: {}. What was answered is safe, reads go on, producing is refused "
            "until a new journal file can be written; then the broker begins again by itself",
            error.message());
  failed_.store(true, std::memory_order_release);
}

void JournalLane::void_failed() {
  ASSERT(failed());
  background_.submit([this] {
    if (is_voided()) return;
    auto file = make_file(limits_.journal_first_file_bytes);
    if (!file) return;
    auto written = write_void(*file);
    if (written) {
      voided_.store(true, std::memory_order_release);
      return;
    }
    RARE("the file that voids what failed can't be written either");
    log_warning("storage", "the new journal file can't be written either: {}",
                written.error().message());
    // If some of it is on the disk it says what the next one will say.
    std::lock_guard lock(mutex_);
    total_file_bytes_ -= file->size();
    (void)runtime_.files().remove(file->path());
  });
}

// The writer has stopped: its numbers stand still.
Result<void> JournalLane::write_void(JournalFile& file) {
  GroupHeader header;
  header.header_size = sizeof(GroupHeader);
  header.kind = GroupKind::voided;
  header.sequence = durable_through_ + 1;
  header.durable_through = durable_through_;
  header.broker_time = clock_.advance(WallMs(0)).value();
  constexpr std::size_t kChecked = offsetof(GroupHeader, crc) + sizeof header.crc;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
  header.crc = crc32c({bytes + kChecked, sizeof header - kChecked}, file.seed());
  FileWriter out;
  TRY(file.take_into_use());
  TRY(out.begin_blocks(file.file(), kBlock, file.file()));
  TRY(out.add({bytes, sizeof header}));
  TRY(out.flush());
  return file.file().sync();
}

void JournalLane::release(JournalSequence through) {
  {
    std::lock_guard lock(mutex_);
    released_through_ = std::max(released_through_, through);
  }
  background_.submit([this] { recycle_released(); });
}

std::shared_ptr<JournalFile> JournalLane::oldest_full() const {
  std::lock_guard lock(mutex_);
  std::shared_ptr<JournalFile> oldest;
  for (const auto& file : sealed_) {
    if (file->last_sequence <= released_through_) continue;
    if (!oldest || file->last_sequence < oldest->last_sequence) oldest = file;
  }
  return oldest;
}

// Its header may be half written, in front of groups that nobody needs any more: a start would take
// that for damage.
void JournalLane::give_up(const JournalFile& file) {
  if (runtime_.files().remove(file.path())) (void)runtime_.files().sync_directory(directory_);
  std::lock_guard lock(mutex_);
  total_file_bytes_ -= file.size();
}

// On the background worker.
void JournalLane::recycle_released() {
  for (;;) {
    std::shared_ptr<JournalFile> file;
    bool keep = false;
    {
      std::lock_guard lock(mutex_);
      auto free = std::find_if(sealed_.begin(), sealed_.end(), [this](const auto& candidate) {
        return candidate->last_sequence <= released_through_ && candidate.use_count() == 1;
      });
      if (free == sealed_.end()) break;
      file = std::move(*free);
      sealed_.erase(free);
      keep = file->size() == limits_.journal_file_bytes && !file->is_suspect;
      if (!keep) total_file_bytes_ -= file->size();
    }
    Result<void> recycled = keep ? file->recycle() : runtime_.files().remove(file->path());
    if (!recycled) {
      RARE("a journal file could not be recycled");
      log_warning("storage", "could not recycle {}: {}", file->path(), recycled.error().message());
      if (keep) give_up(*file);
      continue;
    }
    if (!keep) continue;
    std::lock_guard lock(mutex_);
    file->last_sequence = JournalSequence(0);
    ready_.push_back(std::move(file));
  }
  prepare_ahead();
  wake_writer();
}

void JournalLane::wake_writer() {
  {
    std::lock_guard lock(mutex_);
    if (!stalled_ || writing_ || stopped_) return;
    if (ready_.empty() && !oversized_waits_) return;
    stalled_ = false;
    writing_ = true;
  }
  writer_->submit([this] { write_loop(); });
}

void JournalLane::prepare_ahead() {
  {
    std::lock_guard lock(mutex_);
    if (preparing_ || ready_.size() >= kReadyFiles) return;
    if (total_file_bytes_ + limits_.journal_file_bytes > limits_.journal_bytes_max) return;
    preparing_ = true;
    total_file_bytes_ += limits_.journal_file_bytes;
  }
  background_.submit([this] { prepare_one(); });
}

// Null when the disk has no room for it; out_of_files() says so then.
std::shared_ptr<JournalFile> JournalLane::make_file(std::uint64_t size) {
  journal_format::FileHeader header;
  {
    std::lock_guard lock(mutex_);
    header = next_header(size);
    total_file_bytes_ += size;
  }
  auto made = JournalFile::create(runtime_.files(), path_of(header.file_id), header);
  if (made) {
    if (auto synced = runtime_.files().sync_directory(directory_); !synced) {
      made = std::unexpected(synced.error());
    }
  }
  std::lock_guard lock(mutex_);
  bool failed_before = std::exchange(out_of_files_, !made.has_value());
  if (made) return std::move(*made);
  total_file_bytes_ -= size;
  RARE("a journal file could not be made");
  if (!failed_before) {
    log_warning("storage", "could not make a journal file: {}", made.error().message());
  }
  return nullptr;
}

// On the background worker.
void JournalLane::prepare_one() {
  auto space = runtime_.files().disk_space(directory_);
  {
    std::lock_guard lock(mutex_);
    total_file_bytes_ -= limits_.journal_file_bytes;  // make_file() counts it
    // Not from the reserve, unless somebody waits for it.
    bool low = space && space->free < limits_.journal_file_bytes + limits_.disk_reserve_bytes;
    if (low && !stalled_) {
      RARE("no journal file is made ahead from the reserve");
      preparing_ = false;
      return;
    }
  }
  auto made = make_file(limits_.journal_file_bytes);
  {
    std::lock_guard lock(mutex_);
    preparing_ = false;
    if (made) ready_.push_back(std::move(made));
    if (ready_.empty()) return;  // retry() tries again
  }
  prepare_ahead();
  wake_writer();
}

}  // namespace millrace

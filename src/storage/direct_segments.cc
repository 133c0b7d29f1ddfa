#include "storage/direct_segments.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/rare.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {

// A file is kept on with by groups this much smaller than what begins one...
constexpr std::size_t kGoesOnFraction = 4;
// ... and by so many smaller ones, one after the other: each flush of a few bytes more is cheaper
// than a new file.
constexpr unsigned kSmallGroupsMax = 8;
// A partition whose groups became small waits for this long before it gets another file.
constexpr Duration kPause = 10s;
// Files that are written so at a time.
constexpr std::size_t kRunsMax = 64;

}  // namespace

DirectSegments::DirectSegments(Runtime& runtime, const StorageLimits& limits, SegmentFiles& files,
                               std::string directory, PathOf path_of,
                               std::atomic<std::uint64_t>& next_number)
    : runtime_(runtime),
      limits_(limits),
      files_(files),
      directory_(std::move(directory)),
      path_of_(std::move(path_of)),
      next_number_(next_number) {
  for (std::size_t i = 0; i < limits_.direct_writers; ++i) {
    writers_.push_back({runtime.make_worker("direct"), nullptr});
  }
}

DirectSegments::~DirectSegments() { stop(); }

void DirectSegments::stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    // The batches that follow go to the journal.
    for (auto& [number, segment] : segments_) segment->is_closed_ = true;
  }
  for (Writer& writer : writers_) writer.worker.reset();
}

bool DirectSegments::wants(std::size_t bytes) const {
  return has_runs_.load(std::memory_order_relaxed) || bytes >= limits_.direct_append_bytes;
}

std::uint64_t DirectSegments::bytes_max(const Job& job) const {
  std::uint64_t set = job.frames.front()->settings.segment_bytes;
  return set > 0 ? set : limits_.segment_bytes;
}

// Whether this much of a partition is worth a file, and it has one or may have one.
bool DirectSegments::goes_straight(const Job& job) {
  bool fits = job.bytes <= bytes_max(job);
  bool begins = fits && job.bytes >= limits_.direct_append_bytes;
  auto known = runs_.find(job.frames.front()->partition);
  if (known == runs_.end()) return begins;
  Run& run = known->second;
  MonotonicTime now = runtime_.core(CoreId(0)).now();
  if (!run.segment) return begins && now >= run.pause_until;
  run.last_used = now;
  bool small = job.bytes < limits_.direct_append_bytes / kGoesOnFraction;
  run.small_groups = small ? run.small_groups + 1 : 0;
  if (begins || (fits && !run.segment->is_closed_ && run.small_groups <= kSmallGroupsMax)) {
    return true;
  }
  end_run(run, kPause);
  return false;
}

// Nothing goes into its file any more.
void DirectSegments::end_run(Run& run, Duration pause) {
  DirectSegment& segment = *run.segment;
  ASSERT(!segment.is_writing_);
  segment.is_closed_ = true;
  if (segment.listed_bytes_ >= segment.bytes_ && !segment.is_suspect_) {
    segments_.erase(segment.number());
  }
  run = {};
  run.pause_until = runtime_.core(CoreId(0)).now() + pause.count();
}

void DirectSegments::drop_old_runs() {
  MonotonicTime now = runtime_.core(CoreId(0)).now();
  std::erase_if(runs_, [now](const auto& entry) {
    return !entry.second.segment && entry.second.pause_until <= now;
  });
  while (runs_.size() > kRunsMax) {
    auto oldest = std::ranges::min_element(
        runs_, {}, [](const auto& entry) { return entry.second.last_used; });
    if (oldest->second.segment) end_run(oldest->second, 0s);
    runs_.erase(oldest);
  }
  has_runs_.store(!runs_.empty(), std::memory_order_relaxed);
}

// Finds or makes its place in a file.
void DirectSegments::prepare(Job& job, WallMs now) {
  const JournalFrame& first = *job.frames.front();
  Run& run = runs_[first.partition];
  run.last_used = runtime_.core(CoreId(0)).now();
  if (run.segment) {
    Duration age = first.settings.segment_age;
    bool full = run.segment->bytes_ + job.bytes > bytes_max(job);
    bool old = age > Duration(0) && run.segment->begun_ + age / 1ms < now;
    if (full || old || run.segment->is_closed_) end_run(run, 0s);
  }
  if (!run.segment) {
    std::uint64_t number = next_number_.fetch_add(1);
    run.segment =
        std::make_shared<DirectSegment>(first.partition, number, path_of_(first.partition, number));
    run.segment->begun_ = now;
    segments_.emplace(number, run.segment);
  }
  run.segment->is_writing_ = true;
  job.segment = run.segment;
  job.position = run.segment->bytes_;
}

bool DirectSegments::write(std::span<JournalFrame* const> frames, WallMs now, Work then) {
  ASSERT(jobs_.empty());
  // One for each partition, in the order of their first frames.
  std::map<PartitionId, std::size_t> places;
  for (JournalFrame* frame : frames) {
    if (frame->direct) continue;  // the group comes again, the journal had no room for it
    auto [place, is_new] = places.try_emplace(frame->partition, jobs_.size());
    if (is_new) jobs_.emplace_back();
    Job& job = jobs_[place->second];
    job.frames.push_back(frame);
    job.bytes += frame->batch.size();
  }
  std::lock_guard lock(mutex_);
  choose();
  for (Job& job : jobs_) prepare(job, now);
  has_runs_.store(!runs_.empty(), std::memory_order_relaxed);
  if (jobs_.empty()) return false;
  jobs_left_ = jobs_.size();
  then_ = std::move(then);
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    Writer& writer = writers_[i];
    if (!writer.out) writer.out = std::make_unique<FileWriter>();
    writer.worker->submit([this, &job = jobs_[i], out = writer.out.get()] {
      job.outcome = write_job(job, *out);
      if (jobs_left_.fetch_sub(1) == 1) std::exchange(then_, {})();
    });
  }
  return true;
}

std::unordered_set<PartitionId> DirectSegments::open_partitions() const {
  std::unordered_set<PartitionId> open;
  std::lock_guard lock(mutex_);
  for (const auto& [partition, run] : runs_) {
    if (run.segment) open.insert(partition);
  }
  return open;
}

// Leaves the jobs that are done here.
void DirectSegments::choose() {
  drop_old_runs();
  std::erase_if(jobs_, [this](const Job& job) { return !goes_straight(job); });
  // Those that have a file first: it would have to be closed.
  std::ranges::sort(jobs_, {}, [this](const Job& job) {
    auto run = runs_.find(job.frames.front()->partition);
    return std::pair(run == runs_.end() || !run->second.segment, ~job.bytes);
  });
  while (jobs_.size() > (stopped_ ? 0 : writers_.size())) {
    auto run = runs_.find(jobs_.back().frames.front()->partition);
    if (run != runs_.end() && run->second.segment) end_run(run->second, kPause);
    jobs_.pop_back();
  }
}

Result<void> DirectSegments::write_job(Job& job, FileWriter& writer) {
  DirectSegment& segment = *job.segment;
  if (!segment.file_) {
    auto made = files_.create(segment.path());
    if (!made) return std::unexpected(made.error());
    segment.file_ = std::move(*made);
    TRY(runtime_.files().sync_directory(directory_));
  }
  auto open = segment.file_->pin();
  if (!open) return std::unexpected(open.error());
  writer.begin_blocks(*segment.file_, job.position, segment.last_block_);
  for (const JournalFrame* frame : job.frames) TRY(writer.add(frame->batch.view()));
  TRY(writer.flush());
  TRY((*open)->sync());
  ByteView last = writer.last_block();
  segment.last_block_.assign(last.begin(), last.end());
  return {};
}

void DirectSegments::finish() {
  std::lock_guard lock(mutex_);
  for (Job& job : jobs_) {
    job.segment->is_writing_ = false;
    if (!job.outcome) {
      give_up(job);
      continue;
    }
    std::uint64_t position = job.position;
    for (JournalFrame* frame : job.frames) {
      frame->direct = job.segment;
      frame->position = position;
      position += frame->batch.size();
    }
    job.segment->bytes_ = position;
    bytes_written_.fetch_add(job.bytes, std::memory_order_relaxed);
    batches_written_.fetch_add(job.frames.size(), std::memory_order_relaxed);
  }
  jobs_.clear();
}

void DirectSegments::give_up(Job& job) {
  RARE("a segment can't be written straight: the journal takes it");
  log_warning("storage", "{}: {}; the journal takes it instead", job.segment->path(),
              job.outcome.error().message());
  job.segment->is_suspect_ = true;
  if (auto run = runs_.find(job.segment->partition()); run != runs_.end() && run->second.segment) {
    end_run(run->second, kPause);
  }
  if (job.segment->bytes_ > 0) {
    RARE("a segment that can't be written on has references");
    return;
  }
  // Nothing refers to it, and on a full disk it would be in its own way.
  segments_.erase(job.segment->number());
  if (job.segment->file_) (void)runtime_.files().remove(job.segment->path());
}

std::shared_ptr<DirectSegment> DirectSegments::recovered(PartitionId partition,
                                                         std::uint64_t number, std::uint64_t end) {
  std::lock_guard lock(mutex_);
  auto& segment = segments_[number];
  if (!segment) {
    segment = std::make_shared<DirectSegment>(partition, number, path_of_(partition, number));
    segment->file_ = files_.existing(segment->path());
    segment->is_closed_ = true;
  }
  segment->bytes_ = std::max(segment->bytes_, end);
  return segment;
}

bool DirectSegments::may_append(std::uint64_t number) {
  std::lock_guard lock(mutex_);
  auto known = segments_.find(number);
  return known == segments_.end() || !known->second->is_suspect_;
}

void DirectSegments::listed(const std::vector<SegmentState>& segments) {
  std::lock_guard lock(mutex_);
  if (segments_.empty()) return;
  for (const SegmentState& state : segments) {
    auto known = segments_.find(state.file_number);
    if (known == segments_.end()) continue;
    DirectSegment& segment = *known->second;
    segment.listed_bytes_ = state.bytes;  // more when a checkpoint wrote behind it
    bool whole = segment.is_closed_ && state.bytes >= segment.bytes_;
    if (whole && !segment.is_suspect_) segments_.erase(known);
  }
}

bool DirectSegments::is_finished(std::uint64_t number, std::uint64_t bytes_listed) {
  std::lock_guard lock(mutex_);
  if (auto known = segments_.find(number); known != segments_.end()) {
    DirectSegment& segment = *known->second;
    if (segment.is_writing_) return false;
    segment.is_closed_ = true;
    if (bytes_listed < segment.bytes_) return false;
    segments_.erase(known);
  }
  // A removed file that somebody has open keeps its room, and on a full disk nothing is written
  // that would end the run.
  for (auto& [partition, run] : runs_) {
    if (run.segment && run.segment->number() == number) run.segment = nullptr;
  }
  return true;
}

std::vector<std::shared_ptr<DirectSegment>> DirectSegments::forget(PartitionId partition) {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<DirectSegment>> forgotten;
  std::erase_if(segments_, [&](auto& entry) {
    if (entry.second->partition() != partition || entry.second->is_writing_) return false;
    entry.second->is_closed_ = true;
    forgotten.push_back(std::move(entry.second));
    return true;
  });
  auto run = runs_.find(partition);
  bool is_writing = run != runs_.end() && run->second.segment && run->second.segment->is_writing_;
  if (run != runs_.end() && !is_writing) runs_.erase(run);
  return forgotten;
}

std::vector<std::string> DirectSegments::paths() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  for (const auto& [number, segment] : segments_) paths.push_back(segment->path());
  return paths;
}

}  // namespace millrace

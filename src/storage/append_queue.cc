#include "storage/append_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/rare.h"

namespace millrace {
namespace {

// So many that stay are looked at for a group. Who is behind them waits as if it were large.
constexpr std::size_t kStayingMax = 1000;

// In the journal: of what stands in a segment that is next to nothing.
std::size_t journal_bytes(const Append& append) {
  std::size_t bytes = 0;
  for (const JournalFrame& frame : append.frames) bytes += frame.direct ? 0 : frame.batch.size();
  return bytes;
}

// A direct write had it: what of it stands in no segment goes to the journal.
bool was_written(const Append& append) {
  return std::ranges::any_of(append.frames,
                             [](const JournalFrame& frame) { return frame.direct != nullptr; });
}

}  // namespace

void AppendQueue::add(std::vector<WaitingAppend> appends) {
  std::ranges::move(appends, std::back_inserter(waiting_));
}

// A partition of which something is left to the journal offers nothing, neither behind that nor in
// front of it, until that has gone: it would come to lie between two batches of one file. What was
// written is never behind the group's worth that is looked at: it was in it before.
std::vector<JournalFrame*> AppendQueue::candidates() {
  std::vector<JournalFrame*> frames;
  Partitions left;
  std::size_t bytes = 0;
  for (WaitingAppend& waiting : waiting_) {
    if (bytes >= limits_.group_bytes_max) break;
    if (waiting.append->of_checkpoint) continue;
    const bool is_written = was_written(*waiting.append);
    if (!is_written) bytes += waiting.append->bytes();
    for (JournalFrame& frame : waiting.append->frames) {
      if (!is_written) frames.push_back(&frame);
      if (is_written && !frame.direct) left.insert(frame.partition);
    }
  }
  std::erase_if(frames, [&](const JournalFrame* frame) { return left.contains(frame->partition); });
  return frames;
}

bool AppendQueue::must_stay(const Append& append, const Partitions& blocked) const {
  // What a checkpoint writes again has its place in its partition already.
  if (append.of_checkpoint || (blocked.empty() && held_.empty())) return false;
  const bool may_be_held = !was_written(append);
  return std::ranges::any_of(append.frames, [&](const JournalFrame& frame) {
    return blocked.contains(frame.partition) || (may_be_held && held_.contains(frame.partition));
  });
}

std::size_t AppendQueue::large_bytes_max(MonotonicTime now) const {
  const bool do_come = has_small_come_ && now - small_came_ < Duration(limits_.small_last).count();
  return do_come ? limits_.large_share_bytes : limits_.group_bytes_max;
}

std::vector<WaitingAppend> AppendQueue::take(MonotonicTime now) {
  std::vector<WaitingAppend> group;
  std::vector<WaitingAppend> staying;
  Partitions blocked;
  std::size_t bytes = 0;
  std::size_t large_bytes = 0;
  const std::size_t large_max = large_bytes_max(now);
  while (!waiting_.empty() && bytes < limits_.group_bytes_max && staying.size() < kStayingMax) {
    WaitingAppend next = std::move(waiting_.front());
    waiting_.pop_front();
    const Append& append = *next.append;
    const std::size_t size = journal_bytes(append);
    const bool is_large = size > limits_.small_append_bytes && !append.of_checkpoint;
    if (must_stay(append, blocked) || (is_large && large_bytes >= large_max)) {
      for (const JournalFrame& frame : append.frames) blocked.insert(frame.partition);
      staying.push_back(std::move(next));
      continue;
    }
    if (!staying.empty()) RARE("an append goes before one that came earlier");
    bytes += size;
    if (is_large) large_bytes += size;
    if (!append.of_checkpoint && append.bytes() <= limits_.small_append_bytes) {
      has_small_come_ = true;
      small_came_ = now;
    }
    group.push_back(std::move(next));
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(staying.begin()),
                  std::make_move_iterator(staying.end()));
  return group;
}

std::vector<WaitingAppend> AppendQueue::take_all() {
  std::vector<WaitingAppend> all;
  std::ranges::move(waiting_, std::back_inserter(all));
  waiting_.clear();
  return all;
}

std::vector<WaitingAppend> AppendQueue::take_of_checkpoint() {
  std::vector<WaitingAppend> taken;
  for (WaitingAppend& waiting : waiting_) {
    if (waiting.append->of_checkpoint) taken.push_back(std::move(waiting));
  }
  std::erase_if(waiting_, [](const WaitingAppend& waiting) { return !waiting.append; });
  return taken;
}

}  // namespace millrace

// What a connection holds of the memory that all share: receive buffers, requests, unsent answers.
#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/pinned.h"
#include "protocols/kafka/session.h"
#include "protocols/kafka/wire/reader.h"

namespace millrace::kafka {
namespace {

// What a request takes as objects for each byte of its frame: records stay where they are, all else
// is strings and arrays. The decoder refuses what takes more than its limit.
constexpr std::size_t kDecodedFactor = 8;
// Those that wait for memory for a large request each have a buffer with its beginning. Together
// they may hold this part of all memory, so that what the first of them waits for can come.
constexpr std::uint64_t kWaitingPart = 4;
constexpr std::size_t kAnswerBytes = 256;

}  // namespace

std::size_t Session::decoded_bytes(std::int16_t api_key, std::size_t frame_bytes) const {
  if (api_key == static_cast<std::int16_t>(ApiKey::produce)) return 0;
  return std::min(frame_bytes * kDecodedFactor, kDecodeMemoryBytesMax);
}

// Before a request starts. How large its answer is shows when it is there; fetch asks for more.
std::size_t Session::first_answer_bytes(const Command&) const { return kAnswerBytes; }

bool Session::may_reuse_buffer() const {
  return receive_ && receive_.use_count() == 1 && receive_->buffer.unique() &&
         receive_->buffer->capacity() <= limits_.read_bytes;
}

// Another buffer for what was read and what is to come.
Task<bool> Session::grow_buffer(std::size_t capacity, std::size_t cost) {
  const MemoryUse use = cost > limits_.read_bytes ? MemoryUse::large : MemoryUse::ordinary;
  auto next = std::make_shared<ReceiveBuffer>(MemoryLease(memory_));
  if (!next->lease.try_grow(cost, use)) {
    bool granted = co_await wait_for_memory(cost, use);
    if (!granted) co_return false;
    next->lease.adopt(cost);
  }
  next->buffer = Buffer::allocate(capacity);
  const std::size_t have = end_ - begin_;
  if (have > 0) std::memcpy(next->buffer->data(), receive_->buffer->data() + begin_, have);
  receive_ = std::move(next);
  begin_ = 0;
  end_ = have;
  co_return true;
}

// To what is not handled yet: it may wait for long. Only while nobody reads into it.
void Session::shrink_buffer() {
  const std::size_t have = end_ - begin_;
  if (!receive_ || have == 0 || have > receive_->buffer->capacity() / 2) return;
  auto next = std::make_shared<ReceiveBuffer>(MemoryLease(memory_, have));
  next->buffer = Buffer::allocate(have);
  std::memcpy(next->buffer->data(), receive_->buffer->data() + begin_, have);
  receive_ = std::move(next);
  begin_ = 0;
  end_ = have;
}

Task<bool> Session::wait_for_memory(std::size_t bytes, MemoryUse use) {
  const MemoryBudget& budget = memory_.budget();
  if (use == MemoryUse::large &&
      (budget.waiting_for_large() + 1) * limits_.read_bytes > budget.bytes_max() / kWaitingPart) {
    ++connection_.stats.closed_for_memory;
    log_warning("kafka", "{}: closed: a request that needs {} bytes, and {} such wait already",
                socket_->peer(), bytes, budget.waiting_for_large());
    co_return false;
  }
  flush();
  if (broken_) co_return false;
  memory_wait_ = memory_.wait(bytes, use);
  auto turn = memory_wait_->future();
  bool granted = co_await turn;
  memory_wait_.reset();
  if (granted && broken_) {
    memory_.give(bytes);
    granted = false;
  }
  co_return granted;
}

// The socket takes no more for now.
void Session::hold_unsent() {
  if (!still_) still_ = Still{broker().core().now(), moved_bytes_, frames_};
  if (memory_.budget().is_short()) return slim();
  if (outbox_sent_ > outbox_.size() / 2) {
    outbox_ = without_front(outbox_, std::exchange(outbox_sent_, 0));
  }
  count_outbox(pinned_bytes(outbox_));
}

void Session::slim() {
  if (runs_one_) shrink_buffer();
  if (!writing_) return;
  outbox_ = slimmed(outbox_, std::exchange(outbox_sent_, 0));
  count_outbox(pinned_bytes(outbox_));
}

void Session::count_outbox(std::size_t cost) {
  unsent_lease_.set(unsent_lease_.bytes() - std::exchange(outbox_cost_, cost) + cost);
}

std::optional<MonotonicTime> Session::unmoving_since(bool also_waiting) {
  if (broken_) return std::nullopt;
  const bool holds_up = writing_ || reads_frame_ || (also_waiting && memory_wait_);
  if (!holds_up) {
    still_.reset();
    return std::nullopt;
  }
  const MonotonicTime now = broker().core().now();
  if (!still_ || moved_bytes_ - still_->moved_bytes >= limits_.progress_bytes ||
      frames_ != still_->frames) {
    still_ = Still{now, moved_bytes_, frames_};
  }
  if (Duration(now - still_->since) < limits_.stalled_max) return std::nullopt;
  return still_->since;
}

std::size_t Session::held_bytes() const {
  return connection_lease_.bytes() + unsent_lease_.bytes() +
         (receive_ ? receive_->lease.bytes() : 0);
}

void Session::close_for_memory() {
  ++connection_.stats.closed_for_memory;
  close();
}

}  // namespace millrace::kafka

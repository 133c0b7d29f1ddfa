// What a connection holds of the memory that all share: contents that come in, what is published
// and not durable yet, what the client does not take.
#include <algorithm>

#include "base/pinned.h"
#include "protocols/amqp/connection.h"

namespace millrace::amqp {
namespace {

// The connection itself with its socket and task; kernel buffers come on top.
constexpr std::size_t kConnectionBytes = 8 << 10;

}  // namespace

void Connection::count_read(std::size_t bytes) {
  end_ += bytes;
  turn_bytes_ += bytes;
  moved_bytes_ += bytes;
  read_ = true;
}

void Connection::count_contents(Channel& channel, std::size_t bytes) {
  contents_bytes_ += bytes - channel.contents_bytes;
  channel.contents_bytes = bytes;
}

void Connection::count_memory() {
  std::size_t bytes = kConnectionBytes + contents_bytes_ + publishing_bytes_ + outbox_cost_;
  if (buffer_) bytes += buffer_->capacity();
  if (publication_) bytes += publication_->bytes();
  bytes += unacked_ * sizeof(Unacked);
  lease_.set(bytes);
}

// What was read is counted and not asked for; who holds much asks before it reads on.
Task<void> Connection::wait_for_memory() {
  count_memory();
  MemoryShare& share = broker_.memory();
  const std::size_t much = kConnectionBytes + 2 * limits_.read_bytes;
  if (lease_.bytes() <= much || !share.budget().is_short()) co_return;
  memory_wait_ = share.wait(limits_.read_bytes, MemoryUse::large);
  auto turn = memory_wait_->future();
  const bool granted = co_await turn;
  memory_wait_.reset();
  if (granted) share.give(limits_.read_bytes);
}

// The socket takes no more for now.
void Connection::hold_unsent() {
  if (broker_.memory().budget().is_short()) return slim();
  if (outbox_sent_ > outbox_.size() / 2) {
    outbox_ = without_front(outbox_, std::exchange(outbox_sent_, 0));
  }
  outbox_cost_ = pinned_bytes(outbox_);
  count_memory();
}

void Connection::slim() {
  if (!writing_) return;
  outbox_ = slimmed(outbox_, std::exchange(outbox_sent_, 0));
  outbox_cost_ = pinned_bytes(outbox_);
  count_memory();
}

std::optional<MonotonicTime> Connection::unmoving_since(bool also_waiting) {
  if (broken_) return std::nullopt;
  const bool holds_up = writing_ || contents_bytes_ > 0 || (also_waiting && memory_wait_);
  if (!holds_up) {
    still_.reset();
    return std::nullopt;
  }
  const MonotonicTime now = broker_.core().now();
  if (!still_ || moved_bytes_ - still_->moved_bytes >= limits_.progress_bytes) {
    still_ = Still{now, moved_bytes_};
  }
  if (Duration(now - still_->since) < limits_.stalled_max) return std::nullopt;
  return still_->since;
}

void Connection::close_for_memory() {
  stats_.closed_for_memory.add();
  close();
}

}  // namespace millrace::amqp

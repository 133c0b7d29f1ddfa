#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "runtime/sim/sim_net.h"

namespace millrace {
namespace {

std::unexpected<Error> broken() {
  return fail(ErrorCode::connection_broken, "the simulated connection broke");
}

constexpr unsigned kShortReadPercent = 20;
constexpr unsigned kShortWritePercent = 20;
constexpr unsigned kSplitPercent = 30;

}  // namespace

bool SimConnection::can_read(const End& end) const {
  return state_ == State::broken || end.closed || !end.arrived.empty() || end.peer_ended;
}

bool SimConnection::can_write(int end) const {
  const End& peer = ends_[1 - end];
  return state_ == State::broken || ends_[end].closed || ends_[end].peer_ended ||
         peer.unread < options_.pipe_bytes_max;
}

void SimConnection::wake(End& end, std::vector<Work>& waiting) {
  for (Work& work : std::exchange(waiting, {})) end.core->post(std::move(work));
}

void SimConnection::wake_all(End& end) {
  wake(end, end.waiting_readable);
  wake(end, end.waiting_writable);
}

Result<std::size_t> SimConnection::try_read(int number, MutableByteView space) {
  ASSERT(!space.empty());
  End& end = ends_[number];
  if (state_ == State::broken || end.closed) return broken();
  if (end.arrived.empty()) {
    return fail(end.peer_ended ? ErrorCode::end_of_stream : ErrorCode::would_block);
  }
  std::size_t count = std::min(space.size(), end.arrived.size());
  if (scheduler_.random().percent(kShortReadPercent)) {
    count = 1 + scheduler_.random().below(count);
  }
  std::copy_n(end.arrived.begin(), count, space.begin());
  end.arrived.erase(end.arrived.begin(), end.arrived.begin() + static_cast<std::ptrdiff_t>(count));
  end.unread -= count;
  scheduler_.trace(count);
  End& peer = ends_[1 - number];
  wake(peer, peer.waiting_writable);
  return count;
}

Result<std::size_t> SimConnection::try_write(int number, const ByteChain& parts, std::size_t skip) {
  ASSERT(skip < parts.size());
  End& end = ends_[number];
  End& peer = ends_[1 - number];
  // A peer that closed answers with a reset, which is known here once its end has arrived.
  if (state_ == State::broken || end.closed || end.peer_ended) return broken();
  if (peer.unread >= options_.pipe_bytes_max) return fail(ErrorCode::would_block);
  std::size_t count = std::min(parts.size() - skip, options_.pipe_bytes_max - peer.unread);
  if (scheduler_.random().percent(kShortWritePercent)) {
    count = 1 + scheduler_.random().below(count);
  }
  std::vector<std::uint8_t> bytes;
  bytes.reserve(count);
  for (const Bytes& part : parts.parts()) {
    if (bytes.size() == count) break;
    if (skip >= part.size()) {
      skip -= part.size();
      continue;
    }
    const std::size_t take = std::min(count - bytes.size(), part.size() - skip);
    bytes.insert(bytes.end(), part.data() + skip, part.data() + skip + take);
    skip = 0;
  }
  ASSERT(bytes.size() == count);
  peer.unread += count;
  scheduler_.trace(count);
  while (bytes.size() > 1 && scheduler_.random().percent(kSplitPercent)) {
    const auto split = bytes.begin() +
                       static_cast<std::ptrdiff_t>(1 + scheduler_.random().below(bytes.size() - 1));
    deliver_later(1 - number, {bytes.begin(), split}, false);
    bytes.erase(bytes.begin(), split);
  }
  deliver_later(1 - number, std::move(bytes), false);
  return count;
}

void SimConnection::deliver_later(int to, std::vector<std::uint8_t> bytes, bool is_end) {
  const auto delay = static_cast<std::int64_t>(
      scheduler_.random().below(static_cast<std::uint64_t>(options_.delay_max.count()) + 1));
  End& end = ends_[to];
  end.last_arrival = std::max(end.last_arrival, scheduler_.now() + delay);
  scheduler_.at(end.last_arrival,
                [self = shared_from_this(), to, bytes = std::move(bytes), is_end] {
                  End& end = self->ends_[to];
                  if (self->silent_ || self->state_ == State::broken || end.closed) return;
                  end.arrived.insert(end.arrived.end(), bytes.begin(), bytes.end());
                  if (is_end) end.peer_ended = true;
                  self->wake(end, end.waiting_readable);
                  if (is_end) self->wake(end, end.waiting_writable);
                });
}

void SimConnection::when_readable(int number, Work work) {
  End& end = ends_[number];
  if (can_read(end)) return end.core->post(std::move(work));
  end.waiting_readable.push_back(std::move(work));
}

void SimConnection::when_writable(int number, Work work) {
  End& end = ends_[number];
  if (can_write(number)) return end.core->post(std::move(work));
  end.waiting_writable.push_back(std::move(work));
}

void SimConnection::close(int number) {
  End& end = ends_[number];
  if (std::exchange(end.closed, true)) return;
  if (end.core) wake_all(end);
  if (state_ == State::open) deliver_later(1 - number, {}, true);
}

void SimConnection::break_off() {
  if (std::exchange(state_, State::broken) == State::broken) return;
  for (End& end : ends_) {
    if (end.core) wake_all(end);
  }
}

}  // namespace millrace

#include "protocols/kafka/session.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/pinned.h"
#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/api_versions.h"
#include "record/endian.h"

namespace millrace::kafka {
namespace {

// The session itself with its socket and task; kernel buffers come on top. Measured: 2.9 KB.
constexpr std::size_t kConnectionBytes = 4 << 10;
// A request that is a small part of its receive buffer is copied out of it, or it would keep the
// whole alive for as long as it takes.
constexpr std::size_t kCopyBelowFraction = 4;

}  // namespace

Session::Session(std::unique_ptr<Socket> socket, BrokerCore& broker, const Endpoint& endpoint,
                 FetchSessions& fetch_sessions, KafkaStats& stats, const SessionLimits& limits)
    : socket_(std::move(socket)),
      limits_(limits),
      connection_{broker, endpoint, fetch_sessions, stats, limits_, ""},
      memory_(broker.memory()),
      frame_bytes_max_(
          std::min<std::uint64_t>(limits.frame_bytes_max, memory_.budget().one_use_bytes_max())),
      connection_lease_(memory_, kConnectionBytes),
      unsent_lease_(memory_) {
  std::string peer = socket_->peer();
  connection_.peer_host = peer.substr(0, peer.rfind(':'));
}

Task<void> Session::serve(std::shared_ptr<Session> session) {
  for (;;) {
    bool more = co_await session->read_more();
    if (!more) break;
    if (session->turn_bytes_ >= session->limits_.turn_bytes_max) {
      session->turn_bytes_ = 0;
      co_await Yield{session->broker().core()};
    }
    bool goes_on = co_await session->handle_frames();
    if (!goes_on) break;
  }
  session->flush();
  session->connection_.fetch_sessions.close_all(&session->connection_);
  session->break_off();
}

void Session::close() {
  socket_->close();
  if (memory_wait_) memory_wait_->cancel();
}

void Session::break_off() {
  broken_ = true;
  close();
  outbox_.clear();
  outbox_sent_ = 0;
  count_outbox(0);
  progress();
}

Task<bool> Session::read_more() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (!may_reuse_buffer()) receive_.reset();
    // The next request may be there already. Otherwise nothing is half read: wait without holding a
    // buffer, so that an idle connection costs little.
    if (receive_) {
      auto count = socket_->try_read({receive_->buffer->data(), receive_->buffer->capacity()});
      if (count) {
        count_read(*count);
        co_return true;
      }
      if (count.error().code != ErrorCode::would_block) co_return false;
      receive_.reset();
    }
    co_await readable(*socket_);
  }
  if (!receive_) {
    bool grown = co_await grow_buffer(limits_.read_bytes, limits_.read_bytes);
    if (!grown) co_return false;
  }
  std::size_t have = end_ - begin_;
  std::size_t frame = 0;
  std::size_t cost = limits_.read_bytes;
  // With the API's key comes what the frame may cost.
  if (have >= kFrameLengthBytes + sizeof(std::int16_t)) {
    const std::uint8_t* data = receive_->buffer->data() + begin_;
    frame = kFrameLengthBytes + static_cast<std::size_t>(load_big_endian<std::uint32_t>(data));
    if (frame > limits_.read_bytes) {
      auto key = load_big_endian<std::int16_t>(data + kFrameLengthBytes);
      cost = std::min<std::uint64_t>(frame + decoded_bytes(key, frame),
                                     memory_.budget().one_use_bytes_max());
    }
  }
  // Space for the rest of the frame, and for more than a sliver of the next ones.
  constexpr std::size_t kSliver = 4096;
  std::size_t capacity = receive_->buffer->capacity();
  bool fits = begin_ + frame <= capacity && capacity - end_ >= kSliver;
  if (frame > have && begin_ + frame <= capacity) fits = true;
  if (!fits) {
    bool grown = co_await grow_buffer(std::max(limits_.read_bytes, frame), cost);
    if (!grown) co_return false;
  }
  Buffer* buffer = receive_->buffer.get();
  reads_frame_ = have > 0;
  auto count = co_await read_some(*socket_, {buffer->data() + end_, buffer->capacity() - end_});
  reads_frame_ = false;
  if (!count) co_return false;
  count_read(*count);
  co_return true;
}

void Session::count_read(std::size_t bytes) {
  end_ += bytes;
  turn_bytes_ += bytes;
  moved_bytes_ += bytes;
  moved_ = true;
}

Task<bool> Session::handle_frames() {
  while (end_ - begin_ >= kFrameLengthBytes) {
    auto size = load_big_endian<std::int32_t>(receive_->buffer->data() + begin_);
    if (size < static_cast<std::int32_t>(kRequestHeaderBytesMin) ||
        static_cast<std::size_t>(size) > frame_bytes_max_) {
      log_warning("kafka", "{}: closed: a request of {} bytes; it must have {} to {}",
                  socket_->peer(), size, kRequestHeaderBytesMin, frame_bytes_max_);
      co_return false;
    }
    std::size_t whole = kFrameLengthBytes + static_cast<std::size_t>(size);
    if (end_ - begin_ < whole) break;
    Bytes frame(receive_->buffer, begin_ + kFrameLengthBytes, static_cast<std::size_t>(size));
    begin_ += whole;
    ++frames_;
    bool goes_on = co_await handle_frame(std::move(frame));
    if (!goes_on || broken_) co_return false;
  }
  flush();
  co_return !broken_;
}

Task<bool> Session::handle_frame(Bytes frame) {
  const MonotonicTime begun = broker().core().now();
  Reader reader(frame);
  auto header = decode_request_header(reader);
  if (!header) {
    log_warning("kafka", "{}: closed: {}", socket_->peer(), header.error().message());
    co_return false;
  }
  const Command* command = find_command(header->key);
  if (!command || !header->api->served.contains(header->version)) {
    if (header->key == static_cast<std::int16_t>(ApiKey::api_versions)) {
      refuse_version(*header);
      co_return true;
    }
    if (command) {
      // A version that was never offered: Kafka's broker closes the connection as well.
      log_warning("kafka", "{}: closed: version {} of {} is not served, {} to {} are",
                  socket_->peer(), header->version, header->api->name, header->api->served.min,
                  header->api->served.max);
    } else {
      log_warning("kafka", "{}: closed: API {} is not served", socket_->peer(), header->key);
    }
    co_return false;
  }
  // The names are literals.
  broker().core().doing(
      header->api->name.data());  // NOLINT(bugprone-suspicious-stringview-data-usage)
  co_await wait_for_room();
  if (command->pipelined && !broker().has_room(frame.size())) {
    flush();
    waits_for_disk_ = true;
    co_await broker().room(frame.size());
    waits_for_disk_ = false;
  }
  if (broken_) co_return false;
  Bytes body = frame.slice(reader.position(), reader.remaining());
  RequestMemory memory{receive_, MemoryLease(memory_), MemoryLease(memory_)};
  const std::size_t first = first_answer_bytes(*command);
  std::size_t bytes = first;
  if (body.size() * kCopyBelowFraction < body.owner_capacity()) {
    body = Bytes::copy_of(body.view());
    memory.received.reset();
    bytes += body.size();
  }
  // A large one has this in the lease of its buffer.
  if (body.size() <= limits_.read_bytes) bytes += decoded_bytes(header->key, body.size());
  bytes = std::min<std::uint64_t>(bytes, memory_.budget().one_use_bytes_max());
  reader = Reader(Bytes{});
  frame = {};
  // It may take long: the next read finds a buffer when it comes to it.
  if (!command->pipelined && begin_ == end_ && may_reuse_buffer()) receive_.reset();
  if (!memory.request.try_grow(bytes, MemoryUse::ordinary)) {
    bool granted = co_await wait_for_memory(bytes, MemoryUse::ordinary);
    if (!granted) co_return false;
    memory.request.adopt(bytes);
  }
  memory.answer = memory.request.split(first);
  Context context{connection_, header->version, std::move(header->client_id).value_or("")};
  std::uint64_t slot = open_slot();
  if (command->pipelined) {
    broker().core().spawn(
        "kafka request",
        run_pipelined(shared_from_this(), command, std::move(context), header->correlation_id,
                      std::move(body), std::move(memory), slot, begun));
    co_return true;
  }
  context.answer_memory = &memory.answer;
  // What is done already need not wait for this one.
  flush();
  RequestWatch watch(connection_.stats, broker().core(), header->key, begun);
  if (memory_.budget().is_short()) shrink_buffer();
  runs_one_ = true;
  auto response =
      co_await command->run(std::move(context), header->correlation_id, std::move(body));
  runs_one_ = false;
  if (!response) {
    log_warning("kafka", "{}: closed: {}", socket_->peer(), response.error().message());
    co_return false;
  }
  watch.answered();
  memory.answer.set(0);
  fill_slot(slot, std::move(*response));
  co_return true;
}

Task<void> Session::run_pipelined(std::shared_ptr<Session> self, const Command* command,
                                  Context context, std::int32_t correlation_id, Bytes body,
                                  RequestMemory, std::uint64_t slot, MonotonicTime begun) {
  RequestWatch watch(self->connection_.stats, self->broker().core(),
                     static_cast<std::int16_t>(command->key), begun);
  auto response = co_await command->run(std::move(context), correlation_id, std::move(body));
  if (response) {
    watch.answered();
    self->fill_slot(slot, std::move(*response));
    self->flush_soon();
  } else {
    log_warning("kafka", "{}: closed: {}", self->socket_->peer(), response.error().message());
    self->break_off();
  }
}

// An ApiVersions request newer than ours: answered in version 0, which every client reads, with
// what it may ask for.
void Session::refuse_version(const RequestHeader& header) {
  ApiVersionsResponse response;
  response.error_code = kafka_error_code(ErrorCode::unsupported_version);
  auto key = static_cast<std::int16_t>(ApiKey::api_versions);
  VersionRange range = find_api(key)->advertised;
  response.api_keys.push_back({.api_key = key, .min_version = range.min, .max_version = range.max});
  ++connection_.stats.of(key).errors[response.error_code];
  fill_slot(open_slot(), encode_response(header.correlation_id, response, 0));
}

bool Session::has_room() const {
  if (slots_.size() >= limits_.in_flight_max) return false;
  const std::size_t unsent = outbox_.size() - outbox_sent_ + slot_bytes_;
  // While memory is short nobody gets an answer who does not take those that are there.
  if (unsent > 0 && memory_.budget().is_short()) return false;
  return unsent <= limits_.outbox_bytes_max;
}

Task<void> Session::wait_for_room() {
  while (!broken_ && !has_room()) {
    flush();
    if (has_room()) break;
    room_.emplace(broker().core());
    auto waiting = room_->future();
    co_await waiting;
  }
}

std::uint32_t Session::look_for_life() {
  const bool is_still = !moved_ && slots_.empty() && !waits_for_disk_ && !memory_wait_;
  still_looks_ = is_still ? still_looks_ + 1 : 0;
  moved_ = false;
  return still_looks_;
}

void Session::progress() {
  if (room_) std::exchange(room_, std::nullopt)->set(true);
}

std::uint64_t Session::open_slot() {
  slots_.emplace_back();
  return first_slot_ + slots_.size() - 1;
}

void Session::fill_slot(std::uint64_t slot, ByteChain response) {
  ASSERT(slot >= first_slot_ && slot - first_slot_ < slots_.size());
  Slot& filled = slots_[slot - first_slot_];
  filled.cost = response.size();
  slot_bytes_ += response.size();
  unsent_lease_.set(unsent_lease_.bytes() + filled.cost);
  filled.response = std::move(response);
  while (!slots_.empty() && slots_.front().response) {
    slot_bytes_ -= slots_.front().response->size();
    outbox_cost_ += slots_.front().cost;
    outbox_.append(std::move(*slots_.front().response));
    slots_.pop_front();
    ++first_slot_;
  }
  progress();
}

// Several responses that become ready in one turn of the loop leave together.
void Session::flush_soon() {
  if (flush_posted_) return;
  flush_posted_ = true;
  broker().core().post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Session::flush() {
  while (!writing_ && !broken_ && outbox_sent_ < outbox_.size()) {
    auto count = socket_->try_write(outbox_, outbox_sent_);
    if (count) {
      outbox_sent_ += *count;
      moved_ = true;
      moved_bytes_ += *count;
    } else if (count.error().code == ErrorCode::would_block) {
      writing_ = true;
      hold_unsent();
      socket_->when_writable([self = shared_from_this()] {
        self->writing_ = false;
        self->flush();
      });
      return;
    } else {
      break_off();
    }
  }
  if (outbox_sent_ > 0 && outbox_sent_ == outbox_.size()) {
    outbox_.clear();
    outbox_sent_ = 0;
    count_outbox(0);
    still_.reset();
  }
  progress();
}

}  // namespace millrace::kafka

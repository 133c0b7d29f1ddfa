#include "protocols/kafka/session.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/api_versions.h"
#include "record/endian.h"

namespace millrace::kafka {

Session::Session(std::unique_ptr<Socket> socket, BrokerCore& broker, const Endpoint& endpoint,
                 FetchSessions& fetch_sessions, KafkaStats& stats, const SessionLimits& limits)
    : socket_(std::move(socket)),
      limits_(limits),
      connection_{broker, endpoint, fetch_sessions, stats, limits_, ""} {
  std::string peer = socket_->peer();
  connection_.peer_host = peer.substr(0, peer.rfind(':'));
}

Task<void> Session::serve(std::shared_ptr<Session> session) {
  for (;;) {
    bool more = co_await session->read_more();
    if (!more) break;
    bool goes_on = co_await session->handle_frames();
    if (!goes_on) break;
  }
  session->flush();
  session->connection_.fetch_sessions.close_all(&session->connection_);
  session->broken_ = true;
  session->socket_->close();
  session->progress();
}

Task<bool> Session::read_more() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (!buffer_.unique()) buffer_ = {};
    // The next request may be there already. Otherwise nothing is half read: wait without holding a
    // buffer, so that an idle connection costs little.
    if (buffer_) {
      auto count = socket_->try_read({buffer_->data(), buffer_->capacity()});
      if (count) {
        end_ = *count;
        moved_ = true;
        co_return true;
      }
      if (count.error().code != ErrorCode::would_block) co_return false;
      buffer_ = {};
    }
    co_await readable(*socket_);
  }
  if (!buffer_) buffer_ = Buffer::allocate(limits_.read_bytes);
  std::size_t have = end_ - begin_;
  std::size_t frame = 0;
  if (have >= kFrameLengthBytes) {
    frame = kFrameLengthBytes +
            static_cast<std::size_t>(load_big_endian<std::uint32_t>(buffer_->data() + begin_));
  }
  // Space for the rest of the frame, and for more than a sliver of the next ones.
  constexpr std::size_t kSliver = 4096;
  bool fits = begin_ + frame <= buffer_->capacity() && buffer_->capacity() - end_ >= kSliver;
  if (frame > have && begin_ + frame <= buffer_->capacity()) fits = true;
  if (!fits) {
    BufferRef next = Buffer::allocate(std::max(limits_.read_bytes, frame));
    std::memcpy(next->data(), buffer_->data() + begin_, have);
    buffer_ = std::move(next);
    begin_ = 0;
    end_ = have;
  }
  auto count = co_await read_some(*socket_, {buffer_->data() + end_, buffer_->capacity() - end_});
  if (!count) co_return false;
  end_ += *count;
  moved_ = true;
  co_return true;
}

Task<bool> Session::handle_frames() {
  while (end_ - begin_ >= kFrameLengthBytes) {
    auto size = load_big_endian<std::int32_t>(buffer_->data() + begin_);
    if (size < static_cast<std::int32_t>(kRequestHeaderBytesMin) ||
        static_cast<std::size_t>(size) > limits_.frame_bytes_max) {
      log_warning("kafka", "{}: closed: a request of {} bytes; it must have {} to {}",
                  socket_->peer(), size, kRequestHeaderBytesMin, limits_.frame_bytes_max);
      co_return false;
    }
    std::size_t whole = kFrameLengthBytes + static_cast<std::size_t>(size);
    if (end_ - begin_ < whole) break;
    Bytes frame(buffer_, begin_ + kFrameLengthBytes, static_cast<std::size_t>(size));
    begin_ += whole;
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
  if (command->pipelined && !broker().has_room()) {
    flush();
    waits_for_disk_ = true;
    co_await broker().room();
    waits_for_disk_ = false;
  }
  if (broken_) co_return false;
  Context context{connection_, header->version, std::move(header->client_id).value_or("")};
  Bytes body = frame.slice(reader.position(), reader.remaining());
  std::uint64_t slot = open_slot();
  if (command->pipelined) {
    broker().core().spawn("kafka request",
                          run_pipelined(shared_from_this(), command, std::move(context),
                                        header->correlation_id, std::move(body), slot, begun));
    co_return true;
  }
  // What is done already need not wait for this one.
  flush();
  RequestWatch watch(connection_.stats, broker().core(), header->key, begun);
  auto response =
      co_await command->run(std::move(context), header->correlation_id, std::move(body));
  if (!response) {
    log_warning("kafka", "{}: closed: {}", socket_->peer(), response.error().message());
    co_return false;
  }
  watch.answered();
  fill_slot(slot, std::move(*response));
  co_return true;
}

Task<void> Session::run_pipelined(std::shared_ptr<Session> self, const Command* command,
                                  Context context, std::int32_t correlation_id, Bytes body,
                                  std::uint64_t slot, MonotonicTime begun) {
  RequestWatch watch(self->connection_.stats, self->broker().core(),
                     static_cast<std::int16_t>(command->key), begun);
  auto response = co_await command->run(std::move(context), correlation_id, std::move(body));
  if (response) {
    watch.answered();
    self->fill_slot(slot, std::move(*response));
    self->flush_soon();
  } else {
    log_warning("kafka", "{}: closed: {}", self->socket_->peer(), response.error().message());
    self->broken_ = true;
    self->socket_->close();
    self->progress();
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

Task<void> Session::wait_for_room() {
  while (!broken_ && (slots_.size() >= limits_.in_flight_max ||
                      outbox_.size() - outbox_sent_ > limits_.outbox_bytes_max)) {
    flush();
    room_.emplace(broker().core());
    auto waiting = room_->future();
    co_await waiting;
  }
}

std::uint32_t Session::look_for_life() {
  const bool is_still = !moved_ && slots_.empty() && !waits_for_disk_;
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
  slots_[slot - first_slot_].response = std::move(response);
  while (!slots_.empty() && slots_.front().response) {
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
    } else if (count.error().code == ErrorCode::would_block) {
      writing_ = true;
      socket_->when_writable([self = shared_from_this()] {
        self->writing_ = false;
        self->flush();
      });
      return;
    } else {
      broken_ = true;
      socket_->close();
    }
  }
  if (outbox_sent_ == outbox_.size()) {
    outbox_.clear();
    outbox_sent_ = 0;
  }
  progress();
}

}  // namespace millrace::kafka

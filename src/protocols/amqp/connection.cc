#include "protocols/amqp/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "protocols/amqp/sink.h"

namespace millrace::amqp {

using namespace std::chrono_literals;

Connection::Connection(std::unique_ptr<Socket> socket, BrokerCore& broker, AmqpStats& stats,
                       ReplyConsumers& reply_consumers, const AmqpLimits& limits)
    : socket_(std::move(socket)),
      broker_(broker),
      stats_(stats),
      reply_consumers_(reply_consumers),
      limits_(limits),
      owner_(broker.queues().new_owner()),
      connected_at_(broker.broker_time()),
      lease_(broker.memory()) {
  count_memory();
}

std::unexpected<Connection::Failure> Connection::failure(const Error& error) {
  auto code = static_cast<ReplyCode>(amqp_reply_code(error.code));
  return failure(code, std::string(error.message()));
}

Task<void> Connection::serve(std::shared_ptr<Connection> connection) {
  connection->sink_ = std::make_shared<Sink>(connection, connection->broker_.core());
  auto deadline = connection->broker_.core().call_after(
      connection->limits_.handshake_max, [weak = std::weak_ptr(connection)] {
        auto self = weak.lock();
        if (!self || self->phase_ == Phase::running || self->phase_ == Phase::closing) return;
        log_warning("amqp", "{}: closed: it did not log in within {} s", self->socket_->peer(),
                    self->limits_.handshake_max / 1s);
        self->close();
      });
  for (;;) {
    bool more = co_await connection->read_more();
    if (!more) break;
    if (connection->turn_bytes_ >= connection->limits_.turn_bytes_max) {
      connection->turn_bytes_ = 0;
      co_await Yield{connection->broker_.core()};
    }
    bool goes_on = co_await connection->handle_frames();
    if (!goes_on) break;
  }
  connection->broker_.core().cancel(deadline);
  co_await connection->finish();
}

// Gives back what the client had, and ends what was its alone.
Task<void> Connection::finish() {
  publish_collected();
  settle_collected();
  phase_ = Phase::closing;
  if (heartbeat_timer_) broker_.core().cancel(*std::exchange(heartbeat_timer_, std::nullopt));
  co_await drop_all_channels();
  for (QueueId queue : std::exchange(exclusive_queues_, {})) {
    co_await queues().change(DeleteQueue{.owner = owner_, .id = queue});
  }
  flush();
  finishing_ = true;
  if (!writing_ || broken_) close();
}

void Connection::close() {
  broken_ = true;
  socket_->close();
  if (memory_wait_) memory_wait_->cancel();
  progress();
}

void Connection::end(ReplyCode code, std::string_view text) {
  if (phase_ == Phase::running) fail_connection({code, std::string(text)}, {});
  flush();
  finishing_ = true;
  if (!writing_) close();
}

Task<bool> Connection::read_more() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    // The next frames may be there already. Otherwise wait without holding a buffer, so that an
    // idle connection costs little.
    if (buffer_) {
      auto count = socket_->try_read({buffer_->data(), buffer_->capacity()});
      if (count) {
        count_read(*count);
        co_return true;
      }
      if (count.error().code != ErrorCode::would_block) co_return false;
      buffer_ = {};
    }
    if (out_.empty()) out_.shrink();
    count_memory();
    is_reading_ = true;
    co_await readable(*socket_);
    is_reading_ = false;
  }
  std::size_t have = end_ - begin_;
  std::size_t wanted = limits_.read_bytes;
  if (have >= kFrameHeaderBytes) {
    std::uint32_t size = load_number<std::uint32_t>(buffer_->data() + begin_ + 3);
    wanted = std::max(wanted, std::min<std::size_t>(size, frame_bytes_max_) + kFrameOverheadBytes);
  }
  if (!buffer_ || buffer_->capacity() - begin_ < wanted || buffer_->capacity() == end_) {
    BufferRef larger = Buffer::allocate(std::max(wanted, limits_.read_bytes));
    if (have > 0) std::memcpy(larger->data(), buffer_->data() + begin_, have);
    buffer_ = std::move(larger);
    begin_ = 0;
    end_ = have;
  }
  is_reading_ = true;
  auto count = co_await read_some(*socket_, {buffer_->data() + end_, buffer_->capacity() - end_});
  is_reading_ = false;
  if (!count) co_return false;
  count_read(*count);
  co_return true;
}

Task<bool> Connection::handle_frames() {
  if (phase_ == Phase::greeting) {
    auto greeting = parse_greeting({buffer_->data() + begin_, end_ - begin_});
    if (greeting == Greeting::incomplete) co_return true;
    if (greeting != Greeting::amqp_0_9_1) {
      out_.greeting();
      co_return false;
    }
    begin_ += kGreetingBytes;
    send_start();
    phase_ = Phase::start;
  }
  while (begin_ < end_ && !broken_) {
    auto frame = next_frame({buffer_->data() + begin_, end_ - begin_}, frame_bytes_max_);
    if (!frame) {
      fail_connection({ReplyCode::frame_error, std::string(frame.error().message())}, {});
      co_return false;
    }
    if (!*frame) break;
    begin_ += (*frame)->bytes;
    bool goes_on = co_await handle_frame(**frame);
    if (!goes_on) co_return false;
    if (must_wait_for_published()) co_await all_published();
    // Small frames may ask for much.
    if (!outbox_is_full()) continue;
    flush();
    bool has_room = co_await wait_for_room();
    if (!has_room) co_return false;
  }
  publish_collected();
  settle_collected();
  flush();
  grant_all();
  co_return co_await wait_for_room();
}

// Nothing is read while what was read before is not where it belongs.
Task<bool> Connection::wait_for_room() {
  // Once: a journal that takes nothing answers at once, and what is published then is refused.
  if (!broker_.has_room(limits_.read_bytes)) co_await broker_.room(limits_.read_bytes);
  co_await wait_for_memory();
  for (;;) {
    if (broken_) co_return false;
    std::size_t publishing = publishing_bytes_ + (publication_ ? publication_->bytes() : 0);
    if (!outbox_is_full() && publishing <= limits_.publishing_bytes_max) co_return true;
    room_.emplace(broker_.core());
    auto waiting = room_->future();
    co_await waiting;
  }
}

// As long as no message can be kept, whoever publishes is not read, and told so.
Task<void> Connection::wait_for_disk() {
  publish_collected();
  settle_collected();
  if (takes_blocked_) out_.method(0, ConnectionBlocked{.reason = "the disk is full, or fails"});
  log_info("amqp", "{}: blocked: it publishes, and the disk is full or fails", peer());
  flush();
  while (!broken_ && broker_.broker().store().refuses_appends()) {
    co_await sleep_for(broker_.core(), limits_.blocked_look);
  }
  if (takes_blocked_) out_.method(0, ConnectionUnblocked{});
  flush();
}

void Connection::progress() {
  if (room_) std::exchange(room_, std::nullopt)->set(true);
}

Channel* Connection::find_channel(std::uint16_t number) {
  auto found = channels_.find(number);
  return found == channels_.end() ? nullptr : found->second.get();
}

Task<bool> Connection::handle_frame(FrameView frame) {
  if (frame.type == FrameType::heartbeat) co_return true;
  if (frame.type == FrameType::method && frame.payload.size() < kMethodIdBytes) {
    fail_connection({ReplyCode::frame_error, "a method frame without a method"}, {});
    co_return false;
  }
  if (phase_ == Phase::closing) {
    bool is_answer =
        frame.type == FrameType::method && method_id(frame.payload) == ConnectionCloseOk::kId;
    co_return !is_answer;
  }
  if (frame.channel == 0) {
    if (frame.type != FrameType::method) {
      fail_connection({ReplyCode::unexpected_frame, "a content on channel 0"}, {});
      co_return false;
    }
    co_return co_await handle_connection_method(frame.payload);
  }
  // What is wrong with a content is the fault of the publish that it belongs to.
  const MethodId method =
      frame.type == FrameType::method ? method_id(frame.payload) : BasicPublish::kId;
  Done done;
  Channel* channel = find_channel(frame.channel);
  if (phase_ != Phase::running) {
    done = failure(ReplyCode::command_invalid, "a channel is used before connection.open");
  } else if (method == ChannelOpen::kId) {
    done = open_channel(frame.channel);
  } else if (!channel) {
    // The answer to our channel.close may cross the client's own.
    if (method == ChannelCloseOk::kId) co_return true;
    done = failure(ReplyCode::channel_error,
                   fmt::format("expected 'channel.open' on channel {}", frame.channel));
  } else if (channel->closing) {
    if (method == ChannelCloseOk::kId) {
      channels_.erase(frame.channel);
    } else if (method == ChannelClose::kId) {
      out_.method(frame.channel, ChannelCloseOk{});
      channels_.erase(frame.channel);
    }
    co_return true;
  } else if (frame.type == FrameType::header) {
    done = header(*channel, frame.payload);
  } else if (frame.type == FrameType::body) {
    done = body(*channel, frame.payload);
  } else if (channel->incoming.state != Incoming::State::none) {
    done = failure(ReplyCode::unexpected_frame, "a method where a content has to go on");
  } else if (method == BasicPublish::kId) {
    if (broker_.broker().store().refuses_appends()) co_await wait_for_disk();
    channel = find_channel(frame.channel);
    if (broken_ || !channel) co_return !broken_;
    auto decoded = decode<BasicPublish>(frame.payload);
    done = decoded ? publish(*channel, *decoded) : failure(decoded.error());
  } else {
    done = co_await handle_method(*channel, frame.payload);
    // It may have been closed while the method waited.
    channel = find_channel(frame.channel);
  }
  if (done) co_return !broken_;
  if (channel && reply_scope(done.error().code) == ReplyScope::channel) {
    fail_channel(*channel, done.error(), method);
    std::uint16_t number = frame.channel;
    co_await drop_channel(number);
    co_return !broken_;
  }
  fail_connection(done.error(), method);
  co_return true;  // until it has answered
}

Task<bool> Connection::handle_connection_method(ByteView payload) {
  const MethodId method = method_id(payload);
  Done done;
  if (method == ConnectionClose::kId) {
    publish_collected();
    settle_collected();
    co_await drop_all_channels();
    out_.method(0, ConnectionCloseOk{});
    co_return false;
  }
  if (method == ConnectionStartOk::kId && phase_ == Phase::start) {
    auto decoded = decode<ConnectionStartOk>(payload);
    done = decoded ? co_await start_ok(std::move(*decoded)) : failure(decoded.error());
    if (!done && phase_ == Phase::start && !closes_politely_) co_return false;
  } else if (method == ConnectionTuneOk::kId && phase_ == Phase::tune) {
    auto decoded = decode<ConnectionTuneOk>(payload);
    done = decoded ? tune_ok(*decoded) : failure(decoded.error());
  } else if (method == ConnectionOpen::kId && phase_ == Phase::open) {
    auto decoded = decode<ConnectionOpen>(payload);
    done = decoded ? open(*decoded) : failure(decoded.error());
  } else if (method == ConnectionUpdateSecret::kId && phase_ == Phase::running) {
    out_.method(0, ConnectionUpdateSecretOk{});
  } else if (method_name(method).empty()) {
    done = failure(ReplyCode::not_implemented, "there is no such method");
  } else {
    done = failure(ReplyCode::command_invalid,
                   fmt::format("unexpected method {}", method_name(method)));
  }
  if (done) co_return !broken_;
  fail_connection(done.error(), method);
  co_return true;
}

void Connection::fail_connection(const Failure& failure, MethodId method) {
  log_warning("amqp", "{}: closed: {} {}", socket_->peer(), reply_number(failure.code),
              failure.text);
  std::string text = reply_text(failure.code, failure.text);
  out_.method(0, ConnectionClose{.reply_code = reply_number(failure.code),
                                 .reply_text = text,
                                 .class_id = class_number(method),
                                 .method_id = method_number(method)});
  phase_ = Phase::closing;
  flush_soon();
  // Who does not answer is not waited for.
  broker_.core().call_after(limits_.handshake_max, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->close();
  });
}

void Connection::fail_channel(Channel& channel, const Failure& failure, MethodId method) {
  log_info("amqp", "{}: channel {} closed: {} {}", socket_->peer(), channel.number,
           reply_number(failure.code), failure.text);
  std::string text = reply_text(failure.code, failure.text);
  out_.method(channel.number, ChannelClose{.reply_code = reply_number(failure.code),
                                           .reply_text = text,
                                           .class_id = class_number(method),
                                           .method_id = method_number(method)});
  channel.closing = true;
  flush_soon();
}

// What it has is given back. When it was closed by us it stays until the client has answered.
Task<void> Connection::drop_channel(std::uint16_t number) {
  Channel* channel = find_channel(number);
  if (!channel) co_return;
  publish_collected();
  settle_collected();
  std::vector<std::pair<QueueId, HolderId>> holders;
  for (auto& [tag, consumer] : channel->consumers) {
    holders.emplace_back(consumer->queue->id, consumer->holder);
    by_holder_.erase(consumer->holder);
  }
  auto add_holder = [&](const Unacked& each) {
    std::pair holder(each.queue->id, each.holder);
    if (std::ranges::find(holders, holder) == holders.end()) holders.push_back(holder);
  };
  for (const Unacked& each : channel->unacked) add_holder(each);
  // What a transaction acknowledged that was never committed.
  for (const StagedJudgement& each : channel->staged_judgements) add_holder(each.delivery);
  channel->consumers.clear();
  end_replies(*channel);
  unacked_ -= channel->unacked.size();
  channel->unacked.clear();
  channel->staged_judgements.clear();
  channel->staged_publishes.clear();
  channel->incoming = {};
  count_contents(*channel, 0);
  channel->held.clear();
  std::set<QueueId> touched = std::move(channel->settled_in);
  for (auto [queue, holder] : holders) {
    queues().release(queue, holder);
    touched.insert(queue);
  }
  if (!channel->closing) channels_.erase(number);
  // What was acknowledged on it, and what it gives back, is durable before it is told to be closed.
  for (QueueId queue : touched) co_await queues().settled(queue);
}

// Also those whose close the client never answered.
Task<void> Connection::drop_all_channels() {
  while (!channels_.empty()) {
    const std::uint16_t number = channels_.begin()->first;
    co_await drop_channel(number);
    channels_.erase(number);
  }
}

void Connection::flush_soon() {
  if (flush_posted_) return;
  flush_posted_ = true;
  broker_.core().post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
    self->grant_all();
  });
}

void Connection::flush() {
  if (!out_.empty()) {
    if (writing_) outbox_cost_ += out_.size();
    outbox_.append(out_.take());
    count_memory();
  }
  while (!writing_ && !broken_ && outbox_sent_ < outbox_.size()) {
    auto count = socket_->try_write(outbox_, outbox_sent_);
    if (count) {
      outbox_sent_ += *count;
      moved_bytes_ += *count;
      wrote_ = true;
    } else if (count.error().code == ErrorCode::would_block) {
      writing_ = true;
      hold_unsent();
      socket_->when_writable([self = shared_from_this()] {
        self->writing_ = false;
        self->flush();
        self->grant_all();
      });
      return;
    } else {
      close();
    }
  }
  if (outbox_sent_ > 0 && outbox_sent_ == outbox_.size()) {
    outbox_.clear();
    outbox_sent_ = 0;
    outbox_cost_ = 0;
  }
  if (finishing_ && outbox_.empty() && !broken_) close();
  progress();
}

// Every half interval: something goes out when nothing did, and who has said nothing for two
// intervals is taken for gone.
void Connection::beat() {
  if (heartbeat_ == Duration(0) || broken_) return;
  heartbeat_timer_ = broker_.core().call_after(heartbeat_ / 2, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->broken_) return;
    self->heartbeat_timer_.reset();
    // Who is not listened to has not been silent.
    const bool spoke = std::exchange(self->read_, false) || !self->is_reading_;
    self->silent_ = spoke ? 0 : self->silent_ + 1;
    if (self->silent_ > 4) {
      log_warning("amqp", "{}: closed: it missed its heartbeats", self->socket_->peer());
      return self->close();
    }
    if (!std::exchange(self->wrote_, false)) {
      self->out_.heartbeat();
      self->flush();
      self->wrote_ = false;
    }
    self->beat();
  });
}

std::string Connection::where(std::string_view kind, std::string_view name) const {
  return fmt::format("{} '{}' in vhost '{}'", kind, name, tenant_);
}

}  // namespace millrace::amqp

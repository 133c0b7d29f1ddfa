#include "client/amqp_consumer.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "client/dial.h"
#include "protocols/amqp/wire/content_header.h"

namespace millrace::client {

using namespace amqp;

namespace {

constexpr std::uint16_t kChannel = 1;
constexpr std::uint64_t kBodyBytesMax = std::uint64_t{256} << 20;

int poll_ms(std::optional<Clock::time_point> until) {
  if (!until) return -1;
  const auto left = std::chrono::ceil<Milliseconds>(*until - Clock::now()).count();
  return static_cast<int>(std::clamp<Milliseconds::rep>(left, 0, 1 << 30));
}

Error closed_by(std::uint16_t code, std::string_view text) {
  constexpr std::uint16_t kNotFound = 404;
  constexpr std::uint16_t kAccessRefused = 403;
  if (code == kNotFound) return {ErrorCode::not_found, std::string(text)};
  if (code == kAccessRefused) return {ErrorCode::access_refused, std::string(text)};
  return {ErrorCode::connection_broken, fmt::format("the broker ended it: {}", text)};
}

}  // namespace

Result<std::unique_ptr<AmqpConsumer>> AmqpConsumer::open(AmqpOptions options) {
  std::unique_ptr<AmqpConsumer> consumer(new AmqpConsumer(std::move(options)));
  auto socket =
      dial(consumer->options_.address, consumer->options_.timeout, consumer->options_.option);
  if (!socket) return std::unexpected(socket.error());
  consumer->socket_ = *socket;
  TRY(consumer->log_in());
  TRY(consumer->consume());
  return consumer;
}

AmqpConsumer::~AmqpConsumer() {
  if (socket_ >= 0) ::close(socket_);
}

std::unexpected<Error> AmqpConsumer::broken(std::string_view why) const {
  return fail(ErrorCode::connection_broken,
              fmt::format("the connection to {} broke ({}): is it the AMQP listener? see {} "
                          "HOST:PORT",
                          options_.address.text(), why, options_.option));
}

Result<void> AmqpConsumer::log_in() {
  out_.greeting();
  TRY(wait_for(ConnectionStart::kId));
  using namespace std::string_literals;
  const std::string response = "\0"s + options_.user + "\0"s + options_.password;
  ValueTable capabilities{{"consumer_cancel_notify", Value(true)},
                          {"authentication_failure_close", Value(true)}};
  ValueTable properties{{"product", Value("millrace")},
                        {"connection_name", Value("millrace work " + options_.queue)},
                        {"capabilities", Value(std::move(capabilities))}};
  out_.method(0, ConnectionStartOk{.client_properties = std::move(properties),
                                   .mechanism = "PLAIN",
                                   .response = {response},
                                   .locale = "en_US"});
  TRY(wait_for(ConnectionTune::kId));
  // No heartbeats: a command may take as long as it takes.
  out_.method(0,
              ConnectionTuneOk{
                  .channel_max = 1, .frame_bytes_max = kFrameBytesDefault, .heartbeat_seconds = 0});
  out_.method(0, ConnectionOpen{.virtual_host = options_.vhost});
  return wait_for(ConnectionOpenOk::kId);
}

Result<void> AmqpConsumer::consume() {
  out_.method(kChannel, ChannelOpen{});
  TRY(wait_for(ChannelOpenOk::kId));
  out_.method(kChannel, BasicQos{.prefetch_count = options_.prefetch});
  TRY(wait_for(BasicQosOk::kId));
  out_.method(kChannel, BasicConsume{.queue = options_.queue});
  return wait_for(BasicConsumeOk::kId);
}

Result<void> AmqpConsumer::flush() {
  const Bytes bytes = out_.take().flatten();
  ByteView left = bytes.view();
  const Deadline deadline(options_.timeout);
  while (!left.empty()) {
    const ssize_t count = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
    if (count > 0) {
      left = left.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      return broken(std::generic_category().message(errno));
    }
    pollfd wait{socket_, POLLOUT, 0};
    if (::poll(&wait, 1, deadline.poll_ms()) == 0) return broken("it takes nothing");
  }
  return {};
}

Result<bool> AmqpConsumer::receive(std::optional<Clock::time_point> until) {
  pollfd wait{socket_, POLLIN, 0};
  const int ready = ::poll(&wait, 1, poll_ms(until));
  if (ready == 0 || (ready < 0 && errno == EINTR)) return false;
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  constexpr std::size_t kRead = 64 << 10;
  const std::size_t had = received_.size();
  received_.resize(had + kRead);
  const ssize_t count = ::recv(socket_, received_.data() + had, kRead, 0);
  received_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count == 0) return broken("it was closed");
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    return broken(std::generic_category().message(errno));
  }
  return true;
}

Result<std::optional<FrameView>> AmqpConsumer::frame() {
  const ByteView bytes(received_.data() + begin_, received_.size() - begin_);
  auto frame = next_frame(bytes, frame_bytes_max_);
  if (!frame) return broken(frame.error().message());
  if (*frame) begin_ += (*frame)->bytes;
  return frame;
}

Result<void> AmqpConsumer::handle_method(ByteView payload) {
  const MethodId id = method_id(payload);
  if (method_name(id).empty()) return broken("it says what no broker says");
  if (id == BasicDeliver::kId) {
    auto deliver = decode<BasicDeliver>(payload);
    if (!deliver) return broken(deliver.error().message());
    coming_.emplace();
    coming_->tag = deliver->delivery_tag;
    coming_->redelivered = deliver->redelivered;
    coming_->exchange = deliver->exchange;
    coming_->routing_key = deliver->routing_key;
  } else if (id == BasicCancel::kId) {
    return fail(ErrorCode::not_found, fmt::format("the queue {} was deleted", options_.queue));
  } else if (id == ConnectionClose::kId) {
    auto close = decode<ConnectionClose>(payload);
    if (!close) return broken(close.error().message());
    return std::unexpected(closed_by(close->reply_code, close->reply_text));
  } else if (id == ChannelClose::kId) {
    auto close = decode<ChannelClose>(payload);
    if (!close) return broken(close.error().message());
    return std::unexpected(closed_by(close->reply_code, close->reply_text));
  } else {
    last_method_ = id;
  }
  return {};
}

Result<void> AmqpConsumer::handle(const FrameView& frame) {
  if (frame.type == FrameType::method) return handle_method(frame.payload);
  if (frame.type == FrameType::heartbeat) return {};
  if (!coming_) return broken("a part of a message that was not begun");
  if (frame.type == FrameType::header) {
    auto header = decode_content_header(frame.payload);
    if (!header) return broken(header.error().message());
    if (header->body_bytes > kBodyBytesMax) return broken("a message is too large");
    coming_->properties.assign(header->properties.begin(), header->properties.end());
    body_bytes_ = header->body_bytes;
  } else {
    coming_->body += as_text(frame.payload);
  }
  if (coming_->body.size() >= body_bytes_) {
    ready_.push_back(std::move(*coming_));
    coming_.reset();
  }
  return {};
}

Result<void> AmqpConsumer::wait_for(MethodId id) {
  TRY(flush());
  const auto until = Clock::now() + options_.timeout;
  last_method_ = {};
  while (last_method_ != id) {
    auto next = frame();
    if (!next) return std::unexpected(next.error());
    if (*next) {
      TRY(handle(**next));
      continue;
    }
    auto more = receive(until);
    if (!more) return std::unexpected(more.error());
    if (!*more && Clock::now() >= until) {
      return fail(ErrorCode::timed_out,
                  fmt::format("{} did not answer within {}: is it the AMQP listener? see {} "
                              "HOST:PORT and --timeout",
                              options_.address.text(), text_of(options_.timeout), options_.option));
    }
  }
  return {};
}

Result<std::optional<AmqpMessage>> AmqpConsumer::next(std::optional<Clock::time_point> until) {
  TRY(flush());
  for (;;) {
    if (!ready_.empty()) {
      std::optional<AmqpMessage> message = std::move(ready_.front());
      ready_.pop_front();
      return message;
    }
    auto found = frame();
    if (!found) return std::unexpected(found.error());
    if (*found) {
      TRY(handle(**found));
      continue;
    }
    auto more = receive(until);
    if (!more) return std::unexpected(more.error());
    if (!*more) return std::nullopt;
  }
}

Result<void> AmqpConsumer::acknowledge(std::uint64_t tag) {
  out_.method(kChannel, BasicAck{.delivery_tag = tag});
  return flush();
}

Result<void> AmqpConsumer::reject(std::uint64_t tag, bool requeue) {
  out_.method(kChannel, BasicReject{.delivery_tag = tag, .requeue = requeue});
  return flush();
}

Result<void> AmqpConsumer::close() {
  out_.method(kChannel, ChannelClose{.reply_code = 200, .reply_text = "done"});
  TRY(wait_for(ChannelCloseOk::kId));
  out_.method(0, ConnectionClose{.reply_code = 200, .reply_text = "done"});
  return wait_for(ConnectionCloseOk::kId);
}

}  // namespace millrace::client

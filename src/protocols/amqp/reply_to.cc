// Connections: direct replies.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "protocols/amqp/connection.h"
#include "protocols/amqp/reply_consumers.h"

namespace millrace::amqp {

namespace {

// A requester that takes no replies while so many outboxes' worth wait is let go.
constexpr std::size_t kOutboxes = 16;

}  // namespace

void ReplyConsumers::add(std::string token, Place place) {
  const std::lock_guard lock(mutex_);
  places_.insert_or_assign(std::move(token), std::move(place));
}

void ReplyConsumers::remove(const std::string& token) {
  const std::lock_guard lock(mutex_);
  places_.erase(token);
}

std::optional<ReplyConsumers::Place> ReplyConsumers::find(std::string_view token) const {
  const std::lock_guard lock(mutex_);
  auto found = places_.find(std::string(token));
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

Connection::Done Connection::consume_replies(Channel& channel, const BasicConsume& method) {
  if (!method.no_ack) {
    return failure(ReplyCode::precondition_failed, "reply consumer cannot acknowledge");
  }
  if (channel.replies) {
    return failure(ReplyCode::precondition_failed, "reply consumer already set");
  }
  std::string tag(method.consumer_tag);
  if (tag.empty()) tag = generated_name(broker_.core(), "amq.ctag-");
  if (channel.consumers.contains(tag)) {
    return failure(ReplyCode::not_allowed, fmt::format("attempt to reuse consumer tag '{}'", tag));
  }
  channel.replies = ReplyConsumer{tag, generated_name(broker_.core(), kReplyToPrefix)};
  reply_consumers_.add(channel.replies->token,
                       {&broker_.core(), weak_from_this(), channel.number, channel.generation});
  if (!method.no_wait) out_.method(channel.number, BasicConsumeOk{.consumer_tag = tag});
  return {};
}

void Connection::end_replies(Channel& channel) {
  if (!channel.replies) return;
  reply_consumers_.remove(channel.replies->token);
  channel.replies.reset();
}

// Whether somebody was there to take it.
bool Connection::send_reply(std::string_view token, ByteView properties, ByteView body) {
  auto place = reply_consumers_.find(token);
  if (!place) return false;
  place->core->post([to = std::move(*place), token = std::string(token),
                     properties = std::vector<std::uint8_t>(properties.begin(), properties.end()),
                     body = Bytes::copy_of(body)] {
    auto connection = to.connection.lock();
    if (!connection) return;
    Channel* channel = connection->find_channel(to.channel);
    if (channel && channel->generation == to.generation) {
      connection->replied(*channel, token, properties, body);
    }
  });
  return true;
}

void Connection::replied(Channel& channel, std::string_view token, ByteView properties,
                         const Bytes& body) {
  if (broken_ || !channel.replies || channel.replies->token != token) return;
  if (outbox_.size() - outbox_sent_ + out_.size() > kOutboxes * limits_.outbox_bytes_max) {
    log_warning("amqp", "{}: closed: it does not take the replies to what it asked", peer());
    return close();
  }
  out_.content(channel.number,
               BasicDeliver{.consumer_tag = channel.replies->tag,
                            .delivery_tag = channel.next_delivery++,
                            .redelivered = false,
                            .exchange = "",
                            .routing_key = token},
               properties, body, frame_bytes_max_);
  stats_.delivered.add();
  flush_soon();
}

}  // namespace millrace::amqp

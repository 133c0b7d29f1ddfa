// Connections: messages that come in, and the confirms for them.
#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "protocols/amqp/connection.h"
#include "protocols/amqp/wire/content_header.h"
#include "protocols/amqp/wire/field_scanner.h"
#include "protocols/amqp/wire/field_table.h"

namespace millrace::amqp {
namespace {

// Of what is collected, before it goes to the queues.
constexpr std::size_t kCollectBytes = 256 << 10;
// A channel keeps buffers of this size for the next message.
constexpr std::size_t kKeptBytes = 16 << 10;
// So many publications are under way before the next one waits for more to be in it: what would
// stand in line for the journal anyway goes there as one.
constexpr std::size_t kPublishingMax = 2;

// The routing keys of the headers CC and BCC.
Result<std::vector<std::string>> more_keys(const PropertiesView& properties) {
  std::vector<std::string> keys;
  auto headers = properties.headers();
  if (!headers) return keys;
  for (std::string_view name : {"CC", "BCC"}) {
    auto field = find_field(*headers, name);
    if (!field) continue;
    auto bad = [&] {
      return fail(ErrorCode::precondition_failed,
                  fmt::format("the header '{}' must be an array of texts", name));
    };
    if (field->tag != 'A') return bad();
    auto values = decode_array(field->content);
    if (!values) return std::unexpected(values.error());
    for (const Value& value : *values) {
      if (!value.as_text()) return bad();
      keys.push_back(*value.as_text());
    }
  }
  return keys;
}

std::optional<std::int64_t> milliseconds(std::string_view text) {
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  return std::min(value, kMost);
}

}  // namespace

Connection::Done Connection::publish(Channel& channel, const BasicPublish& method) {
  if (method.immediate) return failure(ReplyCode::not_implemented, "immediate=true");
  Incoming& incoming = channel.incoming;
  incoming.exchange = method.exchange;
  incoming.routing_key = method.routing_key;
  incoming.mandatory = method.mandatory;
  incoming.state = Incoming::State::header;
  return {};
}

Connection::Done Connection::header(Channel& channel, ByteView payload) {
  Incoming& incoming = channel.incoming;
  if (incoming.state != Incoming::State::header) {
    return failure(ReplyCode::unexpected_frame, "a content header where none is due");
  }
  auto decoded = decode_content_header(payload);
  if (!decoded) return failure(decoded.error());
  if (decoded->class_id != kBasicClass) {
    return failure(ReplyCode::unexpected_frame,
                   fmt::format("a content header of the class {}", decoded->class_id));
  }
  if (decoded->body_bytes > limits_.message_bytes_max) {
    // Its bodies may be on their way: they are passed over as all that comes for a closed channel.
    incoming.state = Incoming::State::none;
    return failure(ReplyCode::precondition_failed,
                   fmt::format("message size {} is larger than configured max size {}",
                               decoded->body_bytes, limits_.message_bytes_max));
  }
  incoming.properties.assign(decoded->properties.begin(), decoded->properties.end());
  incoming.body_bytes = decoded->body_bytes;
  incoming.body.clear();
  incoming.state = Incoming::State::body;
  if (incoming.body_bytes == 0) return published(channel, {});
  if (incoming.properties.capacity() > kKeptBytes) return hold_contents(channel);
  return {};
}

// What this channel has of contents is more than next to nothing: it is counted, and bounded.
Connection::Done Connection::hold_contents(Channel& channel) {
  const Incoming& incoming = channel.incoming;
  count_contents(channel,
                 channel.staged_bytes + incoming.body.capacity() + incoming.properties.capacity());
  if (contents_bytes_ <= limits_.contents_bytes_max) return {};
  return failure(ReplyCode::precondition_failed,
                 fmt::format("the messages that have begun and the transactions of this connection "
                             "hold more than {} bytes",
                             limits_.contents_bytes_max));
}

Connection::Done Connection::body(Channel& channel, ByteView payload) {
  Incoming& incoming = channel.incoming;
  if (incoming.state != Incoming::State::body) {
    return failure(ReplyCode::unexpected_frame, "a body where none is due");
  }
  if (incoming.body.size() + payload.size() > incoming.body_bytes) {
    return failure(ReplyCode::unexpected_frame, "the bodies are longer than the header says");
  }
  if (incoming.body.empty() && payload.size() == incoming.body_bytes) {
    return published(channel, payload);
  }
  incoming.body.insert(incoming.body.end(), payload.begin(), payload.end());
  if (incoming.body.size() < incoming.body_bytes) return hold_contents(channel);
  Done done = published(channel, incoming.body);
  // A large one is no reason to keep its room for ever.
  if (incoming.body.capacity() > kKeptBytes) incoming.body = {};
  if (incoming.properties.capacity() > kKeptBytes) incoming.properties = {};
  count_contents(channel, channel.staged_bytes);
  return done;
}

Connection::Done Connection::published(Channel& channel, ByteView body) {
  Incoming& incoming = channel.incoming;
  incoming.state = Incoming::State::none;
  stats_.published.add();
  if (!channel.transactional) {
    return route(channel, incoming.exchange, incoming.routing_key, incoming.mandatory,
                 incoming.properties, body);
  }
  channel.staged_publishes.push_back({incoming.exchange,
                                      incoming.routing_key,
                                      incoming.mandatory,
                                      incoming.properties,
                                      {body.begin(), body.end()}});
  channel.staged_bytes += sizeof(StagedPublish) + body.size() + incoming.properties.size();
  return hold_contents(channel);
}

Connection::Done Connection::route(Channel& channel, std::string_view exchange,
                                   std::string_view key, bool mandatory, ByteView raw,
                                   ByteView body) {
  auto info = queues().find_exchange(tenant_, exchange);
  if (!info) return failure(ReplyCode::not_found, "no " + where("exchange", exchange));
  if (info->internal) {
    return failure(ReplyCode::access_refused,
                   fmt::format("cannot publish to internal {}", where("exchange", exchange)));
  }
  auto properties = parse_properties(raw);
  if (!properties) return failure(properties.error());
  auto user = properties->user_id();
  if (user && *user != user_) {
    return failure(
        ReplyCode::precondition_failed,
        fmt::format("user_id property set to '{}' but authenticated user was '{}'", *user, user_));
  }
  MessageFields fields;
  fields.body = body;
  fields.exchange = exchange;
  fields.routing_key = key;
  fields.properties = raw;
  if (auto expiration = properties->expiration()) {
    auto wait = milliseconds(*expiration);
    if (!wait) {
      return failure(
          ReplyCode::precondition_failed,
          fmt::format("invalid expiration '{}': a number of milliseconds is needed", *expiration));
    }
    fields.expires = broker_.broker_time() + *wait;
  }
  auto keys = more_keys(*properties);
  if (!keys) return failure(keys.error());
  std::vector<std::string_view> more(keys->begin(), keys->end());
  const bool has_bcc = !more.empty() && find_field(*properties->headers(), "BCC");
  const bool wants_reply = properties->reply_to() == kReplyTo;
  if (wants_reply && !channel.replies) {
    return failure(ReplyCode::precondition_failed, "fast reply consumer does not exist");
  }
  std::vector<std::uint8_t> changed;
  if (has_bcc || wants_reply) {
    auto all = decode_properties(raw);
    if (!all) return failure(all.error());
    if (has_bcc) all->headers->remove("BCC");  // nobody is to see it
    if (wants_reply) all->reply_to = channel.replies->token;
    changed = encode_properties(*all);
    fields.properties = changed;
  }
  LazyHeaders headers([&] {
    auto content = properties->headers();
    auto table = content ? decode_table(*content) : Result<ValueTable>();
    return table ? std::move(*table) : ValueTable();
  });
  if (!publication_) publication_ = std::make_unique<Publication>(queues());
  auto index = static_cast<std::uint32_t>(publication_->message_count());
  std::size_t count =
      publication_->add(info->id, {.key = key, .more_keys = more, .headers = &headers}, fields);
  const bool is_reply = exchange.empty() && key.starts_with(kReplyToPrefix);
  const std::size_t replies = is_reply && send_reply(key, fields.properties, body) ? 1 : 0;
  if (count + replies == 0 && mandatory) send_return(channel, exchange, key, raw, body);
  if (channel.confirms) {
    collected_.push_back({channel.number, channel.generation, channel.next_publish++,
                          count == 0 ? kNoMessage : index});
    channel.waiting_confirms.push_back(Channel::Confirm::waiting);
  } else if (!channel.transactional) {
    has_unanswered_ = true;
  }
  if (publication_->bytes() > kCollectBytes) publish_collected();
  return {};
}

void Connection::send_return(Channel& channel, std::string_view exchange, std::string_view key,
                             ByteView properties, ByteView body) {
  out_.content(channel.number,
               BasicReturn{.reply_code = reply_number(ReplyCode::no_route),
                           .reply_text = "NO_ROUTE",
                           .exchange = exchange,
                           .routing_key = key},
               properties, Bytes::copy_of(body), frame_bytes_max_);
}

bool Connection::must_wait_for_published() const {
  return publication_ && publication_->is_closed();
}

bool Connection::may_publish() const {
  return publishing_ < kPublishingMax || publication_->bytes() > kCollectBytes;
}

// Later, when it may not yet: what is under way calls it when it is done.
void Connection::publish_collected() {
  if (!publication_ || !may_publish()) return;
  auto publication = std::exchange(publication_, nullptr);
  auto confirmed = std::exchange(collected_, {});
  const bool has_unanswered = std::exchange(has_unanswered_, false);
  if (publication->empty() && confirmed.empty()) return;
  ++publishing_;
  publishing_bytes_ += publication->bytes();
  broker_.core().spawn("amqp publish", put(shared_from_this(), std::move(publication),
                                           std::move(confirmed), has_unanswered));
}

Task<void> Connection::put(std::shared_ptr<Connection> self,
                           std::unique_ptr<Publication> publication,
                           std::vector<Confirmed> confirmed, bool has_unanswered) {
  std::vector<Error> results;
  if (!publication->empty()) {
    results = co_await publication->submit(AckLevel::durable, self->limits_.publish_timeout);
  }
  --self->publishing_;
  self->publishing_bytes_ -= publication->bytes();
  self->publish_collected();
  for (const Error& error : results) {
    if (error.code == ErrorCode::ok) continue;
    if (self->publish_errors_.empty()) self->publish_errors_.push_back(error);
    // A full queue refuses in silence whoever asks for no confirms, as RabbitMQ's does; what the
    // broker can't keep for other reasons is told, and there is no other way to tell it.
    if (!has_unanswered || error.code == ErrorCode::policy_violation) continue;
    if (self->phase_ != Phase::running) continue;
    self->fail_connection(
        {ReplyCode::resource_error,
         fmt::format("messages published without confirms may be lost: {}", error.message())},
        BasicPublish::kId);
  }
  Channel* touched = nullptr;
  for (const Confirmed& each : confirmed) {
    Channel* channel = self->find_channel(each.channel);
    if (!channel || channel->generation != each.generation || channel->closing) continue;
    bool good = each.message == kNoMessage || results.empty() ||
                results[each.message].code == ErrorCode::ok;
    channel->waiting_confirms[each.number - channel->confirm_from] =
        good ? Channel::Confirm::good : Channel::Confirm::bad;
    if (touched && touched != channel) self->confirm(*touched);
    touched = channel;
  }
  if (touched) self->confirm(*touched);
  if (self->publishing_ == 0 && self->published_) {
    std::exchange(self->published_, std::nullopt)->set(true);
  }
  self->flush_soon();
  self->progress();
}

// In the order of publishing: as many as are known by now.
void Connection::confirm(Channel& channel) {
  std::uint64_t good_through = 0;
  auto acknowledge = [&] {
    if (good_through == 0) return;
    out_.method(channel.number, BasicAck{.delivery_tag = good_through, .multiple = true});
    good_through = 0;
  };
  while (!channel.waiting_confirms.empty() &&
         channel.waiting_confirms.front() != Channel::Confirm::waiting) {
    if (channel.waiting_confirms.front() == Channel::Confirm::good) {
      good_through = channel.confirm_from;
    } else {
      acknowledge();
      out_.method(channel.number, BasicNack{.delivery_tag = channel.confirm_from});
    }
    channel.waiting_confirms.pop_front();
    ++channel.confirm_from;
  }
  acknowledge();
}

Task<std::vector<Error>> Connection::all_published() {
  publish_collected();
  while (publishing_ > 0) {
    if (!published_) published_.emplace(broker_.core());
    auto waiting = published_->future();
    co_await waiting;
  }
  co_return std::exchange(publish_errors_, {});
}

}  // namespace millrace::amqp

// Connections: messages that go out.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/value_fields.h"
#include "protocols/amqp/connection.h"
#include "protocols/amqp/delivery_properties.h"
#include "protocols/amqp/wire/field_table.h"

namespace millrace::amqp {

Connection::Done Connection::qos(Channel& channel, const BasicQos& method) {
  if (method.prefetch_bytes != 0) {
    return failure(ReplyCode::not_implemented, "prefetch_size!=0");
  }
  if (method.global) {
    channel.prefetch_shared = method.prefetch_count;
    send_held(channel);
    for (auto& [tag, consumer] : channel.consumers) grant_more(*consumer);
  } else {
    channel.prefetch_next = method.prefetch_count;
  }
  out_.method(channel.number, BasicQosOk{});
  return {};
}

Connection::Handled Connection::consume(Channel& channel, BasicConsume method) {
  const std::uint16_t number = channel.number;
  const std::uint64_t generation = channel.generation;
  if (method.queue == kReplyTo) co_return consume_replies(channel, method);
  auto queue = find_queue(channel, method.queue);
  if (!queue) co_return std::unexpected(queue.error());
  std::string tag(method.consumer_tag);
  if (tag.empty()) tag = generated_name(broker_.core(), "amq.ctag-");
  if (channel.consumers.contains(tag) || (channel.replies && channel.replies->tag == tag)) {
    co_return failure(ReplyCode::not_allowed,
                      fmt::format("attempt to reuse consumer tag '{}'", tag));
  }
  std::int64_t priority = 0;
  if (const Value* value = method.arguments.find("x-priority")) {
    auto integer = value->as_integer();
    if (!integer || *integer < INT32_MIN || *integer > INT32_MAX) {
      co_return failure(ReplyCode::precondition_failed,
                        "invalid arg 'x-priority': a 32 bit integer is needed");
    }
    priority = *integer;
  }
  if (method.arguments.find("x-stream-offset")) {
    co_return failure(ReplyCode::not_implemented, "x-stream-offset is not there yet");
  }
  co_await all_published();
  auto consumer = std::make_shared<Consumer>();
  consumer->tag = tag;
  consumer->holder = queues().new_holder();
  consumer->queue = *queue;
  consumer->no_ack = method.no_ack;
  if (!method.no_ack) consumer->limit = channel.prefetch_next;
  Channel* still = find_channel(number);
  if (!still || still->generation != generation) co_return Done{};
  still->consumers.emplace(tag, consumer);
  by_holder_[consumer->holder] = {number, consumer};
  auto begun =
      co_await queues().consume((*queue)->id, {.holder = consumer->holder,
                                               .priority = static_cast<std::int32_t>(priority),
                                               .credit = {0, 0},
                                               .no_ack = method.no_ack,
                                               .is_exclusive = method.exclusive,
                                               .sink = sink_});
  still = find_channel(number);
  if (!begun) {
    by_holder_.erase(consumer->holder);
    if (still && still->generation == generation) still->consumers.erase(tag);
    co_return failure(begun.error());
  }
  if (!still || still->generation != generation) co_return Done{};
  if (!method.no_wait) out_.method(number, BasicConsumeOk{.consumer_tag = tag});
  consumer->announced = true;
  for (const Delivery& delivery : std::exchange(consumer->early, {})) {
    send(*still, consumer, delivery);
  }
  grant_more(*consumer);
  co_return Done{};
}

Connection::Handled Connection::cancel(Channel& channel, BasicCancel method) {
  const std::uint16_t number = channel.number;
  const std::uint64_t generation = channel.generation;
  std::string tag(method.consumer_tag);
  if (channel.replies && channel.replies->tag == tag) end_replies(channel);
  auto found = channel.consumers.find(tag);
  if (found != channel.consumers.end()) {
    auto consumer = found->second;
    // What is on its way comes before the answer.
    (void)co_await queues().cancel(consumer->queue->id, consumer->holder);
    by_holder_.erase(consumer->holder);
    Channel* still = find_channel(number);
    if (!still || still->generation != generation) co_return Done{};
    still->consumers.erase(tag);
    give_back_held(*still, *consumer);
  }
  if (!method.no_wait) out_.method(number, BasicCancelOk{.consumer_tag = tag});
  co_return Done{};
}

Connection::Handled Connection::get(Channel& channel, BasicGet method) {
  const std::uint16_t number = channel.number;
  const std::uint64_t generation = channel.generation;
  auto queue = find_queue(channel, method.queue);
  if (!queue) co_return std::unexpected(queue.error());
  co_await all_published();
  HolderId holder = channel.get_holder;
  auto got = co_await queues().get((*queue)->id, holder, method.no_ack);
  if (!got) co_return failure(got.error());
  Channel* still = find_channel(number);
  if (!still || still->generation != generation) {
    if (got->delivery) queues().release((*queue)->id, holder);
    co_return Done{};
  }
  if (!got->delivery) {
    out_.method(number, BasicGetEmpty{});
    co_return Done{};
  }
  const Delivery& delivery = *got->delivery;
  const MessageFields& fields = delivery.message->fields;
  std::uint64_t tag = still->next_delivery++;
  if (!method.no_ack) {
    still->unacked.push_back({tag, delivery.offset, holder, *queue, nullptr});
    ++unacked_;
  }
  std::vector<std::uint8_t> space;
  out_.content(number,
               BasicGetOk{.delivery_tag = tag,
                          .redelivered = delivery.redelivered,
                          .exchange = fields.exchange,
                          .routing_key = fields.routing_key.value_or((*queue)->name),
                          .message_count = static_cast<std::uint32_t>(
                              std::clamp<std::int64_t>(got->left, 0, UINT32_MAX))},
               delivery_properties(delivery, **queue, space), delivery.block->bytes_of(fields.body),
               frame_bytes_max_);
  stats_.delivered.add();
  co_return Done{};
}

void Connection::delivered(HolderId holder, std::vector<Delivery> deliveries) {
  auto found = by_holder_.find(holder);
  if (found == by_holder_.end() || broken_) return;  // it is given back with its channel
  auto [number, consumer] = found->second;
  Channel* channel = find_channel(number);
  ASSERT(channel);
  consumer->outstanding -= static_cast<std::int64_t>(deliveries.size());
  for (const Delivery& each : deliveries) {
    consumer->outstanding_bytes -= credit_bytes(*each.message);
  }
  if (!consumer->announced) {
    std::ranges::move(deliveries, std::back_inserter(consumer->early));
    return;
  }
  for (const Delivery& delivery : deliveries) send(*channel, consumer, delivery);
  if (!consumer->grant_wanted) {
    consumer->grant_wanted = true;
    granting_.push_back(consumer);
  }
  flush_soon();
}

void Connection::send(Channel& channel, const std::shared_ptr<Consumer>& consumer,
                      const Delivery& delivery) {
  if (!consumer->no_ack && channel.prefetch_shared > 0 &&
      channel.unacked_by_consumers >= channel.prefetch_shared) {
    channel.held.emplace_back(consumer, delivery);
    return;
  }
  const MessageFields& fields = delivery.message->fields;
  std::uint64_t tag = channel.next_delivery++;
  if (!consumer->no_ack) {
    channel.unacked.push_back({tag, delivery.offset, consumer->holder, consumer->queue, consumer});
    ++unacked_;
    ++consumer->unacked;
    ++channel.unacked_by_consumers;
  }
  std::vector<std::uint8_t> space;
  out_.content(channel.number,
               BasicDeliver{.consumer_tag = consumer->tag,
                            .delivery_tag = tag,
                            .redelivered = delivery.redelivered,
                            .exchange = fields.exchange,
                            .routing_key = fields.routing_key.value_or(consumer->queue->name)},
               delivery_properties(delivery, *consumer->queue, space),
               delivery.block->bytes_of(fields.body), frame_bytes_max_);
  stats_.delivered.add();
}

void Connection::send_held(Channel& channel) {
  while (!channel.held.empty()) {
    if (channel.prefetch_shared > 0 && channel.unacked_by_consumers >= channel.prefetch_shared) {
      return;
    }
    auto [consumer, delivery] = std::move(channel.held.front());
    channel.held.pop_front();
    send(channel, consumer, delivery);
  }
}

// The client never saw them, and is to see nothing more of this consumer.
void Connection::give_back_held(Channel& channel, const Consumer& consumer) {
  std::vector<Judgement> judgements;
  std::erase_if(channel.held, [&](const auto& held) {
    if (held.first.get() != &consumer) return false;
    judgements.push_back({OffsetRange::of(held.second.offset), Verdict::requeued});
    return true;
  });
  if (judgements.empty()) return;
  queues().settle(consumer.queue->id, consumer.holder, std::move(judgements));
}

bool Connection::outbox_is_full() const {
  return outbox_.size() - outbox_sent_ + out_.size() > limits_.outbox_bytes_max;
}

void Connection::grant_more(Consumer& consumer) {
  if (!consumer.announced || broken_) return;
  if (outbox_is_full()) return;  // when the client has taken it
  std::int64_t wanted = limits_.deliveries_ahead;
  if (consumer.limit > 0) wanted = std::min(wanted, consumer.limit - consumer.unacked);
  auto found = by_holder_.find(consumer.holder);
  if (found == by_holder_.end()) return;
  const Channel* channel = find_channel(found->second.first);
  if (!consumer.no_ack && channel->prefetch_shared > 0) {
    // One each may wait here: no queue keeps another from being served.
    auto free = channel->prefetch_shared - channel->unacked_by_consumers;
    std::int64_t held = 0;
    for (const auto& [holder, delivery] : channel->held) held += holder.get() == &consumer ? 1 : 0;
    wanted = std::min(wanted, std::max<std::int64_t>(free, held > 0 ? 0 : 1));
  }
  const std::int64_t bytes =
      std::max(limits_.ahead_bytes_min,
               static_cast<std::int64_t>(limits_.outbox_bytes_max / by_holder_.size()));
  const std::int64_t more = std::max<std::int64_t>(wanted - consumer.outstanding, 0);
  const std::int64_t more_bytes = std::max<std::int64_t>(bytes - consumer.outstanding_bytes, 0);
  if (consumer.outstanding + more == 0) return;
  // Few large steps rather than many small ones, but never too late.
  const bool has_enough = consumer.outstanding > 0 && more < wanted / 2;
  if (has_enough && more_bytes < bytes / 2) return;
  consumer.outstanding += more;
  consumer.outstanding_bytes += more_bytes;
  queues().grant(consumer.queue->id, consumer.holder, {more, more_bytes});
}

void Connection::grant_all() {
  for (auto& consumer : std::exchange(granting_, {})) {
    consumer->grant_wanted = false;
    grant_more(*consumer);
    if (!consumer->grant_wanted && consumer->announced && outbox_is_full()) {
      consumer->grant_wanted = true;
      granting_.push_back(consumer);
    }
  }
}

void Connection::queue_gone(HolderId holder) {
  auto found = by_holder_.find(holder);
  if (found == by_holder_.end()) return;
  auto [number, consumer] = found->second;
  by_holder_.erase(found);
  Channel* channel = find_channel(number);
  channel->consumers.erase(consumer->tag);
  if (takes_cancels_ && !channel->closing) {
    out_.method(number, BasicCancel{.consumer_tag = consumer->tag, .no_wait = true});
    flush_soon();
  }
}

}  // namespace millrace::amqp

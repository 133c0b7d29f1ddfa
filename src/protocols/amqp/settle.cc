// Connections: what the client says of its deliveries, and transactions.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocols/amqp/connection.h"

namespace millrace::amqp {

Connection::Done Connection::settle(Channel& channel, std::uint64_t tag, bool multiple,
                                    Verdict verdict) {
  auto unknown = [&] {
    return failure(ReplyCode::precondition_failed, fmt::format("unknown delivery tag {}", tag));
  };
  std::deque<Unacked>& unacked = channel.unacked;
  auto first = unacked.begin();
  auto last = unacked.end();
  if (tag == 0) {
    if (!multiple) return unknown();
  } else {
    auto found = std::ranges::lower_bound(unacked, tag, {}, &Unacked::tag);
    if (multiple) {
      // Some before it may be settled already; of those up to it one must be there.
      last = found == unacked.end() || found->tag > tag ? found : found + 1;
      if (tag >= channel.next_delivery || last == first) return unknown();
    } else {
      if (found == unacked.end() || found->tag != tag) return unknown();
      first = found;
      last = found + 1;
    }
  }
  return settle(channel, first, last, verdict, channel.transactional);
}

Connection::Done Connection::settle(Channel& channel, Deliveries first, Deliveries last,
                                    Verdict verdict, bool staged) {
  for (auto each = first; each != last; ++each) {
    if (staged) {
      channel.staged_judgements.push_back({*each, verdict});
    } else {
      judge(*each, verdict);
      channel.settled_in.insert(each->queue->id);
    }
    if (!each->consumer) continue;
    --each->consumer->unacked;
    --channel.unacked_by_consumers;
    if (!each->consumer->grant_wanted) {
      each->consumer->grant_wanted = true;
      granting_.push_back(each->consumer);
    }
  }
  unacked_ -= static_cast<std::size_t>(last - first);
  channel.unacked.erase(first, last);
  send_held(channel);
  if (channel.prefetch_shared == 0) return {};
  // The room that there is now is room for each that shares it.
  for (auto& [consumer_tag, consumer] : channel.consumers) {
    if (!std::exchange(consumer->grant_wanted, true)) granting_.push_back(consumer);
  }
  return {};
}

// Told to the queues together when everything that was read is handled.
void Connection::judge(const Unacked& delivery, Verdict verdict) {
  auto& judgements = judgements_[{delivery.queue->id, delivery.holder}];
  if (!judgements.empty() && judgements.back().verdict == verdict &&
      judgements.back().range.end == delivery.offset) {
    judgements.back().range.end = delivery.offset + 1;
    return;
  }
  judgements.push_back({OffsetRange::of(delivery.offset), verdict});
}

void Connection::settle_collected() {
  for (auto& [key, judgements] : std::exchange(judgements_, {})) {
    queues().settle(key.first, key.second, std::move(judgements));
  }
}

Connection::Done Connection::recover(Channel& channel, bool requeue) {
  if (!requeue) return failure(ReplyCode::not_implemented, "recover with requeue=false");
  if (channel.unacked.empty()) return {};
  return settle(channel, channel.unacked.begin(), channel.unacked.end(), Verdict::requeued, false);
}

// Everything that was held back happens, and is durable when it is answered. The acknowledgements
// come after the messages: a crash in between delivers again what was worked on, and loses nothing.
// Methods come one after the other, so the channel is there until this one ends.
Connection::Handled Connection::commit(Channel& channel) {
  if (!channel.transactional) {
    co_return failure(ReplyCode::precondition_failed, "channel is not transactional");
  }
  const std::uint16_t number = channel.number;
  auto publishes = std::exchange(channel.staged_publishes, {});
  co_await all_published();
  std::vector<Error> errors;
  for (StagedPublish& each : publishes) {
    Done done =
        route(channel, each.exchange, each.routing_key, each.mandatory, each.properties, each.body);
    if (!done) co_return done;
    if (!must_wait_for_published()) continue;
    for (Error& error : co_await all_published()) errors.push_back(std::move(error));
  }
  publishes.clear();
  for (Error& error : co_await all_published()) errors.push_back(std::move(error));
  channel.staged_bytes = 0;
  count_contents(channel, 0);
  if (!errors.empty()) co_return failure(errors.front());
  // Only now: with a channel that is closed for an error above they are given back.
  auto judgements = std::exchange(channel.staged_judgements, {});
  std::vector<QueueId> touched;
  for (const StagedJudgement& each : judgements) {
    judge(each.delivery, each.verdict);
    QueueId queue = each.delivery.queue->id;
    if (std::ranges::find(touched, queue) == touched.end()) touched.push_back(queue);
  }
  settle_collected();
  for (QueueId queue : touched) {
    auto settled = co_await queues().settled(queue);
    if (!settled) co_return failure(settled.error());
  }
  out_.method(number, TxCommitOk{});
  co_return Done{};
}

// The messages that were acknowledged in it are the client's still.
void Connection::roll_back(Channel& channel) {
  channel.staged_publishes.clear();
  channel.staged_bytes = 0;
  count_contents(channel, 0);
  for (StagedJudgement& each : std::exchange(channel.staged_judgements, {})) {
    if (each.delivery.consumer) {
      ++each.delivery.consumer->unacked;
      ++channel.unacked_by_consumers;
    }
    channel.unacked.push_back(std::move(each.delivery));
    ++unacked_;
  }
  std::ranges::sort(channel.unacked, {}, &Unacked::tag);
}

}  // namespace millrace::amqp

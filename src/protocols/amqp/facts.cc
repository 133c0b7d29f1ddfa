// Connections: what operators are told of them.
#include "protocols/amqp/facts.h"

#include "protocols/amqp/connection.h"

namespace millrace::amqp {

ConnectionFacts Connection::facts() const {
  ConnectionFacts facts;
  facts.peer = socket_->peer();
  facts.user = user_;
  facts.tenant = tenant_;
  facts.client = client_name_;
  facts.product = client_product_;
  facts.is_open = phase_ == Phase::running;
  facts.since = connected_at_;
  facts.heartbeat = std::chrono::duration_cast<std::chrono::seconds>(heartbeat_);
  facts.frame_bytes_max = frame_bytes_max_;
  facts.channels_max = channels_max_;
  for (const auto& [number, channel] : channels_) {
    ChannelFacts& one = facts.channels.emplace_back();
    one.number = number;
    one.confirms = channel->confirms;
    one.transactional = channel->transactional;
    one.unacked = channel->unacked.size();
    one.unconfirmed = channel->waiting_confirms.size();
    one.prefetch = channel->prefetch_next;
    one.prefetch_shared = channel->prefetch_shared;
    for (const auto& [tag, consumer] : channel->consumers) {
      one.consumers.push_back(
          {tag, consumer->queue->name, consumer->no_ack, consumer->limit, consumer->unacked});
    }
  }
  return facts;
}

}  // namespace millrace::amqp

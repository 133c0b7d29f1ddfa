// Channel: what a client has open on one channel number: consumers, deliveries that it has to
// acknowledge, a publish that is coming in, confirms and a transaction. Belongs to a Connection.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/queues.h"
#include "protocols/amqp/wire/methods.h"

namespace millrace::amqp {

struct Consumer {
  std::string tag;
  HolderId holder;
  std::shared_ptr<const QueueInfo> queue;
  bool no_ack = false;
  std::int64_t limit = 0;        // prefetch; 0: none
  std::int64_t outstanding = 0;  // granted and not delivered
  std::int64_t outstanding_bytes = 0;
  std::int64_t unacked = 0;
  bool announced = false;  // consume-ok was written
  bool grant_wanted = false;
  std::vector<Delivery> early;  // came before it
};

// Delivered, and not settled yet.
struct Unacked {
  std::uint64_t tag = 0;
  Offset offset;
  HolderId holder;
  std::shared_ptr<const QueueInfo> queue;
  std::shared_ptr<Consumer> consumer;  // null: by basic.get
};

// Consumes amq.rabbitmq.reply-to (reply_consumers.h).
struct ReplyConsumer {
  std::string tag;
  std::string token;
};

// A publish of which method, header or bodies have come. Its memory is used again and again.
struct Incoming {
  enum class State { none, header, body } state = State::none;
  std::string exchange;
  std::string routing_key;
  bool mandatory = false;
  std::vector<std::uint8_t> properties;
  std::uint64_t body_bytes = 0;
  std::vector<std::uint8_t> body;
};

// What a transaction holds back until tx.commit.
struct StagedPublish {
  std::string exchange;
  std::string routing_key;
  bool mandatory = false;
  std::vector<std::uint8_t> properties;
  std::vector<std::uint8_t> body;
};
struct StagedJudgement {
  Unacked delivery;
  Verdict verdict;
};

class Channel {
 public:
  explicit Channel(std::uint16_t number_in) : number(number_in) {}

  const std::uint16_t number;
  // channel.close was sent: nothing but its answer counts.
  bool closing = false;
  // Tells this one from others that had the number before.
  std::uint64_t generation = 0;
  std::string current_queue;  // declared last
  Incoming incoming;

  std::map<std::string, std::shared_ptr<Consumer>, std::less<>> consumers;
  std::optional<ReplyConsumer> replies;
  std::deque<Unacked> unacked;  // by tag
  std::uint64_t next_delivery = 1;
  std::uint16_t prefetch_next = 0;   // of consumers to come
  std::int64_t prefetch_shared = 0;  // of all together; 0: none
  std::int64_t unacked_by_consumers = 0;
  // Delivered to us beyond the shared limit: they go out when something is acknowledged.
  std::deque<std::pair<std::shared_ptr<Consumer>, Delivery>> held;
  HolderId get_holder{0};
  // Where something of it was settled: durable before its close is answered.
  std::set<QueueId> settled_in;

  bool confirms = false;
  bool transactional = false;
  std::uint64_t next_publish = 1;
  // Of publishes from `confirm_from` on: what became of them.
  enum class Confirm : std::uint8_t { waiting, good, bad };
  std::deque<Confirm> waiting_confirms;
  std::uint64_t confirm_from = 1;
  std::vector<StagedPublish> staged_publishes;
  std::vector<StagedJudgement> staged_judgements;
  std::size_t staged_bytes = 0;
  std::size_t contents_bytes = 0;  // of `incoming` and what is staged, as it was counted
};

}  // namespace millrace::amqp

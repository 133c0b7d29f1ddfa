// Queue: one queue on the core of its partition: who consumes it, what they are given, what becomes
// of what they give back. The state of its messages is a Cursor (queues/cursor.h); this is what
// reads the log, waits, and calls the journal for it.
//
//   queue->add_consumer({.holder = me, .credit = {500, 1 << 20}, .sink = session});
//   queue->settle(me, {{OffsetRange::of(offset), Verdict::acknowledged}});
//   queue->grant(me, {1, 3000});
//
// Core-local. Messages are delivered once they are durable (STORAGE.md rule 8). A message leaves by
// being acknowledged, or dies: rejected, expired, too many of them, delivered in vain too often;
// dead_letter.cc says what becomes of it then.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "broker/stored_message.h"
#include "catalog/topology.h"
#include "machine/host.h"
#include "queues/consumers.h"
#include "queues/cursor_machine.h"
#include "runtime/turn.h"
#include "topics/partition.h"

namespace millrace {

class BrokerCore;
using CursorHost = MachineHost<CursorMachine>;

// One message for one consumer.
struct Delivery {
  Offset offset;
  bool redelivered = false;
  DeliveryCounts before;  // the deliveries before this one
  std::shared_ptr<const MessageBlock> block;
  const StoredMessage* message = nullptr;  // in the block
};

// Who takes deliveries. Called on the queue's core; lives as long as a queue holds it.
class DeliverySink {
 public:
  virtual ~DeliverySink() = default;
  virtual void deliver(HolderId holder, std::vector<Delivery> deliveries) = 0;
  // The queue is no more: nothing comes from it, and nothing given back goes to it.
  virtual void cancelled(HolderId holder) = 0;
};

// What a consumer may be given: so many messages (or kUnlimitedCredit), while its bytes are not
// used up. The message that uses up the last of them goes out whole.
struct Credit {
  std::int64_t messages = 0;
  std::optional<std::int64_t> bytes;  // nothing: no limit
};
// What a message takes of it.
inline std::int64_t credit_bytes(const StoredMessage& message) {
  constexpr std::size_t kMessageBytes = 128;
  return static_cast<std::int64_t>(kMessageBytes + message.fields.body.size() +
                                   message.fields.properties.size());
}

struct ConsumerSpec {
  HolderId holder;
  std::int32_t priority = 0;
  Credit credit;              // to begin with
  bool no_ack = false;        // what it is given is done
  bool is_exclusive = false;  // nobody else may consume
  std::shared_ptr<DeliverySink> sink;
};

// What a holder says of a message it has.
enum class Verdict : std::uint8_t {
  acknowledged,
  requeued,         // again, to anybody
  requeued_failed,  // ... and it counts against the delivery limit
  rejected,         // it dies
};
struct Judgement {
  OffsetRange range;
  Verdict verdict = Verdict::acknowledged;
};

struct QueueFigures {
  std::int64_t ready = 0;
  std::int64_t in_flight = 0;
  std::size_t consumers = 0;
  std::optional<WallMs> oldest;  // when the first ready one arrived, when that is known
  CursorCounters counters;
  std::uint64_t published = 0;  // in this run
  std::uint64_t delivered = 0;
  std::uint64_t bytes = 0;  // of the log
};

struct QueueLength {
  std::int64_t ready = 0;
  std::size_t consumers = 0;
};

class Queue : public std::enable_shared_from_this<Queue> {
 public:
  Queue(BrokerCore& broker, std::shared_ptr<const QueueInfo> info, Partition& partition,
        CursorHost& host, Cursor& cursor);
  ~Queue();

  const QueueInfo& info() const { return *info_; }
  // Begins: what transfers were under way goes on. Every core knows all queues by then, for else
  // their targets would seem to be gone.
  void start();
  // It is deleted, or the broker ends: consumers are told, nothing more is done.
  void close();

  // Errors: access_refused when it or another wants to be alone, not_found when it was deleted.
  Result<void> add_consumer(ConsumerSpec spec);
  // It is given no more; what it has it keeps.
  void remove_consumer(HolderId holder);
  void grant(HolderId holder, Credit credit);
  // Acknowledgements are told to the journal some milliseconds later, with others: nobody waits for
  // them but settled(), release() and a clean stop, which do not wait for that.
  void settle(HolderId holder, std::vector<Judgement> judgements);
  void settle_now();
  // It is gone: what it has can be given to others.
  void release(HolderId holder);
  // When all that was settled and released before is durable; of what is to be a dead letter, that
  // it will be one.
  Future<Result<void>> settled();
  struct Got {
    std::optional<Delivery> delivery;  // nothing: it is empty
    std::int64_t left = 0;
  };
  Task<Result<Got>> get(HolderId holder, bool no_ack);
  // How many went.
  Task<Result<std::int64_t>> purge();
  // The first ones, without taking them.
  Task<Result<std::vector<Delivery>>> peek(std::size_t count_max);

  // Up to where its log may go, when that is further than it went.
  std::optional<Offset> reclaimable() const {
    if (!cursor_ || cursor_->floor() <= log_->log_start()) return std::nullopt;
    return std::min(cursor_->floor(), log_->high_watermark());
  }
  const std::shared_ptr<PartitionLog>& log() const { return log_; }

  // Whether so many more may be appended: of queues that refuse what is too much.
  bool has_room_for(std::int64_t count);
  QueueLength length();
  QueueFigures figures();
  // Somebody asked for it: it is not unused.
  void touch();

 private:
  struct Consumer {
    std::shared_ptr<DeliverySink> sink;
    bool no_ack = false;
    std::optional<std::int64_t> bytes_left;
    std::vector<Delivery> out;  // of the pump under way
  };
  struct Doomed {
    Offset offset;
    HolderId holder;
  };

  void appended();
  // Somebody cut the log above what is done: those messages are no more.
  void skip_lost();
  void pump_soon();
  void pump();
  void give(const StoredMessage& message, const std::shared_ptr<const MessageBlock>& block,
            HolderId holder, Settle& done);
  void use_up(HolderId holder, Consumer& consumer, const StoredMessage& message);
  void trim_to_length(Settle& done);
  void submit(Settle settle);
  void submit_soon(Settle settle);
  Task<void> run(std::shared_ptr<Queue> self, CursorCommand command);
  bool is_expired(const StoredMessage& message, bool is_fresh) const;
  std::optional<WallMs> expires_at(const StoredMessage& message) const;
  void arm_expiry();
  void arm_unused();

  // Null: it has to be loaded, which is under way then; or the log has nothing there, which the
  // cursor knows then (`skipped`).
  std::shared_ptr<const MessageBlock> find_block(Offset offset, bool& skipped);
  Result<std::shared_ptr<const MessageBlock>> keep_block(Offset offset, Result<LogRead> read,
                                                         bool& skipped);
  Task<void> load(std::shared_ptr<Queue> self, Offset offset);
  // Loads it when it must; null when the log has nothing there.
  Task<Result<std::shared_ptr<const MessageBlock>>> fetch_block(Offset offset);

  // dead_letter.cc
  void doom(RemovalReason reason, std::vector<Doomed> doomed);
  void doom_exhausted();
  Task<void> bury(std::shared_ptr<Queue> self, RemovalReason reason, std::vector<Doomed> doomed);
  // These two have the turn of their caller.
  Task<Result<std::vector<OpenTransfer>>> begin_burial(RemovalReason reason,
                                                       std::vector<Doomed> doomed);
  Task<void> finish_transfers(std::shared_ptr<Queue> self, std::vector<OpenTransfer> transfers);
  Task<void> copy_out(std::vector<OpenTransfer> transfers);
  // So many of them, from this one on, that it is not too much at once. Nothing: it can't go on.
  Task<std::size_t> copy_some(const std::vector<OpenTransfer>& transfers, std::size_t from);
  Task<Result<void>> need_producer_id();

  BrokerCore& broker_;
  Core& core_;
  std::shared_ptr<const QueueInfo> info_;
  std::shared_ptr<PartitionLog> log_;
  Partition* partition_;  // null once closed, as cursor_
  CursorHost& host_;
  Cursor* cursor_;
  const CursorId cursor_id_;

  Consumers consumers_;
  std::unordered_map<HolderId, Consumer> consumer_data_;
  std::optional<HolderId> exclusive_;

  std::deque<std::shared_ptr<const MessageBlock>> blocks_;  // read last, the newest in front
  bool loading_ = false;
  bool pump_posted_ = false;
  bool started_ = false;
  Offset known_start_;  // of the log: skip_lost() was told
  Offset fresh_from_;   // arrived since the last pump
  // The first that is ready, when nobody takes it.
  struct Head {
    Offset offset;
    WallMs time;
    std::optional<WallMs> expires;
  };
  std::optional<Head> head_;
  std::vector<HolderId> touched_;
  std::uint64_t delivered_ = 0;

  Settle soon_;  // acknowledged, and not submitted yet
  std::int64_t soon_count_ = 0;
  std::optional<TimerId> soon_timer_;

  // What settled() waits for. Each kind ends in the order in which it began.
  struct Progress {
    std::uint64_t settles = 0;
    std::uint64_t burials = 0;
    bool covers(const Progress& other) const {
      return settles >= other.settles && burials >= other.burials;
    }
  };
  void answer_settled();
  Progress begun_;
  Progress ended_;
  std::optional<Error> failed_;  // the journal did: nothing is durable any more
  std::deque<std::pair<Progress, Promise<Result<void>>>> settled_waits_;

  std::optional<TimerId> expiry_timer_;
  std::optional<TimerId> unused_timer_;
  Turns transfer_turns_;
  bool burying_exhausted_ = false;
};

}  // namespace millrace

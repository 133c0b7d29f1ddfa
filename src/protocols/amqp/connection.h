// Connection: one AMQP 0-9-1 connection on its core.
//
// Reading: one read takes what the socket has, all whole frames in it are handled one after the
// other. What is published in them is collected and put into the queues together when they are
// done, or before a method that must see it. Writing: everything that comes about in one turn of
// the loop leaves together.
//
// Bounded: a frame by the negotiated frame-max, a message by message_bytes_max, what is not durable
// yet by publishing_bytes_max, what the peer does not take by outbox_bytes_max: above them nothing
// more is read or delivered, so a peer that does not read holds up nobody but itself. All of it is
// counted in the memory that connections share; while that is short, who holds much waits for a
// turn before it reads on.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/broker.h"
#include "broker/memory_relief.h"
#include "broker/queues.h"
#include "protocols/amqp/channel.h"
#include "protocols/amqp/facts.h"
#include "protocols/amqp/limits.h"
#include "protocols/amqp/reply_consumers.h"
#include "protocols/amqp/wire/frame.h"
#include "protocols/amqp/wire/methods.h"
#include "protocols/amqp/wire/properties.h"
#include "protocols/amqp/wire/reply_codes.h"
#include "protocols/amqp/wire/writer.h"
#include "runtime/memory_budget.h"
#include "runtime/socket.h"

namespace millrace::amqp {

// What the server knows of all connections of a core.
struct AmqpStats {
  Counter open;
  Counter accepted;
  Counter refused;
  Counter published;
  Counter delivered;
  Counter closed_for_memory;
};

// Of the broker's making: the prefix and 22 random characters.
std::string generated_name(Core& core, std::string_view prefix);

class Connection : public std::enable_shared_from_this<Connection>, public MemoryHolder {
 public:
  Connection(std::unique_ptr<Socket> socket, BrokerCore& broker, AmqpStats& stats,
             ReplyConsumers& reply_consumers, const AmqpLimits& limits);

  // Runs until the peer goes, breaks the protocol, or close().
  static Task<void> serve(std::shared_ptr<Connection> connection);
  // An operator's, or the broker's stop: the client is told why.
  void end(ReplyCode code, std::string_view text);
  void close();
  ConnectionFacts facts() const;

  // MemoryHolder (memory.cc)
  void slim() override;
  std::optional<MonotonicTime> unmoving_since(bool also_waiting) override;
  std::size_t held_bytes() const override { return lease_.bytes(); }
  std::string peer() const override { return socket_->peer(); }
  void close_for_memory() override;

 private:
  class Sink;
  friend class Sink;
  // What ends a channel or the connection.
  struct Failure {
    ReplyCode code;
    std::string text;
  };
  using Done = std::expected<void, Failure>;
  using Handled = Task<Done>;
  static std::unexpected<Failure> failure(ReplyCode code, std::string text) {
    return std::unexpected<Failure>(Failure{code, std::move(text)});
  }
  static std::unexpected<Failure> failure(const Error& error);

  // connection.cc
  Task<bool> read_more();
  Task<bool> handle_frames();
  Task<bool> handle_frame(FrameView frame);
  Task<bool> handle_connection_method(ByteView payload);
  Task<void> finish();
  Task<bool> wait_for_room();
  Task<void> wait_for_disk();
  void fail_connection(const Failure& failure, MethodId method);
  void fail_channel(Channel& channel, const Failure& failure, MethodId method);
  Task<void> drop_channel(std::uint16_t number);
  Task<void> drop_all_channels();
  void beat();
  void flush_soon();
  void flush();
  void progress();

  // memory.cc
  void count_read(std::size_t bytes);
  void count_contents(Channel& channel, std::size_t bytes);
  void count_memory();
  Task<void> wait_for_memory();
  void hold_unsent();

  // login.cc
  Task<Done> start_ok(ConnectionStartOk method);
  Done tune_ok(const ConnectionTuneOk& method);
  Done open(const ConnectionOpen& method);
  void send_start();

  // channel_methods.cc
  Handled handle_method(Channel& channel, ByteView payload);
  Done open_channel(std::uint16_t number);

  // exchange_methods.cc, queue_methods.cc
  Handled declare(Channel& channel, ExchangeDeclare method);
  Handled remove(Channel& channel, ExchangeDelete method);
  Handled bind(Channel& channel, ExchangeBind method);
  Handled unbind(Channel& channel, ExchangeUnbind method);
  Handled declare(Channel& channel, QueueDeclare method);
  Handled bind(Channel& channel, QueueBind method);
  Handled unbind(Channel& channel, QueueUnbind method);
  Handled purge(Channel& channel, QueuePurge method);
  Handled remove(Channel& channel, QueueDelete method);
  Task<std::expected<void, Failure>> change(CatalogMachine::TopologyCommand command);
  std::expected<std::string, Failure> queue_name(const Channel& channel, std::string_view name);
  std::expected<std::shared_ptr<const QueueInfo>, Failure> find_queue(const Channel& channel,
                                                                      std::string_view name);
  Done check_owner(const QueueInfo& queue) const;

  // publish.cc
  Done publish(Channel& channel, const BasicPublish& method);
  Done header(Channel& channel, ByteView payload);
  Done body(Channel& channel, ByteView payload);
  Done hold_contents(Channel& channel);
  Done published(Channel& channel, ByteView body);
  Done route(Channel& channel, std::string_view exchange, std::string_view key, bool mandatory,
             ByteView properties, ByteView body);
  void send_return(Channel& channel, std::string_view exchange, std::string_view key,
                   ByteView properties, ByteView body);
  void publish_collected();
  bool may_publish() const;
  // Before anything else is published.
  bool must_wait_for_published() const;
  struct Confirmed {
    std::uint16_t channel;
    std::uint64_t generation;
    std::uint64_t number;
    std::uint32_t message;  // of the publication; kNoMessage: it went nowhere
  };
  static constexpr std::uint32_t kNoMessage = UINT32_MAX;
  Task<void> put(std::shared_ptr<Connection> self, std::unique_ptr<Publication> publication,
                 std::vector<Confirmed> confirmed, bool has_unanswered);
  void confirm(Channel& channel);
  // Everything published so far is where it belongs.
  Task<std::vector<Error>> all_published();

  // consume.cc
  Done qos(Channel& channel, const BasicQos& method);
  Handled consume(Channel& channel, BasicConsume method);
  Handled cancel(Channel& channel, BasicCancel method);
  Handled get(Channel& channel, BasicGet method);
  void delivered(HolderId holder, std::vector<Delivery> deliveries);
  void queue_gone(HolderId holder);
  void send(Channel& channel, const std::shared_ptr<Consumer>& consumer, const Delivery& delivery);
  void send_held(Channel& channel);
  void give_back_held(Channel& channel, const Consumer& consumer);
  bool outbox_is_full() const;
  void grant_more(Consumer& consumer);
  void grant_all();

  // reply_to.cc
  Done consume_replies(Channel& channel, const BasicConsume& method);
  void end_replies(Channel& channel);
  bool send_reply(std::string_view token, ByteView properties, ByteView body);
  void replied(Channel& channel, std::string_view token, ByteView properties, const Bytes& body);

  // settle.cc
  using Deliveries = std::deque<Unacked>::iterator;
  Done settle(Channel& channel, std::uint64_t tag, bool multiple, Verdict verdict);
  Done settle(Channel& channel, Deliveries first, Deliveries last, Verdict verdict, bool staged);
  Done recover(Channel& channel, bool requeue);
  void judge(const Unacked& delivery, Verdict verdict);
  void settle_collected();
  Handled commit(Channel& channel);
  void roll_back(Channel& channel);

  Channel* find_channel(std::uint16_t number);
  Queues& queues() { return broker_.queues(); }
  std::string where(std::string_view kind, std::string_view name) const;

  std::unique_ptr<Socket> socket_;
  BrokerCore& broker_;
  AmqpStats& stats_;
  ReplyConsumers& reply_consumers_;
  const AmqpLimits limits_;
  std::shared_ptr<DeliverySink> sink_;
  const OwnerId owner_;
  const WallMs connected_at_;
  MemoryLease lease_;

  enum class Phase { greeting, start, tune, open, running, closing } phase_ = Phase::greeting;
  std::string user_;
  std::string tenant_;
  std::string client_name_;
  std::string client_product_;
  bool closes_politely_ = false;  // authentication_failure_close
  bool takes_cancels_ = false;    // consumer_cancel_notify
  bool takes_blocked_ = false;    // connection.blocked
  std::uint32_t frame_bytes_max_ = 131'072;
  std::uint16_t channels_max_ = 0;

  BufferRef buffer_;  // what was read: [begin_, end_) is not handled yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t turn_bytes_ = 0;  // read since the others had their turn
  bool is_reading_ = false;     // for the peer to send something

  // What is held, and whether it moves.
  std::size_t contents_bytes_ = 0;  // of all channels
  std::size_t unacked_ = 0;         // deliveries, of all channels
  std::uint64_t moved_bytes_ = 0;   // read and written
  struct Still {
    MonotonicTime since;
    std::uint64_t moved_bytes;
  };
  std::optional<Still> still_;
  std::shared_ptr<MemoryWait> memory_wait_;

  std::map<std::uint16_t, std::unique_ptr<Channel>> channels_;
  std::unordered_map<HolderId, std::pair<std::uint16_t, std::shared_ptr<Consumer>>> by_holder_;
  std::vector<QueueId> exclusive_queues_;
  std::uint64_t generations_ = 0;

  std::unique_ptr<Publication> publication_;
  std::vector<Confirmed> collected_;
  bool has_unanswered_ = false;  // what is collected, outside of confirms and transactions
  std::size_t publishing_ = 0;   // publications under way
  std::size_t publishing_bytes_ = 0;
  std::vector<Error> publish_errors_;  // since all_published()
  std::optional<Promise<bool>> published_;
  std::map<std::pair<QueueId, HolderId>, std::vector<Judgement>> judgements_;
  std::vector<std::shared_ptr<Consumer>> granting_;

  FrameWriter out_;
  ByteChain outbox_;
  std::size_t outbox_sent_ = 0;
  std::size_t outbox_cost_ = 0;  // what it keeps alive while the socket takes no more
  bool writing_ = false;
  bool flush_posted_ = false;
  bool broken_ = false;
  bool finishing_ = false;  // ends when what is written has left
  std::optional<Promise<bool>> room_;

  Duration heartbeat_{0};
  std::optional<TimerId> heartbeat_timer_;
  bool wrote_ = false;
  bool read_ = false;
  int silent_ = 0;  // half intervals
};

}  // namespace millrace::amqp

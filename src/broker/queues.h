// Queues: what a message-wise protocol asks of this core: where a message goes, putting it there,
// and taking it out again. Each core has one; verbs hop to the core of the queue by themselves.
//
//   auto exchange = queues.find_exchange("/", "orders");
//   Publication publication(queues);
//   publication.add(*exchange, {.key = "eu.paid"}, fields);           // once for each message
//   auto results = co_await publication.submit(AckLevel::durable);
//
//   co_await queues.consume(queue, {.holder = queues.new_holder(), .credit = {10}, .sink = self});
//   queues.settle(queue, holder, {{OffsetRange::of(offset), Verdict::acknowledged}});
//
// What one caller asks of one queue happens in the order in which it was asked.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/commands.h"
#include "broker/queue.h"
#include "catalog/catalog_machine.h"
#include "routing/router.h"

namespace millrace {

class BrokerCore;
class Queues;

// What dead letters need to know of a message's properties, which are a protocol's own: it says how
// they are read.
struct PropertyFacts {
  ValueTable headers;
  std::optional<std::string> expiration;
};
using ReadProperties = std::function<PropertyFacts(ByteView properties)>;

// Messages that are published together: each queue gets one batch of them. One use.
class Publication {
 public:
  explicit Publication(Queues& queues) : queues_(queues) {}

  // How many queues it goes to; 0: nowhere. The message's fields are copied. One whose queue keeps
  // to a length is a batch of its own, so that it can be refused alone. Not when is_closed().
  std::size_t add(ExchangeId exchange, const RoutedMessage& message, const MessageFields& fields);
  // Its last message is large and goes to many queues: it is held once, and put into them in rounds
  // of some megabytes. Nothing is to be added, and what comes later is submitted when this is done:
  // else it could overtake it.
  bool is_closed() const { return wide_.has_value(); }
  std::size_t message_count() const { return first_batch_.size(); }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return batches_.empty() && !wide_; }

  // For each message, in order: whether every queue took it. Error::policy_violation when one was
  // full. With AckLevel::none at once, and always good.
  Task<std::vector<Error>> submit(AckLevel level, Duration timeout);

 private:
  struct Batch {
    std::shared_ptr<const QueueInfo> queue;
    BatchBuilder builder;
  };
  struct Wide {
    Bytes bytes;  // a batch with this message alone, for any of the queues
    std::vector<std::shared_ptr<const QueueInfo>> queues;
  };
  std::uint32_t batch_for(const std::shared_ptr<const QueueInfo>& queue, std::size_t size);
  Task<Error> submit_wide(AckLevel level, Duration timeout);

  Queues& queues_;
  std::optional<Wide> wide_;
  std::vector<Batch> batches_;
  std::map<QueueId, std::uint32_t> open_;  // index of the batch that takes more
  // Of each message: its batches stand in message_batches_ from here on.
  std::vector<std::uint32_t> first_batch_;
  std::vector<std::uint32_t> message_batches_;
  std::size_t bytes_ = 0;
};

class Queues {
 public:
  explicit Queues(BrokerCore& broker);
  Queues(const Queues&) = delete;
  ~Queues();

  // Of the topology, as this core knows it.
  bool has_tenant(std::string_view name) const { return tenants_.contains(name); }
  std::shared_ptr<const ExchangeInfo> find_exchange(std::string_view tenant,
                                                    std::string_view name) const;
  std::shared_ptr<const QueueInfo> find_queue(std::string_view tenant, std::string_view name) const;
  std::shared_ptr<const QueueInfo> find_queue(QueueId id) const;
  // Sets `targets`. False when the exchange is no more.
  bool route(ExchangeId exchange, const RoutedMessage& message, Targets& targets);

  // Changes it: durable, and known on every core when it returns. The names are checked in the
  // catalogue.
  Task<TopologyReply> change(CatalogMachine::TopologyCommand command);
  // A snapshot for listings, from core 0.
  struct Listing {
    std::vector<std::string> tenants;
    std::vector<std::shared_ptr<const ExchangeInfo>> exchanges;
    std::vector<std::shared_ptr<const QueueInfo>> queues;
    std::vector<BindingInfo> bindings;
  };
  Task<Listing> list(std::string tenant);  // empty: of all

  // Never given before in this run.
  HolderId new_holder();
  OwnerId new_owner();

  // Errors of all that name a queue: not_found when it is no more, stopping.
  Task<Result<void>> consume(QueueId queue, ConsumerSpec spec);
  // Given no more deliveries when it returns; what it has it keeps.
  Task<Result<void>> cancel(QueueId queue, HolderId holder);
  Task<Result<Queue::Got>> get(QueueId queue, HolderId holder, bool no_ack);
  Task<Result<std::int64_t>> purge(QueueId queue);
  Task<Result<QueueLength>> length(QueueId queue);
  Task<Result<QueueFigures>> figures(QueueId queue);
  // Of many, in their order; nothing for those that are no more.
  Task<std::vector<std::optional<QueueFigures>>> figures_of(std::vector<QueueId> queues);
  Task<Result<std::vector<Delivery>>> peek(QueueId queue, std::size_t count_max);
  // When all that this core asked of the queue before is durable.
  Task<Result<void>> settled(QueueId queue);
  // Nobody waits for these.
  void settle(QueueId queue, HolderId holder, std::vector<Judgement> judgements);
  void grant(QueueId queue, HolderId holder, Credit credit);
  void release(QueueId queue, HolderId holder);
  // It was asked for: it is not unused.
  void touch(QueueId queue);
  // Because its last consumer went, or nobody used it: when it still is so.
  void remove_later(QueueId queue);

  void set_read_properties(ReadProperties read) { read_properties_ = std::move(read); }
  BrokerCore& broker() { return broker_; }

 private:
  friend class Broker;
  friend class BrokerCore;
  friend class Publication;
  friend class Queue;

  // boot and changes (queues_boot.cc)
  Task<Result<void>> open_host(ShardId shard);
  Task<Result<void>> adopt(std::vector<TopologyChange> changes);
  Task<Result<void>> open_queue(std::shared_ptr<const QueueInfo> info);
  void close_queue(QueueId id);
  Task<void> submit_alone(CursorHost* host, CursorCommand command);
  // At the end of the boot: all cores know all queues.
  bool start_queues();
  void stop(const Error& error);
  Task<TopologyReply> change_here(CatalogMachine::TopologyCommand command);
  Task<Listing> list_here(std::string tenant);
  void arm_reclaim();
  Task<void> reclaim();
  Task<void> remove_unused(QueueId queue);

  // On the queue's core.
  Queue* find_here(QueueId id) const;
  std::shared_ptr<Queue> shared_here(QueueId id) const;
  Task<Result<void>> consume_here(QueueId queue, ConsumerSpec spec);
  Task<Result<void>> cancel_here(QueueId queue, HolderId holder);
  Task<Result<Queue::Got>> get_here(QueueId queue, HolderId holder, bool no_ack);
  Task<Result<std::int64_t>> purge_here(QueueId queue);
  Task<Result<QueueLength>> length_here(QueueId queue);
  Task<Result<QueueFigures>> figures_here(QueueId queue);
  Task<bool> figures_here(std::vector<std::pair<std::size_t, QueueId>> queues,
                          std::vector<std::optional<QueueFigures>>* figures);
  Task<Result<std::vector<Delivery>>> peek_here(QueueId queue, std::size_t count_max);
  Task<Result<void>> settled_here(QueueId queue);

  BrokerCore* owner_of(QueueId queue) const;
  template <class Function>
  void post_to(QueueId queue, Function function);

  // Of publications and dead letters.
  struct QueueBatch {
    QueueId queue;
    PartitionId partition;
    Bytes bytes;
  };
  using Routed = std::vector<std::pair<std::size_t, QueueBatch>>;  // with its place in the results
  Task<std::vector<Error>> append(std::vector<QueueBatch> batches, AckLevel level,
                                  Duration timeout);
  Task<bool> append_here(Routed batches, std::vector<Error>* results, AckLevel level,
                         Duration timeout);
  // Durable on return; true also when the queue is no more, or had it before.
  Task<Result<void>> append_copy(PartitionId partition, Bytes batch);
  Task<Result<void>> append_copy_here(PartitionId partition, Bytes batch);
  PropertyFacts facts_of(const StoredMessage& message) const;
  ValueTable deaths_of(const QueueInfo& queue, const StoredMessage& message, RemovalReason reason,
                       WallMs time) const;
  std::string dead_letter_key(const QueueInfo& queue, const StoredMessage& message) const;
  std::vector<PartitionId> dead_letter_targets(const QueueInfo& queue, const StoredMessage& message,
                                               RemovalReason reason);

  BrokerCore& broker_;
  Router router_;
  std::set<std::string, std::less<>> tenants_;
  std::unordered_map<ExchangeId, std::shared_ptr<const ExchangeInfo>> exchanges_;
  std::unordered_map<QueueId, std::shared_ptr<const QueueInfo>> infos_;
  std::unordered_map<PartitionId, QueueId> by_partition_;
  std::unordered_map<ShardId, std::unique_ptr<CursorHost>> hosts_;
  std::unordered_map<QueueId, std::shared_ptr<Queue>> here_;  // whose partition is this core's
  ReadProperties read_properties_;
  std::uint64_t next_holder_ = 2;
  std::uint64_t next_owner_ = 1;
  bool started_ = false;
  bool stopping_ = false;
  bool reclaiming_ = false;
  Targets targets_;  // for its memory
};

}  // namespace millrace

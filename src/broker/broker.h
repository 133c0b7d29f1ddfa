// Broker: everything a protocol may ask for. Sessions hold the BrokerCore of their core and call
// its verbs from there; a verb hops to the cores that own what it needs, once per core and request.
//
//   auto topic = broker.image().find("orders");
//   auto results = co_await broker.produce({{topic, 0, batch}}, AckLevel::durable);
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/commands.h"
#include "broker/deadlines.h"
#include "broker/figures.h"
#include "broker/memory_relief.h"
#include "catalog/catalog_machine.h"
#include "groups/group_machine.h"
#include "machine/host.h"
#include "runtime/memory_budget.h"
#include "runtime/turn.h"
#include "topics/partition.h"

namespace millrace {

class Broker;
class Queues;

struct BrokerLimits {
  GroupLimits groups;
  std::int32_t partitions_default = 1;  // of a topic made without saying how many
  bool auto_create_topics = true;
  Duration retention_check_interval = std::chrono::seconds(30);
  // Requests that are not finished and answers that are not taken, of all connections together.
  std::uint64_t connection_bytes_max = 288ull << 20;
};

// What an image has that the one before had not.
struct CatalogChange {
  std::vector<std::shared_ptr<const TopicInfo>> changed;  // new ones too
  std::vector<PartitionInfo> removed;
  std::vector<TopologyChange> topology;  // in order
};

// Null when there is no such partition.
const PartitionInfo* find_info(const std::shared_ptr<const TopicInfo>& topic,
                               std::int32_t partition);
LogSettings log_settings_of(const TopicConfig& config);
TopicId random_topic_id(Core& core);

class BrokerCore {
 public:
  BrokerCore(Broker& broker, CoreStore& store);
  ~BrokerCore();

  Core& core() const { return store_.core(); }
  Broker& broker() const { return broker_; }
  const CatalogImage& image() const { return *image_; }
  WallMs broker_time() const { return store_.broker_time(); }
  LeaderEpoch leader_epoch() const { return store_.leader_epoch(); }
  std::optional<DiskSpace> disk_space() const { return store_.store().disk_space(); }
  // What connections of this core hold is leased here.
  MemoryShare& memory() { return memory_; }

  // Exchanges, queues and what is in them.
  Queues& queues() { return *queues_; }

  // Back-pressure: false while too much waits for the disk. A session waits for room before it
  // starts a produce, and reads nothing meanwhile; produce() itself never waits, so that appends
  // keep the order in which they came.
  bool has_room(std::size_t bytes) const { return !store_.is_full(bytes); }
  Future<bool> room(std::size_t bytes) { return store_.room(bytes); }

  // One result per item, in order. With AckLevel::none the results say only what was refused at
  // once. Error::timed_out when what was promised is not true at the end of the time: it may
  // become so later.
  Task<std::vector<ProduceResult>> produce(std::vector<ProduceItem> items, AckLevel level,
                                           Duration timeout = Duration::max());
  // One result per item, in order. Waits until bytes_min are there, one fails, or wait_max is over.
  Task<std::vector<FetchResult>> fetch(FetchCommand command);
  Task<Result<TimePosition>> find_position(std::shared_ptr<const TopicInfo> topic,
                                           std::int32_t partition, LeaderEpoch current_epoch,
                                           TimeQuery query);
  Task<Result<EpochEnd>> find_epoch_end(std::shared_ptr<const TopicInfo> topic,
                                        std::int32_t partition, LeaderEpoch current_epoch,
                                        LeaderEpoch epoch);
  // One reply per command, in order; visible on every core when it returns. partitions -1: the
  // default.
  Task<std::vector<TopicReply>> create_topics(std::vector<CreateTopic> commands);
  // One reply per command, in order. The topic is gone on every core when it returns; its files
  // follow.
  Task<std::vector<TopicReply>> delete_topics(std::vector<DeleteTopic> commands);
  // One reply per command, in order; what is new can be used on every core when it returns.
  Task<std::vector<TopicReply>> add_partitions(std::vector<AddPartitions> commands);
  Task<std::vector<TopicReply>> configure_topics(std::vector<ConfigureTopic> commands);
  // Forgets the records below `before`, or below the high watermark when it is -1. Gives the offset
  // where the log begins now, durable. Error::offset_out_of_range above the high watermark.
  Task<Result<Offset>> delete_records(std::shared_ptr<const TopicInfo> topic,
                                      std::int32_t partition, Offset before);
  // One per partition of the topic, in order.
  Task<std::vector<PartitionSummary>> describe_partitions(std::shared_ptr<const TopicInfo> topic);
  // A new id, never given before.
  Task<Result<ProducerId>> new_producer_id();
  // To the group's coordinator and back. Error::stopping, Error::outcome_unknown.
  Task<Result<GroupMachine::Reply>> group(std::string group_id, GroupMachine::Command command);
  // The groups of all shards, by id. Error::stopping.
  Task<Result<std::vector<ListGroupsReply::Group>>> list_groups();
  // Of topics that are no more: what groups committed for them, lest new ones of these names be
  // read from there. A failure is only logged.
  Task<void> forget_topic_offsets(std::vector<std::string> topics);
  // When the batch was written that holds this offset, by its own time; nothing when there is no
  // such batch, or when reading it would have to wait and may not.
  Task<std::optional<WallMs>> written_at(PartitionInfo partition, Offset offset, bool may_wait);

 private:
  friend class Broker;
  friend class Queues;
  struct Route {
    std::size_t index;  // of the item in the request
    PartitionId partition;
  };
  // By owning core: which items of a request go there.
  using Routes = std::vector<std::vector<Route>>;
  struct PreparedBatch;

  Partition* find_partition(PartitionId id) const;
  Core& owner(ShardId shard) const;
  Task<bool> append_here(std::vector<Route> routes, std::vector<PreparedBatch>* batches,
                         std::vector<ProduceResult>* results, AckLevel level, Duration timeout);
  Task<bool> read_here(std::vector<Route> routes, const FetchCommand* command,
                       std::vector<FetchResult>* results, std::shared_ptr<Waiter> waiter);
  Task<Result<TimePosition>> find_position_here(PartitionId id, LeaderEpoch current_epoch,
                                                TimeQuery query);
  Task<Result<EpochEnd>> find_epoch_end_here(PartitionId id, LeaderEpoch current_epoch,
                                             LeaderEpoch epoch);
  Task<Result<GroupMachine::Reply>> group_here(ShardId shard, GroupMachine::Command command);
  Task<Result<std::vector<ListGroupsReply::Group>>> list_groups_here();
  Task<Result<void>> forget_topic_offsets_here(std::vector<std::string> topics);
  Task<Result<void>> forget_in(MachineHost<GroupMachine>* host, std::vector<std::string> topics);
  // Topics that are no more and that groups of this core have offsets of.
  std::vector<std::string> forgotten_topics() const;
  Task<void> finish_deletions(Turns::Turn turn, std::vector<std::string> topics);
  Task<std::vector<TopicReply>> create_topics_here(std::vector<CreateTopic> commands);
  Task<std::vector<TopicReply>> delete_topics_here(std::vector<DeleteTopic> commands);
  template <class Command>
  Task<std::vector<TopicReply>> change_topics_here(std::vector<Command> commands);
  template <class Command>
  Task<std::vector<TopicReply>> decide_topics(std::vector<Command> commands);
  Task<std::vector<TopicReply>> publish_changed(std::vector<TopicReply> replies,
                                                std::vector<bool> validate_only);
  Task<Result<Offset>> delete_records_here(PartitionId id, Offset before);
  PartitionSummary describe_here(PartitionId id) const;
  void count_sent(const FetchCommand& command, const std::vector<FetchResult>& results);
  Task<CoreFigures> figures_here();
  Task<std::optional<WallMs>> written_at_here(PartitionId id, Offset offset, bool may_wait);
  void arm_retention();
  Task<void> apply_retention();
  Task<Result<ProducerId>> new_producer_id_here();
  Task<Result<void>> open_group_host(ShardId shard);
  Result<void> check_epoch(LeaderEpoch current) const;
  Task<Result<void>> adopt(std::shared_ptr<const CatalogImage> image, const CatalogChange* change);
  bool refuse_from_now_on();
  bool wake_everybody();

  Broker& broker_;
  CoreStore& store_;
  MemoryShare memory_;
  std::shared_ptr<const CatalogImage> image_;
  std::unordered_map<PartitionId, std::unique_ptr<Partition>> partitions_;
  std::unordered_map<ShardId, std::unique_ptr<MachineHost<GroupMachine>>> groups_;
  Deadlines deadlines_;
  struct Sent {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
  };
  std::unordered_map<PartitionId, Sent>
      sent_;  // to consumers of this core, of any core's partition
  std::unique_ptr<Queues> queues_;
  bool stopping_ = false;
  bool retention_runs_ = false;

  // Core 0 only. Whoever changes the catalogue has the turn until every core knows.
  Turns catalog_turns_;
  std::unique_ptr<MachineHost<CatalogMachine>> catalog_;
  ProducerId next_producer_id_{0};
  ProducerId end_producer_id_{0};
};

class Broker {
 public:
  Broker(Runtime& runtime, Store& store, BrokerLimits limits);
  ~Broker();

  // On core 0: replays the machines and opens every partition. Then the store's checkpoints may
  // begin.
  Task<Result<void>> boot();
  // On core 0: waiting requests are answered, later ones refused.
  Task<void> stop();

  BrokerCore& core(CoreId id) { return *cores_[id.value()]; }
  const BrokerLimits& limits() const { return limits_; }
  Store& store() { return store_; }
  // Of all connections, of whatever protocol. Any thread.
  MemoryBudget& memory() { return memory_; }
  MemoryRelief& relief() { return relief_; }
  Runtime& runtime() { return runtime_; }
  Core& owner(ShardId shard) {
    return runtime_.core(CoreId(static_cast<std::uint32_t>(shard.value() % cores_.size())));
  }
  // Gives the image to every core; each opens and closes what it owns of the change.
  Task<Result<void>> publish(std::shared_ptr<const CatalogImage> image, CatalogChange change);
  Task<void> remove_files_of(std::vector<PartitionId> ids);
  // How the broker stands. On core 0.
  Task<BrokerFigures> figures();

 private:
  Task<Result<void>> replay_groups();
  Task<Result<void>> replay_cursors();
  Task<void> remove_temporary();
  Runtime& runtime_;
  Store& store_;
  const BrokerLimits limits_;
  MemoryBudget memory_;
  MemoryRelief relief_;
  std::vector<std::unique_ptr<BrokerCore>> cores_;
};

}  // namespace millrace

// CatalogMachine: topics, the topology (exchanges, queues, bindings) and producer ids as a
// deterministic machine over the catalogue's log. Its one instance runs on core 0; everybody else
// reads the image it makes, and is told the changes of the topology.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "catalog/image.h"
#include "catalog/topology.h"
#include "machine/machine.h"

namespace millrace {

struct CreateTopic {
  std::string name;
  std::int32_t partitions = 1;
  std::map<std::string, std::string> config;
  TopicId id{};
  bool validate_only = false;
};

// Of the topic with this id, or with this name when the id is all zero: it may be made again while
// the command is under way.
struct TopicRef {
  std::string name;
  TopicId id{};
};

struct DeleteTopic {
  TopicRef topic;
};

struct AddPartitions {
  TopicRef topic;
  std::int32_t count = 1;  // how many there are to be in all
  bool validate_only = false;
};

struct ConfigureTopic {
  TopicRef topic;
  bool replace = false;  // configs that are not named go back to their default
  std::map<std::string, std::optional<std::string>> config;  // nothing: back to the default
  bool validate_only = false;
};

struct ReserveProducerIds {
  std::int64_t count = 1;
};

struct TopicReply {
  // topic_already_exists, invalid_topic_name, invalid_partitions, invalid_config,
  // unknown_topic_or_partition, unknown_topic_id
  std::optional<Error> error;
  std::shared_ptr<const TopicInfo> topic;  // as it is now; of a deleted one, as it was
};

struct ProducerIdsReply {
  ProducerId first;
};

struct TopologyReply {
  // As Topology::decide() says; of a queue also topic_already_exists.
  std::optional<Error> error;
  std::vector<TopologyChange> changes;  // none: it was so already
  // What holds the messages of queues that are new, or are no more.
  std::vector<std::shared_ptr<const TopicInfo>> new_topics;
  std::vector<std::shared_ptr<const TopicInfo>> gone_topics;
};

class CatalogMachine {
 public:
  using TopologyCommand = std::variant<DeclareExchange, DeleteExchange, DeclareQueue, DeleteQueue,
                                       ChangeBinding, CreateTenant, DeleteTenant>;
  using Command = std::variant<CreateTopic, DeleteTopic, AddPartitions, ConfigureTopic,
                               ReserveProducerIds, TopologyCommand>;
  using Reply = std::variant<TopicReply, ProducerIdsReply, TopologyReply>;

  CatalogMachine();

  Outcome<Reply> decide(const MachineContext& context, RequestId request, Command command);
  Outcome<Reply> on_timer(const MachineContext&) { return {}; }
  std::optional<MonotonicTime> next_timer() const { return std::nullopt; }
  void apply(WallMs time, ByteView event);
  void snapshot(FieldWriter& out) const;
  bool restore(ByteView bytes);

  // With what was applied last, durable or not: the host's caller publishes it after a durable
  // reply.
  std::shared_ptr<const CatalogImage> image() const;
  const Topology& topology() const { return topology_; }

 private:
  // What the topic would be afterwards, or what is wrong with the command.
  TopicReply check(const CreateTopic& command) const;
  TopicReply check(const DeleteTopic& command) const;
  TopicReply check(const AddPartitions& command) const;
  TopicReply check(const ConfigureTopic& command) const;
  TopicReply find(const TopicRef& topic) const;
  std::optional<Error> refuse_queue(const TopicInfo& topic) const;
  void add_partitions(TopicInfo& topic, std::int32_t count) const;
  void add(std::shared_ptr<const TopicInfo> topic);
  TopologyReply check(const TopologyCommand& command) const;
  TopologyReply check_queue(const DeclareQueue& command) const;

  CatalogImage state_;
  Topology topology_;
  ProducerId next_producer_id_{1000};
  mutable std::shared_ptr<const CatalogImage> image_;  // of state_, until it changes
};

// Kafka's rule: 1 to 249 of a-z A-Z 0-9 . _ -, and neither "." nor "..".
bool valid_topic_name(std::string_view name);

}  // namespace millrace

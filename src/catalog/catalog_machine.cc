#include "catalog/catalog_machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "catalog/ids.h"
#include "catalog/topic_config.h"

namespace millrace {
namespace {

constexpr std::int32_t kPartitionsMax = 10000;  // of one topic
constexpr std::uint64_t kSnapshotVersion = 1;

// Kinds and field numbers are part of the format.
// A changed topic's event holds all of it, as its creation does.
enum Kind : std::uint64_t {
  kTopicCreated = 1,
  kProducerIdsReserved = 2,
  kTopicDeleted = 3,
  kTopicChanged = 4,
  kTopologyChanged = 5,
};
enum TopicField : std::uint32_t {
  kName = 2,
  kTopicId = 3,
  kPartition = 4,
  kConfig = 5,
  kQueue = 6,
  kHidden = 7,
};
constexpr std::uint32_t kChange = 2;  // of kTopologyChanged
enum SnapshotField : std::uint32_t {
  kVersion = 1,
  kNextProducer = 2,
  kNextPartition = 3,
  kTopic = 4,
  kTopologyEntry = 5,
  kNextTopologyId = 6,
};

void encode_topic(FieldWriter& out, const TopicInfo& topic) {
  out.put_text(kName, topic.name);
  out.put_bytes(kTopicId, topic.id);
  for (const PartitionInfo& partition : topic.partitions) {
    FieldWriter message;
    message.put(1, partition.id.value());
    message.put(2, partition.shard.value());
    out.put_message(kPartition, message);
  }
  if (topic.queue.value()) out.put(kQueue, topic.queue.value());
  if (topic.is_hidden) out.put(kHidden, 1);
  for (const auto& [name, value] : topic.config_text) {
    FieldWriter message;
    message.put_text(1, name);
    message.put_text(2, value);
    out.put_message(kConfig, message);
  }
}

bool decode_partition(ByteView bytes, PartitionInfo& partition) {
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == 1) partition.id = PartitionId(field->value);
    if (field->number == 2) partition.shard = ShardId(static_cast<std::uint32_t>(field->value));
  }
  return reader.ok();
}

bool decode_config(ByteView bytes, std::map<std::string, std::string>& config) {
  std::string name;
  std::string value;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == 1) name = field->text();
    if (field->number == 2) value = field->text();
  }
  config[name] = value;
  return reader.ok();
}

std::shared_ptr<const TopicInfo> decode_topic(ByteView bytes) {
  auto topic = std::make_shared<TopicInfo>();
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    switch (field->number) {
      case kName:
        topic->name = field->text();
        break;
      case kTopicId:
        if (field->bytes.size() != topic->id.size()) return nullptr;
        std::ranges::copy(field->bytes, topic->id.begin());
        break;
      case kPartition:
        if (!decode_partition(field->bytes, topic->partitions.emplace_back())) return nullptr;
        break;
      case kConfig:
        if (!decode_config(field->bytes, topic->config_text)) return nullptr;
        break;
      case kQueue:
        topic->queue = QueueId(field->value);
        break;
      case kHidden:
        topic->is_hidden = field->value != 0;
        break;
    }
  }
  auto config = parse_topic_config(topic->config_text);
  if (!reader.ok() || !config) return nullptr;
  topic->config = *config;
  return topic;
}

Event topic_event(Kind kind, const TopicInfo& topic) {
  FieldWriter event;
  event.put(1, kind);
  if (kind == kTopicDeleted) {
    event.put_bytes(kTopicId, topic.id);
  } else {
    encode_topic(event, topic);
  }
  return event.take();
}

Event topology_event(const TopologyChange& change) {
  FieldWriter event;
  event.put(1, kTopologyChanged);
  FieldWriter message;
  encode(message, change);
  event.put_message(kChange, message);
  return event.take();
}

// Nothing of it goes but by its queue: acknowledged, expired, or too much.
const std::map<std::string, std::string> kQueueTopicConfig = {{"retention.ms", "-1"}};

}  // namespace

bool valid_topic_name(std::string_view name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

CatalogMachine::CatalogMachine() { state_.next_partition_id = kFirstUserPartition; }

TopicReply CatalogMachine::check(const CreateTopic& command) const {
  if (!valid_topic_name(command.name)) {
    return {Error(ErrorCode::invalid_topic_name,
                  "a topic name has 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'"),
            nullptr};
  }
  if (auto existing = state_.find(command.name)) {
    return {Error(ErrorCode::topic_already_exists, fmt::format("topic '{}' exists", command.name)),
            existing};
  }
  if (command.partitions < 1 || command.partitions > kPartitionsMax) {
    return {Error(ErrorCode::invalid_partitions,
                  fmt::format("a topic has 1 to {} partitions, {} were asked for", kPartitionsMax,
                              command.partitions)),
            nullptr};
  }
  auto config = parse_topic_config(command.config);
  if (!config) return {config.error(), nullptr};
  auto topic = std::make_shared<TopicInfo>();
  topic->name = command.name;
  topic->id = command.id;
  topic->config = *config;
  topic->config_text = command.config;
  add_partitions(*topic, command.partitions);
  return {std::nullopt, topic};
}

void CatalogMachine::add_partitions(TopicInfo& topic, std::int32_t count) const {
  for (std::int32_t i = 0; i < count; ++i) {
    PartitionId id = state_.next_partition_id + static_cast<std::uint64_t>(i);
    // Consecutive ids on consecutive shards: balanced over any number of cores.
    topic.partitions.push_back({id, ShardId(static_cast<std::uint32_t>(id.value() % kShardCount))});
  }
}

TopologyReply CatalogMachine::check_queue(const DeclareQueue& command) const {
  TopologyReply reply;
  TopicInfo topic;
  add_partitions(topic, 1);
  auto decided = topology_.decide(command, topic.partitions.front());
  if (!decided) {
    reply.error = decided.error();
    return reply;
  }
  reply.changes = std::move(*decided);
  if (reply.changes.empty()) return reply;
  topic.name = command.name;
  topic.id = command.topic;
  topic.queue = std::get<QueueAdded>(reply.changes.front()).queue->id;
  topic.is_hidden = command.tenant != kDefaultTenant;
  topic.config_text = kQueueTopicConfig;
  auto config = parse_topic_config(topic.config_text);
  ASSERT(config);
  topic.config = *config;
  if (!topic.is_hidden && state_.find(topic.name)) {
    reply.error = Error(
        ErrorCode::topic_already_exists,
        fmt::format("there is a topic '{0}': a queue '{0}' would need the name", command.name));
    return reply;
  }
  reply.new_topics.push_back(std::make_shared<const TopicInfo>(std::move(topic)));
  return reply;
}

TopologyReply CatalogMachine::check(const TopologyCommand& command) const {
  if (const auto* declare = std::get_if<DeclareQueue>(&command)) return check_queue(*declare);
  TopologyReply reply;
  auto decided = std::visit(
      [this](const auto& each) -> Topology::Decided {
        if constexpr (std::is_same_v<std::decay_t<decltype(each)>, DeclareQueue>) {
          return fail(ErrorCode::invalid_request);
        } else {
          return topology_.decide(each);
        }
      },
      command);
  if (!decided) {
    reply.error = decided.error();
    return reply;
  }
  reply.changes = std::move(*decided);
  for (const TopologyChange& change : reply.changes) {
    const auto* gone = std::get_if<QueueRemoved>(&change);
    if (!gone) continue;
    auto topic = state_.find(topology_.find_queue(gone->id)->topic);
    ASSERT(topic);
    reply.gone_topics.push_back(std::move(topic));
  }
  return reply;
}

TopicReply CatalogMachine::find(const TopicRef& ref) const {
  if (ref.id != TopicId{}) {
    auto topic = state_.find(ref.id);
    if (topic) return {std::nullopt, std::move(topic)};
    return {Error(ErrorCode::unknown_topic_id), nullptr};
  }
  auto topic = state_.find(ref.name);
  if (topic) return {std::nullopt, std::move(topic)};
  return {
      Error(ErrorCode::unknown_topic_or_partition, fmt::format("there is no topic '{}'", ref.name)),
      nullptr};
}

// A queue's topic lives as its queue does.
std::optional<Error> CatalogMachine::refuse_queue(const TopicInfo& topic) const {
  if (!topic.queue.value()) return std::nullopt;
  return Error(ErrorCode::policy_violation,
               fmt::format("topic '{0}' holds the messages of the queue '{0}', and has one "
                           "partition for as long as the queue is there",
                           topic.name));
}

TopicReply CatalogMachine::check(const DeleteTopic& command) const {
  TopicReply reply = find(command.topic);
  if (!reply.error) reply.error = refuse_queue(*reply.topic);
  return reply;
}

TopicReply CatalogMachine::check(const AddPartitions& command) const {
  TopicReply reply = find(command.topic);
  if (!reply.error) reply.error = refuse_queue(*reply.topic);
  if (reply.error) return reply;
  auto now = static_cast<std::int32_t>(reply.topic->partitions.size());
  if (command.count <= now || command.count > kPartitionsMax) {
    reply.error = Error(
        ErrorCode::invalid_partitions,
        fmt::format("topic '{}' has {} partitions: the new number must be above that and at most "
                    "{}, {} was asked for",
                    reply.topic->name, now, kPartitionsMax, command.count));
    return reply;
  }
  auto topic = std::make_shared<TopicInfo>(*reply.topic);
  add_partitions(*topic, command.count - now);
  reply.topic = std::move(topic);
  return reply;
}

TopicReply CatalogMachine::check(const ConfigureTopic& command) const {
  TopicReply reply = find(command.topic);
  if (reply.error) return reply;
  auto topic = std::make_shared<TopicInfo>(*reply.topic);
  if (command.replace) topic->config_text.clear();
  for (const auto& [name, value] : command.config) {
    if (value) {
      topic->config_text[name] = *value;
    } else if (auto known = check_config_name(name); known) {
      topic->config_text.erase(name);
    } else {
      reply.error = known.error();
      return reply;
    }
  }
  auto config = parse_topic_config(topic->config_text);
  if (!config) {
    reply.error = config.error();
    return reply;
  }
  topic->config = *config;
  reply.topic = std::move(topic);
  return reply;
}

Outcome<CatalogMachine::Reply> CatalogMachine::decide(const MachineContext&, RequestId request,
                                                      Command command) {
  Outcome<Reply> outcome;
  auto settle = [&](TopicReply reply, Kind kind, bool validate_only) {
    if (!reply.error && !validate_only) outcome.events.push_back(topic_event(kind, *reply.topic));
    outcome.replies.emplace_back(request, std::move(reply));
    return std::move(outcome);
  };
  if (auto* create = std::get_if<CreateTopic>(&command)) {
    return settle(check(*create), kTopicCreated, create->validate_only);
  }
  if (auto* deletion = std::get_if<DeleteTopic>(&command)) {
    return settle(check(*deletion), kTopicDeleted, false);
  }
  if (auto* more = std::get_if<AddPartitions>(&command)) {
    return settle(check(*more), kTopicChanged, more->validate_only);
  }
  if (auto* configure = std::get_if<ConfigureTopic>(&command)) {
    return settle(check(*configure), kTopicChanged, configure->validate_only);
  }
  if (auto* change = std::get_if<TopologyCommand>(&command)) {
    TopologyReply reply = check(*change);
    if (!reply.error) {
      for (const auto& topic : reply.new_topics) {
        outcome.events.push_back(topic_event(kTopicCreated, *topic));
      }
      for (const TopologyChange& each : reply.changes) {
        outcome.events.push_back(topology_event(each));
      }
      for (const auto& topic : reply.gone_topics) {
        outcome.events.push_back(topic_event(kTopicDeleted, *topic));
      }
    }
    outcome.replies.emplace_back(request, std::move(reply));
    return outcome;
  }
  const auto& reserve = std::get<ReserveProducerIds>(command);
  FieldWriter event;
  event.put(1, kProducerIdsReserved);
  event.put_signed(2, next_producer_id_.value() + reserve.count);
  outcome.events.push_back(event.take());
  outcome.replies.emplace_back(request, ProducerIdsReply{next_producer_id_});
  return outcome;
}

void CatalogMachine::add(std::shared_ptr<const TopicInfo> topic) {
  for (const PartitionInfo& partition : topic->partitions) {
    state_.next_partition_id = std::max(state_.next_partition_id, partition.id + 1);
  }
  state_.put(std::move(topic));
}

void CatalogMachine::apply(WallMs, ByteView event) {
  image_ = nullptr;
  FieldReader reader(event);
  auto kind = reader.next();
  ASSERT(kind && kind->number == 1);
  if (kind->value == kTopicCreated || kind->value == kTopicChanged) {
    auto topic = decode_topic(event);
    ASSERT(topic);
    add(std::move(topic));
    return;
  }
  if (kind->value == kTopicDeleted) {
    auto id = reader.next();
    ASSERT(id && id->number == kTopicId);
    TopicId topic_id;
    ASSERT(id->bytes.size() == topic_id.size());
    std::ranges::copy(id->bytes, topic_id.begin());
    state_.remove(topic_id);
    return;
  }
  if (kind->value == kTopologyChanged) {
    auto message = reader.next();
    TopologyChange change;
    ASSERT(message && message->number == kChange && decode(message->bytes, change));
    ASSERT(topology_.accepts(change));
    topology_.apply(change);
    return;
  }
  ASSERT(kind->value == kProducerIdsReserved);
  auto next = reader.next();
  ASSERT(next && next->number == 2);
  next_producer_id_ = ProducerId(next->as_signed());
}

void CatalogMachine::snapshot(FieldWriter& out) const {
  out.put(kVersion, kSnapshotVersion);
  out.put_signed(kNextProducer, next_producer_id_.value());
  out.put(kNextPartition, state_.next_partition_id.value());
  out.put(kNextTopologyId, topology_.next_id());
  for (const auto& [id, topic] : state_.by_id) {
    FieldWriter message;
    encode_topic(message, *topic);
    out.put_message(kTopic, message);
  }
  topology_.snapshot(out, kTopologyEntry);
}

bool CatalogMachine::restore(ByteView bytes) {
  image_ = nullptr;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    switch (field->number) {
      case kVersion:
        if (field->value != kSnapshotVersion) return false;
        break;
      case kNextProducer:
        next_producer_id_ = ProducerId(field->as_signed());
        break;
      case kNextPartition:
        state_.next_partition_id = PartitionId(field->value);
        break;
      case kTopic: {
        auto topic = decode_topic(field->bytes);
        if (!topic) return false;
        add(std::move(topic));
        break;
      }
      case kTopologyEntry: {
        TopologyChange change;
        if (!decode(field->bytes, change) || !topology_.accepts(change)) return false;
        topology_.apply(change);
        break;
      }
      case kNextTopologyId:
        topology_.set_next_id(field->value);
        break;
    }
  }
  return reader.ok();
}

std::shared_ptr<const CatalogImage> CatalogMachine::image() const {
  if (!image_) image_ = std::make_shared<CatalogImage>(state_);
  return image_;
}

}  // namespace millrace

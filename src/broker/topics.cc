#include "base/log.h"
#include "broker/broker.h"

namespace millrace {
namespace {

constexpr std::int64_t kProducerIdsAtOnce = 1000;

}  // namespace

TopicId random_topic_id(Core& core) {
  TopicId id;
  for (std::size_t i = 0; i < id.size(); i += 8) {
    std::uint64_t random = core.random();
    for (std::size_t j = 0; j < 8; ++j) id[i + j] = static_cast<std::uint8_t>(random >> 8 * j);
  }
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0f) | 0x40);  // a version 4 UUID, as Kafka's are
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3f) | 0x80);
  return id;
}

// Decides all at once, so that their events share a flush. The caller has the turn.
template <class Command>
Task<std::vector<TopicReply>> BrokerCore::decide_topics(std::vector<Command> commands) {
  std::vector<Future<Result<CatalogMachine::Reply>>> decided;
  for (Command& command : commands) {
    decided.push_back(start_on(core(), core(), catalog_->submit(std::move(command))));
  }
  std::vector<TopicReply> replies(decided.size());
  for (std::size_t i = 0; i < decided.size(); ++i) {
    auto reply = co_await decided[i];
    if (reply) {
      replies[i] = std::get<TopicReply>(std::move(*reply));
    } else {
      replies[i].error = reply.error();
    }
  }
  co_return replies;
}

Task<std::vector<TopicReply>> BrokerCore::create_topics(std::vector<CreateTopic> commands) {
  BrokerCore& home = broker_.core(CoreId(0));
  co_return co_await start_on(core(), home.core(), home.create_topics_here(std::move(commands)));
}

Task<std::vector<TopicReply>> BrokerCore::create_topics_here(std::vector<CreateTopic> commands) {
  auto turn = co_await catalog_turns_.take();
  std::vector<bool> validate_only;
  for (CreateTopic& command : commands) {
    if (command.partitions == -1) command.partitions = broker_.limits().partitions_default;
    command.id = random_topic_id(core());
    validate_only.push_back(command.validate_only);
  }
  auto replies = co_await decide_topics(std::move(commands));
  co_return co_await publish_changed(std::move(replies), std::move(validate_only));
}

Task<std::vector<TopicReply>> BrokerCore::add_partitions(std::vector<AddPartitions> commands) {
  BrokerCore& home = broker_.core(CoreId(0));
  co_return co_await start_on(core(), home.core(), home.change_topics_here(std::move(commands)));
}

Task<std::vector<TopicReply>> BrokerCore::configure_topics(std::vector<ConfigureTopic> commands) {
  BrokerCore& home = broker_.core(CoreId(0));
  co_return co_await start_on(core(), home.core(), home.change_topics_here(std::move(commands)));
}

template <class Command>
Task<std::vector<TopicReply>> BrokerCore::change_topics_here(std::vector<Command> commands) {
  auto turn = co_await catalog_turns_.take();
  std::vector<bool> validate_only;
  for (const Command& command : commands) validate_only.push_back(command.validate_only);
  auto replies = co_await decide_topics(std::move(commands));
  co_return co_await publish_changed(std::move(replies), std::move(validate_only));
}

// New and changed topics, in the order of the decisions, on every core.
Task<std::vector<TopicReply>> BrokerCore::publish_changed(std::vector<TopicReply> replies,
                                                          std::vector<bool> validate_only) {
  // Made of what is durable, not of the machine's memory, which may be ahead.
  auto image = std::make_shared<CatalogImage>(*image_);
  CatalogChange change;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].error || validate_only[i]) continue;
    change.changed.push_back(replies[i].topic);
    image->put(replies[i].topic);
  }
  if (change.changed.empty()) co_return replies;
  auto published = co_await broker_.publish(std::move(image), std::move(change));
  if (!published) {
    for (TopicReply& reply : replies) {
      if (!reply.error) reply.error = published.error();
    }
  }
  co_return replies;
}

Task<std::vector<TopicReply>> BrokerCore::delete_topics(std::vector<DeleteTopic> commands) {
  BrokerCore& home = broker_.core(CoreId(0));
  co_return co_await start_on(core(), home.core(), home.delete_topics_here(std::move(commands)));
}

Task<std::vector<TopicReply>> BrokerCore::delete_topics_here(std::vector<DeleteTopic> commands) {
  auto turn = co_await catalog_turns_.take();
  auto replies = co_await decide_topics(std::move(commands));
  auto image = std::make_shared<CatalogImage>(*image_);
  CatalogChange change;
  std::vector<std::string> names;
  for (const TopicReply& reply : replies) {
    if (reply.error) continue;
    image->remove(reply.topic->id);
    names.push_back(reply.topic->name);
    for (const PartitionInfo& partition : reply.topic->partitions) {
      change.removed.push_back(partition);
    }
  }
  if (names.empty()) co_return replies;
  std::vector<PartitionId> removed;
  for (const PartitionInfo& partition : change.removed) removed.push_back(partition.id);
  co_await broker_.publish(std::move(image), std::move(change));
  co_await forget_topic_offsets(std::move(names));
  // Nobody waits for the files: the deletion is durable, and the next start would finish it.
  core().spawn("remove partitions", broker_.remove_files_of(std::move(removed)));
  co_return replies;
}

Task<Result<ProducerId>> BrokerCore::new_producer_id() {
  BrokerCore& home = broker_.core(CoreId(0));
  co_return co_await start_on(core(), home.core(), home.new_producer_id_here());
}

Task<Result<ProducerId>> BrokerCore::new_producer_id_here() {
  while (next_producer_id_ >= end_producer_id_) {
    auto reply = co_await catalog_->submit(ReserveProducerIds{kProducerIdsAtOnce});
    if (!reply) co_return std::unexpected(reply.error());
    next_producer_id_ = std::get<ProducerIdsReply>(*reply).first;
    end_producer_id_ = next_producer_id_ + kProducerIdsAtOnce;
  }
  ProducerId id = next_producer_id_;
  ++next_producer_id_;
  co_return id;
}

}  // namespace millrace

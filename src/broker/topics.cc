#include "broker/broker.h"

namespace millrace {
namespace {

constexpr std::int64_t kProducerIdsAtOnce = 1000;

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

}  // namespace

Task<std::vector<TopicReply>> BrokerCore::create_topics(std::vector<CreateTopic> commands) {
  BrokerCore& home = broker_.core(CoreId(0));
  co_return co_await start_on(core(), home.core(), home.create_topics_here(std::move(commands)));
}

Task<std::vector<TopicReply>> BrokerCore::create_topics_here(std::vector<CreateTopic> commands) {
  std::vector<TopicReply> replies(commands.size());
  std::vector<Future<Result<CatalogMachine::Reply>>> decided;
  std::vector<bool> validate_only;
  for (CreateTopic& command : commands) {
    if (command.partitions == -1) command.partitions = broker_.limits().partitions_default;
    command.id = random_topic_id(core());
    validate_only.push_back(command.validate_only);
    // All at once: their events share a flush.
    decided.push_back(start_on(core(), core(), catalog_->submit(std::move(command))));
  }
  std::vector<std::shared_ptr<const TopicInfo>> added;
  for (std::size_t i = 0; i < decided.size(); ++i) {
    auto reply = co_await decided[i];
    if (!reply) {
      replies[i].error = reply.error();
      continue;
    }
    replies[i] = std::get<TopicReply>(std::move(*reply));
    if (!replies[i].error && !validate_only[i]) added.push_back(replies[i].topic);
  }
  if (added.empty()) co_return replies;
  // Made of what is durable, not of the machine's memory, which may be ahead.
  auto image = std::make_shared<CatalogImage>(*image_);
  for (const auto& topic : added) {
    image->topics[topic->name] = topic;
    image->by_id[topic->id] = topic;
  }
  auto published = co_await broker_.publish(std::move(image), added);
  if (!published) {
    for (TopicReply& reply : replies) {
      if (!reply.error) reply.error = published.error();
    }
  }
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

// Metadata - topics, partitions and their leader, which is this broker; makes topics that a client
// asks for by name when auto.create.topics.enable and the request say so.
#include "protocols/kafka/commands/authorized_operations.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

MetadataResponse::Topic describe(const Context& context, const TopicInfo& topic,
                                 bool with_operations) {
  MetadataResponse::Topic out;
  out.name = topic.name;
  out.topic_id = to_uuid(topic.id);
  if (with_operations) out.topic_authorized_operations = kTopicOperations;
  std::int32_t node = context.endpoint().node_id;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    MetadataResponse::Partition partition;
    partition.partition_index = static_cast<std::int32_t>(i);
    partition.leader_id = node;
    partition.leader_epoch = context.broker().leader_epoch().value();
    partition.replica_nodes = {node};
    partition.isr_nodes = {node};
    out.partitions.push_back(std::move(partition));
  }
  return out;
}

}  // namespace

Task<MetadataResponse> metadata(Context context, MetadataRequest request) {
  MetadataResponse response;
  const Endpoint& endpoint = context.endpoint();
  response.brokers.push_back(
      {.node_id = endpoint.node_id, .host = endpoint.host, .port = endpoint.port});
  response.cluster_id = endpoint.cluster_id;
  response.controller_id = endpoint.node_id;
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  bool with_operations = request.include_topic_authorized_operations;
  // All topics: null, and an empty list in version 0.
  if (!request.topics || (context.version == 0 && request.topics->empty())) {
    for (const auto& [name, topic] : context.broker().image().topics) {
      response.topics.push_back(describe(context, *topic, with_operations));
    }
    co_return response;
  }
  std::vector<CreateTopic> missing;
  std::vector<std::size_t> missing_at;
  bool may_create =
      request.allow_auto_topic_creation && context.broker().broker().limits().auto_create_topics;
  for (const MetadataRequest::Topic& wanted : *request.topics) {
    std::string name = wanted.name.value_or("");
    if (auto topic = find_topic(context, name, wanted.topic_id)) {
      response.topics.push_back(describe(context, *topic, with_operations));
      continue;
    }
    MetadataResponse::Topic& out = response.topics.emplace_back();
    out.error_code = code_of(unknown_topic(wanted.topic_id));
    out.name = wanted.name;
    out.topic_id = wanted.topic_id;
    if (wanted.topic_id.is_zero() && may_create) {
      missing.push_back({.name = name, .partitions = -1});
      missing_at.push_back(response.topics.size() - 1);
    } else if (wanted.topic_id.is_zero() && !valid_topic_name(name)) {
      out.error_code = code_of(ErrorCode::invalid_topic_name);
    }
  }
  if (missing.empty()) co_return response;
  auto replies = co_await context.broker().create_topics(std::move(missing));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    MetadataResponse::Topic& out = response.topics[missing_at[i]];
    const TopicReply& reply = replies[i];
    bool exists = !reply.error || reply.error->code == ErrorCode::topic_already_exists;
    if (exists) {
      out = describe(context, *reply.topic, with_operations);
    } else {
      out.error_code = code_of(*reply.error);
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

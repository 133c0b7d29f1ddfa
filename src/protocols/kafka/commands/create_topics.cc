// CreateTopics - one machine is one copy: a replication factor above 1 is accepted, and the answer
// says what is.
#include <fmt/format.h>

#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

// The number of partitions asked for, or what is wrong with it.
Result<std::int32_t> partitions_of(const Context& context,
                                   const CreateTopicsRequest::Topic& topic) {
  if (topic.replication_factor == 0 || topic.replication_factor < -1) {
    return fail(
        ErrorCode::invalid_replication_factor,
        fmt::format("the replication factor is {}, it must be above 0, or -1 for the default",
                    topic.replication_factor));
  }
  if (topic.assignments.empty()) {
    // -1 asks for the default (KIP-464).
    return topic.num_partitions;
  }
  std::vector<bool> named(topic.assignments.size());
  for (const CreateTopicsRequest::Assignment& assignment : topic.assignments) {
    auto index = static_cast<std::size_t>(assignment.partition_index);
    bool valid = assignment.partition_index >= 0 && index < named.size() && !named[index] &&
                 assignment.broker_ids == std::vector{context.endpoint().node_id};
    if (!valid) {
      return fail(ErrorCode::invalid_replica_assignment,
                  fmt::format("partitions 0 to {} must each be assigned to broker {}",
                              named.size() - 1, context.endpoint().node_id));
    }
    named[index] = true;
  }
  return static_cast<std::int32_t>(named.size());
}

}  // namespace

Task<CreateTopicsResponse> create_topics(Context context, CreateTopicsRequest request) {
  CreateTopicsResponse response;
  std::vector<CreateTopic> wanted;
  std::vector<std::size_t> wanted_at;
  std::map<std::string, int> seen;
  for (const CreateTopicsRequest::Topic& topic : request.topics) ++seen[topic.name];
  for (CreateTopicsRequest::Topic& topic : request.topics) {
    CreateTopicsResponse::Topic& out = response.topics.emplace_back();
    auto partitions = partitions_of(context, topic);
    if (seen[topic.name] > 1) {
      partitions = fail(ErrorCode::invalid_request, "the request names this topic more than once");
    }
    if (!partitions) {
      out.error_code = code_of(partitions.error());
      out.error_message = text_of(partitions.error());
    } else {
      CreateTopic command{.name = topic.name, .partitions = *partitions};
      command.validate_only = request.validate_only;
      for (CreateTopicsRequest::Config& config : topic.configs) {
        command.config[config.name] = config.value.value_or("");
      }
      wanted.push_back(std::move(command));
      wanted_at.push_back(response.topics.size() - 1);
    }
    out.name = std::move(topic.name);
  }
  auto replies = co_await context.broker().create_topics(std::move(wanted));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    CreateTopicsResponse::Topic& out = response.topics[wanted_at[i]];
    if (replies[i].error) {
      out.error_code = code_of(*replies[i].error);
      out.error_message = text_of(*replies[i].error);
      continue;
    }
    const TopicInfo& topic = *replies[i].topic;
    out.error_message = std::nullopt;
    if (!request.validate_only) out.topic_id = to_uuid(topic.id);
    out.num_partitions = static_cast<std::int32_t>(topic.partitions.size());
    out.replication_factor = 1;
    constexpr std::int8_t kDynamicTopicConfig = 1;
    for (const auto& [name, value] : topic.config_text) {
      out.configs->push_back({.name = name, .value = value, .config_source = kDynamicTopicConfig});
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

// DescribeTopicPartitions - topics by name, a page of partitions at a time.
#include <algorithm>
#include <set>

#include "protocols/kafka/commands/authorized_operations.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

using Request = DescribeTopicPartitionsRequest;
using Response = DescribeTopicPartitionsResponse;

constexpr std::int32_t kPartitionsMax = 2000;  // Kafka's max.request.partition.size.limit

// The names to describe, in the order of the pages: those before the cursor were seen.
std::set<std::string> names_from(const Context& context, const Request& request) {
  std::string_view from = request.cursor ? std::string_view(request.cursor->topic_name) : "";
  std::set<std::string> names;
  auto add = [&](const std::string& name) {
    if (name >= from) names.insert(name);
  };
  for (const Request::Topic& topic : request.topics) add(topic.name);
  if (request.topics.empty()) {
    for (const auto& [name, topic] : context.broker().image().topics) add(name);
  }
  return names;
}

// A cursor is where an earlier page of the same question ended.
bool is_valid(const Request& request) {
  if (!request.cursor) return true;
  if (request.cursor->partition_index < 0) return false;
  auto names = [&](const Request::Topic& topic) {
    return topic.name == request.cursor->topic_name;
  };
  return request.topics.empty() || std::ranges::any_of(request.topics, names);
}

Response refuse(Request request) {
  Response response;
  for (Request::Topic& topic : request.topics) {
    Response::Topic& out = response.topics.emplace_back();
    out.name = std::move(topic.name);
    out.error_code = code_of(ErrorCode::invalid_request);
  }
  return response;
}

Response::Partition describe(const Context& context, std::size_t index) {
  std::int32_t node = context.endpoint().node_id;
  Response::Partition out;
  out.partition_index = static_cast<std::int32_t>(index);
  out.leader_id = node;
  out.leader_epoch = context.broker().leader_epoch().value();
  out.replica_nodes = {node};
  out.isr_nodes = {node};
  out.eligible_leader_replicas.emplace();
  out.last_known_elr.emplace();
  return out;
}

}  // namespace

Task<DescribeTopicPartitionsResponse> describe_topic_partitions(
    Context context, DescribeTopicPartitionsRequest request) {
  if (!is_valid(request)) co_return refuse(std::move(request));
  Response response;
  auto room = static_cast<std::size_t>(
      std::clamp(request.response_partition_limit, std::int32_t{1}, kPartitionsMax));
  for (const std::string& name : names_from(context, request)) {
    if (room == 0) {
      response.next_cursor = {.topic_name = name, .partition_index = 0};
      break;
    }
    auto topic = context.broker().image().find(name);
    // Of all topics, a cursor may name one that was deleted since.
    if (!topic && request.topics.empty()) continue;
    Response::Topic& out = response.topics.emplace_back();
    out.name = name;
    if (!topic) {
      out.error_code = code_of(valid_topic_name(name) ? ErrorCode::unknown_topic_or_partition
                                                      : ErrorCode::invalid_topic_name);
      continue;
    }
    out.topic_id = to_uuid(topic->id);
    out.topic_authorized_operations = kTopicOperations;
    std::size_t index = 0;
    if (request.cursor && request.cursor->topic_name == name) {
      index = static_cast<std::size_t>(request.cursor->partition_index);
    }
    for (; index < topic->partitions.size() && room > 0; ++index, --room) {
      out.partitions.push_back(describe(context, index));
    }
    if (index < topic->partitions.size()) {
      response.next_cursor = {.topic_name = name,
                              .partition_index = static_cast<std::int32_t>(index)};
      break;
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

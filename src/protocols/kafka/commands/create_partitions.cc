// CreatePartitions - raises how many partitions topics have; records stay where they are.
#include <fmt/format.h>

#include <algorithm>

#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

// Each new partition may only be assigned to this broker. How many there may be is the catalogue's
// question.
Result<void> check_assignments(const Context& context,
                               const CreatePartitionsRequest::Topic& wanted) {
  if (!wanted.assignments) return {};
  auto topic = context.broker().image().find(wanted.name);
  std::int64_t added =
      topic ? wanted.count - static_cast<std::int64_t>(topic->partitions.size()) : 0;
  if (added <= 0) return {};  // refused below for that
  if (static_cast<std::int64_t>(wanted.assignments->size()) != added) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("{} partitions are to be added, but {} are assigned", added,
                            wanted.assignments->size()));
  }
  std::int32_t node = context.endpoint().node_id;
  auto is_ours = [node](const CreatePartitionsRequest::Assignment& assignment) {
    return assignment.broker_ids == std::vector{node};
  };
  if (!std::ranges::all_of(*wanted.assignments, is_ours)) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("each new partition must be assigned to broker {}", node));
  }
  return {};
}

}  // namespace

Task<CreatePartitionsResponse> create_partitions(Context context, CreatePartitionsRequest request) {
  CreatePartitionsResponse response;
  std::vector<AddPartitions> commands;
  std::vector<std::size_t> commands_at;
  std::map<std::string, int> seen;
  for (const CreatePartitionsRequest::Topic& topic : request.topics) ++seen[topic.name];
  for (CreatePartitionsRequest::Topic& topic : request.topics) {
    auto checked = check_assignments(context, topic);
    if (seen[topic.name] > 1) {
      checked = fail(ErrorCode::invalid_request, "the request names this topic more than once");
    }
    CreatePartitionsResponse::Topic& out = response.results.emplace_back();
    if (checked) {
      commands.push_back({.topic = {.name = topic.name, .id = {}},
                          .count = topic.count,
                          .validate_only = request.validate_only});
      commands_at.push_back(response.results.size() - 1);
    } else {
      out.error_code = code_of(checked.error());
      out.error_message = text_of(checked.error());
    }
    out.name = std::move(topic.name);
  }
  if (commands.empty()) co_return response;
  auto replies = co_await context.broker().add_partitions(std::move(commands));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i].error) continue;
    CreatePartitionsResponse::Topic& out = response.results[commands_at[i]];
    out.error_code = code_of(*replies[i].error);
    out.error_message = text_of(*replies[i].error);
  }
  co_return response;
}

}  // namespace millrace::kafka

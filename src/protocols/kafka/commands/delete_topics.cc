// DeleteTopics - by name, or by id from version 6 on.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

using Wanted = DeleteTopicsRequest::Topic;
// Which topic is meant, so that one that is named and also given by its id counts twice.
using Meant = std::pair<std::string, TopicId>;

Meant meant_by(const Context& context, const Wanted& wanted) {
  std::string name = wanted.name.value_or("");
  if (auto topic = find_topic(context, name, wanted.topic_id)) return {"", topic->id};
  return {std::move(name), to_topic_id(wanted.topic_id)};
}

Result<DeleteTopic> command_of(const Wanted& wanted, int times_meant) {
  if (!wanted.name && wanted.topic_id.is_zero()) {
    return fail(ErrorCode::invalid_request, "neither a name nor an id says which topic is meant");
  }
  if (wanted.name && !wanted.topic_id.is_zero()) {
    return fail(ErrorCode::invalid_request, "a topic is given by its name or by its id, not both");
  }
  if (times_meant > 1) {
    return fail(ErrorCode::invalid_request, "the request names this topic more than once");
  }
  return DeleteTopic{{.name = wanted.name.value_or(""), .id = to_topic_id(wanted.topic_id)}};
}

}  // namespace

Task<DeleteTopicsResponse> delete_topics(Context context, DeleteTopicsRequest request) {
  for (std::string& name : request.topic_names) {
    request.topics.push_back({.name = std::move(name), .topic_id = {}});
  }
  std::map<Meant, int> times;
  for (const Wanted& wanted : request.topics) ++times[meant_by(context, wanted)];
  DeleteTopicsResponse response;
  std::vector<DeleteTopic> commands;
  std::vector<std::size_t> commands_at;
  for (Wanted& wanted : request.topics) {
    auto command = command_of(wanted, times[meant_by(context, wanted)]);
    DeleteTopicsResponse::Topic& out = response.responses.emplace_back();
    out.name = std::move(wanted.name);
    out.topic_id = wanted.topic_id;
    if (command) {
      commands.push_back(std::move(*command));
      commands_at.push_back(response.responses.size() - 1);
    } else {
      out.error_code = code_of(command.error());
      out.error_message = text_of(command.error());
    }
  }
  if (commands.empty()) co_return response;
  auto replies = co_await context.broker().delete_topics(std::move(commands));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    DeleteTopicsResponse::Topic& out = response.responses[commands_at[i]];
    if (replies[i].error) {
      out.error_code = code_of(*replies[i].error);
      out.error_message = text_of(*replies[i].error);
      continue;
    }
    out.name = replies[i].topic->name;
    out.topic_id = to_uuid(replies[i].topic->id);
  }
  co_return response;
}

}  // namespace millrace::kafka

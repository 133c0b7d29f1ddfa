// DeleteGroups - groups without members, and what they committed.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<DeleteGroupsResponse> delete_groups(Context context, DeleteGroupsRequest request) {
  DeleteGroupsResponse response;
  for (std::string& group : request.groups_names) {
    DeleteGroup command;
    command.group = group;
    auto reply = co_await call_group<DeleteGroupReply>(&context.broker(), std::move(command));
    response.results.push_back({.group_id = std::move(group),
                                .error_code = code_of(reply.error),
                                .error_message = text_of(Error(reply.error))});
  }
  co_return response;
}

}  // namespace millrace::kafka

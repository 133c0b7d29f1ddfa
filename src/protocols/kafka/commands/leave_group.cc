// LeaveGroup - one member before version 3, a list of them from then on.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<LeaveGroupResponse> leave_group(Context context, LeaveGroupRequest request) {
  constexpr std::int16_t kListFrom = 3;
  LeaveGroup command;
  command.group = std::move(request.group_id);
  if (context.version < kListFrom) {
    command.members.push_back({std::move(request.member_id), std::nullopt, ""});
  }
  for (LeaveGroupRequest::Member& member : request.members) {
    command.members.push_back({std::move(member.member_id), std::move(member.group_instance_id),
                               std::move(member.reason).value_or("")});
  }
  auto reply = co_await call_group<LeaveReply>(&context.broker(), std::move(command));
  LeaveGroupResponse response;
  response.error_code = code_of(reply.error);
  if (context.version < kListFrom) {
    if (reply.error == ErrorCode::ok && !reply.members.empty()) {
      response.error_code = code_of(reply.members.front().error);
    }
    co_return response;
  }
  for (LeaveReply::Member& member : reply.members) {
    response.members.push_back({.member_id = std::move(member.member_id),
                                .group_instance_id = std::move(member.instance_id),
                                .error_code = code_of(member.error)});
  }
  co_return response;
}

}  // namespace millrace::kafka

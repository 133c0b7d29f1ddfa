// SyncGroup - the leader brings the assignment, everybody gets their part, once it is durable.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<SyncGroupResponse> sync_group(Context context, SyncGroupRequest request) {
  SyncGroup command;
  command.group = std::move(request.group_id);
  command.generation = GenerationId(request.generation_id);
  command.member_id = std::move(request.member_id);
  command.instance_id = std::move(request.group_instance_id);
  command.protocol_type = std::move(request.protocol_type);
  command.protocol_name = std::move(request.protocol_name);
  for (SyncGroupRequest::Assignment& assignment : request.assignments) {
    command.assignments.push_back(
        {std::move(assignment.member_id), to_blob(assignment.assignment)});
  }
  auto reply = co_await call_group<SyncReply>(&context.broker(), std::move(command));
  SyncGroupResponse response;
  response.error_code = code_of(reply.error);
  response.protocol_type = null_if_empty(std::move(reply.protocol_type));
  response.protocol_name = null_if_empty(std::move(reply.protocol_name));
  response.assignment = Bytes::copy_of(reply.assignment);
  co_return response;
}

}  // namespace millrace::kafka

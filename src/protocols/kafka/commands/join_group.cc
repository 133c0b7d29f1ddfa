// JoinGroup - answered when the rebalance that it causes is complete.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<JoinGroupResponse> join_group(Context context, JoinGroupRequest request) {
  constexpr std::int16_t kKnownMemberIdFrom = 4;
  constexpr std::int16_t kNullProtocolFrom = 7;
  constexpr std::int16_t kSkipAssignmentFrom = 9;
  JoinGroup command;
  command.group = std::move(request.group_id);
  command.member_id = request.member_id;
  command.instance_id = std::move(request.group_instance_id);
  command.client_id = context.client_id;
  command.client_host = "/" + context.connection.peer_host;  // as Kafka prints an address
  command.session_timeout = std::chrono::milliseconds(request.session_timeout_ms);
  command.rebalance_timeout = std::chrono::milliseconds(request.rebalance_timeout_ms);
  command.protocol_type = std::move(request.protocol_type);
  for (JoinGroupRequest::Protocol& protocol : request.protocols) {
    command.protocols.push_back({std::move(protocol.name), to_blob(protocol.metadata)});
  }
  command.require_known_member_id = context.version >= kKnownMemberIdFrom;
  command.can_skip_assignment = context.version >= kSkipAssignmentFrom;
  command.reason = std::move(request.reason).value_or("");
  auto reply = co_await call_group<JoinReply>(&context.broker(), std::move(command));

  JoinGroupResponse response;
  response.error_code = code_of(reply.error);
  response.generation_id = reply.generation.value();
  response.protocol_type = null_if_empty(std::move(reply.protocol_type));
  response.protocol_name = std::move(reply.protocol_name);
  if (context.version >= kNullProtocolFrom && response.protocol_name->empty()) {
    response.protocol_name = std::nullopt;
  }
  response.leader = std::move(reply.leader);
  response.skip_assignment = reply.skip_assignment;
  response.member_id = reply.member_id.empty() ? std::move(request.member_id) : reply.member_id;
  for (JoinReply::Member& member : reply.members) {
    response.members.push_back({.member_id = std::move(member.member_id),
                                .group_instance_id = std::move(member.instance_id),
                                .metadata = Bytes::copy_of(member.metadata)});
  }
  co_return response;
}

}  // namespace millrace::kafka

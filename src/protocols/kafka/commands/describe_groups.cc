// DescribeGroups - state and members of groups; a group that nobody knows is Dead.
#include "protocols/kafka/commands/authorized_operations.h"
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::int16_t kGroupIdNotFoundFrom = 6;

}  // namespace

Task<DescribeGroupsResponse> describe_groups(Context context, DescribeGroupsRequest request) {
  DescribeGroupsResponse response;
  for (std::string& group : request.groups) {
    DescribeGroup command;
    command.group = group;
    auto reply = co_await call_group<DescribeGroupReply>(&context.broker(), std::move(command));
    DescribeGroupsResponse::Group& out = response.groups.emplace_back();
    bool unknown = reply.error == ErrorCode::group_id_not_found;
    if (unknown && context.version < kGroupIdNotFoundFrom) reply.error = ErrorCode::ok;
    out.error_code = code_of(reply.error);
    if (context.version >= kGroupIdNotFoundFrom) out.error_message = text_of(Error(reply.error));
    // The state of a group whose coordinator could not be asked is not known.
    if (reply.error == ErrorCode::ok || unknown) out.group_state = group_state_name(reply.state);
    out.group_id = std::move(group);
    out.protocol_type = std::move(reply.protocol_type);
    out.protocol_data = std::move(reply.protocol_name);
    if (request.include_authorized_operations) out.authorized_operations = kGroupOperations;
    for (DescribeGroupReply::Member& member : reply.members) {
      out.members.push_back({.member_id = std::move(member.member_id),
                             .group_instance_id = std::move(member.instance_id),
                             .client_id = std::move(member.client_id),
                             .client_host = std::move(member.client_host),
                             .member_metadata = Bytes::copy_of(member.metadata),
                             .member_assignment = Bytes::copy_of(member.assignment)});
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

// Heartbeat - the member is alive; the answer tells it when to join again.
#include "protocols/kafka/commands/group_call.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<HeartbeatResponse> heartbeat(Context context, HeartbeatRequest request) {
  Heartbeat command;
  command.group = std::move(request.group_id);
  command.generation = GenerationId(request.generation_id);
  command.member_id = std::move(request.member_id);
  command.instance_id = std::move(request.group_instance_id);
  auto reply = co_await call_group<HeartbeatReply>(&context.broker(), std::move(command));
  HeartbeatResponse response;
  response.error_code = code_of(reply.error);
  co_return response;
}

}  // namespace millrace::kafka

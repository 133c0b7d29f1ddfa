// FindCoordinator - this broker, for every group.
#include <fmt/format.h>

#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::int8_t kGroup = 0;
constexpr std::int8_t kTransaction = 1;

Error check(std::int8_t key_type, const std::string& key) {
  if (key_type == kTransaction) return ErrorCode::transactions_unsupported;
  if (key_type != kGroup) {
    return Error(ErrorCode::invalid_request,
                 fmt::format("coordinator type {} is not supported yet", key_type));
  }
  if (key.empty()) return ErrorCode::invalid_group_id;
  return {};
}

}  // namespace

Task<FindCoordinatorResponse> find_coordinator(Context context, FindCoordinatorRequest request) {
  FindCoordinatorResponse response;
  const Endpoint& endpoint = context.endpoint();
  auto describe = [&](auto& out, const std::string& key) {
    Error error = check(request.key_type, key);
    bool found = error.code == ErrorCode::ok;
    out.error_code = code_of(error);
    out.error_message = text_of(error);
    out.node_id = found ? endpoint.node_id : -1;
    out.host = found ? endpoint.host : "";
    out.port = found ? endpoint.port : -1;
  };
  constexpr std::int16_t kBatchedFrom = 4;
  if (context.version < kBatchedFrom) {
    describe(response, request.key);
    co_return response;
  }
  for (std::string& key : request.coordinator_keys) {
    FindCoordinatorResponse::Coordinator& out = response.coordinators.emplace_back();
    describe(out, key);
    out.key = std::move(key);
  }
  co_return response;
}

}  // namespace millrace::kafka

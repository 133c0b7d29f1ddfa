#include "client/membership.h"

#include <thread>

#include "client/server_error.h"
#include "protocols/kafka/wire/gen/heartbeat.h"
#include "protocols/kafka/wire/gen/leave_group.h"
#include "protocols/kafka/wire/gen/sync_group.h"

namespace millrace::client {
namespace {

using kafka::JoinGroupRequest;
using kafka::JoinGroupResponse;

constexpr std::int16_t kJoinCap = 7;  // from 8 on a reason goes with it, from 9 a leader may be
                                      // told to assign nothing
constexpr std::int16_t kIllegalGeneration = 22;
constexpr std::int16_t kUnknownMember = 25;
constexpr std::int16_t kRebalanceInProgress = 27;
constexpr std::int16_t kMemberIdRequired = 79;
constexpr Milliseconds kRetryPause{100};
constexpr std::string_view kProtocolType = "consumer";
constexpr std::string_view kAssignor = "range";

}  // namespace

bool Membership::is_lost(std::int16_t code) {
  if (code != kIllegalGeneration && code != kUnknownMember && code != kRebalanceInProgress)
    return false;
  if (code == kUnknownMember) id_.clear();
  must_rejoin_ = true;
  return true;
}

Result<void> Membership::join() {
  const Deadline deadline(kRebalance + client_.options().timeout);
  for (;;) {
    auto joined = try_join();
    if (joined && *joined) {
      must_rejoin_ = false;
      last_heartbeat_ = Clock::now();
      return {};
    }
    if (!joined && !is_retriable(joined.error())) return std::unexpected(joined.error());
    if (deadline.passed())
      return joined ? fail(ErrorCode::timed_out,
                           "the group does not come to rest: its members keep joining anew")
                    : std::unexpected(joined.error());
    if (!joined) std::this_thread::sleep_for(kRetryPause);
  }
}

// False: join again at once.
Result<bool> Membership::try_join() {
  auto coordinator = client_.coordinator(group_);
  if (!coordinator) return std::unexpected(coordinator.error());
  JoinGroupRequest request;
  request.group_id = group_;
  request.session_timeout_ms = static_cast<std::int32_t>(kSession.count());
  request.rebalance_timeout_ms = static_cast<std::int32_t>(kRebalance.count());
  request.member_id = id_;
  request.protocol_type = kProtocolType;
  request.protocols.push_back(
      {.name = std::string(kAssignor), .metadata = encode_subscription(topics_)});
  auto joined = (*coordinator)->call<JoinGroupResponse>(request, kJoinCap, kRebalance);
  if (!joined) return std::unexpected(joined.error());
  if (joined->error_code == kMemberIdRequired) {
    id_ = joined->member_id;
    return false;
  }
  if (is_lost(joined->error_code)) return false;
  TRY(check(joined->error_code));
  id_ = joined->member_id;
  generation_ = joined->generation_id;
  return sync(*joined);
}

Result<bool> Membership::sync(const JoinGroupResponse& joined) {
  kafka::SyncGroupRequest request;
  request.group_id = group_;
  request.generation_id = generation_;
  request.member_id = id_;
  request.protocol_type = std::string(kProtocolType);
  request.protocol_name = std::string(kAssignor);
  if (joined.leader == id_) {
    auto decided = decide(joined);
    if (!decided) return std::unexpected(decided.error());
    for (const auto& [member, assignment] : *decided)
      request.assignments.push_back({member, encode_assignment(assignment)});
  }
  auto coordinator = client_.coordinator(group_);
  if (!coordinator) return std::unexpected(coordinator.error());
  auto synced = (*coordinator)->call<kafka::SyncGroupResponse>(request, kNewest, kRebalance);
  if (!synced) return std::unexpected(synced.error());
  if (is_lost(synced->error_code)) return false;
  TRY(check(synced->error_code));
  auto assignment = decode_assignment(synced->assignment);
  if (!assignment) return std::unexpected(assignment.error());
  assignment_ = std::move(*assignment);
  return true;
}

// The leader's part: who reads what.
Result<std::map<std::string, Assignment>> Membership::decide(const JoinGroupResponse& joined) {
  std::map<std::string, std::vector<std::string>> topics_of_member;
  for (const auto& member : joined.members) {
    auto topics = decode_subscription(member.metadata);
    if (!topics) return std::unexpected(topics.error());
    topics_of_member[member.member_id] = std::move(*topics);
  }
  auto topics = client_.topics();
  if (!topics) return std::unexpected(topics.error());
  std::map<std::string, std::int32_t> partitions;
  for (const Topic& topic : *topics)
    partitions[topic.name] = static_cast<std::int32_t>(topic.partitions.size());
  return assign_ranges(topics_of_member, partitions);
}

Result<void> Membership::keep_alive() {
  if (must_rejoin_ || Clock::now() - last_heartbeat_ < kHeartbeatEvery) return {};
  last_heartbeat_ = Clock::now();
  auto coordinator = client_.coordinator(group_);
  kafka::HeartbeatRequest request;
  request.group_id = group_;
  request.generation_id = generation_;
  request.member_id = id_;
  auto response = coordinator ? (*coordinator)->call<kafka::HeartbeatResponse>(request)
                              : std::unexpected(coordinator.error());
  // A broker that is away for a moment: joining again waits for it.
  if (!response && is_retriable(response.error())) {
    must_rejoin_ = true;
    return {};
  }
  if (!response) return std::unexpected(response.error());
  if (is_lost(response->error_code)) return {};
  if (is_retriable(response->error_code)) {
    must_rejoin_ = true;
    return {};
  }
  return check(response->error_code);
}

Result<bool> Membership::commit(const GroupOffsets& offsets) {
  if (offsets.empty()) return true;
  auto outcome = commit_offsets(client_, group_, offsets, {generation_, id_});
  if (!outcome) return std::unexpected(outcome.error());
  return !is_lost(outcome->member_error);
}

void Membership::leave() {
  if (id_.empty()) return;
  auto coordinator = client_.coordinator(group_);
  if (!coordinator) return;
  kafka::LeaveGroupRequest request;
  request.group_id = group_;
  request.member_id = id_;
  request.members.push_back({.member_id = id_});
  [[maybe_unused]] const auto left = (*coordinator)->call<kafka::LeaveGroupResponse>(request);
  id_.clear();
}

}  // namespace millrace::client

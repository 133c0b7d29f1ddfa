// What a consumer group can be asked, and the answers. Protocol-neutral: the Kafka front translates
// its versions into these, and any other front that has offset cursors may do the same.
//
//   GroupCommand command = Heartbeat{.group = "billing", .generation = GenerationId(3), ...};
//   Outcome<GroupReply> outcome = machine.decide(context, request, std::move(command));
//
// A reply's alternative fits its command's (JoinGroup -> JoinReply, ...). Plain structs, owned by
// who holds them. Empty strings mean "none" where Kafka says null, but for instance ids.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"

namespace millrace {

using GroupId = std::string;
using MemberId = std::string;
using InstanceId = std::optional<std::string>;  // set: a static member
using Blob = std::vector<std::uint8_t>;         // opaque to the coordinator
using GenerationId = StrongNumber<struct GenerationIdTag, std::int32_t>;

inline constexpr GenerationId kNoGeneration{-1};

// Dead: there is no such group.
enum class GroupState : std::uint8_t {
  empty,
  preparing_rebalance,
  completing_rebalance,
  stable,
  dead
};
// As Kafka's tools print it, e.g. "PreparingRebalance".
std::string_view group_state_name(GroupState state);

struct GroupProtocol {
  std::string name;
  Blob metadata;
  friend bool operator==(const GroupProtocol&, const GroupProtocol&) = default;
};

// Parked until the rebalance is complete.
struct JoinGroup {
  GroupId group;
  MemberId member_id;  // empty: give me one
  InstanceId instance_id;
  std::string client_id;
  std::string client_host;
  std::chrono::milliseconds session_timeout{};
  std::chrono::milliseconds rebalance_timeout{-1};  // negative: the session time-out
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;  // most preferred first
  bool require_known_member_id = false;  // Kafka v4+: a new dynamic member is told its id first
  bool can_skip_assignment = false;      // Kafka v9+
  std::string reason;
};

struct JoinReply {
  struct Member {
    MemberId member_id;
    InstanceId instance_id;
    Blob metadata;  // of the selected protocol
  };
  ErrorCode error = ErrorCode::ok;
  GenerationId generation = kNoGeneration;
  std::string protocol_type;
  std::string protocol_name;
  MemberId leader;
  MemberId member_id;
  bool skip_assignment = false;
  std::vector<Member> members;  // only for the leader
};

// Parked until the leader has synced.
struct SyncGroup {
  struct Assignment {
    MemberId member_id;
    Blob assignment;
  };
  GroupId group;
  GenerationId generation = kNoGeneration;
  MemberId member_id;
  InstanceId instance_id;
  std::optional<std::string> protocol_type;  // absent: not checked
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;  // only from the leader
};

struct SyncReply {
  ErrorCode error = ErrorCode::ok;
  std::string protocol_type;
  std::string protocol_name;
  Blob assignment;
};

struct Heartbeat {
  GroupId group;
  GenerationId generation = kNoGeneration;
  MemberId member_id;
  InstanceId instance_id;
};

struct HeartbeatReply {
  ErrorCode error = ErrorCode::ok;
};

// A member is named by its id, by id and instance id, or (administratively) by instance id alone.
struct LeaveGroup {
  struct Member {
    MemberId member_id;
    InstanceId instance_id;
    std::string reason;
  };
  GroupId group;
  std::vector<Member> members;
};

struct LeaveReply {
  struct Member {
    MemberId member_id;
    InstanceId instance_id;
    ErrorCode error = ErrorCode::ok;
  };
  ErrorCode error = ErrorCode::ok;
  std::vector<Member> members;  // in the order of the request
};

struct OffsetCommit {
  struct Partition {
    std::int32_t partition = 0;
    Offset offset;
    std::optional<LeaderEpoch> leader_epoch;  // negative: none
    std::string metadata;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  GroupId group;
  // No generation and no member: a consumer that manages its partitions itself.
  GenerationId generation = kNoGeneration;
  MemberId member_id;
  InstanceId instance_id;
  std::vector<Topic> topics;
  // These offsets go so long after the commit, in place of GroupLimits::offsets_retention; sooner
  // or later than that, but no sooner than the group stops reading their topics.
  std::optional<std::chrono::milliseconds> retention;
};

struct PartitionError {
  std::int32_t partition = 0;
  ErrorCode error = ErrorCode::ok;
};
struct TopicErrors {
  std::string name;
  std::vector<PartitionError> partitions;
};

struct OffsetCommitReply {
  // Of the whole request; every partition carries it too. group_id_not_found: a member commits to a
  // group that does not exist (Kafka before v9: illegal_generation).
  ErrorCode error = ErrorCode::ok;
  std::vector<TopicErrors> topics;
};

struct TopicPartitions {
  std::string name;
  std::vector<std::int32_t> partitions;
};

struct OffsetFetch {
  GroupId group;
  std::optional<std::vector<TopicPartitions>> topics;  // absent: all that is committed
  bool require_stable = false;  // no offset is pending in a transaction yet: nothing to wait for
};

struct OffsetFetchReply {
  struct Partition {
    std::int32_t partition = 0;
    Offset offset = kNoOffset;  // nothing committed
    std::optional<LeaderEpoch> leader_epoch;
    std::string metadata;
    ErrorCode error = ErrorCode::ok;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  ErrorCode error = ErrorCode::ok;
  std::vector<Topic> topics;
};

struct DescribeGroup {
  GroupId group;
};

struct DescribeGroupReply {
  struct Member {
    MemberId member_id;
    InstanceId instance_id;
    std::string client_id;
    std::string client_host;
    Blob metadata;  // metadata and assignment of a stable group only
    Blob assignment;
  };
  ErrorCode error = ErrorCode::ok;  // group_id_not_found with state dead (Kafka before v6: ok)
  GroupId group;
  GroupState state = GroupState::dead;
  std::string protocol_type;
  std::string protocol_name;  // of a stable group
  std::vector<Member> members;
};

struct ListGroups {};

struct ListGroupsReply {
  struct Group {
    GroupId group;
    std::string protocol_type;
    GroupState state = GroupState::dead;
  };
  std::vector<Group> groups;  // by id
};

struct DeleteGroup {
  GroupId group;
};

struct DeleteGroupReply {
  ErrorCode error = ErrorCode::ok;
};

struct OffsetDelete {
  GroupId group;
  std::vector<TopicPartitions> topics;
};

struct OffsetDeleteReply {
  ErrorCode error = ErrorCode::ok;  // of the whole request; topics is empty then
  std::vector<TopicErrors> topics;
};

// Of deleted topics: every group of the machine forgets what it committed for them, whoever is
// subscribed. A call does a bounded part of it; ask again from `next` until there is none.
struct ForgetTopics {
  std::vector<std::string> topics;
  GroupId from;  // groups before it are done
};

struct ForgetTopicsReply {
  std::optional<GroupId> next;
};

using GroupCommand =
    std::variant<JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch,
                 DescribeGroup, ListGroups, DeleteGroup, OffsetDelete, ForgetTopics>;
using GroupReply = std::variant<JoinReply, SyncReply, HeartbeatReply, LeaveReply, OffsetCommitReply,
                                OffsetFetchReply, DescribeGroupReply, ListGroupsReply,
                                DeleteGroupReply, OffsetDeleteReply, ForgetTopicsReply>;

}  // namespace millrace

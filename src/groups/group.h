// Group: one consumer group, what is durable of it and what lives only in this run.
//
// Durable are `committed` and `offsets`; only GroupMachine::apply() and restore() change them. The
// rest is the life of the group: decide() and on_timer() change it, begin_life() makes it from
// `committed` after a restart. Timers and replies are the machine's business: the functions here
// only keep the members, their counts and the leader consistent.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "groups/commands.h"
#include "groups/timer_queue.h"
#include "machine/machine.h"

namespace millrace {

struct MemberInfo {
  MemberId id;
  InstanceId instance_id;
  std::string client_id;
  std::string client_host;
  std::chrono::milliseconds session_timeout{};
  std::chrono::milliseconds rebalance_timeout{};
  std::vector<GroupProtocol> protocols;  // most preferred first
  Blob assignment;

  // The metadata for one of its protocols, nothing when it does not speak it.
  const Blob* metadata(std::string_view protocol) const;
};

// A generation as its leader synced it; without members: the group became empty.
struct Generation {
  GenerationId number{0};
  std::string protocol_type;
  std::string protocol_name;
  MemberId leader;
  std::vector<MemberInfo> members;
  WallMs since;  // when it was committed
};

struct CommittedOffset {
  Offset offset;
  std::optional<LeaderEpoch> leader_epoch;
  std::string metadata;
  WallMs time;
  std::optional<WallMs> expires;  // absent: by the group's retention
};
using TopicOffsets = std::map<std::string, std::map<std::int32_t, CommittedOffset>, std::less<>>;

// A member in this run.
struct Member {
  MemberInfo info;
  std::optional<RequestId> parked_join;
  std::optional<RequestId> parked_sync;
  bool is_new = false;        // its first join is still parked: it can't send heartbeats
  bool sync_pending = false;  // has not synced in this generation
  // The timer may be due earlier than the deadline and is then set again: a heartbeat only moves
  // the deadline.
  MonotonicTime session_deadline;
  std::optional<TimerKey> session_timer;
};

class Group {
 public:
  // Durable.
  std::optional<Generation> committed;  // absent: only offsets were committed
  TopicOffsets offsets;

  // Volatile.
  GroupState state = GroupState::empty;
  GenerationId generation{0};
  std::string protocol_type;
  std::string protocol_name;
  std::map<MemberId, std::optional<TimerKey>, std::less<>> pending;  // ids given out, not joined
  std::optional<TimerKey> join_timer;
  std::optional<TimerKey> sync_timer;
  bool initial_rebalance = false;   // the rebalance began when the group was empty
  bool joined_since_delay = false;  // somebody came since the delay was last set
  MonotonicTime initial_began;

  bool is_durable() const { return committed.has_value() || !offsets.empty(); }
  // Neither durable nor alive: may be forgotten.
  bool is_nothing() const;
  // Makes the volatile part from the durable one. Sets no timers.
  void begin_life();

  const std::map<MemberId, Member, std::less<>>& members() const { return members_; }
  std::map<MemberId, Member, std::less<>>& members() { return members_; }
  Member* find(std::string_view member_id);
  const MemberId& leader() const { return leader_; }
  bool is_leader(std::string_view member_id) const {
    return !leader_.empty() && leader_ == member_id;
  }
  // The member that holds this instance id; nothing when none does.
  const MemberId* static_member(std::string_view instance_id) const;

  // Kafka's rule for every request of a member: ok, unknown_member_id or fenced_instance_id.
  ErrorCode check_member(std::string_view member_id, const InstanceId& instance_id) const;
  // A member with these protocols would leave at least one that all members speak.
  bool supports(std::string_view type, const std::vector<GroupProtocol>& protocols) const;
  // The protocol most members prefer among those that all speak; of equals the first by name.
  const std::string& select_protocol() const;
  std::chrono::milliseconds rebalance_timeout() const;

  // The first member leads.
  Member& add(MemberInfo info);
  // Gives the member back, for its parked requests and its timer. Another one leads if it led.
  Member remove(std::string_view member_id);
  // A static member came back under a new id: it takes the place of the old one, which is given
  // back.
  Member replace(std::string_view old_id, MemberId new_id);
  void set_protocols(Member& member, std::vector<GroupProtocol> protocols);

  // A join parked before for the same member, if there is one, is given back to be answered.
  std::optional<RequestId> park_join(Member& member, RequestId request);
  std::optional<RequestId> take_join(Member& member);
  std::size_t joins_parked() const { return joins_parked_; }
  bool all_joined() const { return joins_parked_ == members_.size() && pending.empty(); }
  bool any_sync_pending() const { return syncs_pending_ > 0; }
  void set_sync_pending(Member& member, bool pending_now);
  // Somebody who has joined this rebalance leads it; false when nobody has.
  bool elect_joined_leader();

 private:
  void count_protocols(const MemberInfo& info, int by);

  std::map<MemberId, Member, std::less<>> members_;
  std::map<std::string, MemberId, std::less<>> static_members_;
  std::map<std::string, std::size_t, std::less<>> speakers_;  // members per protocol
  MemberId leader_;
  std::size_t joins_parked_ = 0;
  std::size_t syncs_pending_ = 0;
};

}  // namespace millrace

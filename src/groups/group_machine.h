// GroupMachine: the consumer groups of one shard as one deterministic machine (machine/machine.h).
//
//   GroupMachine machine(limits);
//   machine.restore(snapshot);  machine.apply(time, event)...;   // recovery
//   machine.start(context);                                     // members get fresh sessions
//   auto outcome = machine.decide(context, request, JoinGroup{...});
//   for (auto& event : outcome.events) append and machine.apply(context.time, event);
//   when durable: send outcome.replies
//
// The host applies the events of a call before it makes the next one, with the time it will give in
// replay. Lives on the core of its shard; nothing here is thread safe. Limits: GroupLimits.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "groups/commands.h"
#include "groups/group.h"
#include "groups/limits.h"
#include "groups/summary.h"
#include "groups/timer_queue.h"
#include "machine/machine.h"

namespace millrace {

class GroupMachine {
 public:
  using Command = GroupCommand;
  using Reply = GroupReply;

  explicit GroupMachine(GroupLimits limits = {}) : limits_(limits) {}

  // After restore and replay: the members of the committed generations get fresh session deadlines
  // and the retention check is set. Called again, or after decide() or on_timer() (which call it
  // themselves), it does nothing.
  void start(const MachineContext& context);

  Outcome<GroupReply> decide(const MachineContext& context, RequestId request,
                             GroupCommand command);
  // A bounded amount of work; while more is due, next_timer() does not move past `context.now`.
  Outcome<GroupReply> on_timer(const MachineContext& context);
  // May be early (nothing happens then), never late. Before start(): at once.
  std::optional<MonotonicTime> next_timer() const;

  void apply(WallMs time, ByteView event);
  void snapshot(FieldWriter& writer) const;
  bool restore(ByteView bytes);

  std::size_t group_count() const { return groups_.size(); }
  // For which some group has committed an offset.
  std::set<std::string> committed_topics() const;
  // Adds what these groups are and how far they have read.
  void summarize(GroupsSummary& summary) const;

 private:
  // One call of decide() or on_timer(): what it may know and what comes of it.
  struct Turn {
    const MachineContext& context;
    RequestId request{0};  // of decide()
    Outcome<GroupReply> outcome;

    void answer(RequestId to, GroupReply reply) {
      outcome.replies.emplace_back(to, std::move(reply));
    }
    void answer(GroupReply reply) { answer(request, std::move(reply)); }
    void record(Event event) { outcome.events.push_back(std::move(event)); }
  };
  using Groups = std::map<GroupId, Group, std::less<>>;

  // One per verb, each in the file of its subject.
  void handle(Turn& turn, JoinGroup& command);
  void handle(Turn& turn, SyncGroup& command);
  void handle(Turn& turn, Heartbeat& command);
  void handle(Turn& turn, LeaveGroup& command);
  void handle(Turn& turn, OffsetCommit& command);
  void handle(Turn& turn, OffsetFetch& command);
  void handle(Turn& turn, DescribeGroup& command);
  void handle(Turn& turn, ListGroups& command);
  void handle(Turn& turn, DeleteGroup& command);
  void handle(Turn& turn, OffsetDelete& command);
  void handle(Turn& turn, ForgetTopics& command);

  // group_machine.cc
  Group* find(std::string_view group);
  // Forgets a group of which nothing is left.
  void forget_if_nothing(const GroupId& id);
  void fire(Turn& turn, TimerKey key, const TimerTarget& target);

  // rebalance.cc: Kafka's join phase.
  void join_new_member(Turn& turn, const GroupId& id, Group& group, JoinGroup& command);
  void join_known_member(Turn& turn, const GroupId& id, Group& group, JoinGroup& command);
  void join_first_time(Turn& turn, const GroupId& id, Group& group, MemberId member_id,
                       JoinGroup& command);
  void rejoin(Turn& turn, const GroupId& id, Group& group, Member& member, JoinGroup& command);
  void update_member(Group& group, Member& member, JoinGroup& command);
  void park_join(Turn& turn, Group& group, Member& member);
  bool has_room(const Group& group, const JoinGroup& command) const;
  MemberId new_member_id(const Turn& turn, const Group& group, const std::string& prefix);
  JoinReply generation_reply(const Group& group, const MemberId& member_id) const;
  void rebalance_or_complete(Turn& turn, const GroupId& id, Group& group);
  void prepare_rebalance(Turn& turn, const GroupId& id, Group& group);
  void complete_join_if_ready(Turn& turn, const GroupId& id, Group& group);
  void join_timed_out(Turn& turn, const GroupId& id, Group& group);
  void complete_join(Turn& turn, const GroupId& id, Group& group);

  // sync.cc: Kafka's sync phase.
  void commit_generation(Turn& turn, const GroupId& id, Group& group, SyncGroup& command);
  void set_synced(Group& group, Member& member);
  void sync_timed_out(Turn& turn, const GroupId& id, Group& group);

  // static_members.cc
  void replace_static_member(Turn& turn, const GroupId& id, Group& group, JoinGroup& command);

  // membership.cc
  void extend_session(const Turn& turn, const GroupId& id, Member& member);
  void extend_session(const MachineContext& context, const GroupId& id, Member& member,
                      std::chrono::milliseconds by);
  void session_timed_out(Turn& turn, const GroupId& id, Group& group, const MemberId& member_id,
                         TimerKey key);
  // Takes the member out and answers what it had parked. The group's state is the caller's.
  void drop_member(Turn& turn, Group& group, const MemberId& member_id);
  void drop_pending(Group& group, const MemberId& member_id);
  ErrorCode leave(Turn& turn, Group& group, const LeaveGroup::Member& member);
  void members_left(Turn& turn, const GroupId& id, Group& group);

  // offsets.cc, retention.cc
  ErrorCode check_commit(const Group* group, const OffsetCommit& command) const;
  ErrorCode check_committed_offset(const OffsetCommit::Partition& partition) const;
  void check_retention(Turn& turn);
  void expire_offsets(Turn& turn, const GroupId& id, const Group& group);

  GroupLimits limits_;
  Groups groups_;
  // Volatile.
  TimerQueue timers_;
  bool started_ = false;
  std::uint64_t member_counter_ = 0;
  MonotonicTime retention_due_;
  GroupId retention_cursor_;  // the first group of the check's next step
};

}  // namespace millrace

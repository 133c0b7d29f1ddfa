// TestHost: what runs a GroupMachine in tests. It applies events at once, keeps the log, gives out
// request ids and collects replies.
//
//   TestHost host;
//   RequestId join = host.send(consumer("billing", "a"));
//   EXPECT_TRUE(host.is_parked(join));
//   host.advance(3s);
//   EXPECT_EQ(host.reply<JoinReply>(join).generation, GenerationId(1));
//
// After every call it checks, on a second machine that only ever sees the log, that replay gives
// the same durable state, and that the snapshot of it can be read back.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "groups/group_machine.h"

namespace millrace::groups_test {

using namespace std::chrono_literals;

// Kafka's defaults, so that the numbers in the tests are the ones people know.
inline GroupLimits kafka_limits() {
  GroupLimits limits;
  limits.initial_rebalance_delay = 3s;
  return limits;
}

inline Blob blob(std::string_view text) { return Blob(text.begin(), text.end()); }
// Consumer metadata that subscribes to these topics.
Blob subscription(const std::vector<std::string>& topics);

// A consumer's first join: session 10 s, rebalance 60 s, protocol "range", topic "orders".
JoinGroup consumer(const GroupId& group, const std::string& client_id);
// The same consumer's next join.
JoinGroup consumer_again(const GroupId& group, const MemberId& member_id);

class TestHost {
 public:
  explicit TestHost(GroupLimits limits = kafka_limits());

  // Sends and lets everything that is due now happen.
  RequestId send(GroupCommand command);
  // Time passes; every timer fires at its moment.
  void advance(std::chrono::milliseconds by);
  // The core was busy elsewhere: the timers of all that time fire at once, late.
  void stall(std::chrono::milliseconds by);
  // The broker dies: what was parked is gone, a new machine reads the last snapshot and the log.
  void restart();
  // Later restarts begin with the state of now.
  void take_snapshot();

  bool is_parked(RequestId request) const { return parked_.contains(request); }
  const std::set<RequestId>& parked() const { return parked_; }
  template <class R>
  const R& reply(RequestId request) const {
    auto found = replies_.find(request);
    if (found == replies_.end()) throw std::logic_error("the request has no reply yet");
    return std::get<R>(found->second);
  }
  const GroupReply* find_reply(RequestId request) const {
    auto found = replies_.find(request);
    return found == replies_.end() ? nullptr : &found->second;
  }
  template <class R>
  R ask(GroupCommand command) {
    return reply<R>(send(std::move(command)));
  }

  // Verbs most tests need.
  ErrorCode heartbeat(const GroupId& group, GenerationId generation, const MemberId& member,
                      InstanceId instance = {});
  RequestId send_sync(const GroupId& group, GenerationId generation, const MemberId& member,
                      std::vector<SyncGroup::Assignment> assignments = {});
  ErrorCode leave(const GroupId& group, const MemberId& member, InstanceId instance = {});
  ErrorCode commit(const GroupId& group, const std::string& topic, std::int32_t partition,
                   std::int64_t offset, GenerationId generation = kNoGeneration,
                   const MemberId& member = {});
  // -1: nothing is committed.
  std::int64_t committed(const GroupId& group, const std::string& topic, std::int32_t partition);
  DescribeGroupReply describe(const GroupId& group);
  GroupState state(const GroupId& group) { return describe(group).state; }
  // The leader assigns "for <member>" to everybody, the others sync too.
  void sync_all(const GroupId& group, const JoinReply& leader);
  // Consumers "c0", "c1", … of a group that did not exist; stable afterwards. Sorted by member id,
  // but the leader is first.
  std::vector<MemberId> make_stable(const GroupId& group, int consumers);

  GroupMachine& machine() { return *machine_; }
  std::size_t events() const { return log_.size(); }
  const std::vector<std::pair<WallMs, Event>>& log() const { return log_; }
  MachineContext context();
  std::vector<std::uint8_t> snapshot() const;

 private:
  void take(Outcome<GroupReply> outcome);
  void run_timers();
  void check_replay();

  GroupLimits limits_;
  std::unique_ptr<GroupMachine> machine_;
  std::unique_ptr<GroupMachine> replayed_;
  std::vector<std::uint8_t> base_;             // the last snapshot
  std::vector<std::pair<WallMs, Event>> log_;  // after it
  MonotonicTime now_{1'000'000'000};
  WallMs time_{1'700'000'000'000};
  std::uint64_t random_ = 1;
  std::uint64_t last_request_ = 0;
  std::set<RequestId> parked_;
  std::map<RequestId, GroupReply> replies_;
};

}  // namespace millrace::groups_test

// What a broker knows of its groups after it died.
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

const GenerationId kFirst(1);

TEST(Restart, consumers_of_a_stable_group_go_on_without_a_rebalance) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 3);
  host.advance(9s);
  host.restart();
  for (int i = 0; i < 3; ++i) {
    host.advance(9s);  // a fresh session for everybody, then heartbeats as before
    for (const MemberId& id : ids) ASSERT_EQ(host.heartbeat("g", kFirst, id), ErrorCode::ok);
  }
  EXPECT_EQ(host.commit("g", "orders", 0, 5, kFirst, ids[1]), ErrorCode::ok);
  RequestId sync = host.send_sync("g", kFirst, ids[2]);
  EXPECT_EQ(host.reply<SyncReply>(sync).assignment, blob("for " + ids[2]));
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", ids[1])).generation, kFirst);
}

TEST(Restart, members_that_do_not_come_back_time_out) {
  TestHost host;
  host.make_stable("g", 2);
  host.restart();
  host.advance(9999ms);
  EXPECT_EQ(host.describe("g").members.size(), 2u);
  host.advance(1ms);
  EXPECT_EQ(host.state("g"), GroupState::empty);
}

TEST(Restart, a_host_that_does_not_call_start_is_served_too) {
  GroupMachine machine;
  MachineContext context{.time = WallMs(1), .now = MonotonicTime(1'000), .random = 1};
  TestHost source;
  source.make_stable("g", 1);
  ASSERT_TRUE(machine.restore(source.snapshot()));
  ASSERT_TRUE(machine.next_timer() && *machine.next_timer() <= context.now);
  machine.on_timer(context);
  EXPECT_EQ(machine.next_timer(), MonotonicTime(10'000'001'000));
}

TEST(Restart, in_the_middle_of_a_rebalance_the_generation_before_it_counts) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  host.send(consumer("g", "b"));
  host.send(consumer_again("g", a));
  ASSERT_EQ(host.state("g"), GroupState::completing_rebalance);
  host.restart();
  EXPECT_EQ(host.state("g"), GroupState::stable);
  EXPECT_EQ(host.heartbeat("g", GenerationId(2), a), ErrorCode::illegal_generation);
  RequestId again = host.send(consumer_again("g", a));
  EXPECT_EQ(host.reply<JoinReply>(again).generation, GenerationId(2));
}

TEST(Restart, static_members_keep_their_instance_id_and_place) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.instance_id = "one";
  join.can_skip_assignment = true;
  RequestId request = host.send(join);
  host.advance(3s);
  host.sync_all("g", host.reply<JoinReply>(request));
  MemberId old_id = host.reply<JoinReply>(request).member_id;
  MemberId new_id = host.ask<JoinReply>(join).member_id;
  host.restart();
  EXPECT_EQ(host.heartbeat("g", kFirst, old_id, "one"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(host.heartbeat("g", kFirst, new_id, "one"), ErrorCode::ok);
  EXPECT_EQ(host.describe("g").members.at(0).assignment, blob("for " + old_id));
}

TEST(Restart, all_protocols_of_a_member_are_known_again) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.protocols.push_back({"sticky", subscription({"orders"})});
  RequestId request = host.send(join);
  host.advance(3s);
  host.sync_all("g", host.reply<JoinReply>(request));
  host.restart();
  JoinGroup other = consumer("g", "b");
  other.protocols = {{"sticky", subscription({"orders"})}};
  EXPECT_TRUE(host.is_parked(host.send(other)));
}

TEST(Restart, from_a_snapshot_and_the_log_after_it) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  host.commit("simple", "orders", 3, 30);
  host.take_snapshot();
  host.commit("g", "orders", 0, 5, kFirst, a);
  host.commit("simple", "orders", 3, 31);
  host.restart();
  EXPECT_EQ(host.committed("g", "orders", 0), 5);
  EXPECT_EQ(host.committed("simple", "orders", 3), 31);
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::ok);
}

TEST(Restart, a_group_nobody_synced_is_forgotten) {
  TestHost host;
  host.send(consumer("g", "a"));
  host.advance(3s);
  host.restart();
  EXPECT_EQ(host.state("g"), GroupState::dead);
}

}  // namespace
}  // namespace millrace::groups_test

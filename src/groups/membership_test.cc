// Heartbeats, sessions, leaving, static members.
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

const GenerationId kFirst(1);
const GenerationId kSecond(2);

JoinGroup static_consumer(const std::string& instance, const MemberId& member_id = {}) {
  JoinGroup join = consumer("g", "client");
  join.member_id = member_id;
  join.instance_id = instance;
  join.can_skip_assignment = true;
  return join;
}

// Static members "one" (the leader) and "two".
std::vector<MemberId> stable_static(TestHost& host) {
  RequestId one = host.send(static_consumer("one"));
  RequestId two = host.send(static_consumer("two"));
  host.advance(6s);
  host.sync_all("g", host.reply<JoinReply>(one));
  return {host.reply<JoinReply>(one).member_id, host.reply<JoinReply>(two).member_id};
}

TEST(Heartbeat, keeps_a_session_alive_and_its_absence_ends_it) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  for (int i = 0; i < 5; ++i) {
    host.advance(9999ms);
    ASSERT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::ok);
  }
  host.advance(9999ms);
  EXPECT_EQ(host.state("g"), GroupState::stable);
  host.advance(1ms);
  EXPECT_EQ(host.state("g"), GroupState::empty);
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::unknown_member_id);
}

TEST(Heartbeat, wrong_ones_are_refused_by_name) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  EXPECT_EQ(host.heartbeat("", kFirst, a), ErrorCode::invalid_group_id);
  EXPECT_EQ(host.heartbeat("none", kFirst, a), ErrorCode::unknown_member_id);
  EXPECT_EQ(host.heartbeat("g", kFirst, "x"), ErrorCode::unknown_member_id);
  EXPECT_EQ(host.heartbeat("g", kSecond, a), ErrorCode::illegal_generation);
  EXPECT_EQ(host.heartbeat("g", kFirst, a, "instance"), ErrorCode::unknown_member_id);
}

TEST(Heartbeat, counts_while_the_members_sync) {
  TestHost host;
  RequestId join = host.send(consumer("g", "a"));
  host.advance(3s);
  MemberId a = host.reply<JoinReply>(join).member_id;
  host.advance(9s);
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::ok);
  host.advance(9s);
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::ok);
}

TEST(Session, a_commit_keeps_it_alive) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  for (int i = 0; i < 5; ++i) {
    host.advance(9s);
    ASSERT_EQ(host.commit("g", "orders", 0, i, kFirst, a), ErrorCode::ok);
  }
  EXPECT_EQ(host.state("g"), GroupState::stable);
}

TEST(Session, who_waits_for_a_rebalance_is_not_timed_out) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  RequestId join = host.send(consumer_again("g", ids[0]));
  for (int i = 0; i < 6; ++i) {  // the other one lives on without rejoining
    host.advance(9s);
    ASSERT_EQ(host.heartbeat("g", kFirst, ids[1]), ErrorCode::rebalance_in_progress);
    ASSERT_TRUE(host.is_parked(join));
  }
  host.advance(6s);
  EXPECT_EQ(host.reply<JoinReply>(join).members.size(), 1u);
}

TEST(Session, the_join_of_a_new_member_ends_after_its_own_timeout) {
  GroupLimits limits = kafka_limits();
  limits.new_member_join_timeout = 20s;
  TestHost host(limits);
  std::vector<MemberId> ids = host.make_stable("g", 1);
  RequestId join = host.send(consumer("g", "b"));
  for (int i = 0; i < 2; ++i) {
    host.advance(9999ms);
    ASSERT_EQ(host.heartbeat("g", kFirst, ids[0]), ErrorCode::rebalance_in_progress);
    ASSERT_TRUE(host.is_parked(join));
  }
  host.advance(2ms);
  EXPECT_EQ(host.reply<JoinReply>(join).error, ErrorCode::unknown_member_id);
}

TEST(Session, begins_with_the_reply_of_the_join) {
  TestHost host;
  RequestId join = host.send(consumer("g", "a"));
  host.advance(3s);
  ASSERT_FALSE(host.is_parked(join));
  host.advance(9999ms);
  EXPECT_EQ(host.describe("g").members.size(), 1u);
  host.advance(1ms);
  EXPECT_TRUE(host.describe("g").members.empty());
}

TEST(Session, a_join_that_changes_nothing_keeps_it_alive) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  host.advance(9s);
  host.heartbeat("g", kFirst, ids[0]);
  host.send(consumer_again("g", ids[1]));
  host.advance(9s);
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[1]), ErrorCode::ok);
}

TEST(Session, a_member_that_fails_makes_the_others_rebalance) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 3);
  host.advance(6s);
  host.heartbeat("g", kFirst, ids[0]);
  host.heartbeat("g", kFirst, ids[1]);
  host.advance(4s);
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[0]), ErrorCode::rebalance_in_progress);
  RequestId leader = host.send(consumer_again("g", ids[0]));
  host.send(consumer_again("g", ids[1]));
  EXPECT_EQ(host.reply<JoinReply>(leader).members.size(), 2u);
}

TEST(Leave, makes_the_others_rebalance_and_the_last_one_empties_the_group) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  EXPECT_EQ(host.leave("g", ids[0]), ErrorCode::ok);
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[1]), ErrorCode::rebalance_in_progress);
  JoinReply joined = host.ask<JoinReply>(consumer_again("g", ids[1]));
  EXPECT_EQ(joined.leader, ids[1]);
  EXPECT_EQ(host.leave("g", ids[1]), ErrorCode::ok);
  EXPECT_EQ(host.state("g"), GroupState::empty);
  EXPECT_EQ(host.leave("g", ids[1]), ErrorCode::unknown_member_id);
}

TEST(Leave, answers_what_the_member_had_parked) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  RequestId join = host.send(consumer_again("g", ids[0]));
  host.leave("g", ids[0]);
  EXPECT_EQ(host.reply<JoinReply>(join).error, ErrorCode::unknown_member_id);
}

TEST(Leave, of_the_one_everybody_waits_for_completes_the_rebalance) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  RequestId join = host.send(consumer_again("g", ids[0]));
  EXPECT_TRUE(host.is_parked(join));
  host.leave("g", ids[1]);
  EXPECT_EQ(host.reply<JoinReply>(join).generation, kSecond);
}

TEST(Leave, several_members_are_answered_one_by_one) {
  TestHost host;
  std::vector<MemberId> ids = stable_static(host);
  LeaveReply reply = host.ask<LeaveReply>(LeaveGroup{"g",
                                                     {{"", "one", ""},
                                                      {"stranger", {}, ""},
                                                      {ids[0], "two", ""},
                                                      {"", "three", ""},
                                                      {"", {}, ""},
                                                      {ids[1], "two", ""}}});
  std::vector<ErrorCode> errors;
  for (const auto& member : reply.members) errors.push_back(member.error);
  EXPECT_EQ(errors, (std::vector{ErrorCode::ok, ErrorCode::unknown_member_id,
                                 ErrorCode::fenced_instance_id, ErrorCode::unknown_member_id,
                                 ErrorCode::unknown_member_id, ErrorCode::ok}));
  EXPECT_EQ(host.state("g"), GroupState::empty);
  reply = host.ask<LeaveReply>(LeaveGroup{"none", {{"a", {}, ""}}});
  EXPECT_EQ(reply.members.at(0).error, ErrorCode::unknown_member_id);
  EXPECT_EQ(host.ask<LeaveReply>(LeaveGroup{}).error, ErrorCode::invalid_group_id);
}

TEST(Leave, of_an_id_that_never_joined_disturbs_nobody) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  JoinGroup join = consumer("g", "b");
  join.require_known_member_id = true;
  MemberId b = host.ask<JoinReply>(join).member_id;
  EXPECT_EQ(host.leave("g", b), ErrorCode::ok);
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::ok);
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", b)).error, ErrorCode::unknown_member_id);
}

TEST(StaticMember, that_comes_back_takes_its_place_without_a_rebalance) {
  TestHost host;
  std::vector<MemberId> ids = stable_static(host);
  JoinReply joined = host.ask<JoinReply>(static_consumer("two"));
  EXPECT_EQ(joined.error, ErrorCode::ok);
  EXPECT_EQ(joined.generation, kFirst);
  EXPECT_EQ(joined.leader, ids[0]);
  EXPECT_FALSE(joined.skip_assignment);
  EXPECT_NE(joined.member_id, ids[1]);
  EXPECT_TRUE(joined.member_id.starts_with("two-"));
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[0]), ErrorCode::ok);
  RequestId sync = host.send_sync("g", kFirst, joined.member_id);
  EXPECT_EQ(host.reply<SyncReply>(sync).assignment, blob("for " + ids[1]));
}

TEST(StaticMember, that_came_back_has_a_session_of_its_own) {
  TestHost host;
  std::vector<MemberId> ids = stable_static(host);
  host.send(static_consumer("two"));
  host.advance(9999ms);
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[0]), ErrorCode::ok);
  host.advance(1ms);
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[0]), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(host.describe("g").members.size(), 1u);
}

TEST(StaticMember, fences_its_old_id) {
  TestHost host;
  std::vector<MemberId> ids = stable_static(host);
  host.send(static_consumer("two"));
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[1], "two"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(host.ask<JoinReply>(static_consumer("two", ids[1])).error,
            ErrorCode::fenced_instance_id);
  EXPECT_EQ(host.leave("g", ids[1], "two"), ErrorCode::fenced_instance_id);
  OffsetCommit commit{.group = "g",
                      .generation = kFirst,
                      .member_id = ids[1],
                      .instance_id = "two",
                      .topics = {{"orders", {{0, Offset(1), {}, ""}}}}};
  EXPECT_EQ(host.ask<OffsetCommitReply>(commit).error, ErrorCode::fenced_instance_id);
  EXPECT_EQ(host.heartbeat("g", kFirst, ids[1]), ErrorCode::unknown_member_id);
}

TEST(StaticMember, a_leader_that_comes_back_is_told_to_skip_the_assignment) {
  TestHost host;
  stable_static(host);
  JoinReply joined = host.ask<JoinReply>(static_consumer("one"));
  EXPECT_EQ(joined.leader, joined.member_id);
  EXPECT_TRUE(joined.skip_assignment);
  EXPECT_EQ(joined.members.size(), 2u);
}

TEST(StaticMember, an_older_client_that_led_is_shown_its_old_id_as_leader) {
  TestHost host;
  std::vector<MemberId> ids = stable_static(host);
  JoinGroup join = static_consumer("one");
  join.can_skip_assignment = false;
  JoinReply joined = host.ask<JoinReply>(join);
  EXPECT_EQ(joined.leader, ids[0]);
  EXPECT_NE(joined.member_id, ids[0]);
  EXPECT_TRUE(joined.members.empty());
}

TEST(StaticMember, whose_change_of_protocols_changes_the_selected_one_causes_a_rebalance) {
  TestHost host;
  JoinGroup join = static_consumer("one");
  join.protocols = {{"range", blob("r")}, {"sticky", blob("s")}};
  RequestId one = host.send(join);
  host.advance(3s);
  host.sync_all("g", host.reply<JoinReply>(one));
  std::swap(join.protocols[0], join.protocols[1]);
  JoinReply joined = host.ask<JoinReply>(join);
  EXPECT_EQ(joined.generation, kSecond);
  EXPECT_EQ(joined.protocol_name, "sticky");
}

TEST(StaticMember, that_comes_back_while_the_members_sync_causes_a_rebalance) {
  TestHost host;
  RequestId one = host.send(static_consumer("one"));
  RequestId two = host.send(static_consumer("two"));
  host.advance(6s);
  RequestId sync = host.send(SyncGroup{.group = "g",
                                       .generation = kFirst,
                                       .member_id = host.reply<JoinReply>(two).member_id,
                                       .instance_id = "two"});
  RequestId back = host.send(static_consumer("two"));
  EXPECT_EQ(host.reply<SyncReply>(sync).error, ErrorCode::fenced_instance_id);
  EXPECT_TRUE(host.is_parked(back));
  host.send(static_consumer("one", host.reply<JoinReply>(one).member_id));
  EXPECT_EQ(host.reply<JoinReply>(back).generation, kSecond);
}

TEST(StaticMember, that_joins_twice_at_once_fences_its_first_join) {
  TestHost host;
  RequestId first = host.send(static_consumer("one"));
  RequestId second = host.send(static_consumer("one"));
  EXPECT_EQ(host.reply<JoinReply>(first).error, ErrorCode::fenced_instance_id);
  host.advance(6s);
  EXPECT_EQ(host.reply<JoinReply>(second).members.size(), 1u);
}

TEST(StaticMember, that_does_not_rejoin_stays_in_the_next_generation) {
  TestHost host;
  std::vector<MemberId> ids = stable_static(host);
  JoinGroup slow = static_consumer("two", ids[1]);
  JoinGroup leader = static_consumer("one", ids[0]);
  leader.rebalance_timeout = 8s;
  leader.protocols[0].metadata = subscription({"refunds"});
  slow.rebalance_timeout = 8s;
  slow.protocols[0].metadata = subscription({"refunds"});
  host.send(slow);
  host.send(leader);  // both have 8 s now, generation 2
  RequestId again = host.send(leader);
  host.advance(7s);
  EXPECT_EQ(host.reply<JoinReply>(again).generation, kSecond);  // told again, still syncing
  host.sync_all("g", host.reply<JoinReply>(again));
  RequestId third = host.send(leader);
  host.advance(8s);
  EXPECT_EQ(host.reply<JoinReply>(third).generation, GenerationId(3));
  EXPECT_EQ(host.reply<JoinReply>(third).members.size(), 2u);
}

TEST(StaticMember, that_leads_and_does_not_rejoin_hands_the_lead_on) {
  TestHost host;
  JoinGroup one = static_consumer("one");
  one.session_timeout = 30min;
  RequestId leader = host.send(one);
  host.advance(3s);
  host.sync_all("g", host.reply<JoinReply>(leader));
  RequestId join = host.send(consumer("g", "b"));
  host.advance(60s);
  const JoinReply& joined = host.reply<JoinReply>(join);
  EXPECT_EQ(joined.leader, joined.member_id);
  EXPECT_EQ(joined.members.size(), 2u);
}

TEST(StaticMember, a_rebalance_nobody_joins_waits_for_them) {
  TestHost host;
  JoinGroup one = static_consumer("one");
  one.session_timeout = 30min;
  RequestId leader = host.send(one);
  host.advance(3s);
  host.sync_all("g", host.reply<JoinReply>(leader));
  MemberId id = host.reply<JoinReply>(leader).member_id;
  JoinGroup passing = consumer("g", "b");
  passing.require_known_member_id = true;
  passing.member_id = host.ask<JoinReply>(passing).member_id;
  host.send(passing);
  host.leave("g", passing.member_id);
  host.advance(5min);
  EXPECT_EQ(host.heartbeat("g", kFirst, id, "one"), ErrorCode::rebalance_in_progress);
  one.member_id = id;
  EXPECT_EQ(host.ask<JoinReply>(one).generation, kSecond);
}

TEST(StaticMember, that_replaced_one_that_had_not_synced_has_to_sync_in_its_time) {
  TestHost host;
  RequestId one = host.send(static_consumer("one"));
  host.send(static_consumer("two"));
  host.advance(6s);
  MemberId leader = host.reply<JoinReply>(one).member_id;
  host.send_sync("g", kFirst, leader);
  MemberId two = host.ask<JoinReply>(static_consumer("two")).member_id;
  for (int i = 0; i < 6; ++i) {
    host.advance(9s);
    ASSERT_EQ(host.heartbeat("g", kFirst, leader), ErrorCode::ok);
    ASSERT_EQ(host.heartbeat("g", kFirst, two), ErrorCode::ok);
  }
  host.advance(6s);
  EXPECT_EQ(host.heartbeat("g", kFirst, two), ErrorCode::unknown_member_id);
  EXPECT_EQ(host.heartbeat("g", kFirst, leader), ErrorCode::rebalance_in_progress);
}

TEST(StaticMember, with_a_full_group_may_still_come_back) {
  GroupLimits limits = kafka_limits();
  limits.members_max = 2;
  TestHost host(limits);
  stable_static(host);
  EXPECT_EQ(host.ask<JoinReply>(static_consumer("two")).error, ErrorCode::ok);
  EXPECT_EQ(host.ask<JoinReply>(static_consumer("three")).error, ErrorCode::group_max_size_reached);
}

}  // namespace
}  // namespace millrace::groups_test

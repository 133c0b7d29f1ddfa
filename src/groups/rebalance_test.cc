// Joining and syncing, rule by rule.
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

const GenerationId kFirst(1);
const GenerationId kSecond(2);

TEST(Rebalance, a_first_consumer_is_answered_after_the_initial_delay) {
  TestHost host;
  RequestId join = host.send(consumer("g", "a"));
  EXPECT_EQ(host.state("g"), GroupState::preparing_rebalance);
  host.advance(2999ms);
  EXPECT_TRUE(host.is_parked(join));
  host.advance(1ms);
  const JoinReply& joined = host.reply<JoinReply>(join);
  EXPECT_EQ(joined.error, ErrorCode::ok);
  EXPECT_EQ(joined.generation, kFirst);
  EXPECT_EQ(joined.protocol_type, "consumer");
  EXPECT_EQ(joined.protocol_name, "range");
  EXPECT_EQ(joined.leader, joined.member_id);
  EXPECT_FALSE(joined.skip_assignment);
  ASSERT_EQ(joined.members.size(), 1u);
  EXPECT_EQ(joined.members[0].metadata, subscription({"orders"}));
  EXPECT_EQ(host.state("g"), GroupState::completing_rebalance);
}

TEST(Rebalance, without_an_initial_delay_the_first_consumer_is_answered_at_once) {
  GroupLimits limits;
  limits.initial_rebalance_delay = 0ms;
  TestHost host(limits);
  EXPECT_EQ(host.ask<JoinReply>(consumer("g", "a")).generation, kFirst);
}

TEST(Rebalance, each_new_consumer_prolongs_the_initial_delay_up_to_the_rebalance_timeout) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.rebalance_timeout = 10s;
  RequestId first = host.send(join);
  for (int second = 1; second < 10; ++second) {
    host.advance(1s);
    join.client_id = "b" + std::to_string(second);
    host.send(join);
    EXPECT_TRUE(host.is_parked(first)) << second;
  }
  host.advance(999ms);
  EXPECT_TRUE(host.is_parked(first));
  host.advance(1ms);
  EXPECT_EQ(host.reply<JoinReply>(first).members.size(), 10u);
}

TEST(Rebalance, the_initial_delay_is_not_prolonged_when_nobody_comes) {
  TestHost host;
  RequestId first = host.send(consumer("g", "a"));
  host.advance(1s);
  host.send(consumer("g", "b"));
  host.advance(2s);
  EXPECT_TRUE(host.is_parked(first));
  host.advance(2999ms);
  EXPECT_TRUE(host.is_parked(first));
  host.advance(1ms);
  EXPECT_EQ(host.reply<JoinReply>(first).members.size(), 2u);
}

TEST(Rebalance, only_the_leader_is_told_the_members) {
  TestHost host;
  RequestId a = host.send(consumer("g", "a"));
  RequestId b = host.send(consumer("g", "b"));
  host.advance(6s);
  EXPECT_EQ(host.reply<JoinReply>(a).leader, host.reply<JoinReply>(a).member_id);
  EXPECT_EQ(host.reply<JoinReply>(a).members.size(), 2u);
  EXPECT_EQ(host.reply<JoinReply>(b).leader, host.reply<JoinReply>(a).member_id);
  EXPECT_TRUE(host.reply<JoinReply>(b).members.empty());
}

TEST(Rebalance, member_ids_begin_with_the_client_id_and_differ) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 3);
  EXPECT_EQ(std::set<MemberId>(ids.begin(), ids.end()).size(), 3u);
  for (const MemberId& id : ids) {
    EXPECT_TRUE(id.starts_with("c") && id[2] == '-') << id;
    EXPECT_EQ(id.size(), 3u + 32) << id;
  }
}

TEST(Rebalance, a_new_dynamic_member_is_told_its_id_first_when_the_protocol_says_so) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.require_known_member_id = true;
  JoinReply told = host.ask<JoinReply>(join);
  EXPECT_EQ(told.error, ErrorCode::member_id_required);
  ASSERT_FALSE(told.member_id.empty());
  join.member_id = told.member_id;
  RequestId second = host.send(join);
  host.advance(3s);
  EXPECT_EQ(host.reply<JoinReply>(second).error, ErrorCode::ok);
  EXPECT_EQ(host.reply<JoinReply>(second).member_id, told.member_id);
}

TEST(Rebalance, an_id_that_nobody_joins_with_expires_with_the_session_timeout) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.require_known_member_id = true;
  MemberId in_time = host.ask<JoinReply>(join).member_id;
  MemberId too_late = host.ask<JoinReply>(join).member_id;
  host.advance(9999ms);
  EXPECT_TRUE(host.is_parked(host.send(consumer_again("g", in_time))));
  host.advance(1ms);
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", too_late)).error, ErrorCode::unknown_member_id);
}

TEST(Rebalance, a_group_of_which_only_expired_ids_were_known_is_forgotten) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.require_known_member_id = true;
  host.ask<JoinReply>(join);
  EXPECT_EQ(host.state("g"), GroupState::empty);
  host.advance(10s);
  EXPECT_EQ(host.state("g"), GroupState::dead);
  EXPECT_EQ(host.machine().group_count(), 0u);
  EXPECT_EQ(host.events(), 0u);
}

TEST(Rebalance, a_pending_id_holds_the_rebalance_up_until_it_joins) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  JoinGroup join = consumer("g", "b");
  join.require_known_member_id = true;
  MemberId b = host.ask<JoinReply>(join).member_id;
  EXPECT_EQ(host.state("g"), GroupState::stable);
  RequestId leader = host.send(consumer_again("g", a));
  EXPECT_TRUE(host.is_parked(leader));
  host.send(consumer_again("g", b));
  EXPECT_EQ(host.reply<JoinReply>(leader).members.size(), 2u);
}

TEST(Rebalance, a_pending_id_that_leaves_or_expires_holds_it_up_no_longer) {
  for (bool leaves : {true, false}) {
    TestHost host;
    MemberId a = host.make_stable("g", 1)[0];
    JoinGroup join = consumer("g", "b");
    join.require_known_member_id = true;
    MemberId b = host.ask<JoinReply>(join).member_id;
    RequestId leader = host.send(consumer_again("g", a));
    host.advance(9999ms);
    EXPECT_TRUE(host.is_parked(leader));
    leaves ? void(host.leave("g", b)) : host.advance(1ms);
    EXPECT_EQ(host.reply<JoinReply>(leader).members.size(), 1u);
  }
}

TEST(Rebalance, a_new_member_makes_the_others_rejoin) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  RequestId b = host.send(consumer("g", "b"));
  EXPECT_TRUE(host.is_parked(b));
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::rebalance_in_progress);
  RequestId again = host.send(consumer_again("g", a));
  EXPECT_EQ(host.reply<JoinReply>(again).generation, kSecond);
  EXPECT_EQ(host.reply<JoinReply>(again).leader, a);
  EXPECT_EQ(host.reply<JoinReply>(b).generation, kSecond);
}

TEST(Rebalance, who_does_not_rejoin_within_the_longest_rebalance_timeout_is_put_out) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  JoinGroup join = consumer("g", "b");
  join.rebalance_timeout = 90s;  // longer than a's 60 s
  RequestId b = host.send(join);
  for (int i = 0; i < 10; ++i) {  // a is alive, but it does not rejoin
    host.advance(8999ms);
    ASSERT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::rebalance_in_progress);
  }
  EXPECT_TRUE(host.is_parked(b));
  host.advance(10ms);
  const JoinReply& joined = host.reply<JoinReply>(b);
  EXPECT_EQ(joined.leader, joined.member_id);
  EXPECT_EQ(joined.members.size(), 1u);
  EXPECT_EQ(host.heartbeat("g", kFirst, a), ErrorCode::unknown_member_id);
}

TEST(Rebalance, a_leader_that_does_not_rejoin_is_replaced_by_one_that_has) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  JoinGroup changed = consumer_again("g", ids[1]);
  changed.protocols[0].metadata = subscription({"orders", "refunds"});
  RequestId follower = host.send(changed);
  EXPECT_TRUE(host.is_parked(follower));
  host.advance(10s);  // the leader's session ends
  EXPECT_EQ(host.reply<JoinReply>(follower).leader, ids[1]);
  EXPECT_EQ(host.reply<JoinReply>(follower).generation, kSecond);
}

TEST(Rebalance, a_follower_that_rejoins_a_stable_group_unchanged_causes_no_rebalance) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  JoinReply joined = host.ask<JoinReply>(consumer_again("g", ids[1]));
  EXPECT_EQ(joined.error, ErrorCode::ok);
  EXPECT_EQ(joined.generation, kFirst);
  EXPECT_EQ(joined.leader, ids[0]);
  EXPECT_EQ(host.state("g"), GroupState::stable);
  SyncReply synced = host.reply<SyncReply>(host.send_sync("g", kFirst, ids[1]));
  EXPECT_EQ(synced.assignment, blob("for " + ids[1]));
}

TEST(Rebalance, a_leader_that_rejoins_a_stable_group_causes_one) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  EXPECT_TRUE(host.is_parked(host.send(consumer_again("g", ids[0]))));
  EXPECT_EQ(host.state("g"), GroupState::preparing_rebalance);
}

TEST(Rebalance, changed_metadata_causes_a_rebalance) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  JoinGroup changed = consumer_again("g", ids[1]);
  changed.protocols[0].metadata = subscription({"refunds"});
  EXPECT_TRUE(host.is_parked(host.send(changed)));
  EXPECT_EQ(host.state("g"), GroupState::preparing_rebalance);
}

TEST(Rebalance, a_join_repeated_while_the_members_sync_is_told_the_generation_again) {
  TestHost host;
  RequestId join = host.send(consumer("g", "a"));
  host.advance(3s);
  MemberId a = host.reply<JoinReply>(join).member_id;
  JoinReply again = host.ask<JoinReply>(consumer_again("g", a));
  EXPECT_EQ(again.generation, kFirst);
  EXPECT_EQ(again.members.size(), 1u);
  EXPECT_EQ(host.state("g"), GroupState::completing_rebalance);
}

TEST(Rebalance, a_join_repeated_while_parked_answers_the_one_before) {
  TestHost host;
  std::vector<MemberId> ids = host.make_stable("g", 2);
  RequestId first = host.send(consumer_again("g", ids[0]));
  RequestId second = host.send(consumer_again("g", ids[0]));
  EXPECT_EQ(host.reply<JoinReply>(first).error, ErrorCode::rebalance_in_progress);
  EXPECT_TRUE(host.is_parked(second));
  host.send(consumer_again("g", ids[1]));
  EXPECT_EQ(host.reply<JoinReply>(second).generation, kSecond);
}

TEST(Rebalance, the_protocol_most_members_prefer_among_those_all_speak_is_selected) {
  TestHost host;
  auto speaking = [](const std::string& client, std::vector<std::string> protocols) {
    JoinGroup join = consumer("g", client);
    join.protocols.clear();
    for (const std::string& name : protocols) join.protocols.push_back({name, blob(name)});
    return join;
  };
  RequestId a = host.send(speaking("a", {"only-a", "range", "sticky"}));
  host.send(speaking("b", {"sticky", "range"}));
  host.send(speaking("c", {"only-c", "sticky", "range"}));
  host.advance(6s);
  EXPECT_EQ(host.reply<JoinReply>(a).protocol_name, "sticky");
  EXPECT_EQ(host.reply<JoinReply>(a).members.at(0).metadata, blob("sticky"));
}

TEST(Rebalance, a_member_that_shares_no_protocol_with_all_others_is_refused) {
  TestHost host;
  host.make_stable("g", 2);
  JoinGroup other = consumer("g", "x");
  other.protocols = {{"sticky", {}}};
  EXPECT_EQ(host.ask<JoinReply>(other).error, ErrorCode::inconsistent_group_protocol);
  other = consumer("g", "x");
  other.protocol_type = "connect";
  EXPECT_EQ(host.ask<JoinReply>(other).error, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(host.state("g"), GroupState::stable);
}

TEST(Rebalance, a_first_member_needs_a_protocol_type_and_a_protocol) {
  TestHost host;
  JoinGroup join = consumer("g", "a");
  join.protocols.clear();
  EXPECT_EQ(host.ask<JoinReply>(join).error, ErrorCode::inconsistent_group_protocol);
  join = consumer("g", "a");
  join.protocol_type.clear();
  EXPECT_EQ(host.ask<JoinReply>(join).error, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(host.machine().group_count(), 0u);
}

TEST(Rebalance, joins_that_make_no_sense_are_refused_by_name) {
  TestHost host;
  EXPECT_EQ(host.ask<JoinReply>(consumer("", "a")).error, ErrorCode::invalid_group_id);
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", "a-1")).error, ErrorCode::unknown_member_id);
  JoinGroup join = consumer("g", "a");
  join.session_timeout = 5999ms;
  EXPECT_EQ(host.ask<JoinReply>(join).error, ErrorCode::invalid_session_timeout);
  join.session_timeout = 1800001ms;
  EXPECT_EQ(host.ask<JoinReply>(join).error, ErrorCode::invalid_session_timeout);
  EXPECT_EQ(host.machine().group_count(), 0u);
}

TEST(Rebalance, a_full_group_takes_nobody_else) {
  GroupLimits limits = kafka_limits();
  limits.members_max = 2;
  TestHost host(limits);
  std::vector<MemberId> ids = host.make_stable("g", 2);
  EXPECT_EQ(host.ask<JoinReply>(consumer("g", "x")).error, ErrorCode::group_max_size_reached);
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", ids[1])).error, ErrorCode::ok);
  EXPECT_EQ(host.state("g"), GroupState::stable);
}

TEST(Rebalance, the_last_to_rejoin_a_full_group_is_put_out) {
  GroupLimits limits = kafka_limits();
  limits.members_max = 2;
  TestHost host(limits);
  std::vector<MemberId> ids = host.make_stable("g", 2);
  RequestId leader = host.send(consumer_again("g", ids[0]));
  RequestId newcomer = host.send(consumer("g", "x"));
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", ids[1])).error,
            ErrorCode::group_max_size_reached);
  EXPECT_EQ(host.reply<JoinReply>(leader).members.size(), 2u);
  EXPECT_EQ(host.reply<JoinReply>(newcomer).error, ErrorCode::ok);
}

TEST(Rebalance, there_is_a_limit_to_groups_and_to_ids_given_out) {
  GroupLimits limits = kafka_limits();
  limits.groups_max = 1;
  limits.pending_members_max = 1;
  TestHost host(limits);
  JoinGroup join = consumer("g", "a");
  join.require_known_member_id = true;
  EXPECT_EQ(host.ask<JoinReply>(join).error, ErrorCode::member_id_required);
  EXPECT_EQ(host.ask<JoinReply>(join).error, ErrorCode::group_max_size_reached);
  EXPECT_EQ(host.ask<JoinReply>(consumer("h", "a")).error, ErrorCode::policy_violation);
  EXPECT_EQ(host.commit("i", "orders", 0, 1), ErrorCode::policy_violation);
}

TEST(Sync, followers_are_parked_until_the_leader_has_synced) {
  TestHost host;
  RequestId a = host.send(consumer("g", "a"));
  RequestId b = host.send(consumer("g", "b"));
  host.advance(6s);
  MemberId leader = host.reply<JoinReply>(a).member_id;
  MemberId follower = host.reply<JoinReply>(b).member_id;
  RequestId waiting = host.send_sync("g", kFirst, follower);
  EXPECT_TRUE(host.is_parked(waiting));
  EXPECT_EQ(host.events(), 0u);
  RequestId sync =
      host.send_sync("g", kFirst, leader, {{leader, blob("p0")}, {follower, blob("p1")}});
  EXPECT_EQ(host.reply<SyncReply>(sync).assignment, blob("p0"));
  EXPECT_EQ(host.reply<SyncReply>(waiting).assignment, blob("p1"));
  EXPECT_EQ(host.reply<SyncReply>(waiting).protocol_name, "range");
  EXPECT_EQ(host.state("g"), GroupState::stable);
  EXPECT_EQ(host.events(), 1u);
}

TEST(Sync, a_member_the_leader_forgot_gets_an_empty_assignment_and_strangers_none) {
  TestHost host;
  RequestId a = host.send(consumer("g", "a"));
  host.advance(3s);
  MemberId leader = host.reply<JoinReply>(a).member_id;
  RequestId sync = host.send_sync("g", kFirst, leader, {{"stranger", blob("p1")}});
  EXPECT_EQ(host.reply<SyncReply>(sync).error, ErrorCode::ok);
  EXPECT_TRUE(host.reply<SyncReply>(sync).assignment.empty());
}

TEST(Sync, an_assignment_does_not_outlive_its_generation) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  JoinReply joined = host.ask<JoinReply>(consumer_again("g", a));
  ASSERT_EQ(joined.generation, kSecond);
  RequestId sync = host.send_sync("g", kSecond, a);
  EXPECT_TRUE(host.reply<SyncReply>(sync).assignment.empty());
}

TEST(Sync, a_new_join_sends_those_who_sync_back_to_join) {
  TestHost host;
  RequestId a = host.send(consumer("g", "a"));
  RequestId b = host.send(consumer("g", "b"));
  host.advance(6s);
  RequestId waiting = host.send_sync("g", kFirst, host.reply<JoinReply>(b).member_id);
  host.send(consumer("g", "c"));
  EXPECT_EQ(host.reply<SyncReply>(waiting).error, ErrorCode::rebalance_in_progress);
  RequestId late = host.send_sync("g", kFirst, host.reply<JoinReply>(a).member_id);
  EXPECT_EQ(host.reply<SyncReply>(late).error, ErrorCode::rebalance_in_progress);
}

TEST(Sync, who_never_syncs_is_put_out_after_the_rebalance_timeout) {
  TestHost host;
  RequestId a = host.send(consumer("g", "a"));
  RequestId b = host.send(consumer("g", "b"));
  host.advance(6s);
  MemberId leader = host.reply<JoinReply>(a).member_id;
  MemberId silent = host.reply<JoinReply>(b).member_id;
  host.send_sync("g", kFirst, leader);
  for (int i = 0; i < 6; ++i) {
    host.advance(9s);
    ASSERT_EQ(host.heartbeat("g", kFirst, leader), ErrorCode::ok);
    ASSERT_EQ(host.heartbeat("g", kFirst, silent), ErrorCode::ok);
  }
  host.advance(6s);
  EXPECT_EQ(host.heartbeat("g", kFirst, leader), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(host.heartbeat("g", kFirst, silent), ErrorCode::unknown_member_id);
}

TEST(Sync, wrong_syncs_are_refused_by_name) {
  TestHost host;
  EXPECT_EQ(host.ask<SyncReply>(SyncGroup{.group = ""}).error, ErrorCode::invalid_group_id);
  EXPECT_EQ(host.ask<SyncReply>(SyncGroup{.group = "none"}).error, ErrorCode::unknown_member_id);
  MemberId a = host.make_stable("g", 1)[0];
  auto sync = [&](GenerationId generation, const MemberId& id, const std::string& protocol) {
    return host
        .ask<SyncReply>(SyncGroup{.group = "g",
                                  .generation = generation,
                                  .member_id = id,
                                  .protocol_type = "consumer",
                                  .protocol_name = protocol})
        .error;
  };
  EXPECT_EQ(sync(kFirst, "x", "range"), ErrorCode::unknown_member_id);
  EXPECT_EQ(sync(kSecond, a, "range"), ErrorCode::illegal_generation);
  EXPECT_EQ(sync(kFirst, a, "sticky"), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(sync(kFirst, a, "range"), ErrorCode::ok);
}

}  // namespace
}  // namespace millrace::groups_test

// Committed offsets: who may commit, what is kept, for how long.
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

const GenerationId kFirst(1);
constexpr auto kWeek = std::chrono::milliseconds(std::chrono::weeks(1));

TEST(OffsetCommit, a_simple_consumer_needs_no_group) {
  TestHost host;
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
  EXPECT_EQ(host.commit("g", "orders", 0, 42), ErrorCode::ok);
  EXPECT_EQ(host.committed("g", "orders", 0), 42);
  EXPECT_EQ(host.committed("g", "orders", 1), -1);
  EXPECT_EQ(host.commit("g", "orders", 0, 7), ErrorCode::ok);
  EXPECT_EQ(host.committed("g", "orders", 0), 7);
  EXPECT_EQ(host.state("g"), GroupState::empty);
}

TEST(OffsetCommit, a_simple_consumer_must_not_disturb_a_group_at_work) {
  TestHost host;
  host.make_stable("g", 1);
  EXPECT_EQ(host.commit("g", "orders", 0, 42), ErrorCode::unknown_member_id);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
}

TEST(OffsetCommit, members_commit_in_their_generation_only) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  EXPECT_EQ(host.commit("g", "orders", 0, 1, kFirst, a), ErrorCode::ok);
  EXPECT_EQ(host.commit("g", "orders", 0, 2, GenerationId(2), a), ErrorCode::illegal_generation);
  EXPECT_EQ(host.commit("g", "orders", 0, 2, kNoGeneration, a), ErrorCode::illegal_generation);
  EXPECT_EQ(host.commit("g", "orders", 0, 2, kFirst, "x"), ErrorCode::unknown_member_id);
  EXPECT_EQ(host.commit("h", "orders", 0, 2, kFirst, a), ErrorCode::group_id_not_found);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
}

TEST(OffsetCommit, is_accepted_while_members_join_and_refused_while_they_sync) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  host.send(consumer("g", "b"));
  EXPECT_EQ(host.commit("g", "orders", 0, 5, kFirst, a), ErrorCode::ok);
  host.send(consumer_again("g", a));
  EXPECT_EQ(host.state("g"), GroupState::completing_rebalance);
  EXPECT_EQ(host.commit("g", "orders", 0, 6, GenerationId(2), a), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(host.committed("g", "orders", 0), 5);
}

TEST(OffsetCommit, one_bad_partition_does_not_fail_the_others) {
  TestHost host;
  OffsetCommit commit{.group = "g"};
  commit.topics = {{"orders",
                    {{0, Offset(1), LeaderEpoch(7), std::string(4096, 'm')},
                     {1, Offset(2), {}, std::string(4097, 'm')},
                     {-1, Offset(3), {}, ""}}},
                   {"refunds", {{0, Offset(4), {}, "note"}}}};
  OffsetCommitReply reply = host.ask<OffsetCommitReply>(commit);
  EXPECT_EQ(reply.error, ErrorCode::ok);
  EXPECT_EQ(reply.topics.at(0).name, "orders");
  EXPECT_EQ(reply.topics.at(0).partitions.at(0).error, ErrorCode::ok);
  EXPECT_EQ(reply.topics.at(0).partitions.at(1).error, ErrorCode::offset_metadata_too_large);
  EXPECT_EQ(reply.topics.at(0).partitions.at(2).error, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(reply.topics.at(1).partitions.at(0).error, ErrorCode::ok);
  EXPECT_EQ(host.events(), 1u);

  OffsetFetchReply all = host.ask<OffsetFetchReply>(OffsetFetch{.group = "g"});
  ASSERT_EQ(all.topics.size(), 2u);
  ASSERT_EQ(all.topics[0].partitions.size(), 1u);
  EXPECT_EQ(all.topics[0].partitions[0].leader_epoch, LeaderEpoch(7));
  EXPECT_EQ(all.topics[0].partitions[0].metadata.size(), 4096u);
  EXPECT_EQ(all.topics[1].partitions[0].metadata, "note");
  EXPECT_FALSE(all.topics[1].partitions[0].leader_epoch.has_value());
}

TEST(OffsetCommit, a_commit_without_epoch_and_metadata_clears_those_before) {
  TestHost host;
  OffsetCommit commit{.group = "g", .topics = {{"t", {{0, Offset(1), LeaderEpoch(7), "note"}}}}};
  host.send(commit);
  host.send(OffsetCommit{.group = "g", .topics = {{"t", {{0, Offset(2), LeaderEpoch(-1), ""}}}}});
  OffsetFetchReply all = host.ask<OffsetFetchReply>(OffsetFetch{.group = "g"});
  EXPECT_FALSE(all.topics.at(0).partitions.at(0).leader_epoch.has_value());
  EXPECT_EQ(all.topics.at(0).partitions.at(0).metadata, "");
}

TEST(OffsetCommit, costs_few_bytes_per_partition) {
  TestHost host;
  OffsetCommit commit{.group = "g", .topics = {{"orders", {}}}};
  for (std::int32_t i = 0; i < 100; ++i) {
    commit.topics[0].partitions.push_back({i, Offset(1'000'000), LeaderEpoch(3), ""});
  }
  host.send(commit);
  EXPECT_LT(host.log().at(0).second.size(), 100u * 9 + 20);
}

TEST(OffsetFetch, of_an_unknown_group_finds_nothing_and_is_no_error) {
  TestHost host;
  OffsetFetchReply all = host.ask<OffsetFetchReply>(OffsetFetch{.group = "none"});
  EXPECT_EQ(all.error, ErrorCode::ok);
  EXPECT_TRUE(all.topics.empty());
  OffsetFetch listed{.group = "none", .topics = {{{"orders", {0, 1}}}}, .require_stable = true};
  OffsetFetchReply some = host.ask<OffsetFetchReply>(listed);
  ASSERT_EQ(some.topics.at(0).partitions.size(), 2u);
  EXPECT_EQ(some.topics[0].partitions[1].offset, kNoOffset);
  EXPECT_EQ(some.topics[0].partitions[1].error, ErrorCode::ok);
}

OffsetDeleteReply delete_offset(TestHost& host, const std::string& topic) {
  return host.ask<OffsetDeleteReply>(OffsetDelete{"g", {{topic, {0}}}});
}

TEST(OffsetDelete, spares_topics_the_members_are_subscribed_to) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  host.commit("g", "orders", 0, 1, kFirst, a);
  host.commit("g", "refunds", 0, 2, kFirst, a);
  EXPECT_EQ(delete_offset(host, "orders").topics.at(0).partitions.at(0).error,
            ErrorCode::group_subscribed_to_topic);
  EXPECT_EQ(delete_offset(host, "refunds").topics.at(0).partitions.at(0).error, ErrorCode::ok);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  EXPECT_EQ(host.committed("g", "refunds", 0), -1);
  host.leave("g", a);
  EXPECT_EQ(delete_offset(host, "orders").topics.at(0).partitions.at(0).error, ErrorCode::ok);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
}

TEST(OffsetDelete, is_refused_when_it_cannot_be_told_what_the_members_read) {
  TestHost host;
  EXPECT_EQ(delete_offset(host, "orders").error, ErrorCode::group_id_not_found);
  JoinGroup join = consumer("g", "a");
  join.protocol_type = "connect";
  host.send(join);
  EXPECT_EQ(delete_offset(host, "orders").error, ErrorCode::non_empty_group);
}

TEST(OffsetDelete, of_consumers_with_unreadable_metadata_spares_everything) {
  TestHost host;
  host.commit("g", "refunds", 0, 2);
  JoinGroup join = consumer("g", "a");
  join.protocols[0].metadata = blob("?");
  host.send(join);
  EXPECT_EQ(delete_offset(host, "refunds").topics.at(0).partitions.at(0).error,
            ErrorCode::group_subscribed_to_topic);
  EXPECT_EQ(host.committed("g", "refunds", 0), 2);
}

TEST(OffsetDelete, of_the_last_offset_of_a_simple_group_forgets_the_group) {
  TestHost host;
  host.commit("g", "orders", 0, 1);
  delete_offset(host, "orders");
  EXPECT_EQ(host.machine().group_count(), 0u);
}

TEST(Retention, of_a_simple_consumer_counts_from_each_commit) {
  TestHost host;
  host.commit("g", "orders", 0, 1);
  host.advance(kWeek / 2);
  host.commit("g", "orders", 1, 2);
  host.advance(kWeek / 2 - 1min);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  host.advance(20min);  // a check comes every ten
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
  EXPECT_EQ(host.committed("g", "orders", 1), 2);
  host.advance(kWeek / 2);
  EXPECT_EQ(host.committed("g", "orders", 1), -1);
  EXPECT_EQ(host.state("g"), GroupState::dead);
}

// A group of one member with the longest session, so that a test can pass weeks in few steps.
MemberId lone_member(TestHost& host) {
  JoinGroup join = consumer("g", "a");
  join.session_timeout = 30min;
  RequestId request = host.send(join);
  host.advance(3s);
  host.sync_all("g", host.reply<JoinReply>(request));
  return host.reply<JoinReply>(request).member_id;
}

void live_on(TestHost& host, const MemberId& member, std::chrono::milliseconds time) {
  for (auto passed = 0ms; passed < time; passed += 20min) {
    host.advance(20min);
    ASSERT_EQ(host.heartbeat("g", kFirst, member), ErrorCode::ok);
  }
}

TEST(Retention, of_a_group_counts_from_when_it_became_empty) {
  TestHost host;
  MemberId a = lone_member(host);
  host.commit("g", "orders", 0, 1, kFirst, a);
  live_on(host, a, kWeek + 1h);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  host.leave("g", a);
  host.advance(kWeek - 1min);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  EXPECT_EQ(host.state("g"), GroupState::empty);
  host.advance(20min);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
  EXPECT_EQ(host.state("g"), GroupState::dead);
}

TEST(Retention, of_a_stable_group_spares_the_topics_it_reads) {
  TestHost host;
  MemberId a = lone_member(host);
  host.commit("g", "orders", 0, 1, kFirst, a);
  host.commit("g", "refunds", 0, 2, kFirst, a);
  live_on(host, a, kWeek - 1h);
  EXPECT_EQ(host.committed("g", "refunds", 0), 2);
  live_on(host, a, 2h);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  EXPECT_EQ(host.committed("g", "refunds", 0), -1);
}

TEST(Retention, an_offset_committed_to_a_long_empty_group_is_kept) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  host.commit("g", "orders", 0, 1, kFirst, a);
  host.leave("g", a);
  host.advance(kWeek - 1h);
  host.commit("g", "orders", 1, 2);
  host.advance(2h);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
  EXPECT_EQ(host.committed("g", "orders", 1), 2);
}

void commit_for(TestHost& host, std::int32_t partition, std::chrono::milliseconds retention,
                GenerationId generation = kNoGeneration, const MemberId& member = {}) {
  OffsetCommit commit{.group = "g", .generation = generation, .member_id = member};
  commit.topics = {{"orders", {{partition, Offset(1), {}, ""}}}};
  commit.retention = retention;
  ASSERT_EQ(host.ask<OffsetCommitReply>(commit).topics.at(0).partitions.at(0).error, ErrorCode::ok);
}

TEST(Retention, of_an_offset_with_a_time_of_its_own_goes_by_that) {
  TestHost host;
  commit_for(host, 0, 0ms);
  commit_for(host, 1, 1h);
  commit_for(host, 2, 2 * kWeek);
  commit_for(host, 3, std::chrono::milliseconds::max());
  host.commit("g", "orders", 4, 1);
  auto left = [&] {
    std::vector<std::int32_t> partitions;
    for (std::int32_t i = 0; i < 5; ++i) {
      if (host.committed("g", "orders", i) == 1) partitions.push_back(i);
    }
    return partitions;
  };
  using Left = std::vector<std::int32_t>;
  host.advance(50min);
  EXPECT_EQ(left(), (Left{1, 2, 3, 4}));
  host.take_snapshot();
  host.restart();
  host.advance(30min);
  EXPECT_EQ(left(), (Left{2, 3, 4}));
  host.advance(kWeek);
  EXPECT_EQ(left(), (Left{2, 3}));
  host.restart();
  host.advance(kWeek);
  EXPECT_EQ(left(), (Left{3}));
  host.advance(300 * kWeek);
  EXPECT_EQ(left(), (Left{3}));
}

TEST(Retention, a_commit_without_a_time_of_its_own_forgets_that_of_the_one_before) {
  TestHost host;
  commit_for(host, 0, 1h);
  host.commit("g", "orders", 0, 1);
  host.advance(kWeek - 1h);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
}

// As Kafka has it: what is read is kept, and an empty group's own time does not count.
TEST(Retention, an_offsets_own_time_waits_for_the_group_to_stop_reading) {
  TestHost host;
  MemberId a = lone_member(host);
  commit_for(host, 0, 1h, kFirst, a);
  host.commit("g", "orders", 1, 1, kFirst, a);
  live_on(host, a, 3h);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  host.leave("g", a);
  host.advance(20min);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
  EXPECT_EQ(host.committed("g", "orders", 1), 1);
}

TEST(Retention, an_empty_group_without_offsets_goes_with_the_next_check) {
  TestHost host;
  host.leave("g", host.make_stable("g", 1)[0]);
  EXPECT_EQ(host.state("g"), GroupState::empty);
  host.advance(10min);
  EXPECT_EQ(host.state("g"), GroupState::dead);
}

TEST(Retention, a_group_that_empties_as_the_check_is_due_keeps_its_offsets) {
  TestHost host;
  MemberId a = lone_member(host);
  host.commit("g", "orders", 0, 1, kFirst, a);
  live_on(host, a, kWeek + 1h);
  host.stall(40min);  // the session's end and the check come in one call
  EXPECT_EQ(host.state("g"), GroupState::empty);
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
}

TEST(Retention, an_empty_group_somebody_is_about_to_join_stays) {
  TestHost host;
  host.leave("g", host.make_stable("g", 1)[0]);
  JoinGroup join = consumer("g", "a");
  join.require_known_member_id = true;
  join.session_timeout = 30min;
  MemberId a = host.ask<JoinReply>(join).member_id;
  host.advance(20min);
  EXPECT_TRUE(host.is_parked(host.send(consumer_again("g", a))));
}

TEST(Retention, goes_by_durable_time_over_a_restart) {
  TestHost host;
  host.commit("g", "orders", 0, 1);
  host.advance(kWeek - 1h);
  host.restart();
  EXPECT_EQ(host.committed("g", "orders", 0), 1);
  host.advance(70min);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
}

TEST(Retention, works_in_steps_and_reaches_every_group) {
  GroupLimits limits = kafka_limits();
  limits.groups_per_retention_step_max = 3;
  TestHost host(limits);
  for (int i = 0; i < 10; ++i) host.commit("g" + std::to_string(i), "orders", 0, 1);
  host.advance(kWeek + 10min);
  EXPECT_EQ(host.machine().group_count(), 0u);
}

}  // namespace
}  // namespace millrace::groups_test

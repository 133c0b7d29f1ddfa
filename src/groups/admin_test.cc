// Describe, list, delete.
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

TEST(Admin, describes_a_stable_group_with_what_its_members_read) {
  TestHost host;
  MemberId a = host.make_stable("g", 1)[0];
  DescribeGroupReply group = host.describe("g");
  EXPECT_EQ(group.error, ErrorCode::ok);
  EXPECT_EQ(group_state_name(group.state), "Stable");
  EXPECT_EQ(group.protocol_type, "consumer");
  EXPECT_EQ(group.protocol_name, "range");
  ASSERT_EQ(group.members.size(), 1u);
  EXPECT_EQ(group.members[0].member_id, a);
  EXPECT_EQ(group.members[0].client_id, "c0");
  EXPECT_EQ(group.members[0].client_host, "/10.0.0.1");
  EXPECT_EQ(group.members[0].metadata, subscription({"orders"}));
  EXPECT_EQ(group.members[0].assignment, blob("for " + a));
}

TEST(Admin, describes_a_rebalancing_group_without_it) {
  TestHost host;
  host.make_stable("g", 1);
  host.send(consumer("g", "b"));
  DescribeGroupReply group = host.describe("g");
  EXPECT_EQ(group_state_name(group.state), "PreparingRebalance");
  EXPECT_EQ(group.protocol_name, "");
  ASSERT_EQ(group.members.size(), 2u);
  EXPECT_TRUE(group.members[0].metadata.empty() && group.members[0].assignment.empty());
}

TEST(Admin, an_unknown_group_is_dead) {
  TestHost host;
  EXPECT_EQ(host.describe("none").error, ErrorCode::group_id_not_found);
  EXPECT_EQ(group_state_name(host.describe("none").state), "Dead");
}

TEST(Admin, lists_all_groups_in_order) {
  TestHost host;
  host.make_stable("b", 1);
  host.commit("a", "orders", 0, 1);
  ListGroupsReply list = host.ask<ListGroupsReply>(ListGroups{});
  ASSERT_EQ(list.groups.size(), 2u);
  EXPECT_EQ(list.groups[0].group, "a");
  EXPECT_EQ(list.groups[0].protocol_type, "");
  EXPECT_EQ(list.groups[0].state, GroupState::empty);
  EXPECT_EQ(list.groups[1].group, "b");
  EXPECT_EQ(list.groups[1].protocol_type, "consumer");
  EXPECT_EQ(list.groups[1].state, GroupState::stable);
}

TEST(Admin, deletes_empty_groups_only) {
  TestHost host;
  auto remove = [&] { return host.ask<DeleteGroupReply>(DeleteGroup{"g"}).error; };
  EXPECT_EQ(remove(), ErrorCode::group_id_not_found);
  MemberId a = host.make_stable("g", 1)[0];
  host.commit("g", "orders", 0, 1, GenerationId(1), a);
  EXPECT_EQ(remove(), ErrorCode::non_empty_group);
  host.leave("g", a);
  EXPECT_EQ(remove(), ErrorCode::ok);
  EXPECT_EQ(host.committed("g", "orders", 0), -1);
  EXPECT_EQ(remove(), ErrorCode::group_id_not_found);
}

TEST(Admin, deleting_a_group_takes_back_the_ids_given_out) {
  TestHost host;
  host.commit("g", "orders", 0, 1);
  JoinGroup join = consumer("g", "a");
  join.require_known_member_id = true;
  MemberId a = host.ask<JoinReply>(join).member_id;
  EXPECT_EQ(host.ask<DeleteGroupReply>(DeleteGroup{"g"}).error, ErrorCode::ok);
  EXPECT_EQ(host.ask<JoinReply>(consumer_again("g", a)).error, ErrorCode::unknown_member_id);
  host.advance(1h);  // and no timer is left that would look for them
  EXPECT_EQ(host.machine().group_count(), 0u);
}

}  // namespace
}  // namespace millrace::groups_test

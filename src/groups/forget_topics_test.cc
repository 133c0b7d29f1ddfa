// What groups keep of topics that were deleted: nothing.
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

const GenerationId kFirst(1);

// Asks until nothing is left; how often it asked.
int forget(TestHost& host, const std::vector<std::string>& topics) {
  ForgetTopics command{.topics = topics, .from = {}};
  for (int asked = 1;; ++asked) {
    auto next = host.ask<ForgetTopicsReply>(command).next;
    if (!next) return asked;
    command.from = *next;
  }
}

TEST(ForgetTopics, every_group_forgets_them_and_nothing_else) {
  TestHost host;
  MemberId a = host.make_stable("subscribed", 1)[0];
  host.commit("subscribed", "orders", 0, 5, kFirst, a);
  host.commit("subscribed", "refunds", 0, 6, kFirst, a);
  host.commit("simple", "orders", 3, 7);
  host.commit("simple", "returns", 0, 8);
  host.commit("simple", "refunds", 0, 9);
  EXPECT_EQ(host.machine().committed_topics(),
            (std::set<std::string>{"orders", "refunds", "returns"}));
  EXPECT_EQ(forget(host, {"orders", "returns"}), 1);
  EXPECT_EQ(host.machine().committed_topics(), std::set<std::string>{"refunds"});
  EXPECT_EQ(host.committed("subscribed", "orders", 0), -1);
  EXPECT_EQ(host.committed("subscribed", "refunds", 0), 6);
  EXPECT_EQ(host.committed("simple", "orders", 3), -1);
  EXPECT_EQ(host.committed("simple", "returns", 0), -1);
  EXPECT_EQ(host.committed("simple", "refunds", 0), 9);
  EXPECT_EQ(host.heartbeat("subscribed", kFirst, a), ErrorCode::ok);
  host.restart();
  EXPECT_EQ(host.committed("subscribed", "orders", 0), -1);
  EXPECT_EQ(host.committed("simple", "refunds", 0), 9);
}

TEST(ForgetTopics, a_group_of_which_nothing_is_left_goes) {
  TestHost host;
  host.commit("simple", "orders", 0, 1);
  host.make_stable("members", 1);
  forget(host, {"orders"});
  EXPECT_EQ(host.state("simple"), GroupState::dead);
  EXPECT_EQ(host.state("members"), GroupState::stable);
}

TEST(ForgetTopics, without_offsets_nothing_is_written) {
  TestHost host;
  host.commit("simple", "orders", 0, 1);
  std::size_t before = host.events();
  EXPECT_EQ(forget(host, {"refunds"}), 1);
  EXPECT_EQ(forget(host, {}), 1);
  EXPECT_EQ(host.events(), before);
  EXPECT_EQ(host.committed("simple", "orders", 0), 1);
}

TEST(ForgetTopics, a_call_looks_at_a_bounded_number_of_groups) {
  GroupLimits limits;
  limits.groups_per_forget_step_max = 2;
  TestHost host(limits);
  // The first groups go while the others are still to come; so does one in the middle.
  for (const char* group : {"a", "b", "c", "d", "e"}) host.commit(group, "orders", 0, 1);
  host.commit("d", "refunds", 0, 1);
  auto first = host.ask<ForgetTopicsReply>(ForgetTopics{.topics = {"orders"}, .from = {}});
  EXPECT_EQ(first.next, "c");
  EXPECT_EQ(host.committed("b", "orders", 0), -1);
  EXPECT_EQ(host.committed("c", "orders", 0), 1);
  EXPECT_EQ(forget(host, {"orders"}), 2);
  EXPECT_EQ(host.machine().group_count(), 1u);
  EXPECT_EQ(host.committed("d", "orders", 0), -1);
  EXPECT_EQ(host.committed("d", "refunds", 0), 1);
}

TEST(ForgetTopics, a_call_forgets_a_bounded_number_of_offsets) {
  GroupLimits limits;
  limits.offsets_per_forget_step_max = 3;
  TestHost host(limits);
  for (std::int32_t partition = 0; partition < 8; ++partition) {
    host.commit("a", "orders", partition, 1);
    host.commit("b", "orders", partition, 1);
  }
  std::size_t before = host.events();
  // 3 + 3 + 2 of "a", and 1 + 3 + 3 + 1 of "b", the first of them with the last of "a".
  EXPECT_EQ(forget(host, {"orders"}), 6);
  EXPECT_EQ(host.events(), before + 7);
  EXPECT_EQ(host.machine().group_count(), 0u);
}

}  // namespace
}  // namespace millrace::groups_test

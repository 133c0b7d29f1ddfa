#include "groups/summary.h"

#include <fmt/format.h>

#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

std::string text_of(const GroupsSummary& summary) {
  std::string text;
  for (const auto& commit : summary.commits) {
    text += fmt::format("{}/{}/{}={} ", commit.group, commit.topic, commit.partition,
                        commit.offset.value());
  }
  return text;
}

TEST(GroupsSummary, states_and_commits_of_all_groups) {
  TestHost host;
  host.commit("simple", "orders", 0, 9);
  host.commit("simple", "orders", 2, 7);
  host.commit("simple", "bills", 0, 1);
  MemberId member = host.make_stable("members", 2)[0];
  host.commit("members", "orders", 1, 5, GenerationId(1), member);
  GroupsSummary summary;
  host.machine().summarize(summary);
  EXPECT_EQ(summary.by_state[static_cast<std::size_t>(GroupState::empty)], 1u);
  EXPECT_EQ(summary.by_state[static_cast<std::size_t>(GroupState::stable)], 1u);
  EXPECT_EQ(text_of(summary),
            "members/orders/1=5 simple/bills/0=1 simple/orders/0=9 simple/orders/2=7 ");
  // Several machines add up.
  host.machine().summarize(summary);
  EXPECT_EQ(summary.by_state[static_cast<std::size_t>(GroupState::stable)], 2u);
  EXPECT_EQ(summary.commits.size(), 8u);
}

}  // namespace
}  // namespace millrace::groups_test

// Groups over all shards and cores: listing them, and forgetting what they committed for topics
// that are gone.
#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"

namespace millrace {
namespace {

using test::SimBroker;

class BrokerGroupsTest : public testing::TestWithParam<std::size_t> {
 protected:
  BrokerGroupsTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(test::kSimDirectory);
    start();
  }
  ~BrokerGroupsTest() override {
    sim_.reset();
    set_log_level(LogLevel::info);
  }

  void start() {
    sim_ = std::make_unique<SimBroker>(SimOptions{.seed = ++seed_, .cores = GetParam()}, disk_);
    auto started = sim_->start();
    ASSERT_TRUE(started.has_value()) << started.error().message();
  }
  void restart() {
    sim_.reset();
    start();
  }
  BrokerCore& core() { return sim_->core(0); }
  static std::string name(int group) { return "group-" + std::to_string(group); }

  void create(const std::string& topic) {
    std::vector<CreateTopic> commands;
    commands.push_back({.name = topic, .partitions = 1});
    ASSERT_FALSE(sim_->run(core().create_topics(std::move(commands))).at(0).error.has_value());
  }
  // The verb takes any name: that the topic exists is the protocol's question.
  void commit(const std::string& group, const std::string& topic, std::int64_t offset) {
    OffsetCommit command{.group = group, .topics = {{topic, {{0, Offset(offset), {}, ""}}}}};
    auto reply = sim_->run(core().group(group, std::move(command)));
    ASSERT_TRUE(reply.has_value());
    ASSERT_EQ(std::get<OffsetCommitReply>(*reply).error, ErrorCode::ok);
  }
  std::int64_t committed(const std::string& group, const std::string& topic) {
    OffsetFetch command{.group = group, .topics = {{{topic, {0}}}}};
    auto reply = sim_->run(core().group(group, std::move(command)));
    if (!reply) return -100;
    return std::get<OffsetFetchReply>(*reply).topics.at(0).partitions.at(0).offset.value();
  }
  std::vector<std::string> listed() {
    auto groups = sim_->run(core().list_groups());
    std::vector<std::string> names;
    if (!groups) return names;
    for (const auto& group : *groups) names.push_back(group.group);
    return names;
  }

  std::uint64_t seed_ = 0;
  SimDisk disk_{1};
  std::unique_ptr<SimBroker> sim_;
};

TEST_P(BrokerGroupsTest, GroupsOfAllShardsAreListedById) {
  EXPECT_TRUE(listed().empty());
  create("orders");
  std::vector<std::string> names;
  for (int i = 10; i < 40; ++i) names.push_back(name(i));
  for (const std::string& group : names) commit(group, "orders", 1);
  EXPECT_EQ(listed(), names);
  restart();
  EXPECT_EQ(listed(), names);
}

TEST_P(BrokerGroupsTest, AllShardsForgetATopic) {
  create("orders");
  create("refunds");
  for (int i = 0; i < 20; ++i) {
    commit(name(i), "orders", i);
    commit(name(i), "refunds", i);
  }
  sim_->run([](BrokerCore* broker) -> Task<bool> {
    co_await broker->forget_topic_offsets({"orders"});
    co_return true;
  }(&core()));
  for (int again = 0; again < 2; ++again) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(committed(name(i), "orders"), -1);
      EXPECT_EQ(committed(name(i), "refunds"), i);
    }
    restart();
  }
}

// As if the broker had died between the deletion of the topic and the forgetting.
TEST_P(BrokerGroupsTest, ARestartForgetsWhatWasCommittedForTopicsThatDoNotExist) {
  create("orders");
  for (int i = 0; i < 20; ++i) {
    commit(name(i), "orders", i);
    commit(name(i), "deleted", i);
  }
  commit("nothing else", "deleted", 1);
  EXPECT_EQ(committed(name(3), "deleted"), 3);
  restart();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(committed(name(i), "deleted"), -1);
    EXPECT_EQ(committed(name(i), "orders"), i);
  }
  EXPECT_EQ(listed().size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Cores, BrokerGroupsTest, testing::Values(1, 3));

}  // namespace
}  // namespace millrace

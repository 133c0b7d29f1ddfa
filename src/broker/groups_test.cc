// Groups over all shards and cores: listing them, and forgetting what they committed for topics
// that are gone.
#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"
#include "runtime/sim/leak_check.h"

namespace millrace {
namespace {

using test::SimBroker;

template <class T>
Task<void> tell(Task<T> task, std::optional<T>* value) {
  value->emplace(co_await task);
}

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
  // A batch that nobody waits for, unless the one before it still has to be answered.
  void produce_soon(const std::string& topic, std::optional<std::vector<ProduceResult>>* results) {
    if (producing_ && !results->has_value()) return;
    producing_ = true;
    results->reset();
    BatchBuilder builder;
    builder.add(WallMs(1000), std::nullopt, as_bytes(std::string(5000, 'x')));
    std::vector<ProduceItem> items;
    items.push_back({core().image().find(topic), 0, builder.build()});
    Core& home = core().core();
    home.post([this, &home, results, items = std::move(items)]() mutable {
      home.spawn("produce", tell(core().produce(std::move(items), AckLevel::durable), results));
    });
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

  bool producing_ = false;
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
  sim_->runtime().run_for(std::chrono::seconds(1));  // the start does not wait for it
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(committed(name(i), "deleted"), -1);
    EXPECT_EQ(committed(name(i), "orders"), i);
  }
  EXPECT_EQ(listed().size(), 20u);
}

// BUG: the start waited for this to be durable, before the checkpoints that make room had begun.
TEST_P(BrokerGroupsTest, BugAFullDiskHoldsUpTheForgettingButNotTheStart) {
  ScopedLeakCheckOff crashed;
  create("orders");
  for (int i = 0; i < 20; ++i) {
    commit(name(i), "orders", i);
    commit(name(i), "deleted", i);
  }
  // The power goes when the journal is full and nothing can be moved out of it.
  disk_.set_capacity(disk_.used());
  std::optional<std::vector<ProduceResult>> last;
  const bool is_full = sim_->runtime().run_until(
      [&] {
        produce_soon("orders", &last);
        return sim_->store().refuses_appends();
      },
      std::chrono::minutes(1));
  ASSERT_TRUE(is_full);
  sim_->abandon();
  sim_.reset();
  disk_.crash(CrashKeeps::nothing);
  disk_.set_capacity(disk_.used() + 8'000);  // for the manifest
  start();
  ASSERT_FALSE(HasFatalFailure());
  // A topic of that name is not made before its offsets are gone.
  std::vector<CreateTopic> commands;
  commands.push_back({.name = "deleted", .partitions = 1});
  std::optional<std::vector<TopicReply>> made;
  Core& home = core().core();
  home.post([&] { home.spawn("create", tell(core().create_topics(std::move(commands)), &made)); });
  sim_->runtime().run_for(std::chrono::seconds(30));
  EXPECT_FALSE(made.has_value());
  EXPECT_FALSE(core().image().find("deleted"));
  disk_.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(sim_->runtime().run_until([&] { return made.has_value(); }, std::chrono::minutes(1)));
  EXPECT_FALSE(made->at(0).error.has_value());
  for (int again = 0; again < 2; ++again) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(committed(name(i), "deleted"), -1);
      EXPECT_EQ(committed(name(i), "orders"), i);
    }
    restart();
  }
}

INSTANTIATE_TEST_SUITE_P(Cores, BrokerGroupsTest, testing::Values(1, 3));

}  // namespace
}  // namespace millrace

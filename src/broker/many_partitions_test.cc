// Very many partitions are made, opened and deleted in steps, so that no core is held up by them;
// in simulation, counted by turns of the cores.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"
#include "catalog/ids.h"

namespace millrace {
namespace {

using test::SimBroker;

constexpr std::int32_t kPartitions = 3000;
// In one turn of one core, and the little that belongs to the step besides.
constexpr std::size_t kAtOnceMax = 110;

class ManyPartitionsTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  ManyPartitionsTest() {
    set_log_level(LogLevel::error);
    disk.make_durable_directory(test::kSimDirectory);
    sim = std::make_unique<SimBroker>(SimOptions{.seed = 7, .cores = GetParam()}, disk);
    EXPECT_TRUE(sim->start());
  }
  ~ManyPartitionsTest() override {
    sim.reset();
    set_log_level(LogLevel::info);
  }

  std::size_t open_logs(const std::vector<PartitionInfo>& partitions) {
    std::size_t open = 0;
    for (const PartitionInfo& info : partitions) {
      CoreId owner = sim->broker().owner(info.shard).id();
      open += sim->store().core(owner).find(info.id) ? 1 : 0;
    }
    return open;
  }
  // Runs the task to its end; the most logs that were opened or closed in one turn.
  template <class T>
  std::size_t most_in_a_turn(Task<std::vector<T>> task, std::vector<PartitionInfo> partitions) {
    Core& home = sim->runtime().core(CoreId(0));
    bool done = false;
    home.post([&, task = std::move(task)]() mutable {
      home.spawn("many", finish(std::move(task), done));
    });
    std::size_t most = 0;
    std::size_t before = open_logs(partitions);
    while (!done && sim->runtime().step()) {
      std::size_t now = open_logs(partitions);
      most = std::max(most, now > before ? now - before : before - now);
      before = now;
    }
    EXPECT_TRUE(done);
    return most;
  }
  template <class T>
  static Task<void> finish(Task<std::vector<T>> task, bool& done) {
    auto replies = co_await std::move(task);
    for (const T& reply : replies) EXPECT_FALSE(reply.error);
    done = true;
  }

  static std::vector<PartitionInfo> expected_partitions() {
    std::vector<PartitionInfo> partitions;
    for (std::int32_t i = 0; i < kPartitions; ++i) {
      PartitionId id = kFirstUserPartition + static_cast<std::uint64_t>(i);
      partitions.push_back({id, ShardId(static_cast<std::uint32_t>(id.value() % kShardCount))});
    }
    return partitions;
  }

  SimDisk disk{1};
  std::unique_ptr<SimBroker> sim;
};

TEST_P(ManyPartitionsTest, they_are_made_and_deleted_in_steps) {
  std::vector<CreateTopic> creations;
  creations.push_back({.name = "many", .partitions = kPartitions});
  auto most =
      most_in_a_turn(sim->core(0).create_topics(std::move(creations)), expected_partitions());
  EXPECT_LE(most, kAtOnceMax);
  auto topic = sim->core(0).image().find("many");
  ASSERT_TRUE(topic);
  EXPECT_EQ(open_logs(topic->partitions), static_cast<std::size_t>(kPartitions));
  std::vector<DeleteTopic> deletions;
  deletions.push_back({{.name = "many"}});
  most = most_in_a_turn(sim->core(0).delete_topics(std::move(deletions)), topic->partitions);
  EXPECT_LE(most, kAtOnceMax);
  EXPECT_EQ(open_logs(topic->partitions), 0u);
}

TEST_P(ManyPartitionsTest, what_is_kept_in_memory_of_deleted_ones_is_let_go) {
  for (const char* name : {"stays", "goes"}) {
    std::vector<CreateTopic> creations;
    creations.push_back({.name = name, .partitions = 50});
    auto replies = sim->run(sim->core(0).create_topics(std::move(creations)));
    ASSERT_FALSE(replies[0].error);
    std::vector<ProduceItem> items;
    for (std::int32_t i = 0; i < 50; ++i) {
      BatchBuilder builder;
      builder.add(WallMs(1), std::nullopt, as_bytes("some value"));
      items.push_back({replies[0].topic, i, builder.build()});
    }
    for (auto& result : sim->run(sim->core(0).produce(std::move(items), AckLevel::durable))) {
      ASSERT_EQ(result.error.code, ErrorCode::ok);
    }
  }
  auto kept = [this] {
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < GetParam(); ++i) {
      bytes += sim->store().core(CoreId(i)).tail_bytes();
    }
    return bytes;
  };
  std::size_t before = kept();
  std::vector<DeleteTopic> deletions;
  deletions.push_back({{.name = "goes"}});
  auto replies = sim->run(sim->core(0).delete_topics(std::move(deletions)));
  ASSERT_FALSE(replies[0].error);
  // The catalogue's own events are kept too.
  EXPECT_LT(kept(), before * 3 / 4);
  EXPECT_GT(kept(), before / 4);
}

INSTANTIATE_TEST_SUITE_P(Cores, ManyPartitionsTest, ::testing::Values(1, 3));

}  // namespace
}  // namespace millrace

// What the broker counts, in simulation, with one core and with three.
#include "broker/figures.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::SimBroker;

class FiguresTest : public testing::TestWithParam<std::size_t> {
 protected:
  FiguresTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(test::kSimDirectory);
    start();
  }
  ~FiguresTest() override {
    sim_.reset();
    set_log_level(LogLevel::info);
  }
  void start() {
    sim_ = std::make_unique<SimBroker>(SimOptions{.seed = ++seed_, .cores = GetParam()}, disk_);
    ASSERT_TRUE(sim_->start().has_value());
  }
  BrokerCore& core(std::size_t id = 0) {
    return sim_->core(static_cast<std::uint32_t>(id % GetParam()));
  }
  std::uint32_t core_id(std::size_t id) { return static_cast<std::uint32_t>(id % GetParam()); }

  void create(const std::string& name, std::int32_t partitions) {
    std::vector<CreateTopic> commands;
    commands.push_back({.name = name, .partitions = partitions});
    ASSERT_FALSE(sim_->run(core().create_topics(std::move(commands))).at(0).error.has_value());
  }
  std::shared_ptr<const TopicInfo> topic(std::string_view name) {
    return core().image().find(name);
  }
  Bytes batch(int records, std::int64_t time = 1000) {
    BatchBuilder builder;
    for (int i = 0; i < records; ++i) {
      builder.add(WallMs(time + i), std::nullopt, as_bytes(std::string(100, 'x')));
    }
    return builder.build();
  }
  std::size_t produce(std::string_view name, std::int32_t partition, Bytes records) {
    const std::size_t size = records.size();
    std::vector<ProduceItem> items;
    items.push_back({topic(name), partition, std::move(records)});
    auto results = sim_->run(core(1).produce(std::move(items), AckLevel::durable), core_id(1));
    EXPECT_EQ(results.at(0).error.code, ErrorCode::ok);
    return size;
  }
  std::size_t fetch(std::string_view name, std::int32_t partition, std::int64_t from) {
    FetchCommand command;
    command.items.push_back({.topic = topic(name), .partition = partition, .from = Offset(from)});
    return sim_->run(core(2).fetch(std::move(command)), core_id(2)).at(0).batches.size();
  }
  BrokerFigures figures() { return sim_->run(sim_->broker().figures()); }
  PartitionFigures of(std::string_view name, std::size_t partition) {
    auto found = figures().partitions;
    return found[topic(name)->partitions.at(partition).id];
  }
  std::optional<WallMs> written_at(std::string_view name, std::int64_t offset,
                                   bool may_wait = true) {
    return sim_->run(core(1).written_at(topic(name)->partitions.at(0), Offset(offset), may_wait),
                     core_id(1));
  }

  std::uint64_t seed_ = 0;
  SimDisk disk_{1};
  std::unique_ptr<SimBroker> sim_;
};

INSTANTIATE_TEST_SUITE_P(Cores, FiguresTest, testing::Values(1, 3),
                         [](const auto& info) { return fmt::format("{}", info.param); });

TEST_P(FiguresTest, WhatComesInAndGoesOutIsCountedByPartition) {
  create("orders", 4);
  const std::size_t bytes = produce("orders", 3, batch(5)) + produce("orders", 3, batch(2));
  EXPECT_EQ(fetch("orders", 3, 0), bytes);
  const PartitionFigures figures = of("orders", 3);
  EXPECT_EQ(figures.records_in, 7u);
  EXPECT_EQ(figures.bytes_in, bytes);
  EXPECT_EQ(figures.bytes, bytes);
  EXPECT_EQ(figures.records_out, 7u);
  EXPECT_EQ(figures.bytes_out, bytes);
  EXPECT_EQ(figures.high_watermark, Offset(7));
  EXPECT_EQ(of("orders", 0).records_in, 0u);
}

// The batch comes whole, and the reader wanted its end.
TEST_P(FiguresTest, OnlyWhatIsBehindTheOffsetAskedForIsCountedAsRead) {
  create("orders", 1);
  const std::size_t bytes = produce("orders", 0, batch(5));
  EXPECT_EQ(fetch("orders", 0, 4), bytes);
  EXPECT_EQ(of("orders", 0).records_out, 1u);
  EXPECT_EQ(fetch("orders", 0, 5), 0u);
  EXPECT_EQ(of("orders", 0).records_out, 1u);
}

TEST_P(FiguresTest, ARepeatOfAProducerIsNoNewRecord) {
  create("orders", 1);
  BatchBuilder builder;
  builder.add(WallMs(1), std::nullopt, as_bytes("x"));
  builder.producer(ProducerId(7), ProducerEpoch(0), 0);
  const Bytes first = builder.build();
  produce("orders", 0, Bytes::copy_of(first.view()));
  produce("orders", 0, Bytes::copy_of(first.view()));
  EXPECT_EQ(of("orders", 0).records_in, 1u);
}

TEST_P(FiguresTest, ADeletedTopicLeavesNothing) {
  create("orders", 3);
  produce("orders", 2, batch(1));
  fetch("orders", 2, 0);
  std::vector<DeleteTopic> commands;
  commands.push_back({{.name = "orders"}});
  sim_->run(core().delete_topics(std::move(commands)));
  EXPECT_TRUE(figures().partitions.empty());
}

TEST_P(FiguresTest, ManyPartitionsAreGatheredWhole) {
  create("wide", 700);
  produce("wide", 699, batch(1));
  const BrokerFigures all = figures();
  EXPECT_EQ(all.partitions.size(), 700u);
  EXPECT_EQ(all.image->topics.size(), 1u);
  EXPECT_GT(all.tail_bytes, 0u);
}

TEST_P(FiguresTest, WhenARecordWasWritten) {
  create("orders", 1);
  produce("orders", 0, batch(3, 1000));
  produce("orders", 0, batch(3, 5000));
  EXPECT_EQ(written_at("orders", 0), WallMs(1000));
  EXPECT_EQ(written_at("orders", 2), WallMs(1000));
  EXPECT_EQ(written_at("orders", 3), WallMs(5000));
  EXPECT_EQ(written_at("orders", 6), std::nullopt) << "nothing is there yet";
  // In a segment that nobody has read, it takes a read.
  sim_.reset();
  start();
  EXPECT_EQ(written_at("orders", 3, false), std::nullopt);
  EXPECT_EQ(written_at("orders", 3, true), WallMs(5000));
  EXPECT_EQ(written_at("orders", 3, false), WallMs(5000));
}

}  // namespace
}  // namespace millrace

// What producing promises when the disk does not keep up, and what a compacted topic takes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::SimBroker;

// What the way there and back takes.
constexpr Duration kStep = 10ms;

class ProduceTest : public testing::TestWithParam<std::size_t> {
 protected:
  static constexpr std::int32_t kPartitions = 5;  // of all cores

  ProduceTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(test::kSimDirectory);
    sim_.emplace(SimOptions{.seed = 7, .cores = GetParam()}, disk_);
    auto started = sim_->start();
    EXPECT_TRUE(started.has_value()) << started.error().message();
  }
  ~ProduceTest() override {
    sim_.reset();
    set_log_level(LogLevel::info);
  }

  BrokerCore& core() { return sim_->core(0); }
  // Whatever the age of its records.
  void create(const std::string& name, std::map<std::string, std::string> config = {}) {
    config.emplace("retention.ms", "-1");
    std::vector<CreateTopic> commands;
    commands.push_back({.name = name, .partitions = kPartitions, .config = std::move(config)});
    ASSERT_FALSE(sim_->run(core().create_topics(std::move(commands))).at(0).error.has_value());
  }
  ProduceItem item(const std::string& name, std::int32_t partition, Bytes batch) {
    return {core().image().find(name), partition, std::move(batch)};
  }
  static Bytes batch_of(const std::string& value, std::optional<std::string> key = std::nullopt,
                        Compression compression = Compression::none) {
    BatchBuilder builder;
    builder.compression(compression);
    builder.add(WallMs(1000), as_bytes("first"), as_bytes(value));
    builder.add(WallMs(1000), key ? std::optional(as_bytes(*key)) : std::nullopt, as_bytes(value));
    return builder.build();
  }
  static Bytes sequenced(std::int32_t sequence) {
    BatchBuilder builder;
    builder.producer(ProducerId(5), ProducerEpoch(0), sequence);
    builder.add(WallMs(1000), std::nullopt, as_bytes(fmt::format("{:04000}", sequence)));
    return builder.build();
  }
  // What the items are answered with this time-out, and after how long.
  std::vector<ProduceResult> produce(std::vector<ProduceItem> items, Duration timeout,
                                     AckLevel level = AckLevel::durable) {
    const MonotonicTime before = sim_->runtime().now();
    auto results = sim_->run(core().produce(std::move(items), level, timeout));
    took_ = Duration(sim_->runtime().now() - before);
    return results;
  }
  ProduceResult produce(ProduceItem item, Duration timeout = 10s,
                        AckLevel level = AckLevel::durable) {
    std::vector<ProduceItem> items;
    items.push_back(std::move(item));
    return produce(std::move(items), timeout, level).at(0);
  }
  // Idempotent batches until one is not answered in time: gives its sequence.
  std::int32_t fill_the_disk() {
    // Right behind a look at the disk, for what is known to have no room is refused at once.
    sim_->runtime().run_for(200ms);
    disk_.set_capacity(disk_.used() + 10'000);
    for (std::int32_t sequence = 0; sequence < 1000; ++sequence) {
      auto result = produce(item("orders", 0, sequenced(sequence)));
      if (result.error.code == ErrorCode::ok) continue;
      EXPECT_EQ(error_name(result.error.code), "timed_out");
      return sequence;
    }
    ADD_FAILURE() << "the disk does not fill";
    return 0;
  }
  std::size_t records_of(std::int32_t partition) {
    FetchCommand command;
    command.items.push_back(
        {.topic = core().image().find("orders"), .partition = partition, .bytes_max = 16 << 20});
    const Bytes all = sim_->run(core().fetch(std::move(command))).at(0).batches.flatten();
    std::size_t count = 0;
    for (ByteView rest = all.view(); !rest.empty();) {
      auto header = read_batch_header(rest);
      if (!header) break;
      count += static_cast<std::size_t>(header->record_count);
      rest = rest.subspan(header->size);
    }
    return count;
  }

  SimDisk disk_{1};
  std::optional<SimBroker> sim_;
  Duration took_{};
};

INSTANTIATE_TEST_SUITE_P(Cores, ProduceTest, testing::Values(1, 3));

TEST_P(ProduceTest, WhatIsNotDurableInTimeIsAnsweredAndMayBecomeSoLater) {
  create("orders");
  const std::int32_t stuck = fill_the_disk();
  EXPECT_GE(took_, 9s);
  EXPECT_LE(took_, 10s + kStep);
  EXPECT_EQ(records_of(0), static_cast<std::size_t>(stuck)) << "visible is durable";
  disk_.set_capacity(SimDisk::kUnlimited);
  ASSERT_TRUE(sim_->runtime().run_until([&] { return !sim_->store().refuses_appends(); }, 1min));
  EXPECT_EQ(produce(item("orders", 0, sequenced(stuck + 1))).base_offset, Offset(stuck + 1));
  EXPECT_EQ(records_of(0), static_cast<std::size_t>(stuck) + 2);
}

// Not written twice, and answered when the first one is durable.
TEST_P(ProduceTest, ARetryOfWhatTimedOutWaitsForTheFirst) {
  create("orders");
  const std::int32_t stuck = fill_the_disk();
  for (int retry = 0; retry < 3; ++retry) {
    auto again = produce(item("orders", 0, sequenced(stuck)), 3s);
    EXPECT_EQ(error_name(again.error.code), "timed_out");
    EXPECT_LE(took_, 3s + kStep);
  }
  disk_.set_capacity(SimDisk::kUnlimited);
  auto done = produce(item("orders", 0, sequenced(stuck)), 1min);
  EXPECT_EQ(error_name(done.error.code), "ok");
  EXPECT_EQ(done.base_offset, Offset(stuck));
  EXPECT_EQ(records_of(0), static_cast<std::size_t>(stuck) + 1);
  auto repeat = produce(item("orders", 0, sequenced(stuck)), 1s);
  EXPECT_EQ(error_name(repeat.error.code), "ok");
  EXPECT_LT(took_, 1s);
}

TEST_P(ProduceTest, ThePartitionsOfARequestShareItsTime) {
  create("orders");
  disk_.set_capacity(disk_.used());
  std::vector<ProduceItem> items;
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    items.push_back(item("orders", partition, batch_of(std::string(30'000, 'x'))));
  }
  auto results = produce(std::move(items), 5s);
  EXPECT_LE(took_, 5s + kStep);
  EXPECT_GE(took_, 4s);
  std::size_t late = 0;
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    const Error& error = results[static_cast<std::size_t>(partition)].error;
    const bool written = error.code == ErrorCode::ok;
    if (!written) EXPECT_EQ(error_name(error.code), "timed_out");
    EXPECT_EQ(records_of(partition), written ? 2u : 0u);
    late += written ? 0 : 1;
  }
  EXPECT_GT(late, 0u);
  disk_.set_capacity(SimDisk::kUnlimited);
  sim_->runtime().run_for(1min);
  for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
    EXPECT_EQ(records_of(partition), 2u);
  }
}

TEST_P(ProduceTest, ACompactedTopicTakesNoRecordWithoutAKey) {
  for (const char* policy : {"compact", "compact,delete"}) {
    create(policy == std::string("compact") ? "whole" : "both", {{"cleanup.policy", policy}});
  }
  create("orders");
  for (const char* topic : {"whole", "both"}) {
    for (Compression compression : {Compression::none, Compression::lz4, Compression::zstd}) {
      auto refused = produce(item(topic, 0, batch_of("x", std::nullopt, compression)));
      EXPECT_EQ(error_name(refused.error.code), "invalid_record");
      EXPECT_NE(refused.error.message().find("record 1 "), std::string_view::npos)
          << refused.error.message();
      for (const char* key : {"k", ""}) {
        auto taken = produce(item(topic, 0, batch_of("x", key, compression)));
        EXPECT_EQ(error_name(taken.error.code), "ok");
      }
    }
  }
  EXPECT_EQ(error_name(produce(item("orders", 0, batch_of("x"))).error.code), "ok");
}

}  // namespace
}  // namespace millrace

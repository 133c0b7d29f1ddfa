// The verbs, in simulation, with one core and with three.
#include "broker/broker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"
#include "record/crc32c.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::SimBroker;

Bytes batch_of(std::vector<std::string> values, std::int64_t time = 1000) {
  BatchBuilder builder;
  for (const std::string& value : values) {
    builder.add(WallMs(time++), std::nullopt, as_bytes(value));
  }
  return builder.build();
}

std::vector<std::string> values_of(const ByteChain& chain) {
  std::vector<std::string> values;
  const Bytes all = chain.flatten();
  ByteView rest = all.view();
  while (!rest.empty()) {
    auto header = read_batch_header(rest);
    if (!header) return {"damaged"};
    RecordReader reader(rest.first(header->size), BatchLimits{});
    while (auto record = reader.next()) values.emplace_back(as_text(*record->value));
    rest = rest.subspan(header->size);
  }
  return values;
}

// What comes of a verb that goes on beside the test.
template <class T>
Task<void> tell(Task<T> task, std::optional<T>* value) {
  value->emplace(co_await task);
}

class BrokerTest : public testing::TestWithParam<std::size_t> {
 protected:
  BrokerTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(test::kSimDirectory);
    start();
  }
  ~BrokerTest() override {
    stop();
    set_log_level(LogLevel::info);
  }

  void start() {
    sim_ = std::make_unique<SimBroker>(SimOptions{.seed = ++seed_, .cores = GetParam()}, disk_);
    auto started = sim_->start();
    ASSERT_TRUE(started.has_value()) << started.error().message();
  }
  void stop() {
    if (!sim_) return;
    EXPECT_EQ(sim_->runtime().blocking_calls_on_cores(), 0u);
    sim_.reset();
  }
  void restart() {
    stop();
    start();
  }
  SimBroker& sim() { return *sim_; }
  BrokerCore& core(std::size_t id = 0) {
    return sim().core(static_cast<std::uint32_t>(id % GetParam()));
  }
  std::uint32_t core_id(std::size_t id) { return static_cast<std::uint32_t>(id % GetParam()); }

  TopicReply create(std::string name, std::int32_t partitions,
                    std::map<std::string, std::string> config = {}) {
    std::vector<CreateTopic> commands;
    commands.push_back({.name = std::move(name), .partitions = partitions, .config = config});
    return sim().run(core().create_topics(std::move(commands))).at(0);
  }
  TopicReply drop(std::string name) {
    std::vector<DeleteTopic> commands;
    commands.push_back({{.name = std::move(name)}});
    return sim().run(core().delete_topics(std::move(commands))).at(0);
  }
  std::shared_ptr<const TopicInfo> topic(std::string_view name) {
    return core().image().find(name);
  }

  ProduceResult produce(std::string_view name, std::int32_t partition, Bytes records,
                        AckLevel level = AckLevel::durable, std::size_t from_core = 0) {
    std::vector<ProduceItem> items;
    items.push_back({topic(name), partition, std::move(records)});
    return sim().run(core(from_core).produce(std::move(items), level), core_id(from_core)).at(0);
  }
  FetchCommand fetch_command(std::string_view name, std::int32_t partition, std::int64_t from,
                             Duration wait = 0ms) {
    FetchCommand command;
    command.items.push_back({.topic = topic(name), .partition = partition, .from = Offset(from)});
    command.wait_max = wait;
    return command;
  }
  std::vector<FetchResult> fetch(FetchCommand command, std::size_t from_core = 0) {
    return sim().run(core(from_core).fetch(std::move(command)), core_id(from_core));
  }
  std::vector<std::string> read(std::string_view name, std::int32_t partition, std::int64_t from) {
    return values_of(fetch(fetch_command(name, partition, from)).at(0).batches);
  }
  // A fetch that waits, on a core of its own choice.
  void fetch_soon(FetchCommand command, std::optional<std::vector<FetchResult>>& results,
                  std::size_t from_core) {
    Core& on = core(from_core).core();
    on.post([&on, task = tell(core(from_core).fetch(std::move(command)), &results)]() mutable {
      on.spawn("fetch", std::move(task));
    });
  }
  TimePosition find(std::string_view name, TimeQuery query) {
    auto found = sim().run(core().find_position(topic(name), 0, LeaderEpoch(-1), query));
    EXPECT_TRUE(found.has_value()) << found.error().message();
    return found.value_or(TimePosition{});
  }

  static void expect_code(const Error& error, ErrorCode code) {
    EXPECT_EQ(error_name(error.code), error_name(code)) << error.message();
  }

  std::uint64_t seed_ = 0;
  SimDisk disk_{1};
  std::unique_ptr<SimBroker> sim_;
};

INSTANTIATE_TEST_SUITE_P(Cores, BrokerTest, testing::Values(1, 3),
                         [](const auto& info) { return fmt::format("{}", info.param); });

TEST_P(BrokerTest, WhatIsProducedIsFetched) {
  create("orders", 6);
  for (std::int32_t partition = 0; partition < 6; ++partition) {
    auto from = static_cast<std::size_t>(partition);
    auto first = produce("orders", partition, batch_of({"a", "b"}), AckLevel::durable, from);
    expect_code(first.error, ErrorCode::ok);
    EXPECT_EQ(first.base_offset, Offset(0));
    EXPECT_EQ(produce("orders", partition, batch_of({"c"})).base_offset, Offset(2));
    EXPECT_EQ(read("orders", partition, 0), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(read("orders", partition, 2), (std::vector<std::string>{"c"}));
  }
}

TEST_P(BrokerTest, OneRequestReachesThePartitionsOfAllCores) {
  create("orders", 7);
  std::vector<ProduceItem> items;
  for (std::int32_t partition = 6; partition >= 0; --partition) {
    items.push_back({topic("orders"), partition, batch_of({fmt::format("p{}", partition)})});
  }
  items.push_back({topic("orders"), 7, batch_of({"x"})});
  items.push_back({topic("orders"), -1, batch_of({"x"})});
  items.push_back({nullptr, 0, batch_of({"x"})});
  auto results = sim().run(core(1).produce(std::move(items), AckLevel::durable), core_id(1));
  ASSERT_EQ(results.size(), 10u);
  for (std::size_t i = 0; i < 7; ++i) expect_code(results[i].error, ErrorCode::ok);
  for (std::size_t i = 7; i < 10; ++i) {
    expect_code(results[i].error, ErrorCode::unknown_topic_or_partition);
  }
  FetchCommand command;
  for (std::int32_t partition = 0; partition < 7; ++partition) {
    command.items.push_back({.topic = topic("orders"), .partition = partition});
  }
  auto fetched = fetch(std::move(command), 2);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(values_of(fetched[i].batches), (std::vector<std::string>{fmt::format("p{}", i)}));
  }
}

TEST_P(BrokerTest, ADamagedBatchFailsAlone) {
  create("orders", 2);
  Bytes damaged = batch_of({"bad"});
  damaged.mutable_data()[damaged.size() - 1] ^= 1;
  std::vector<ProduceItem> items;
  items.push_back({topic("orders"), 0, damaged});
  items.push_back({topic("orders"), 1, batch_of({"good"})});
  items.push_back({topic("orders"), 1, Bytes()});
  auto results = sim().run(core().produce(std::move(items), AckLevel::durable));
  expect_code(results[0].error, ErrorCode::corrupt_message);
  expect_code(results[1].error, ErrorCode::ok);
  EXPECT_NE(results[2].error.code, ErrorCode::ok);
  EXPECT_EQ(read("orders", 0, 0), std::vector<std::string>{});
  EXPECT_EQ(read("orders", 1, 0), std::vector<std::string>{"good"});
}

TEST_P(BrokerTest, TheTopicsLimitHolds) {
  create("small", 1, {{"max.message.bytes", "200"}});
  expect_code(produce("small", 0, batch_of({std::string(300, 'x')})).error,
              ErrorCode::message_too_large);
  expect_code(produce("small", 0, batch_of({"x"})).error, ErrorCode::ok);
}

TEST_P(BrokerTest, LogAppendTimeIsTheBrokersTime) {
  create("stamped", 1, {{"message.timestamp.type", "LogAppendTime"}});
  auto result = produce("stamped", 0, batch_of({"x"}, 5));
  expect_code(result.error, ErrorCode::ok);
  EXPECT_GE(result.log_append_time, WallMs(1'700'000'000'000));
  const Bytes batch = fetch(fetch_command("stamped", 0, 0)).at(0).batches.flatten();
  EXPECT_TRUE(checksum_matches(batch.view()));
  auto header = read_batch_header(batch.view());
  EXPECT_EQ(header->timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(header->max_timestamp, result.log_append_time);
}

TEST_P(BrokerTest, TransactionalBatchesAreRefused) {
  create("orders", 1);
  BatchBuilder builder;
  builder.producer(ProducerId(5), ProducerEpoch(0), 0).transactional(true);
  builder.add(WallMs(1), std::nullopt, as_bytes("x"));
  expect_code(produce("orders", 0, builder.build()).error, ErrorCode::transactions_unsupported);
}

TEST_P(BrokerTest, ARepeatedBatchGetsItsFirstOffset) {
  create("orders", 1);
  auto batch = [](std::int32_t sequence) {
    BatchBuilder builder;
    builder.producer(ProducerId(5), ProducerEpoch(0), sequence);
    builder.add(WallMs(1), std::nullopt, as_bytes(fmt::format("s{}", sequence)));
    return builder.build();
  };
  produce("orders", 0, batch(0));
  produce("orders", 0, batch(1));
  auto repeat = produce("orders", 0, batch(0));
  expect_code(repeat.error, ErrorCode::ok);
  EXPECT_EQ(repeat.base_offset, Offset(0));
  expect_code(produce("orders", 0, batch(3)).error, ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(read("orders", 0, 0), (std::vector<std::string>{"s0", "s1"}));
  // In one request: the second of two equal ones is a repeat too.
  std::vector<ProduceItem> items;
  items.push_back({topic("orders"), 0, batch(2)});
  items.push_back({topic("orders"), 0, batch(2)});
  auto results = sim().run(core().produce(std::move(items), AckLevel::durable));
  EXPECT_EQ(results[0].base_offset, Offset(2));
  EXPECT_EQ(results[1].base_offset, Offset(2));
}

TEST_P(BrokerTest, AFetchWaitsForAProduce) {
  create("orders", 5);
  for (std::int32_t partition = 0; partition < 5; ++partition) {
    std::optional<std::vector<FetchResult>> results;
    fetch_soon(fetch_command("orders", partition, 0, 60s), results, 1);
    sim().runtime().run_for(10s);
    ASSERT_FALSE(results.has_value());
    const MonotonicTime before = sim().runtime().now();
    produce("orders", partition, batch_of({"late"}), AckLevel::durable, 2);
    ASSERT_TRUE(sim().runtime().run_until([&] { return results.has_value(); }, 10s));
    EXPECT_LT(sim().runtime().now() - before, 100'000'000);
    EXPECT_EQ(values_of(results->at(0).batches), std::vector<std::string>{"late"});
  }
}

TEST_P(BrokerTest, AFetchEndsAtItsDeadline) {
  create("orders", 3);
  FetchCommand command = fetch_command("orders", 0, 0, 5s);
  command.items.push_back({.topic = topic("orders"), .partition = 1});
  command.items.push_back({.topic = topic("orders"), .partition = 2});
  const MonotonicTime before = sim().runtime().now();
  auto results = fetch(std::move(command));
  const std::int64_t took = sim().runtime().now() - before;
  EXPECT_GE(took, 5'000'000'000);
  EXPECT_LT(took, 5'010'000'000);
  for (const FetchResult& result : results) {
    expect_code(result.error, ErrorCode::ok);
    EXPECT_TRUE(result.batches.empty());
    EXPECT_EQ(result.high_watermark, Offset(0));
  }
}

TEST_P(BrokerTest, AFetchWaitsForAsManyBytesAsItWants) {
  create("orders", 2);
  FetchCommand command = fetch_command("orders", 0, 0, 60s);
  command.items.push_back({.topic = topic("orders"), .partition = 1});
  command.bytes_min = 1000;
  std::optional<std::vector<FetchResult>> results;
  fetch_soon(std::move(command), results, 1);
  for (int i = 0; i < 3; ++i) produce("orders", i % 2, batch_of({std::string(200, 'x')}));
  sim().runtime().run_for(1s);
  EXPECT_FALSE(results.has_value());
  produce("orders", 0, batch_of({std::string(400, 'y')}));
  ASSERT_TRUE(sim().runtime().run_until([&] { return results.has_value(); }, 1s));
  EXPECT_GE(results->at(0).batches.size() + results->at(1).batches.size(), 1000u);
}

// Half of what was wanted is given at the deadline.
TEST_P(BrokerTest, AFetchThatGetsTooLittleGivesItAtItsDeadline) {
  create("orders", 1);
  produce("orders", 0, batch_of({"x"}));
  FetchCommand command = fetch_command("orders", 0, 0, 2s);
  command.bytes_min = 100'000;
  const MonotonicTime before = sim().runtime().now();
  auto results = fetch(std::move(command));
  EXPECT_GE(sim().runtime().now() - before, 2'000'000'000);
  EXPECT_EQ(values_of(results.at(0).batches), std::vector<std::string>{"x"});
}

// KIP-74: or a consumer would never get past it.
TEST_P(BrokerTest, TheFirstBatchComesWholeHoweverLarge) {
  create("orders", 2);
  produce("orders", 0, batch_of({std::string(5000, 'a')}));
  produce("orders", 0, batch_of({"b"}));
  produce("orders", 1, batch_of({"c"}));
  FetchCommand command = fetch_command("orders", 0, 0);
  command.items[0].bytes_max = 100;
  command.bytes_max = 100;
  command.items.push_back({.topic = topic("orders"), .partition = 1});
  auto results = fetch(std::move(command));
  EXPECT_EQ(values_of(results[0].batches).size(), 1u);
  EXPECT_EQ(results[0].batches.size(), batch_of({std::string(5000, 'a')}).size());
  EXPECT_TRUE(results[1].batches.empty());  // the request is full
  expect_code(results[1].error, ErrorCode::ok);
}

TEST_P(BrokerTest, OffsetsOutOfRangeAreRefusedAtOnce) {
  create("orders", 2);
  produce("orders", 0, batch_of({"a", "b"}));
  for (std::int64_t from : {std::int64_t{3}, std::int64_t{-1}, std::int64_t{1'000'000}}) {
    const MonotonicTime before = sim().runtime().now();
    auto results = fetch(fetch_command("orders", 0, from, 60s));
    expect_code(results.at(0).error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(results.at(0).high_watermark, Offset(2));
    EXPECT_LT(sim().runtime().now() - before, 1'000'000'000);
  }
  auto at_end = fetch(fetch_command("orders", 0, 2));
  expect_code(at_end.at(0).error, ErrorCode::ok);
}

TEST_P(BrokerTest, AFullRequestDoesNotHideAWrongOffset) {
  create("orders", 2);
  produce("orders", 0, batch_of({"a"}));
  FetchCommand command = fetch_command("orders", 0, 0);
  command.bytes_max = 1;
  command.items.push_back({.topic = topic("orders"), .partition = 1, .from = Offset(77)});
  auto results = fetch(std::move(command));
  EXPECT_FALSE(results[0].batches.empty());
  expect_code(results[1].error, ErrorCode::offset_out_of_range);
}

TEST_P(BrokerTest, EpochsThatAreNotCurrentAreFenced) {
  create("orders", 1);
  produce("orders", 0, batch_of({"a"}));
  const LeaderEpoch now = core().leader_epoch();
  FetchCommand command = fetch_command("orders", 0, 0);
  command.items[0].current_epoch = now + 1;
  expect_code(fetch(command).at(0).error, ErrorCode::unknown_leader_epoch);
  command.items[0].current_epoch = now;
  expect_code(fetch(command).at(0).error, ErrorCode::ok);
  auto position = sim().run(core().find_position(topic("orders"), 0, now + 1, {}));
  ASSERT_FALSE(position.has_value());
  expect_code(position.error(), ErrorCode::unknown_leader_epoch);
  auto end = sim().run(core().find_epoch_end(topic("orders"), 0, now, now));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->epoch, now);
  EXPECT_EQ(end->end, Offset(1));
  end = sim().run(core().find_epoch_end(topic("orders"), 0, now, now + 5));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->end, kNoOffset);
}

TEST_P(BrokerTest, PositionsByTime) {
  create("orders", 1);
  using Kind = TimeQuery::Kind;
  EXPECT_EQ(find("orders", {Kind::earliest}).offset, Offset(0));
  EXPECT_EQ(find("orders", {Kind::latest}).offset, Offset(0));
  EXPECT_EQ(find("orders", {Kind::newest_timestamp}).offset, kNoOffset);
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(0)}).offset, kNoOffset);
  produce("orders", 0, batch_of({"a", "b", "c"}, 1000));  // 1000, 1001, 1002
  produce("orders", 0, batch_of({"d", "e"}, 5000));       // 5000, 5001
  produce("orders", 0, batch_of({"f"}, 3000));            // late
  EXPECT_EQ(find("orders", {Kind::latest}).offset, Offset(6));
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(0)}).offset, Offset(0));
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(1001)}).offset, Offset(1));
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(1003)}).offset, Offset(3));
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(1003)}).timestamp, WallMs(5000));
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(5001)}).offset, Offset(4));
  EXPECT_EQ(find("orders", {Kind::at_time, WallMs(5002)}).offset, kNoOffset);
  EXPECT_EQ(find("orders", {Kind::newest_timestamp}).offset, Offset(4));
  EXPECT_EQ(find("orders", {Kind::newest_timestamp}).timestamp, WallMs(5001));
}

// Positions by time come from what the records say, not from what a producer wrote in the header.
TEST_P(BrokerTest, BugAHeaderThatLiesAboutItsTimeIsNoCorruption) {
  create("orders", 1);
  constexpr std::size_t kMaxTimestamp = 35;
  constexpr std::size_t kCrc = 17;
  constexpr std::size_t kAttributes = 21;
  Bytes batch = batch_of({"a"}, 1000);
  auto store = [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      batch.mutable_data()[at + i] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
    }
  };
  store(kMaxTimestamp, 9000, 8);
  // Refused, or accepted and then found consistently: never "the disk is damaged".
  store(kCrc, crc32c(batch.view().subspan(kAttributes)), 4);
  auto result = produce("orders", 0, batch);
  if (result.error.code != ErrorCode::ok) return;
  auto found = sim().run(core().find_position(topic("orders"), 0, LeaderEpoch(-1),
                                              {TimeQuery::Kind::at_time, WallMs(5000)}));
  EXPECT_TRUE(found.has_value()) << error_name(found.error().code);
}

TEST_P(BrokerTest, TopicsMadeAtTheSameTimeAreAllThere) {
  std::vector<std::optional<std::vector<TopicReply>>> replies(30);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    std::vector<CreateTopic> commands;
    commands.push_back({.name = fmt::format("own-{}", i), .partitions = 3});
    commands.push_back({.name = fmt::format("shared-{}", i % 5), .partitions = 2});
    Core& on = core(i).core();
    on.post([&on, task = tell(core(i).create_topics(std::move(commands)), &replies[i])]() mutable {
      on.spawn("create", std::move(task));
    });
  }
  ASSERT_TRUE(sim().runtime().run_until(
      [&] { return std::ranges::all_of(replies, [](const auto& r) { return r.has_value(); }); },
      10s));
  std::set<PartitionId> ids;
  std::size_t made = 0;
  for (const auto& reply : replies) {
    EXPECT_FALSE(reply->at(0).error.has_value());
    if (reply->at(1).error) {
      expect_code(*reply->at(1).error, ErrorCode::topic_already_exists);
    } else {
      ++made;
    }
  }
  EXPECT_EQ(made, 5u);
  for (std::size_t id = 0; id < GetParam(); ++id) {
    const CatalogImage& image = core(id).image();
    EXPECT_EQ(image.topics.size(), 35u);
    EXPECT_EQ(image.by_id.size(), 35u);
  }
  for (const auto& [name, topic] : core().image().topics) {
    for (const PartitionInfo& partition : topic->partitions) {
      EXPECT_TRUE(ids.insert(partition.id).second);
    }
    expect_code(produce(name, 0, batch_of({"x"})).error, ErrorCode::ok);
  }
}

TEST_P(BrokerTest, NoNumberOfPartitionsMeansTheDefault) {
  EXPECT_EQ(create("orders", -1).topic->partitions.size(),
            static_cast<std::size_t>(sim().broker().limits().partitions_default));
  TopicReply refused = create("other", 0);
  ASSERT_TRUE(refused.error.has_value());
  expect_code(*refused.error, ErrorCode::invalid_partitions);
}

TEST_P(BrokerTest, ValidateOnlyMakesNothing) {
  std::vector<CreateTopic> commands;
  commands.push_back({.name = "orders", .partitions = 2, .validate_only = true});
  auto replies = sim().run(core().create_topics(std::move(commands)));
  EXPECT_FALSE(replies.at(0).error.has_value());
  EXPECT_EQ(topic("orders"), nullptr);
  EXPECT_FALSE(create("orders", 3).error.has_value());
}

TEST_P(BrokerTest, ADeletedTopicIsGoneAndItsNameIsFree) {
  create("orders", 3);
  create("others", 2);
  for (int i = 0; i < 300; ++i) produce("orders", i % 3, batch_of({std::string(500, 'o')}));
  produce("others", 0, batch_of({"mine"}));
  auto old = topic("orders");
  EXPECT_FALSE(drop("orders").error.has_value());
  EXPECT_EQ(topic("orders"), nullptr);
  TopicReply again = drop("orders");
  ASSERT_TRUE(again.error.has_value());
  expect_code(*again.error, ErrorCode::unknown_topic_or_partition);

  // Whoever still holds the old topic is told.
  std::vector<ProduceItem> items;
  items.push_back({old, 1, batch_of({"late"})});
  auto late = sim().run(core().produce(std::move(items), AckLevel::durable)).at(0);
  expect_code(late.error, ErrorCode::unknown_topic_or_partition);

  create("orders", 2);
  EXPECT_NE(topic("orders")->id, old->id);
  EXPECT_EQ(produce("orders", 0, batch_of({"new"})).base_offset, Offset(0));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(read("orders", 0, 0), std::vector<std::string>{"new"});
    EXPECT_EQ(read("others", 0, 0), std::vector<std::string>{"mine"});
    EXPECT_EQ(topic("orders")->partitions.size(), 2u);
    restart();
  }
}

TEST_P(BrokerTest, ADeletionEndsFetchesThatWait) {
  create("orders", 3);
  std::optional<std::vector<FetchResult>> results;
  fetch_soon(fetch_command("orders", 1, 0, 1h), results, 2);
  sim().runtime().run_for(10ms);
  ASSERT_FALSE(results.has_value());
  drop("orders");
  ASSERT_TRUE(sim().runtime().run_until([&] { return results.has_value(); }, 5s));
  expect_code(results->at(0).error, ErrorCode::unknown_topic_or_partition);
}

TEST_P(BrokerTest, PartitionsCanBeAdded) {
  create("orders", 2);
  produce("orders", 1, batch_of({"kept"}));
  auto more = [&](std::int32_t count, bool validate_only = false) {
    std::vector<AddPartitions> commands;
    commands.push_back({{.name = "orders"}, count, validate_only});
    return sim().run(core(1).add_partitions(std::move(commands)), core_id(1)).at(0);
  };
  ASSERT_TRUE(more(2).error.has_value());
  expect_code(*more(1).error, ErrorCode::invalid_partitions);
  EXPECT_FALSE(more(5, true).error.has_value());
  EXPECT_EQ(topic("orders")->partitions.size(), 2u);
  EXPECT_FALSE(more(5).error.has_value());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(topic("orders")->partitions.size(), 5u);
    expect_code(produce("orders", 4, batch_of({"new"})).error, ErrorCode::ok);
    EXPECT_EQ(read("orders", 1, 0), std::vector<std::string>{"kept"});
    restart();
  }
  EXPECT_EQ(read("orders", 4, 0), (std::vector<std::string>{"new", "new"}));
}

TEST_P(BrokerTest, AChangedConfigHasEffectAndStays) {
  create("orders", 2, {{"durability", "relaxed"}});
  auto configure = [&](ConfigureTopic command) {
    command.topic.name = "orders";
    std::vector<ConfigureTopic> commands;
    commands.push_back(std::move(command));
    return sim().run(core().configure_topics(std::move(commands))).at(0);
  };
  EXPECT_FALSE(configure({.config = {{"max.message.bytes", "200"}}}).error.has_value());
  TopicReply refused = configure({.config = {{"retention.ms", "soon"}}});
  ASSERT_TRUE(refused.error.has_value());
  expect_code(*refused.error, ErrorCode::invalid_config);
  refused = configure({.config = {{"no.such.config", std::nullopt}}});
  ASSERT_TRUE(refused.error.has_value());
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(topic("orders")->config.relaxed_durability);
    expect_code(produce("orders", 0, batch_of({std::string(300, 'x')})).error,
                ErrorCode::message_too_large);
    restart();
  }
  EXPECT_FALSE(configure({.replace = true, .config = {{"segment.ms", "5000"}}}).error.has_value());
  EXPECT_FALSE(topic("orders")->config.relaxed_durability);
  EXPECT_EQ(topic("orders")->config.segment_ms, 5000);
  expect_code(produce("orders", 0, batch_of({std::string(300, 'x')})).error, ErrorCode::ok);
}

TEST_P(BrokerTest, DeletedRecordsAreNotReadAgain) {
  create("orders", 2);
  for (int i = 0; i < 10; ++i) produce("orders", 1, batch_of({fmt::format("{}", i)}));
  auto forget = [&](std::int64_t before) {
    return sim().run(core().delete_records(topic("orders"), 1, Offset(before)));
  };
  expect_code(forget(11).error(), ErrorCode::offset_out_of_range);
  EXPECT_EQ(forget(4), Offset(4));
  EXPECT_EQ(forget(2), Offset(4));
  for (int round = 0; round < 2; ++round) {
    auto result = fetch(fetch_command("orders", 1, 3)).at(0);
    expect_code(result.error, ErrorCode::offset_out_of_range);
    EXPECT_EQ(result.log_start, Offset(4));
    EXPECT_EQ(read("orders", 1, 4).size(), 6u);
    restart();
  }
  EXPECT_EQ(forget(-1), Offset(10));
  auto summary = sim().run(core().describe_partitions(topic("orders")));
  EXPECT_EQ(summary.at(1).log_start, Offset(10));
  EXPECT_EQ(summary.at(1).high_watermark, Offset(10));
  EXPECT_EQ(summary.at(1).bytes, 0u);
}

TEST_P(BrokerTest, RetentionLetsOldSegmentsGo) {
  create("by-size", 1,
         {{"retention.bytes", "3000000"}, {"retention.ms", "-1"}, {"segment.bytes", "1048576"}});
  create("by-age", 1, {{"retention.ms", "100000"}});
  create("kept", 1, {{"retention.ms", "-1"}});
  const WallMs now = core().broker_time();
  for (int i = 0; i < 120; ++i) {
    produce("by-size", 0, batch_of({std::string(50'000, 'x')}));
    produce("by-age", 0, batch_of({"old"}, (now - 99'000).value()));
    produce("kept", 0, batch_of({"old"}, 1));
  }
  sim().runtime().run_for(2min);
  auto size = sim().run(core().describe_partitions(topic("by-size"))).at(0);
  EXPECT_GE(size.bytes, 3'000'000u);
  EXPECT_LE(size.bytes, 4'100'000u);
  EXPECT_GT(size.log_start, Offset(0));
  EXPECT_EQ(read("by-size", 0, size.log_start.value()).empty(), false);
  auto age = sim().run(core().describe_partitions(topic("by-age"))).at(0);
  EXPECT_EQ(age.log_start, Offset(120));
  EXPECT_EQ(read("kept", 0, 0).size(), 120u);
  EXPECT_EQ(produce("by-age", 0, batch_of({"new"}, now.value())).base_offset, Offset(120));
  restart();
  EXPECT_EQ(read("by-age", 0, 120), std::vector<std::string>{"new"});
}

// Compaction is not done yet; what must not be done is to lose the newest record of a key.
TEST_P(BrokerTest, ACompactedTopicIsKeptWhole) {
  create("compacted", 1,
         {{"cleanup.policy", "compact"},
          {"retention.bytes", "1000"},
          {"retention.ms", "1000"},
          {"segment.bytes", "1048576"}});
  create("both", 1, {{"cleanup.policy", "compact,delete"}, {"retention.ms", "1000"}});
  auto keyed = [](std::int64_t time) {
    BatchBuilder builder;
    builder.add(WallMs(time), as_bytes("key"), as_bytes(std::string(50'000, 'x')));
    return builder.build();
  };
  const WallMs now = core().broker_time();
  for (int i = 0; i < 60; ++i) {
    expect_code(produce("compacted", 0, keyed(1)).error, ErrorCode::ok);
    expect_code(produce("both", 0, keyed((now - 900).value())).error, ErrorCode::ok);
  }
  sim().runtime().run_for(2min);
  EXPECT_EQ(find("compacted", {TimeQuery::Kind::earliest}).offset, Offset(0));
  EXPECT_EQ(find("both", {TimeQuery::Kind::earliest}).offset, Offset(60));
  auto deleted = sim().run(core().delete_records(topic("compacted"), 0, Offset(10)));
  ASSERT_FALSE(deleted.has_value());
  expect_code(deleted.error(), ErrorCode::policy_violation);
  // It follows a change at once.
  std::vector<ConfigureTopic> commands;
  commands.push_back({.topic = {.name = "compacted"}, .config = {{"cleanup.policy", "delete"}}});
  ASSERT_FALSE(sim().run(core().configure_topics(std::move(commands))).at(0).error.has_value());
  EXPECT_EQ(sim().run(core().delete_records(topic("compacted"), 0, Offset(10))), Offset(10));
  sim().runtime().run_for(2min);
  EXPECT_EQ(find("compacted", {TimeQuery::Kind::earliest}).offset, Offset(60));
}

// A topic with little traffic: what stands in one segment is let go too, a segment at a time.
TEST_P(BrokerTest, RetentionReachesATopicThatNeverFillsASegment) {
  create("slow", 1, {{"retention.ms", "60000"}, {"segment.ms", "30000"}});
  for (int i = 0; i < 20; ++i) {
    produce("slow", 0, batch_of({"tick"}, core().broker_time().value()));
    sim().runtime().run_for(20s);
  }
  auto summary = sim().run(core().describe_partitions(topic("slow"))).at(0);
  EXPECT_EQ(summary.high_watermark, Offset(20));
  EXPECT_GE(summary.log_start, Offset(10));
  EXPECT_LE(summary.log_start, Offset(17));
}

TEST_P(BrokerTest, AProducerIdIsGivenOnce) {
  std::set<std::int64_t> ids;
  for (int life = 0; life < 3; ++life) {
    if (life > 0) restart();
    // Many at a time, so that several wait for the same reservation.
    std::vector<std::optional<Result<ProducerId>>> given(40);
    for (int round = 0; round < 30; ++round) {
      for (std::size_t i = 0; i < given.size(); ++i) {
        given[i].reset();
        Core& on = core(i).core();
        on.post([&on, task = tell(core(i).new_producer_id(), &given[i])]() mutable {
          on.spawn("producer id", std::move(task));
        });
      }
      ASSERT_TRUE(sim().runtime().run_until(
          [&] { return std::ranges::all_of(given, [](const auto& g) { return g.has_value(); }); },
          10s));
      for (const auto& id : given) {
        ASSERT_TRUE(id->has_value());
        EXPECT_TRUE(ids.insert((*id)->value()).second) << (*id)->value();
      }
    }
  }
  EXPECT_EQ(ids.size(), 3u * 30 * 40);
}

TEST_P(BrokerTest, EverythingIsThereAfterARestart) {
  create("orders", 4, {{"durability", "relaxed"}});
  const TopicId id = topic("orders")->id;
  std::vector<std::vector<std::string>> written(4);
  for (int i = 0; i < 200; ++i) {
    const std::int32_t partition = i % 4;
    std::string value = fmt::format("{}-{}", i, std::string(300, 'x'));
    produce("orders", partition, batch_of({value}));
    written[static_cast<std::size_t>(partition)].push_back(std::move(value));
  }
  const LeaderEpoch epoch = core().leader_epoch();
  for (int round = 0; round < 2; ++round) {
    restart();
    ASSERT_TRUE(topic("orders"));
    EXPECT_EQ(topic("orders")->id, id);
    EXPECT_TRUE(topic("orders")->config.relaxed_durability);
    EXPECT_EQ(core().leader_epoch(), epoch);  // the stop was clean
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      EXPECT_EQ(read("orders", partition, 0), written[static_cast<std::size_t>(partition)]);
    }
  }
  EXPECT_EQ(produce("orders", 0, batch_of({"next"})).base_offset, Offset(50));
}

// Journal frames name partitions, not cores.
TEST_P(BrokerTest, AnotherNumberOfCoresIsOrdinary) {
  create("orders", 5);
  for (std::int32_t partition = 0; partition < 5; ++partition) {
    produce("orders", partition, batch_of({fmt::format("p{}", partition)}));
  }
  sim_.reset();
  for (std::size_t cores : {2, 5, 1}) {
    SimBroker other({.seed = cores, .cores = cores}, disk_);
    ASSERT_TRUE(other.start());
    auto topic = other.core(0).image().find("orders");
    ASSERT_TRUE(topic);
    for (std::int32_t partition = 0; partition < 5; ++partition) {
      FetchCommand command;
      command.items.push_back({.topic = topic, .partition = partition});
      auto results = other.run(other.core(0).fetch(std::move(command)));
      EXPECT_EQ(values_of(results.at(0).batches),
                std::vector<std::string>{fmt::format("p{}", partition)});
    }
  }
}

TEST_P(BrokerTest, CommittedOffsetsAreThereAfterARestart) {
  create("orders", 2);
  // Groups of many shards, so of all cores.
  for (int i = 0; i < 20; ++i) {
    OffsetCommit commit;
    commit.group = fmt::format("group-{}", i);
    commit.topics.push_back({"orders", {{0, Offset(i), std::nullopt, "note"}}});
    std::string group = commit.group;
    auto reply = sim().run(core(static_cast<std::size_t>(i)).group(group, std::move(commit)),
                           core_id(static_cast<std::size_t>(i)));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(std::get<OffsetCommitReply>(*reply).error, ErrorCode::ok);
  }
  restart();
  for (int i = 0; i < 20; ++i) {
    OffsetFetch command;
    command.group = fmt::format("group-{}", i);
    command.topics = {{"orders", {0, 1}}};
    std::string group = command.group;
    auto reply = sim().run(core().group(group, std::move(command)));
    ASSERT_TRUE(reply.has_value());
    auto& fetched = std::get<OffsetFetchReply>(*reply);
    EXPECT_EQ(fetched.error, ErrorCode::ok);
    EXPECT_EQ(fetched.topics.at(0).partitions.at(0).offset, Offset(i));
    EXPECT_EQ(fetched.topics.at(0).partitions.at(0).metadata, "note");
    EXPECT_EQ(fetched.topics.at(0).partitions.at(1).offset, kNoOffset);
  }
}

TEST_P(BrokerTest, AfterAStopVerbsAreRefused) {
  create("orders", 3);
  sim().stop_requests();
  for (std::int32_t partition = 0; partition < 3; ++partition) {
    expect_code(produce("orders", partition, batch_of({"x"})).error, ErrorCode::stopping);
  }
  auto id = sim().run(core().new_producer_id());
  ASSERT_FALSE(id.has_value());
  expect_code(id.error(), ErrorCode::stopping);
  auto group = sim().run(core(1).group("g", ListGroups{}), core_id(1));
  ASSERT_FALSE(group.has_value());
  expect_code(group.error(), ErrorCode::stopping);
}

// A disk that fails: nobody is told that something was written.
TEST_P(BrokerTest, AFailedDiskIsAnUnknownOutcome) {
  create("orders", 3);
  produce("orders", 0, batch_of({"before"}));
  sim().runtime().run_for(5s);
  disk_.fail_sync(1);
  auto failed = produce("orders", 0, batch_of({"lost?"}));
  expect_code(failed.error, ErrorCode::outcome_unknown);
  // Reads go on; writes are refused.
  EXPECT_EQ(read("orders", 0, 0), std::vector<std::string>{"before"});
  expect_code(produce("orders", 1, batch_of({"x"})).error, ErrorCode::outcome_unknown);
  sim().stop_requests();
  sim().close(/*failed=*/true);
}

}  // namespace
}  // namespace millrace

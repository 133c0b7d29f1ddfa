// Fetch sessions as a client sees them, over the simulated network.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/log.h"
#include "protocols/kafka/sim_kafka_test_support.h"

namespace millrace::kafka::test {
namespace {

using namespace std::chrono_literals;

constexpr std::int16_t kByName = 12;
constexpr std::int16_t kById = 13;
constexpr const char* kTopic = "orders";
constexpr std::int32_t kPartitions = 6;

using Offsets = std::map<std::int32_t, std::int64_t>;  // by partition

FetchRequest fetch_of(const Offsets& offsets, std::int32_t id = 0, std::int32_t epoch = 0,
                      const char* topic = kTopic) {
  FetchRequest request;
  request.min_bytes = 1;
  request.session_id = id;
  request.session_epoch = epoch;
  if (offsets.empty()) return request;
  FetchRequest::Topic& wanted = request.topics.emplace_back();
  wanted.topic = topic;
  for (auto [partition, offset] : offsets) {
    wanted.partitions.push_back(
        {.partition = partition, .fetch_offset = offset, .partition_max_bytes = 1 << 20});
  }
  return request;
}

Offsets all_from(std::int64_t offset) {
  Offsets offsets;
  for (std::int32_t partition = 0; partition < kPartitions; ++partition)
    offsets[partition] = offset;
  return offsets;
}

std::set<std::int32_t> partitions_of(const FetchResponse& answer) {
  std::set<std::int32_t> found;
  for (const auto& topic : answer.responses) {
    for (const auto& partition : topic.partitions) found.insert(partition.partition_index);
  }
  return found;
}

// Those with records.
std::set<std::int32_t> full_ones(const FetchResponse& answer) {
  std::set<std::int32_t> found;
  for (const auto& topic : answer.responses) {
    for (const auto& partition : topic.partitions) {
      if (!partition.records->empty()) found.insert(partition.partition_index);
    }
  }
  return found;
}

class FetchSessionsWireTest : public testing::Test {
 protected:
  FetchSessionsWireTest() { set_log_level(LogLevel::error); }
  ~FetchSessionsWireTest() override {
    if (client_) client_->close();
    set_log_level(LogLevel::info);
  }

  void start(FetchSessionLimits limits = {}, std::uint32_t cores = 3) {
    disk_.emplace(1);
    disk_->make_durable_directory(millrace::test::kSimDirectory);
    kafka_.emplace(SimOptions{.seed = 1, .cores = cores}, *disk_,
                   SessionLimits{.fetch_sessions = limits});
    ASSERT_TRUE(kafka_->start());
    kafka_->create_topic(kTopic, kPartitions);
    client_.emplace(kafka_->connect());
  }
  FetchResponse fetch(const FetchRequest& request, std::int16_t version = kByName) {
    return fetch_by(*client_, request, version);
  }
  FetchResponse fetch_by(WireClient& client, const FetchRequest& request,
                         std::int16_t version = kByName) {
    auto answer = kafka_->run(client.call<FetchResponse>(request, version));
    EXPECT_TRUE(answer.has_value());
    return answer ? std::move(*answer) : FetchResponse{};
  }
  // A session of these partitions, with what a full fetch told checked.
  std::int32_t open(const Offsets& offsets) {
    FetchResponse answer = fetch(fetch_of(offsets));
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(partitions_of(answer).size(), offsets.size());
    EXPECT_GT(answer.session_id, 0);
    return answer.session_id;
  }
  void produce(std::int32_t partition, const std::string& value = "value") {
    WireClient writer = kafka_->connect();
    auto answer = kafka_->run(
        writer.call<ProduceResponse>(one_record(kTopic, partition, value), std::int16_t{9}));
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->responses.at(0).partition_responses.at(0).error_code, 0);
    writer.close();
  }
  Uuid topic_id() {
    auto info = kafka_->broker().core(0).image().find(kTopic);
    return Uuid{info->id};
  }

  std::optional<SimDisk> disk_;
  std::optional<SimKafka> kafka_;
  std::optional<WireClient> client_;
};

TEST_F(FetchSessionsWireTest, OnlyWhatIsNewIsTold) {
  start();
  const std::int32_t id = open(all_from(0));
  EXPECT_TRUE(partitions_of(fetch(fetch_of({}, id, 1))).empty());
  produce(4);
  FetchResponse answer = fetch(fetch_of({}, id, 2));
  EXPECT_EQ(answer.session_id, id);
  EXPECT_EQ(full_ones(answer), std::set{4});
  EXPECT_EQ(partitions_of(answer), std::set{4});
  // It is given again until the client says that it has it.
  EXPECT_EQ(full_ones(fetch(fetch_of({}, id, 3))), std::set{4});
  EXPECT_TRUE(partitions_of(fetch(fetch_of({{4, 1}}, id, 4))).empty());
}

TEST_F(FetchSessionsWireTest, AHighWatermarkThatMovedIsTold) {
  start();
  produce(2);
  Offsets offsets = all_from(0);
  offsets[2] = 1;
  const std::int32_t id = open(offsets);
  produce(2, "second");
  FetchRequest request = fetch_of({{2, 2}}, id, 1);
  FetchResponse answer = fetch(request);
  EXPECT_EQ(partitions_of(answer), std::set{2});
  EXPECT_TRUE(full_ones(answer).empty());
  EXPECT_EQ(answer.responses[0].partitions[0].high_watermark, 2);
  EXPECT_TRUE(partitions_of(fetch(fetch_of({}, id, 2))).empty());
}

TEST_F(FetchSessionsWireTest, PartitionsAreAddedAndForgotten) {
  start();
  produce(0);
  produce(1);
  const std::int32_t id = open({{0, 0}});
  EXPECT_EQ(partitions_of(fetch(fetch_of({{1, 0}, {5, 0}}, id, 1))), (std::set{0, 1, 5}));
  FetchRequest request = fetch_of({}, id, 2);
  request.forgotten_topics_data.push_back({.topic = kTopic, .partitions = {0, 5}});
  EXPECT_EQ(partitions_of(fetch(request)), std::set{1});
  // Nothing is left: the answer says so by session 0.
  request = fetch_of({}, id, 3);
  request.forgotten_topics_data.push_back({.topic = kTopic, .partitions = {1}});
  FetchResponse answer = fetch(request);
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.session_id, 0);
  EXPECT_EQ(fetch(fetch_of({}, id, 4)).error_code, 70);
}

TEST_F(FetchSessionsWireTest, WrongIdsAndEpochsAreRefused) {
  start();
  const std::int32_t id = open(all_from(0));
  for (auto [wrong_id, epoch, error] :
       {std::tuple{id, 2, 71}, {id, -7, 71}, {id ^ 1, 1, 70}, {0, 1, 70}, {-5, 1, 70}}) {
    FetchResponse answer = fetch(fetch_of({}, wrong_id, epoch));
    EXPECT_EQ(answer.error_code, error) << wrong_id << " " << epoch;
    EXPECT_EQ(answer.session_id, 0);
    EXPECT_TRUE(answer.responses.empty());
  }
  EXPECT_EQ(fetch(fetch_of({}, id, 1)).error_code, 0);
}

TEST_F(FetchSessionsWireTest, AFullFetchClosesTheSessionItNames) {
  start();
  const std::int32_t first = open(all_from(0));
  FetchResponse again = fetch(fetch_of(all_from(0), first, 0));
  EXPECT_NE(again.session_id, 0);
  EXPECT_NE(again.session_id, first);
  EXPECT_EQ(fetch(fetch_of({}, first, 1)).error_code, 70);
  FetchResponse last = fetch(fetch_of(all_from(0), again.session_id, -1));
  EXPECT_EQ(last.error_code, 0);
  EXPECT_EQ(last.session_id, 0);
  EXPECT_EQ(partitions_of(last).size(), all_from(0).size());
  EXPECT_EQ(fetch(fetch_of({}, again.session_id, 1)).error_code, 70);
}

// A consumer that closes waits for this answer.
TEST_F(FetchSessionsWireTest, AFetchOfNothingIsAnsweredAtOnce) {
  start();
  const std::int32_t id = open(all_from(0));
  FetchRequest goodbye = fetch_of({}, id, -1);
  goodbye.max_wait_ms = 3'600'000;
  const MonotonicTime before = kafka_->client_core().now();
  EXPECT_EQ(fetch(goodbye).session_id, 0);
  EXPECT_LT(kafka_->client_core().now() - before, Duration(1s).count());
}

TEST_F(FetchSessionsWireTest, ASessionEndsWithItsConnection) {
  start({.sessions_max = 1}, 1);
  const std::int32_t id = open(all_from(0));
  WireClient other = kafka_->connect();
  EXPECT_EQ(fetch_by(other, fetch_of({}, id, 1)).error_code, 70);
  // No room on this core: served all the same.
  produce(3);
  FetchResponse answer = fetch_by(other, fetch_of(all_from(0)));
  EXPECT_EQ(answer.session_id, 0);
  EXPECT_EQ(full_ones(answer), std::set{3});
  client_->close();
  kafka_->runtime().run_for(10ms);
  answer = fetch_by(other, fetch_of(all_from(0)));
  EXPECT_GT(answer.session_id, 0);
  other.close();
}

TEST_F(FetchSessionsWireTest, ErrorsAreToldUntilTheyAreGone) {
  start();
  FetchRequest request = fetch_of({{0, 0}}, 0, 0, "later");
  FetchResponse answer = fetch(request);
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code, 3);
  const std::int32_t id = answer.session_id;
  ASSERT_GT(id, 0);
  answer = fetch(fetch_of({}, id, 1));
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code, 3);
  kafka_->create_topic("later", 1);
  answer = fetch(fetch_of({}, id, 2));
  EXPECT_EQ(answer.responses.at(0).topic, "later");
  EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code, 0);
  EXPECT_TRUE(partitions_of(fetch(fetch_of({}, id, 3))).empty());
}

TEST_F(FetchSessionsWireTest, TopicIdsAndNamesDoNotMix) {
  start();
  FetchRequest request = fetch_of({{0, 0}, {1, 0}});
  request.topics[0].topic.clear();
  request.topics[0].topic_id = topic_id();
  FetchResponse answer = fetch(request, kById);
  ASSERT_GT(answer.session_id, 0);
  EXPECT_EQ(answer.responses.at(0).topic_id, topic_id());
  EXPECT_EQ(fetch(fetch_of({}, answer.session_id, 1), kByName).error_code, 106);
  produce(1);
  FetchResponse next = fetch(fetch_of({}, answer.session_id, 1), kById);
  EXPECT_EQ(full_ones(next), std::set{1});
  EXPECT_EQ(next.responses.at(0).topic_id, topic_id());
  const std::int32_t by_name = open({{0, 0}});
  EXPECT_EQ(fetch(fetch_of({}, by_name, 1), kById).error_code, 106);
}

TEST_F(FetchSessionsWireTest, AnIncrementalFetchWaitsForRecords) {
  start();
  const std::int32_t id = open(all_from(0));
  FetchRequest request = fetch_of({}, id, 1);
  request.max_wait_ms = 3'600'000;
  ASSERT_TRUE(kafka_->run(client_->send(encode_request(77, "test", request, kByName))));
  kafka_->runtime().run_for(1s);
  produce(5);
  auto frame = kafka_->run(client_->receive());
  ASSERT_TRUE(frame);
  auto answer = WireClient::read_answer<FetchResponse>(*frame, 77, kByName);
  ASSERT_TRUE(answer);
  EXPECT_EQ(full_ones(*answer), std::set{5});
}

// More in every partition than an answer holds, and a client that never catches up.
TEST_F(FetchSessionsWireTest, NoPartitionStarves) {
  for (std::uint32_t cores : {1u, 2u, 3u}) {
    start({}, cores);
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      produce(partition, std::string(10'000, 'x'));
    }
    FetchRequest request = fetch_of(all_from(0));
    request.max_bytes = 15'000;  // one of them fits
    FetchResponse answer = fetch(request);
    std::map<std::int32_t, int> served;
    constexpr int kRounds = 10;
    for (std::int32_t epoch = 1; epoch <= kRounds * kPartitions; ++epoch) {
      request = fetch_of({}, answer.session_id, epoch);
      request.max_bytes = 15'000;
      for (std::int32_t partition : full_ones(fetch(request))) ++served[partition];
    }
    ASSERT_EQ(served.size(), static_cast<std::size_t>(kPartitions)) << cores << " cores";
    // One core takes strict turns; several take turns with each other, whatever they hold.
    for (auto [partition, times] : served) {
      EXPECT_GE(times, cores == 1 ? kRounds : kRounds / 3) << partition << " of " << cores;
    }
    client_->close();
    client_.reset();
    kafka_.reset();
  }
}

}  // namespace
}  // namespace millrace::kafka::test

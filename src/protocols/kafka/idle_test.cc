// Connections on which nothing happens, in virtual time: closed when nobody seems to be there, kept
// when somebody is; and produces that the disk keeps waiting.
#include <gtest/gtest.h>

#include "base/log.h"
#include "protocols/kafka/sim_kafka_test_support.h"

namespace millrace::kafka::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTopic = "orders";

class IdleTest : public testing::Test {
 protected:
  IdleTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(millrace::test::kSimDirectory);
    kafka_.emplace(SimOptions{.seed = 3, .cores = 2}, disk_);
    EXPECT_TRUE(kafka_->start());
    kafka_->create_topic(kTopic, 4);
  }
  ~IdleTest() override {
    kafka_.reset();
    set_log_level(LogLevel::info);
  }

  SimKafka& kafka() { return *kafka_; }
  void pass(Duration time) { kafka().runtime().run_for(time); }
  bool is_served(WireClient& client) {
    auto answer =
        kafka().run(client.call<ApiVersionsResponse>(ApiVersionsRequest{}, std::int16_t{2}));
    return answer.has_value() && answer->error_code == 0;
  }
  // How many sessions run: each is a task of its core.
  std::size_t sessions() {
    std::size_t tasks = 0;
    for (std::uint32_t id = 0; id < kafka().runtime().core_count(); ++id) {
      tasks += kafka().runtime().core(CoreId(id)).tasks().inside();
    }
    return tasks;
  }
  bool comes_to(std::size_t count, Duration within) {
    return kafka().runtime().run_until([&] { return sessions() == count; }, within);
  }
  static ByteChain fetch_frame(std::int32_t correlation, Duration wait) {
    return encode_request(
        correlation, "test",
        fetch_one(kTopic, 0, 0, static_cast<std::int32_t>(wait / std::chrono::milliseconds(1))),
        11);
  }
  static ByteChain part(const ByteChain& frame, std::size_t from, std::size_t to) {
    ByteChain piece;
    piece.append(frame.flatten().slice(from, to - from));
    return piece;
  }

  SimDisk disk_{1};
  std::optional<SimKafka> kafka_;
};

TEST_F(IdleTest, ASilentConnectionIsClosedAfterItsTime) {
  std::vector<WireClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(kafka().connect());
    if (i % 2 == 0) EXPECT_TRUE(is_served(clients.back()));
    pass(7s);
  }
  EXPECT_EQ(sessions(), 6u);
  pass(9min);
  EXPECT_EQ(sessions(), 6u);
  pass(2min);
  EXPECT_EQ(sessions(), 0u);
  for (WireClient& client : clients) {
    auto frame = kafka().run(client.receive());
    ASSERT_FALSE(frame.has_value());
    EXPECT_EQ(error_name(frame.error().code), "end_of_stream");
    client.close();
  }
  WireClient later = kafka().connect();
  EXPECT_TRUE(is_served(later));
  later.close();
}

TEST_F(IdleTest, ARequestNowAndThenKeepsAConnection) {
  WireClient client = kafka().connect();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(is_served(client));
    pass(590s);
  }
  EXPECT_TRUE(comes_to(0, 2min));
  client.close();
}

TEST_F(IdleTest, ALongPollIsNotIdle) {
  WireClient client = kafka().connect();
  ASSERT_TRUE(kafka().run(client.send(fetch_frame(1, 1h))));
  pass(59min);
  EXPECT_EQ(sessions(), 1u);
  auto answer = kafka().run(client.receive());
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(WireClient::read_answer<FetchResponse>(*answer, 1, 11).has_value());
  // From here on it is.
  pass(9min);
  EXPECT_TRUE(is_served(client));
  EXPECT_TRUE(comes_to(0, 12min));
  client.close();
}

// Its machine lost power: no end of the connection ever comes.
TEST_F(IdleTest, APeerThatIsGoneIsForgotten) {
  std::vector<WireClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(kafka().connect());
  const ByteChain frame = fetch_frame(1, 100ms);
  ASSERT_TRUE(kafka().run(clients[1].send(part(frame, 0, 20))));  // in the middle of a request
  ASSERT_TRUE(kafka().run(clients[2].send(part(frame, 0, frame.size()))));  // before its answer
  pass(10ms);
  for (WireClient& client : clients) kafka().runtime().silence_connection(client.socket());
  EXPECT_EQ(sessions(), 3u);
  pass(9min);
  EXPECT_EQ(sessions(), 3u);
  EXPECT_TRUE(comes_to(0, 2min));
  for (WireClient& client : clients) client.close();
}

// It may be stuck for ever, with an answer that it never takes.
TEST_F(IdleTest, APeerThatDoesNotReadIsForgotten) {
  WireClient client = kafka().connect();
  auto produced = kafka().run(
      client.call<ProduceResponse>(one_record(kTopic, 0, std::string(500'000, 'x')), 9));
  ASSERT_TRUE(produced.has_value());
  for (std::int32_t i = 10; i < 14; ++i) {
    ASSERT_TRUE(kafka().run(client.send(fetch_frame(i, 0ms))));
  }
  pass(9min);
  EXPECT_EQ(sessions(), 1u);
  EXPECT_TRUE(comes_to(0, 2min));
  client.close();
}

// As Kafka has it: bytes that move are life. The limit on its memory is what it has sent.
TEST_F(IdleTest, AByteNowAndThenKeepsAConnection) {
  WireClient client = kafka().connect();
  const ByteChain frame = fetch_frame(1, 0ms);
  for (std::size_t at = 0; at < frame.size(); ++at) {
    ASSERT_TRUE(kafka().run(client.send(part(frame, at, at + 1))));
    pass(5min);
  }
  auto answer = kafka().run(client.receive());
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(WireClient::read_answer<FetchResponse>(*answer, 1, 11).has_value());
  client.close();
}

TEST_F(IdleTest, AStopComesBetweenTheLooks) {
  WireClient client = kafka().connect();
  ASSERT_TRUE(is_served(client));
  pass(61s);
  kafka().stop_requests();
  client.close();
  kafka().close();  // asserts that everything ends
  kafka_.reset();
}

// A disk that takes no more: the producer hears so in the time it gave, and a reader next to it
// hears what it asked.
TEST_F(IdleTest, AProduceThatIsNotDurableInTimeIsAnswered) {
  constexpr std::int16_t kTimedOut = 7;
  // Right behind a look at the disk, for what is known to have no room is refused at once.
  kafka().runtime().run_for(200ms);
  disk_.set_capacity(disk_.used() + 10'000);
  WireClient client = kafka().connect();
  ProduceRequest request = one_record(kTopic, 1, std::string(20'000, 'x'));
  request.timeout_ms = 5000;
  std::int64_t durable = 0;
  for (;;) {
    const MonotonicTime before = kafka().runtime().now();
    auto answer = kafka().run(client.call<ProduceResponse>(request, 9));
    ASSERT_TRUE(answer.has_value());
    const auto& partition = answer->responses.at(0).partition_responses.at(0);
    const Duration took(kafka().runtime().now() - before);
    ASSERT_LE(took, 5s + 10ms);
    if (partition.error_code == 0) {
      ASSERT_LT(++durable, 1000);
      continue;
    }
    EXPECT_EQ(partition.error_code, kTimedOut);
    EXPECT_EQ(partition.base_offset, -1);
    EXPECT_GE(took, 4s);
    break;
  }
  auto fetched = kafka().run(client.call<FetchResponse>(fetch_one(kTopic, 1, 0), 11));
  ASSERT_TRUE(fetched.has_value());
  EXPECT_EQ(fetched->responses.at(0).partitions.at(0).high_watermark, durable);
  client.close();
  disk_.set_capacity(SimDisk::kUnlimited);
  pass(1min);
}

}  // namespace
}  // namespace millrace::kafka::test

// Connections that hold more than there is, in virtual time: large requests that wait, requests
// that never end, answers that nobody takes. Others are served meanwhile, and nobody has to act for
// that.
#include <gtest/gtest.h>

#include "base/log.h"
#include "protocols/kafka/sim_kafka_test_support.h"

namespace millrace::kafka::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTopic = "orders";
constexpr std::uint64_t kBudget = 4 << 20;
constexpr std::int16_t kFetchVersion = 11;
constexpr std::int16_t kProduceVersion = 9;

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() { set_log_level(LogLevel::error); }
  ~MemoryTest() override {
    kafka_.reset();
    set_log_level(LogLevel::info);
  }

  void start(std::uint64_t budget = kBudget, SimOptions options = {.seed = 1, .cores = 2},
             SessionLimits limits = {}) {
    options.network_pipe_bytes = 16 << 10;
    disk_.make_durable_directory(millrace::test::kSimDirectory);
    kafka_.emplace(options, disk_, limits, BrokerLimits{.connection_bytes_max = budget});
    ASSERT_TRUE(kafka_->start());
    kafka_->create_topic(kTopic, 4);
  }

  SimKafka& kafka() { return *kafka_; }
  MemoryBudget& memory() { return kafka().broker().broker().memory(); }
  void pass(Duration time) { kafka().runtime().run_for(time); }
  // Until then; false when it does not come.
  bool comes(const std::function<bool()>& what, Duration within) {
    return kafka().runtime().run_until(what, within);
  }
  WireClient& connect() { return *clients_.emplace_back(new WireClient(kafka().connect())); }
  void close_all() {
    for (auto& client : clients_) client->close();
    pass(100ms);
  }
  // What is held, without what the cores keep at hand.
  std::uint64_t held() {
    for (std::uint32_t id = 0; id < kafka().runtime().core_count(); ++id) {
      kafka().broker().core(id).memory().give_back();
    }
    return memory().bytes_used();
  }

  // A large one has a batch for each partition.
  static ByteChain produce_frame(std::int32_t correlation, std::size_t value_bytes) {
    constexpr std::size_t kBatchMax = 900'000;
    const std::int32_t partitions = value_bytes > kBatchMax ? 4 : 1;
    const std::string value(value_bytes / static_cast<std::size_t>(partitions), 'x');
    ProduceRequest request = one_record(kTopic, 0, value);
    for (std::int32_t i = 1; i < partitions; ++i) {
      auto more = one_record(kTopic, i, value).topic_data.at(0).partition_data.at(0);
      request.topic_data.at(0).partition_data.push_back(std::move(more));
    }
    return encode_request(correlation, "test", request, kProduceVersion);
  }
  static ByteChain fetch_frame(std::int32_t correlation, std::int64_t from, Duration wait = 0ms,
                               std::int32_t bytes_min = 1) {
    FetchRequest request =
        fetch_one(kTopic, 0, from, static_cast<std::int32_t>(wait / std::chrono::milliseconds(1)));
    request.min_bytes = bytes_min;
    return encode_request(correlation, "test", request, kFetchVersion);
  }
  static ByteChain part(const ByteChain& frame, std::size_t from, std::size_t to) {
    ByteChain piece;
    piece.append(frame.flatten().slice(from, to - from));
    return piece;
  }
  bool is_served(WireClient& client) {
    auto answer =
        kafka().run(client.call<ApiVersionsResponse>(ApiVersionsRequest{}, std::int16_t{2}));
    return answer.has_value() && answer->error_code == 0;
  }
  void produce(std::size_t value_bytes, int records = 1) {
    WireClient client = kafka().connect();
    for (int i = 0; i < records; ++i) {
      auto answer = kafka().run(client.call<ProduceResponse>(
          one_record(kTopic, 0, std::string(value_bytes, 'x')), kProduceVersion));
      ASSERT_TRUE(answer.has_value());
      ASSERT_EQ(answer->responses.at(0).partition_responses.at(0).error_code, 0);
    }
    client.close();
  }
  std::optional<FetchResponse::Partition> fetch(WireClient& client, std::int64_t from) {
    auto answer =
        kafka().run(client.call<FetchResponse>(fetch_one(kTopic, 0, from), kFetchVersion));
    if (!answer) return std::nullopt;
    return std::move(answer->responses.at(0).partitions.at(0));
  }
  std::uint64_t closed_for_memory() {
    MetricsPage page;
    kafka().broker().run(add_metrics(&page));
    const std::string name = "\nmillrace_kafka_connections_closed_for_memory_total ";
    const std::string text = page.text();
    const auto at = text.find(name);
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size()));
  }
  Task<bool> add_metrics(MetricsPage* page) {
    co_await kafka().server().add_metrics(page);
    co_return true;
  }

  struct Sending {
    std::size_t bytes = 0;
    bool ended = false;
  };
  static Task<void> send_all(WireClient* client, ByteChain frame, Sending* state) {
    const Bytes all = frame.flatten();
    constexpr std::size_t kStep = 4096;
    while (state->bytes < all.size()) {
      const std::size_t size = std::min(kStep, all.size() - state->bytes);
      ByteChain piece;
      piece.append(all.slice(state->bytes, size));
      auto sent = co_await client->send(std::move(piece));
      if (!sent) break;
      state->bytes += size;
    }
    state->ended = true;
  }
  Sending& send_beside(WireClient& client, ByteChain frame) {
    Sending& state = *sendings_.emplace_back(new Sending);
    kafka().spawn(send_all(&client, std::move(frame), &state));
    return state;
  }

  SimDisk disk_{1};
  std::optional<SimKafka> kafka_;
  std::vector<std::unique_ptr<WireClient>> clients_;
  std::vector<std::unique_ptr<Sending>> sendings_;
};

// Two of them are nearly all that huge requests may have.
constexpr std::size_t kLarge = 1'400'000;

TEST_F(MemoryTest, EverythingIsGivenBack) {
  start();
  for (int i = 0; i < 20; ++i) {
    WireClient& client = connect();
    ASSERT_TRUE(is_served(client));
    ByteChain frames = produce_frame(1, i % 2 ? 500 : 300'000);
    frames.append(fetch_frame(2, 0, i % 3 ? 0ms : 1h, 1 << 30));
    if (i % 4 == 0) frames.append(part(produce_frame(3, 70'000), 0, 1000));
    send_beside(client, std::move(frames));
  }
  pass(3s);
  EXPECT_GT(held(), 20 * 4096u);
  close_all();
  kafka().runtime().run_for(1h + 1s);
  EXPECT_EQ(held(), 0u);
}

TEST_F(MemoryTest, AnIdleConnectionHoldsNothingButItself) {
  start();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(is_served(connect()));
  pass(10ms);
  EXPECT_EQ(held(), 10 * 4096u);
  close_all();
}

// However much it asked for, and whatever it found but was too little.
TEST_F(MemoryTest, AFetchThatWaitsHoldsLittle) {
  start();
  produce(100'000);
  for (int i = 0; i < 10; ++i) {
    WireClient& client = connect();
    ASSERT_TRUE(kafka().run(client.send(fetch_frame(1, 0, 1min, 1 << 20))));
  }
  pass(1s);
  EXPECT_LT(held(), 10 * 8192u);
  close_all();
  pass(1min);
}

TEST_F(MemoryTest, ALargeRequestWaitsForItsTurn) {
  start();
  const ByteChain frame = produce_frame(7, kLarge);
  WireClient& one = connect();
  WireClient& other = connect();
  ASSERT_TRUE(kafka().run(one.send(part(frame, 0, 5000))));
  ASSERT_TRUE(kafka().run(other.send(part(frame, 0, 5000))));
  pass(10ms);
  WireClient& third = connect();
  Sending& sending = send_beside(third, frame);
  ASSERT_TRUE(comes([&] { return memory().waiting() == 1; }, 1s));
  pass(1s);
  EXPECT_LT(sending.bytes, 200'000u) << "it is not read meanwhile";
  EXPECT_TRUE(is_served(connect()));
  produce(1000, 10);
  // The first one ends its request: the third may go on.
  send_beside(one, part(frame, 5000, frame.size()));
  auto answer = kafka().run(third.receive());
  ASSERT_TRUE(answer.has_value());
  auto produced = WireClient::read_answer<ProduceResponse>(*answer, 7, kProduceVersion);
  ASSERT_TRUE(produced.has_value());
  EXPECT_EQ(produced->responses.at(0).partition_responses.at(0).error_code, 0);
  EXPECT_EQ(memory().waiting(), 0u);
  close_all();
  EXPECT_EQ(held(), 0u);
}

TEST_F(MemoryTest, HalfRequestsThatNeverEndAreLetGo) {
  start();
  const ByteChain frame = produce_frame(7, kLarge);
  WireClient& one = connect();
  WireClient& other = connect();
  ASSERT_TRUE(kafka().run(one.send(part(frame, 0, 5000))));
  ASSERT_TRUE(kafka().run(other.send(part(frame, 0, 5000))));
  pass(1h / 10);  // nobody needs their memory
  EXPECT_EQ(closed_for_memory(), 0u);
  pass(1min);
  WireClient& third = connect();
  send_beside(third, frame);
  const MonotonicTime before = kafka().runtime().now();
  auto answer = kafka().run(third.receive());
  ASSERT_TRUE(answer.has_value());
  EXPECT_LT(Duration(kafka().runtime().now() - before), 8s);
  EXPECT_EQ(closed_for_memory(), 1u) << "no more than needed";
  close_all();
}

Task<void> trickle(WireClient* client, ByteChain frame, Core* core, bool* ended) {
  const Bytes all = frame.flatten();
  for (std::size_t at = 5000; at < all.size(); ++at) {
    ByteChain byte;
    byte.append(all.slice(at, 1));
    auto sent = co_await client->send(std::move(byte));
    if (!sent) break;
    co_await sleep_for(*core, 100ms);
  }
  *ended = true;
}

TEST_F(MemoryTest, AByteNowAndThenKeepsNoMemory) {
  start();
  const ByteChain frame = produce_frame(7, kLarge);
  WireClient& one = connect();
  WireClient& other = connect();
  bool ended[2] = {};
  for (WireClient* client : {&one, &other}) {
    ASSERT_TRUE(kafka().run(client->send(part(frame, 0, 5000))));
    kafka().spawn(trickle(client, frame, &kafka().client_core(), &ended[client == &other]));
  }
  pass(1s);
  WireClient& third = connect();
  send_beside(third, frame);
  auto answer = kafka().run(third.receive());
  EXPECT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_EQ(closed_for_memory(), 1u);
  close_all();
  EXPECT_TRUE(comes([&] { return ended[0] && ended[1]; }, 1s));
}

// Each holds the buffer with the beginning of its request while it waits for the rest.
TEST_F(MemoryTest, ManyThatWaitDoNotKeepEachOtherWaiting) {
  start();
  const ByteChain frame = produce_frame(7, kLarge);
  for (int i = 0; i < 150; ++i) send_beside(connect(), part(frame, 0, 80'000));
  pass(2s);
  EXPECT_LE(memory().bytes_used(), kBudget + 150 * 4096);
  EXPECT_TRUE(is_served(connect()));
  // And when the first ones never go on, the next ones get there.
  WireClient& last = connect();
  bool answered = false;
  for (int attempt = 0; attempt < 100 && !answered; ++attempt) {
    WireClient again = kafka().connect();
    Sending& sending = send_beside(again, frame);
    answered = kafka().run(again.receive()).has_value();
    again.close();
    ASSERT_TRUE(comes([&] { return sending.ended; }, 1s));
    pass(1s);
  }
  EXPECT_TRUE(answered);
  EXPECT_GT(closed_for_memory(), 0u);
  EXPECT_TRUE(is_served(last));
  close_all();
}

TEST_F(MemoryTest, ARequestThatCanNeverFitIsRefused) {
  start();
  WireClient& client = connect();
  send_beside(client, produce_frame(1, kBudget / 2));
  EXPECT_FALSE(kafka().run(client.receive()).has_value());
  close_all();
}

TEST_F(MemoryTest, ReadersThatNeverTakeTheirAnswersAreLetGo) {
  start();
  produce(100'000, 20);
  for (int i = 0; i < 60; ++i) {  // 30 MB of answers, if all were kept
    WireClient& deaf = connect();
    ByteChain frames = fetch_frame(1, 0);
    frames.append(fetch_frame(2, 5));
    send_beside(deaf, std::move(frames));
  }
  WireClient& reader = connect();
  std::uint64_t most = 0;
  bool closed = false;
  // Somebody else goes on all the time, with whole batches.
  for (int round = 0; round < 300; ++round) {
    auto got = fetch(reader, round % 20);
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->error_code, 0);
    ASSERT_GT(got->records.value().size(), 100'000u);
    most = std::max(most, memory().bytes_used());
    pass(50ms);
    closed = closed || closed_for_memory() > 0;
  }
  EXPECT_TRUE(closed);
  EXPECT_LE(most, kBudget + 200'000);
  EXPECT_FALSE(memory().is_short());
  EXPECT_GT(held(), kBudget / 8) << "those that fit may stay";
  close_all();
  EXPECT_EQ(held(), 0u);
}

TEST_F(MemoryTest, AnswersGetSmallerWhenLittleIsLeft) {
  start();
  produce(20'000, 60);
  WireClient& reader = connect();
  const std::size_t usual = fetch(reader, 0)->records->size();
  EXPECT_GT(usual, 500'000u);
  MemoryShare& share = kafka().broker().core(0).memory();
  MemoryLease others(share, memory().large_bytes_max() - (400 << 10));
  const std::size_t fewer = fetch(reader, 0)->records->size();
  EXPECT_LT(fewer, 200'000u);
  EXPECT_GT(fewer, 20'000u);
  others.set(memory().large_bytes_max());
  EXPECT_GT(fetch(reader, 0)->records->size(), 20'000u) << "one batch at least";
  others.set(0);
  EXPECT_EQ(fetch(reader, 0)->records->size(), usual);
  close_all();
}

// Others hold so much that large answers wait for their turn; small ones that are in memory do not.
TEST_F(MemoryTest, WhoReadsAtTheEndDoesNotWaitForThoseWhoAskForALot) {
  start();
  produce(200'000);
  MemoryLease others(kafka().broker().core(0).memory(), kBudget / 16 * 13);
  WireClient& greedy = connect();
  ASSERT_TRUE(kafka().run(greedy.send(fetch_frame(1, 0))));
  ASSERT_TRUE(comes([&] { return memory().waiting() == 1; }, 1s));
  WireClient& reader = connect();
  for (std::int64_t offset = 1; offset < 20; ++offset) {
    produce(1000);
    auto got = fetch(reader, offset);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->error_code, 0);
    EXPECT_GT(got->records.value().size(), 1000u);
    EXPECT_EQ(memory().waiting(), 1u);
  }
  others.set(0);
  kafka().broker().core(0).memory().give_back();
  auto frame = kafka().run(greedy.receive());
  ASSERT_TRUE(frame.has_value());
  EXPECT_GT(frame->size(), 200'000u);
  close_all();
}

TEST_F(MemoryTest, WithNothingLeftRequestsWaitAndGoOn) {
  start();
  produce(1000);
  WireClient& reader = connect();
  WireClient& writer = connect();
  ASSERT_TRUE(is_served(reader));
  ASSERT_TRUE(is_served(writer));
  held();
  MemoryLease others(kafka().broker().core(0).memory(), kBudget);
  ASSERT_TRUE(kafka().run(reader.send(fetch_frame(1, 0))));
  ASSERT_TRUE(kafka().run(writer.send(produce_frame(2, 100))));
  pass(8s);
  EXPECT_EQ(memory().waiting(), 2u);
  EXPECT_EQ(closed_for_memory(), 0u);
  pass(12s);
  EXPECT_EQ(memory().waiting(), 0u);
  EXPECT_EQ(closed_for_memory(), 2u) << "for so long nobody had a turn";
  others.set(0);
  kafka().broker().core(0).memory().give_back();
  pass(1s);
  EXPECT_EQ(memory().waiting(), 0u);
  EXPECT_TRUE(is_served(connect()));
  close_all();
}

TEST_F(MemoryTest, WhatFreesItselfInTimeClosesNobody) {
  start();
  produce(1000);
  WireClient& reader = connect();
  WireClient& writer = connect();
  ASSERT_TRUE(is_served(reader));
  ASSERT_TRUE(is_served(writer));
  held();
  MemoryLease others(kafka().broker().core(0).memory(), kBudget);
  ASSERT_TRUE(kafka().run(reader.send(fetch_frame(1, 0))));
  ASSERT_TRUE(kafka().run(writer.send(produce_frame(2, 100))));
  pass(4s);
  EXPECT_EQ(memory().waiting(), 2u);
  others.set(0);
  kafka().broker().core(0).memory().give_back();
  ASSERT_TRUE(kafka().run(reader.receive()).has_value());
  ASSERT_TRUE(kafka().run(writer.receive()).has_value());
  EXPECT_EQ(closed_for_memory(), 0u);
  close_all();
}

TEST_F(MemoryTest, AStopEndsRequestsThatWaitForMemory) {
  start();
  WireClient& reader = connect();
  ASSERT_TRUE(is_served(reader));
  {
    MemoryLease others(kafka().broker().core(0).memory(), 2 * kBudget);
    ASSERT_TRUE(kafka().run(reader.send(fetch_frame(1, 0))));
    pass(2s);
    ASSERT_EQ(memory().waiting(), 1u);
    kafka().stop_requests();
    EXPECT_TRUE(comes([&] { return kafka().broker().nothing_inside(); }, 1s));
  }
  close_all();
  kafka().close();
  kafka_.reset();
}

// BUG: what was sent of the answers stayed for as long as some of them were not, so a client that
// is always a little behind made the broker grow with all that it ever read.
Task<void> read_behind(WireClient* client, int answers, int* received) {
  for (; *received < answers; ++*received) {
    auto frame = co_await client->receive();
    if (!frame) break;
    auto sent = co_await client->send(
        encode_request(*received + 10, "test", fetch_one(kTopic, 0, 0), kFetchVersion));
    if (!sent) break;
  }
}

TEST_F(MemoryTest, BugAReaderThatIsAlwaysBehindDoesNotPileUpWhatItRead) {
  start(64 << 20);
  produce(50'000);
  WireClient& reader = connect();
  // Some requests ahead of the answers at any time.
  ByteChain frames;
  for (std::int32_t i = 0; i < 6; ++i) frames.append(fetch_frame(i, 0));
  ASSERT_TRUE(kafka().run(reader.send(std::move(frames))));
  int received = 0;
  kafka().spawn(read_behind(&reader, 400, &received));
  std::uint64_t most = 0;
  ASSERT_TRUE(comes(
      [&] {
        most = std::max(most, memory().bytes_used());
        return received == 400;
      },
      10min));
  // 20 MB went by.
  EXPECT_LT(most, 3u << 20);
  close_all();
}

// BUG: answers above outbox_bytes_max that the socket took at once left nobody to say that there
// was room again: the next request waited for ever.
TEST_F(MemoryTest, BugAnAnswerThatLeavesAtOnceMakesRoom) {
  SessionLimits limits;
  limits.outbox_bytes_max = 2000;
  start(kBudget, {.seed = 1, .cores = 1}, limits);
  produce(5000);
  WireClient& reader = connect();
  ByteChain frames = fetch_frame(1, 0);
  frames.append(fetch_frame(2, 0));
  frames.append(fetch_frame(3, 0));
  ByteChain at_once;
  at_once.append(frames.flatten());
  ASSERT_TRUE(kafka().run(reader.send(std::move(at_once))));
  int received = 0;
  kafka().spawn(read_behind(&reader, 3, &received));
  EXPECT_TRUE(comes([&] { return received == 3; }, 1min));
  close_all();
  pass(10ms);
}

// BUG: answers behind a produce that waits for the disk were not among those that the limit on
// unsent bytes counts.
TEST_F(MemoryTest, BugAnswersThatWaitBehindAProduceCount) {
  start(64 << 20);
  produce(100'000, 5);
  const MonotonicTime before = kafka().runtime().now();
  disk_.set_capacity(disk_.used());
  WireClient& client = connect();
  ProduceRequest request = one_record(kTopic, 1, std::string(60'000, 'x'));
  request.timeout_ms = 5000;
  ByteChain frames;
  for (std::int32_t i = 0; i < 8; ++i) {
    frames.append(encode_request(i, "test", request, kProduceVersion));
  }
  for (std::int32_t i = 8; i < 60; ++i) frames.append(fetch_frame(i, 0));
  send_beside(client, std::move(frames));
  pass(2s);
  EXPECT_LT(Duration(kafka().runtime().now() - before), 5s);
  EXPECT_LT(memory().bytes_used(), 6u << 20);
  disk_.set_capacity(SimDisk::kUnlimited);
  for (std::int32_t i = 0; i < 60; ++i) {
    auto frame = kafka().run(client.receive());
    ASSERT_TRUE(frame.has_value());
    ASSERT_EQ(load_big_endian<std::int32_t>(frame->data()), i);
  }
  close_all();
  pass(1min);
}

}  // namespace
}  // namespace millrace::kafka::test

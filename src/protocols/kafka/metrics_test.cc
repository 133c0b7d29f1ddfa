// What is counted of connections and requests, over the simulated network.
#include <gtest/gtest.h>

#include "base/log.h"
#include "protocols/kafka/sim_kafka_test_support.h"

namespace millrace::kafka::test {
namespace {

using namespace std::chrono_literals;

class KafkaMetricsTest : public testing::Test {
 protected:
  KafkaMetricsTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(millrace::test::kSimDirectory);
    EXPECT_TRUE(kafka_.start());
    kafka_.create_topic("orders", 6);
  }
  ~KafkaMetricsTest() override { set_log_level(LogLevel::info); }

  std::string page() {
    MetricsPage page;
    kafka_.broker().run(add_metrics(&page));
    return page.text();
  }
  Task<bool> add_metrics(MetricsPage* page) {
    co_await kafka_.server().add_metrics(page);
    co_return true;
  }
  testing::AssertionResult has(const std::string& line) {
    const std::string text = page();
    if (("\n" + text).find("\n" + line + "\n") != std::string::npos) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << line << " is not in\n" << text;
  }
  template <class Response, class Request>
  void call(WireClient& client, Request request, std::int16_t version) {
    auto answer = kafka_.run(client.call<Response>(std::move(request), version));
    ASSERT_TRUE(answer.has_value()) << answer.error().message();
  }

  SimDisk disk_{1};
  SimKafka kafka_{{.seed = 1, .cores = 3}, disk_, {.connections_max = 2}};
};

TEST_F(KafkaMetricsTest, RequestsAreCountedByApi) {
  EXPECT_EQ(page().find("api="), std::string::npos) << "of what nobody used nothing is said";
  WireClient client = kafka_.connect();
  for (std::int32_t i = 0; i < 6; ++i) {
    call<ProduceResponse>(client, one_record("orders", i, "x"), 9);
  }
  call<FetchResponse>(client, fetch_one("orders", 0, 0), 11);
  EXPECT_TRUE(has("millrace_kafka_requests_total{api=\"Produce\"} 6"));
  EXPECT_TRUE(has("millrace_kafka_request_seconds_count{api=\"Produce\"} 6"));
  EXPECT_TRUE(has("millrace_kafka_requests_total{api=\"Fetch\"} 1"));
  EXPECT_EQ(page().find("millrace_kafka_errors_total"), std::string::npos);
  client.close();
}

TEST_F(KafkaMetricsTest, ErrorsAreCountedWhereTheyStandInTheAnswer) {
  WireClient client = kafka_.connect();
  // In a partition of a topic, twice; and at the top of another answer.
  for (int i = 0; i < 2; ++i) call<ProduceResponse>(client, one_record("none", 0, "x"), 9);
  HeartbeatRequest heartbeat;
  heartbeat.group_id = "nobody";
  heartbeat.member_id = "nobody";
  call<HeartbeatResponse>(client, heartbeat, 3);
  EXPECT_TRUE(
      has(R"(millrace_kafka_errors_total{api="Produce",error="UNKNOWN_TOPIC_OR_PARTITION"} 2)"));
  EXPECT_TRUE(has(R"(millrace_kafka_errors_total{api="Heartbeat",error="UNKNOWN_MEMBER_ID"} 1)"));
  client.close();
}

// acks=0 has no answer, and fails all the same.
TEST_F(KafkaMetricsTest, WhatIsNotAnsweredIsCounted) {
  WireClient client = kafka_.connect();
  auto sent = kafka_.run(client.send(encode_request(1, "test", one_record("none", 0, "x", 0), 9)));
  ASSERT_TRUE(sent);
  call<MetadataResponse>(client, all_topics(), 8);  // behind it
  EXPECT_TRUE(
      has(R"(millrace_kafka_errors_total{api="Produce",error="UNKNOWN_TOPIC_OR_PARTITION"} 1)"));
  client.close();
}

TEST_F(KafkaMetricsTest, ConnectionsOpenAcceptedAndRefused) {
  std::vector<WireClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(kafka_.connect());
    call<MetadataResponse>(clients.back(), all_topics(), 8);
  }
  WireClient seventh = kafka_.connect();
  EXPECT_FALSE(kafka_.run(seventh.call<MetadataResponse>(all_topics(), 8)));
  EXPECT_TRUE(has("millrace_kafka_connections 6"));
  EXPECT_TRUE(has("millrace_kafka_connections_accepted_total 6"));
  EXPECT_TRUE(has("millrace_kafka_connections_refused_total 1"));
  for (WireClient& client : clients) client.close();
  kafka_.runtime().run_for(1s);
  EXPECT_TRUE(has("millrace_kafka_connections 0"));
  EXPECT_TRUE(has("millrace_kafka_connections_accepted_total 6"));
  seventh.close();
}

Task<void> wait_for_records(WireClient* client, bool* answered) {
  auto response = co_await client->call<FetchResponse>(fetch_one("orders", 0, 0, 5000), 11);
  *answered = response.has_value();
}

TEST_F(KafkaMetricsTest, AFetchThatWaitsIsInWorkAndItsWaitingCounts) {
  WireClient client = kafka_.connect();
  bool answered = false;
  kafka_.spawn(wait_for_records(&client, &answered));
  kafka_.runtime().run_for(1s);
  EXPECT_TRUE(has("millrace_kafka_requests_in_work 1"));
  ASSERT_TRUE(kafka_.runtime().run_until([&] { return answered; }, 10s));
  EXPECT_TRUE(has("millrace_kafka_requests_in_work 0"));
  EXPECT_TRUE(has(R"(millrace_kafka_request_seconds_bucket{api="Fetch",le="2.5"} 0)"));
  EXPECT_TRUE(has(R"(millrace_kafka_request_seconds_bucket{api="Fetch",le="10"} 1)"));
  client.close();
}

// A connection that breaks takes its request with it.
TEST_F(KafkaMetricsTest, NothingStaysInWorkForGood) {
  WireClient client = kafka_.connect();
  bool answered = false;
  kafka_.spawn(wait_for_records(&client, &answered));
  kafka_.runtime().run_for(1s);
  client.close();
  kafka_.runtime().run_for(10s);
  EXPECT_TRUE(has("millrace_kafka_requests_in_work 0"));
}

}  // namespace
}  // namespace millrace::kafka::test

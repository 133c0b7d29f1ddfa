#include "observe/observer.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;
using test::SimBroker;

class ObserverTest : public testing::Test {
 protected:
  ObserverTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(test::kSimDirectory);
    EXPECT_TRUE(sim_.start().has_value());
    observer_.emplace(sim_.runtime(),
                      ObserverOptions{.version = "1.2.3",
                                      .data_directory = ".",
                                      .restarts = 2,
                                      .limits = {.topic_series_max = 3, .lag_series_max = 3}});
  }
  ~ObserverTest() override { set_log_level(LogLevel::info); }

  void create(const std::string& name) {
    std::vector<CreateTopic> commands;
    commands.push_back({.name = name, .partitions = 1});
    ASSERT_FALSE(sim_.run(sim_.core(0).create_topics(std::move(commands))).at(0).error.has_value());
  }
  void produce(const std::string& name, std::int64_t age_ms = 0) {
    const std::int64_t now = sim_.runtime().core(CoreId(0)).wall_now().value();
    BatchBuilder builder;
    builder.add(WallMs(now - age_ms), std::nullopt, as_bytes("x"));
    std::vector<ProduceItem> items;
    items.push_back({sim_.core(0).image().find(name), 0, builder.build()});
    auto results = sim_.run(sim_.core(0).produce(std::move(items), AckLevel::durable));
    ASSERT_EQ(results.at(0).error.code, ErrorCode::ok);
  }
  void commit(const std::string& group, const std::string& topic, std::int64_t offset) {
    OffsetCommit command{.group = group, .topics = {{topic, {{0, Offset(offset), {}, ""}}}}};
    ASSERT_TRUE(sim_.run(sim_.core(0).group(group, std::move(command))).has_value());
  }
  std::string scrape() { return sim_.run(observer_->scrape()); }
  testing::AssertionResult has(const std::string& line) {
    const std::string text = scrape();
    if (("\n" + text).find("\n" + line + "\n") != std::string::npos) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << line << " is not in\n" << text;
  }

  SimDisk disk_{1};
  SimBroker sim_{{.seed = 1, .cores = 2}, disk_};
  std::optional<Observer> observer_;
};

TEST_F(ObserverTest, BeforeTheBrokerServesTheProcessIsThere) {
  const std::string text = scrape();
  EXPECT_NE(text.find("millrace_build_info{version=\"1.2.3\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("millrace_ready 0\n"), std::string::npos);
  EXPECT_NE(text.find("millrace_restarts_total 2\n"), std::string::npos);
  EXPECT_NE(text.find("process_open_fds "), std::string::npos);
  EXPECT_EQ(text.find("millrace_topics"), std::string::npos);
}

TEST_F(ObserverTest, TopicsBeyondTheLimitAreSummed) {
  observer_->observe(sim_.broker(), 1500ms);
  for (const char* name : {"a", "b", "c"}) create(name);
  produce("b");
  EXPECT_TRUE(has("millrace_startup_seconds 1.5"));
  EXPECT_TRUE(has("millrace_topic_records_in_total{topic=\"b\"} 1"));
  for (const char* name : {"d", "e"}) {
    create(name);
    produce(name);
    produce(name);
  }
  EXPECT_TRUE(has("millrace_topics 5"));
  EXPECT_TRUE(has("millrace_partitions 5"));
  EXPECT_TRUE(has("millrace_topic_records_in_total{topic=\"(other)\"} 4"));
  EXPECT_EQ(scrape().find("topic=\"d\""), std::string::npos);
}

TEST_F(ObserverTest, LagInRecordsAndInTime) {
  observer_->observe(sim_.broker(), 1s);
  create("orders");
  produce("orders", 90'000);
  produce("orders", 60'000);
  commit("slow", "orders", 1);
  commit("fast", "orders", 2);
  EXPECT_TRUE(has(R"(millrace_group_lag_records{group="fast",topic="orders",partition="0"} 0)"));
  EXPECT_TRUE(has(R"(millrace_group_lag_records{group="slow",topic="orders",partition="0"} 1)"));
  EXPECT_TRUE(
      has("millrace_group_oldest_unread_age_seconds{group=\"fast\",topic=\"orders\","
          "partition=\"0\"} 0"));
  const std::string text = scrape();
  const std::string line =
      "millrace_group_oldest_unread_age_seconds{group=\"slow\",topic=\"orders\",partition=\"0\"} ";
  const auto at = text.find(line);
  ASSERT_NE(at, std::string::npos) << text;
  const double age = std::strtod(text.c_str() + at + line.size(), nullptr);
  EXPECT_GE(age, 60.0);
  EXPECT_LT(age, 70.0);
  EXPECT_TRUE(has("millrace_groups{state=\"Empty\"} 2"));
}

TEST_F(ObserverTest, LagBeyondTheLimitIsSummed) {
  observer_->observe(sim_.broker(), 1s);
  create("orders");
  for (int i = 0; i < 4; ++i) produce("orders");
  for (const char* group : {"g1", "g2", "g3", "g4", "g5"}) commit(group, "orders", 1);
  EXPECT_TRUE(has(R"(millrace_group_lag_records{group="g3",topic="orders",partition="0"} 3)"));
  EXPECT_TRUE(has(
      R"-(millrace_group_lag_records{group="(other)",topic="(other)",partition="(other)"} 6)-"));
  EXPECT_EQ(scrape().find("g4"), std::string::npos);
}

TEST_F(ObserverTest, StorageCoresAndMemory) {
  observer_->observe(sim_.broker(), 1s);
  create("orders");
  produce("orders");
  const std::string text = scrape();
  for (const char* name :
       {"millrace_journal_groups_total ", "millrace_journal_flush_seconds_count ",
        "millrace_journal_used_bytes ", "millrace_checkpoints_total{outcome=\"done\"} ",
        "millrace_memory_bytes{part=\"tail\"} ", "millrace_core_stalls_total{core=\"1\"} 0",
        "millrace_disk_free_bytes "}) {
    EXPECT_NE(text.find(std::string("\n") + name), std::string::npos) << name << text;
  }
}

Task<void> add_connections(MetricsPage* page) {
  page->set(Metric::kafka_connections, 42);
  co_return;
}

TEST_F(ObserverTest, SourcesAddToThePage) {
  observer_->observe(sim_.broker(), 1s);
  observer_->add_source(add_connections);
  EXPECT_TRUE(has("millrace_kafka_connections 42"));
}

}  // namespace
}  // namespace millrace

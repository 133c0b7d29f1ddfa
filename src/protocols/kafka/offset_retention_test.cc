// The retention time that OffsetCommit had in its versions 2 to 4, in virtual time.
#include <gtest/gtest.h>

#include "base/log.h"
#include "protocols/kafka/sim_kafka_test_support.h"

namespace millrace::kafka::test {
namespace {

using namespace std::chrono_literals;

class OffsetRetentionTest : public testing::Test {
 protected:
  OffsetRetentionTest() {
    set_log_level(LogLevel::error);
    disk_.make_durable_directory(millrace::test::kSimDirectory);
    kafka_.emplace(SimOptions{.seed = 4, .cores = 2}, disk_);
    EXPECT_TRUE(kafka_->start());
    kafka_->create_topic("orders", 4);
  }
  ~OffsetRetentionTest() override {
    kafka_.reset();
    set_log_level(LogLevel::info);
  }

  template <class Response, class Request>
  Response ask(Request request, std::int16_t version) {
    WireClient client = kafka_->connect();
    auto answer = kafka_->run(client.call<Response>(std::move(request), version));
    client.close();
    EXPECT_TRUE(answer.has_value());
    return answer ? std::move(*answer) : Response{};
  }
  void commit(std::int32_t partition, std::int64_t retention_ms, std::int16_t version) {
    OffsetCommitRequest request;
    request.group_id = "billing";
    request.generation_id_or_member_epoch = -1;
    request.retention_time_ms = retention_ms;
    OffsetCommitRequest::Topic& topic = request.topics.emplace_back();
    topic.name = "orders";
    topic.partitions.push_back({.partition_index = partition, .committed_offset = 7});
    auto answer = ask<OffsetCommitResponse>(std::move(request), version);
    EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, 0);
  }
  // The partitions that still have their offset.
  std::vector<std::int32_t> kept() {
    OffsetFetchRequest request;
    request.group_id = "billing";
    OffsetFetchRequest::Topic& topic = request.topics.emplace().emplace_back();
    topic.name = "orders";
    topic.partition_indexes = {0, 1, 2, 3};
    auto answer = ask<OffsetFetchResponse>(std::move(request), 5);
    std::vector<std::int32_t> partitions;
    for (const auto& partition : answer.topics.at(0).partitions) {
      if (partition.committed_offset == 7) partitions.push_back(partition.partition_index);
    }
    return partitions;
  }
  void pass(Duration time) { kafka_->runtime().run_for(time); }

  SimDisk disk_{1};
  std::optional<SimKafka> kafka_;
};

TEST_F(OffsetRetentionTest, OldVersionsSayHowLongAnOffsetIsKept) {
  constexpr std::int64_t kHour = 3'600'000;
  commit(0, kHour, 2);
  commit(1, 3 * kHour, 4);
  commit(2, -1, 3);     // the broker's: seven days
  commit(3, kHour, 5);  // a version that has no such field
  using Kept = std::vector<std::int32_t>;
  pass(50min);
  EXPECT_EQ(kept(), (Kept{0, 1, 2, 3}));
  pass(30min);  // looked at every ten
  EXPECT_EQ(kept(), (Kept{1, 2, 3}));
  pass(2h);
  EXPECT_EQ(kept(), (Kept{2, 3}));
}

}  // namespace
}  // namespace millrace::kafka::test

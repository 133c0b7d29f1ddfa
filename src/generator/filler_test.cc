#include "generator/filler.h"

#include <gtest/gtest.h>

#include "broker/sim_broker_test_support.h"

namespace millrace {
namespace {

using test::SimBroker;

constexpr std::uint64_t kPartitionBytes = 2'300'000;

// What a filled directory says when it is opened again.
class FillerTest : public ::testing::Test {
 protected:
  FillerTest() { disk.make_durable_directory(test::kSimDirectory); }

  SimBroker start() {
    StorageLimits limits;
    limits.journal_bytes_max = 64 << 20;
    limits.journal_file_bytes = 16 << 20;
    limits.journal_first_file_bytes = 16 << 20;
    return {{.seed = ++seed, .cores = 3}, disk, {}, limits};
  }

  void fill(FillOptions options) {
    SimBroker sim = start();
    ASSERT_TRUE(sim.start());
    Filler filler(sim.broker(), std::move(options));
    auto filled = sim.run(filler.run());
    ASSERT_TRUE(filled) << filled.error().message();
  }
  // All that one partition holds, read from its beginning.
  Bytes read_all(SimBroker& sim, std::shared_ptr<const TopicInfo> topic, std::int32_t partition) {
    ByteChain all;
    Offset from(0);
    for (;;) {
      FetchCommand command;
      command.items.push_back({.topic = topic, .partition = partition, .from = from});
      auto results = sim.run(sim.core(0).fetch(std::move(command)));
      EXPECT_EQ(results[0].error.code, ErrorCode::ok) << results[0].error.message();
      if (results[0].batches.empty()) return all.flatten();
      from = results[0].next;
      all.append(std::move(results[0].batches));
    }
  }

  SimDisk disk{1};
  std::uint64_t seed = 0;
};

TEST_F(FillerTest, what_it_wrote_is_what_a_broker_serves) {
  fill({.name = "logs", .topics = 2, .partitions = 3, .partition_bytes = kPartitionBytes});
  SimBroker sim = start();
  ASSERT_TRUE(sim.start());
  const auto& image = sim.core(0).image();
  ASSERT_EQ(image.topics.size(), 2u);
  for (const auto& [name, topic] : image.topics) {
    ASSERT_EQ(topic->partitions.size(), 3u);
    for (std::int32_t partition = 0; partition < 3; ++partition) {
      Bytes bytes = read_all(sim, topic, partition);
      EXPECT_NEAR(static_cast<double>(bytes.size()), kPartitionBytes, 1000);
      std::vector<std::string> text;
      for (ByteView left = bytes.view(); !left.empty();) {
        auto header = validate_batch(left.first(read_batch_header(left)->size), BatchLimits{});
        ASSERT_TRUE(header) << header.error().message();
        RecordReader reader(left.first(header->size), BatchLimits{});
        while (auto record = reader.next()) {
          if (record->value->size() < 100) text.emplace_back(as_text(*record->value));
        }
        left = left.subspan(header->size);
      }
      ASSERT_EQ(text.size(), static_cast<std::size_t>(Filler::kLastRecords));
      for (int i = 0; i < Filler::kLastRecords; ++i) {
        EXPECT_EQ(text[static_cast<std::size_t>(i)], Filler::last_value(name, partition, i));
      }
    }
  }
}

TEST_F(FillerTest, small_segments_and_empty_partitions_can_be_asked_for) {
  fill({.name = "logs",
        .partitions = 2,
        .partition_bytes = kPartitionBytes,
        .segment_bytes = 1 << 20});
  std::size_t segments = 0;
  for (const std::string& path : disk.paths()) segments += path.ends_with(".log") ? 1 : 0;
  EXPECT_GE(segments, 2u * 2);
  SimBroker sim = start();
  ASSERT_TRUE(sim.start());
  auto topic = sim.core(0).image().find("logs");
  auto summaries = sim.run(sim.core(0).describe_partitions(topic));
  // Two full batches, the rest, and three records of text.
  for (const auto& summary : summaries) EXPECT_EQ(summary.high_watermark, Offset(6));
}

}  // namespace
}  // namespace millrace

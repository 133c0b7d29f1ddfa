// Filler: makes topics and fills each of their partitions to the same size, through the broker's
// verbs, with as many at a time as the disk takes.
//
//   Filler filler(broker, {.topics = 1, .partitions = 10'000, .partition_bytes = 5'000'000});
//   auto filled = co_await filler.run();        // on core 0, once
//
// A partition holds batches of one record each, whose value is zeros, of idempotent producers that
// take turns, and then one small batch of kLastRecords records of text, which say where they stand
// (last_value): who reads it knows that it is the right one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "broker/broker.h"

namespace millrace {

struct FillOptions {
  std::string name = "filled";  // of the topic; of many, NAME-0, NAME-1 and so on
  std::int32_t topics = 1;
  std::int32_t partitions = 1;                // of each topic
  std::uint64_t partition_bytes = 5'000'000;  // about, of record batches
  std::uint64_t segment_bytes = 0;            // the topics' segment.bytes; 0: its default
};

class Filler {
 public:
  static constexpr int kLastRecords = 3;

  Filler(Broker& broker, FillOptions options);
  Task<Result<void>> run();

  static std::string last_value(const std::string& topic, std::int32_t partition, int record);

 private:
  using Topic = std::shared_ptr<const TopicInfo>;

  Task<Result<void>> make_topics();
  Task<Result<void>> make_producers();
  Task<Result<void>> fill_next();
  Task<Result<void>> fill(Topic topic, std::int32_t partition);
  Task<Result<void>> produce(std::vector<ProduceItem> items);
  Bytes zero_batch(std::size_t size, std::size_t producer, std::int32_t sequence);
  Bytes last_batch(const TopicInfo& topic, std::int32_t partition) const;

  BrokerCore& home_;
  const FillOptions options_;
  std::vector<Topic> topics_;
  std::vector<ProducerId> producers_;
  std::int64_t next_ = 0;  // of all partitions
  // By size, producer and sequence: nearly all are alike.
  std::map<std::tuple<std::size_t, std::size_t, std::int32_t>, Bytes> made_;
};

}  // namespace millrace

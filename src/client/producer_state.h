// What a Producer keeps of batches, partitions and leaders. Private to the producer's files.
#pragma once

#include "client/producer.h"
#include "protocols/kafka/wire/gen/produce.h"

namespace millrace::client {

struct Producer::Batch {
  std::int32_t partition = 0;
  Bytes bytes;
  std::int32_t records = 0;
  std::vector<Clock::time_point> begun;
};

struct Producer::PartitionState {
  PartitionState() = default;
  PartitionState(PartitionState&&) = default;
  PartitionState& operator=(PartitionState&&) = default;

  // Being filled.
  std::optional<BatchBuilder> open;
  Clock::time_point opened;
  std::vector<Clock::time_point> begun;
  // Filled and not yet sent, in the order of their sequences.
  std::deque<BatchPtr> ready;
  std::int32_t next_sequence = 0;
  std::size_t lane = 0;
};

struct Producer::Lane {
  struct Flight {
    Connection::Sent sent;
    std::vector<BatchPtr> batches;
  };
  std::int32_t leader = -1;
  std::shared_ptr<Connection> connection;
  std::deque<Flight> flights;
  // Refused with a retriable error while later requests are still under way: nothing is sent until
  // those are answered, so that the order of sequences holds.
  std::vector<BatchPtr> refused;
  Error refusal;
};

}  // namespace millrace::client

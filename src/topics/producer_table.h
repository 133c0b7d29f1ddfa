// ProducerTable: what one partition knows of the idempotent producers that wrote to it: epoch and
// the last five batches of each, so that a repeat is recognised and a gap refused. Source: Apache
// Kafka's idempotent producer (KIP-98, KIP-360).
//
// Bounded: at most kProducersMax producers; the one that wrote least recently goes first.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "record/batch.h"

namespace millrace {

class ProducerTable {
 public:
  static constexpr std::size_t kBatchesKept = 5;  // Kafka's max.in.flight for idempotent producers
  static constexpr std::size_t kProducersMax = 20000;

  struct Verdict {
    enum class Kind { append, duplicate, refuse } kind = Kind::append;
    Offset base_offset;  // of the duplicate's original
    Offset next_offset;  // after it
    ErrorCode error = ErrorCode::ok;
  };
  // Whether a batch may be appended. Looks only.
  Verdict check(const BatchHeader& batch) const;
  // Whether its sequence lies above all that its producer wrote in this epoch.
  bool is_ahead(const BatchHeader& batch) const;
  // The batch was appended (or replayed) at its offset. Repeats of what is known change nothing.
  void apply(const BatchHeader& batch, Offset durable_end);

  struct Summary {
    ProducerId id;
    ProducerEpoch epoch;
    std::int32_t last_sequence = -1;
    WallMs last_timestamp{-1};
  };
  std::vector<Summary> list() const;

  // Durable state: what stands below `durable_end`.
  std::vector<std::uint8_t> encode(Offset durable_end) const;
  bool decode(ByteView bytes);

 private:
  struct Written {
    std::int32_t first_sequence;
    std::int32_t last_sequence;
    Offset base;
    Offset last;
    ProducerEpoch epoch;
  };
  struct Producer {
    ProducerEpoch epoch;  // of the newest batch
    WallMs last_timestamp{-1};
    // Oldest first; five durable ones, and all that are not yet. So few that a deque, which takes
    // half a kilobyte when it is empty, would be most of what a partition costs.
    std::vector<Written> batches;
  };
  void make_room();
  std::unordered_map<ProducerId, Producer> producers_;
};

}  // namespace millrace

// What the broker counts and how it stands, gathered from its cores for who watches it. Each core
// counts in its own memory; a hop to each brings the figures together, some hundred partitions at a
// time, so that a core with many goes on serving.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "catalog/image.h"
#include "groups/summary.h"

namespace millrace {

struct PartitionFigures {
  Offset log_start;
  Offset high_watermark;
  std::uint64_t bytes = 0;  // kept, of record batches
  // In this run.
  std::uint64_t records_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t bytes_out = 0;
};

// One core's part: what it owns, and what it sent.
struct CoreFigures {
  std::unordered_map<PartitionId, PartitionFigures> partitions;
  GroupsSummary groups;
  std::uint64_t tail_bytes = 0;
};

struct BrokerFigures : CoreFigures {
  std::shared_ptr<const CatalogImage> image;
};

}  // namespace millrace

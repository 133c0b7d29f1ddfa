// GroupLags: how far each group is behind in each partition it has committed an offset of, in
// records and in time, for a bounded number of series.
//
// When a record was written is read from its batch. While a group stands still that is done once;
// one scrape goes to the disk for so many, and leaves out the ages of the rest until the next.
// On core 0.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "observe/limits.h"

namespace millrace {

struct GroupLag {
  std::string group;
  std::string topic;
  std::string partition;
  std::uint64_t records = 0;
  std::optional<std::chrono::milliseconds> oldest_unread;  // how long ago it was written
};

class GroupLags {
 public:
  GroupLags(Broker& broker, const ObserveLimits& limits) : broker_(broker), limits_(limits) {}

  // In the order of groups, topics and partitions; what is beyond the limit comes last, as one.
  // `figures` must outlive the call.
  Task<std::vector<GroupLag>> lags(const BrokerFigures* figures);

 private:
  using Place = std::pair<PartitionId, Offset>;
  Task<std::optional<WallMs>> written_at(PartitionInfo partition, Offset offset,
                                         std::size_t* reads_left);

  Broker& broker_;
  const ObserveLimits limits_;
  std::map<Place, WallMs> known_;  // of the last scrape
};

}  // namespace millrace

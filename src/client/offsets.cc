#include "client/offsets.h"

#include <fmt/format.h>

#include <thread>

#include "client/server_error.h"
#include "protocols/kafka/wire/gen/list_offsets.h"

namespace millrace::client {
namespace {

using kafka::ListOffsetsRequest;
using kafka::ListOffsetsResponse;

constexpr Milliseconds kRetryPause{100};

Result<OffsetOfPartition> ask(Client& client, const Topic& topic,
                              const std::vector<std::int32_t>& partitions, std::int64_t time) {
  std::map<std::int32_t, ListOffsetsRequest> by_leader;
  for (const std::int32_t partition : partitions) {
    TRY(topic.check_partition(partition));
    const std::int32_t leader = topic.partitions[static_cast<std::size_t>(partition)].leader;
    ListOffsetsRequest& request = by_leader[leader];
    request.replica_id = -1;
    if (request.topics.empty()) request.topics.emplace_back().name = topic.name;
    auto& asked = request.topics.front().partitions.emplace_back();
    asked.partition_index = partition;
    asked.timestamp = time;
  }
  OffsetOfPartition offsets;
  for (const auto& [leader, request] : by_leader) {
    auto connection = client.broker(leader);
    if (!connection) return std::unexpected(connection.error());
    auto response = (*connection)->call<ListOffsetsResponse>(request);
    if (!response) return std::unexpected(response.error());
    for (const auto& answered : response->topics) {
      for (const auto& partition : answered.partitions) {
        TRY(check(partition.error_code));
        offsets[partition.partition_index] = partition.offset;
      }
    }
  }
  for (const std::int32_t partition : partitions)
    if (!offsets.contains(partition))
      return fail(
          ErrorCode::corrupt_message,
          fmt::format("the server said nothing of partition {} of {}", partition, topic.name));
  return offsets;
}

}  // namespace

std::vector<std::int32_t> all_partitions(const Topic& topic) {
  std::vector<std::int32_t> partitions;
  for (const Partition& partition : topic.partitions) partitions.push_back(partition.index);
  return partitions;
}

Result<OffsetOfPartition> find_offsets(Client& client, const Topic& topic,
                                       const std::vector<std::int32_t>& partitions,
                                       std::int64_t time) {
  const Deadline deadline(client.options().timeout);
  auto offsets = ask(client, topic, partitions, time);
  // Partitions that were made or moved this moment.
  while (!offsets && is_retriable(offsets.error()) && !deadline.passed()) {
    std::this_thread::sleep_for(kRetryPause);
    auto again = client.topic(topic.name);
    if (again) offsets = ask(client, *again, partitions, time);
  }
  return offsets;
}

}  // namespace millrace::client

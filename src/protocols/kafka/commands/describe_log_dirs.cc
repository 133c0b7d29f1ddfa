// DescribeLogDirs - how many bytes of record batches each partition keeps, in the one data
// directory, and how much room its disk has.
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

using Response = DescribeLogDirsResponse;

// Clients are not told where on the machine the data is.
constexpr const char* kLogDir = "data";

struct Wanted {
  std::shared_ptr<const TopicInfo> topic;
  std::optional<std::vector<std::int32_t>> partitions;  // nothing: all
};

// Topics that don't exist are left out, as Kafka does.
std::vector<Wanted> wanted_by(const Context& context, DescribeLogDirsRequest& request) {
  std::vector<Wanted> wanted;
  if (!request.topics) {
    for (const auto& [name, topic] : context.broker().image().topics) {
      wanted.push_back({topic, std::nullopt});
    }
    return wanted;
  }
  for (DescribeLogDirsRequest::Topic& topic : *request.topics) {
    auto info = context.broker().image().find(topic.topic);
    if (info) wanted.push_back({std::move(info), std::move(topic.partitions)});
  }
  return wanted;
}

void add(Response::Topic& out, const std::vector<PartitionSummary>& partitions, std::size_t index) {
  if (index >= partitions.size() || partitions[index].error.code != ErrorCode::ok) return;
  Response::Partition& partition = out.partitions.emplace_back();
  partition.partition_index = static_cast<std::int32_t>(index);
  partition.partition_size = static_cast<std::int64_t>(partitions[index].bytes);
}

}  // namespace

Task<DescribeLogDirsResponse> describe_log_dirs(Context context, DescribeLogDirsRequest request) {
  Response response;
  response.results.emplace_back();
  response.results.back().log_dir = kLogDir;
  if (auto space = context.broker().disk_space()) {
    response.results.back().total_bytes = static_cast<std::int64_t>(space->total);
    response.results.back().usable_bytes = static_cast<std::int64_t>(space->free);
  }
  for (const Wanted& wanted : wanted_by(context, request)) {
    auto partitions = co_await context.broker().describe_partitions(wanted.topic);
    Response::Topic out;
    out.name = wanted.topic->name;
    if (wanted.partitions) {
      // A negative index is beyond all others.
      for (std::int32_t index : *wanted.partitions) {
        add(out, partitions, static_cast<std::size_t>(index));
      }
    } else {
      for (std::size_t index = 0; index < partitions.size(); ++index) add(out, partitions, index);
    }
    if (!out.partitions.empty()) response.results.back().topics.push_back(std::move(out));
  }
  co_return response;
}

}  // namespace millrace::kafka

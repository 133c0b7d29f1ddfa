#include "cli/topic_facts.h"

#include <algorithm>
#include <set>

#include "client/server_error.h"
#include "protocols/kafka/wire/gen/describe_configs.h"
#include "protocols/kafka/wire/gen/describe_log_dirs.h"

namespace millrace::cli {
namespace {

using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;
using kafka::DescribeLogDirsRequest;
using kafka::DescribeLogDirsResponse;

constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kSetOnTopic = 1;
constexpr std::int8_t kStaticBroker = 4;
constexpr std::int8_t kDefault = 5;

}  // namespace

std::optional<std::int64_t> PartitionSizes::of(const std::string& topic,
                                               std::int32_t partition) const {
  const auto found = bytes.find({topic, partition});
  return found == bytes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> PartitionSizes::of_topic(const std::string& topic) const {
  if (!known) return std::nullopt;
  std::int64_t sum = 0;
  for (auto at = bytes.lower_bound({topic, 0}); at != bytes.end() && at->first.first == topic; ++at)
    sum += at->second;
  return sum;
}

Result<PartitionSizes> partition_sizes(client::Client& client,
                                       const std::vector<client::Topic>& topics) {
  std::map<std::int32_t, std::set<std::pair<std::string, std::int32_t>>> led;
  for (const client::Topic& topic : topics)
    for (const client::Partition& partition : topic.partitions)
      if (partition.leader >= 0) led[partition.leader].insert({topic.name, partition.index});
  PartitionSizes sizes;
  for (const auto& [leader, partitions] : led) {
    auto connection = client.broker(leader);
    if (!connection) return std::unexpected(connection.error());
    if (!(*connection)->offers(kafka::ApiKey::describe_log_dirs)) return PartitionSizes{};
    DescribeLogDirsRequest request;
    request.topics = std::vector<DescribeLogDirsRequest::Topic>();
    for (const auto& [topic, partition] : partitions) {
      if (request.topics->empty() || request.topics->back().topic != topic)
        request.topics->emplace_back().topic = topic;
      request.topics->back().partitions.push_back(partition);
    }
    auto response = (*connection)->call<DescribeLogDirsResponse>(request);
    if (!response) return std::unexpected(response.error());
    // Not allowed to know, say: there are sizes of others to show all the same.
    if (response->error_code != 0) return PartitionSizes{};
    for (const auto& folder : response->results)
      for (const auto& topic : folder.topics)
        for (const auto& partition : topic.partitions)
          if (!partition.is_future_key)
            sizes.bytes[{topic.name, partition.partition_index}] = partition.partition_size;
  }
  sizes.known = true;
  return sizes;
}

Result<std::vector<TopicConfigValue>> topic_configs(client::Client& client,
                                                    const std::string& topic) {
  DescribeConfigsRequest request;
  request.include_synonyms = true;
  DescribeConfigsRequest::Resource& resource = request.resources.emplace_back();
  resource.resource_type = kTopicResource;
  resource.resource_name = topic;
  resource.configuration_keys = std::nullopt;
  auto response = client.call<DescribeConfigsResponse>(request);
  if (!response) return std::unexpected(response.error());
  std::vector<TopicConfigValue> configs;
  for (const auto& result : response->results) {
    TRY(client::check(result.error_code, result.error_message));
    for (const auto& config : result.configs) {
      TopicConfigValue& out = configs.emplace_back();
      out.name = config.name;
      out.is_set = config.config_source == kSetOnTopic;
      if (!config.is_sensitive) out.value = config.value;
      // What would hold without the topic's own setting: the last of them is the built-in one.
      for (const auto& synonym : config.synonyms)
        if (synonym.source == kDefault || synonym.source == kStaticBroker)
          if (!out.default_value) out.default_value = synonym.value;
    }
  }
  std::ranges::sort(configs, {}, &TopicConfigValue::name);
  return configs;
}

}  // namespace millrace::cli

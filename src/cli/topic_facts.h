// What is known of topics beside their metadata: sizes and configs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"

namespace millrace::cli {

struct PartitionSizes {
  bool known = false;  // the server tells sizes
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> bytes;

  std::optional<std::int64_t> of(const std::string& topic, std::int32_t partition) const;
  std::optional<std::int64_t> of_topic(const std::string& topic) const;
};

// Each partition as its leader keeps it. A server that doesn't tell sizes is no error.
Result<PartitionSizes> partition_sizes(client::Client& client,
                                       const std::vector<client::Topic>& topics);

struct TopicConfigValue {
  std::string name;
  std::optional<std::string> value;  // nothing: sensitive
  std::optional<std::string> default_value;
  bool is_set = false;  // on the topic itself
};

// In the order of their names.
Result<std::vector<TopicConfigValue>> topic_configs(client::Client& client,
                                                    const std::string& topic);

}  // namespace millrace::cli

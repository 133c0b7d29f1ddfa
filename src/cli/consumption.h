// What `millrace consume` does: reads topics between two places and prints the records, alone or as
// a member of a group.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace millrace::cli {

struct ConsumeOptions {
  Shared shared;
  std::vector<std::string> topics;
  std::string from = "beginning";
  std::string to;
  bool follow = false;
  std::vector<std::int32_t> partitions;
  std::optional<std::int64_t> count;
  std::string group;
  std::string format = "%v\\n";
};

Result<int> consume_topics(const ConsumeOptions& options);

}  // namespace millrace::cli

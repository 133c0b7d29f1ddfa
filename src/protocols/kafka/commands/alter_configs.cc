// AlterConfigs - replaces all configs of topics: those that are not named go back to their default.
#include "protocols/kafka/commands/configs.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<AlterConfigsResponse> alter_configs(Context context, AlterConfigsRequest request) {
  std::vector<ResourceChange> changes;
  for (const AlterConfigsRequest::Resource& resource : request.resources) {
    ResourceChange& change = changes.emplace_back();
    change.type = resource.resource_type;
    change.name = resource.resource_name;
    change.replace = true;
    for (const AlterConfigsRequest::Config& config : resource.configs) {
      change.configs.push_back({.name = config.name, .operation = 0, .value = config.value});
    }
  }
  return alter<AlterConfigsResponse>(std::move(context), std::move(request), std::move(changes));
}

}  // namespace millrace::kafka

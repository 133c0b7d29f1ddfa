// IncrementalAlterConfigs - changes single configs of topics and leaves the others.
#include "protocols/kafka/commands/configs.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<IncrementalAlterConfigsResponse> incremental_alter_configs(
    Context context, IncrementalAlterConfigsRequest request) {
  std::vector<ResourceChange> changes;
  for (const IncrementalAlterConfigsRequest::Resource& resource : request.resources) {
    ResourceChange& change = changes.emplace_back();
    change.type = resource.resource_type;
    change.name = resource.resource_name;
    for (const IncrementalAlterConfigsRequest::Config& config : resource.configs) {
      change.configs.push_back(
          {.name = config.name, .operation = config.config_operation, .value = config.value});
    }
  }
  return alter<IncrementalAlterConfigsResponse>(std::move(context), std::move(request),
                                                std::move(changes));
}

}  // namespace millrace::kafka

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
  auto answers = co_await change_configs(context, std::move(changes), request.validate_only);
  IncrementalAlterConfigsResponse response;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    IncrementalAlterConfigsRequest::Resource& resource = request.resources[i];
    response.responses.push_back({.error_code = code_of(answers[i]),
                                  .error_message = text_of(answers[i]),
                                  .resource_type = resource.resource_type,
                                  .resource_name = std::move(resource.resource_name)});
  }
  co_return response;
}

}  // namespace millrace::kafka

// ListConfigResources - what DescribeConfigs can be asked about. Version 0 asks for client metrics
// subscriptions, of which there are none.
#include <fmt/format.h>

#include <algorithm>

#include "protocols/kafka/commands/configs.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::int16_t kTypesFrom = 1;
constexpr ResourceType kKnown[] = {ResourceType::topic, ResourceType::broker,
                                   ResourceType::broker_logger, ResourceType::client_metrics,
                                   ResourceType::group};

bool is_known(std::int8_t type) {
  return std::ranges::find(kKnown, static_cast<ResourceType>(type)) != std::end(kKnown);
}

}  // namespace

Task<ListConfigResourcesResponse> list_config_resources(Context context,
                                                        ListConfigResourcesRequest request) {
  ListConfigResourcesResponse response;
  if (context.version < kTypesFrom) co_return response;
  if (!std::ranges::all_of(request.resource_types, is_known)) {
    response.error_code = code_of(ErrorCode::unsupported_version);
    co_return response;
  }
  auto wants = [&](ResourceType type) {
    auto code = static_cast<std::int8_t>(type);
    return request.resource_types.empty() ||
           std::ranges::find(request.resource_types, code) != request.resource_types.end();
  };
  auto add = [&](ResourceType type, std::string name) {
    response.config_resources.push_back(
        {.resource_name = std::move(name), .resource_type = static_cast<std::int8_t>(type)});
  };
  if (wants(ResourceType::broker)) {
    add(ResourceType::broker, fmt::to_string(context.endpoint().node_id));
  }
  if (wants(ResourceType::topic)) {
    for (const auto& [name, topic] : context.broker().image().topics) {
      add(ResourceType::topic, name);
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

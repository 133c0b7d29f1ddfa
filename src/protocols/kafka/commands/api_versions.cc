// ApiVersions - what this broker serves, and in which versions.
#include "protocols/kafka/commands/handlers.h"
#include "protocols/kafka/commands/table.h"

namespace millrace::kafka {

Task<ApiVersionsResponse> api_versions(Context, ApiVersionsRequest) {
  ApiVersionsResponse response;
  for (const Command& command : commands()) {
    const ApiInfo* api = find_api(static_cast<std::int16_t>(command.key));
    response.api_keys.push_back({.api_key = static_cast<std::int16_t>(command.key),
                                 .min_version = api->advertised.min,
                                 .max_version = api->advertised.max});
  }
  co_return response;
}

}  // namespace millrace::kafka

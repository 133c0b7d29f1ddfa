// What the APIs about configs share: kinds of resources, where a value comes from, the broker's own
// configs, and changing those of topics.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "catalog/topic_config.h"
#include "protocols/kafka/commands/context.h"

namespace millrace::kafka {

// Kafka's ConfigResource types.
enum class ResourceType : std::int8_t {
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};

// Kafka's ConfigSource.
enum class ConfigSource : std::int8_t { topic = 1, static_broker = 4, default_value = 5 };

// Kafka's ConfigType.
enum class ConfigType : std::int8_t { boolean = 1, text = 2, integer = 3, number = 5, list = 7 };

struct BrokerConfig {
  std::string name;
  std::string value;
  std::string default_value;
  ConfigType type = ConfigType::text;
  std::string_view documentation;
  bool is_given = false;  // on the command line or by this broker's place, so without a default
};

// What is true of this broker, under the names that Kafka has for it, by name. None can be changed
// while it runs.
std::vector<BrokerConfig> broker_configs(const Context& context);
// The broker's config that a topic without its own value follows; empty when there is none.
std::string_view broker_config_of(std::string_view topic_config);
ConfigType type_of(ConfigEntry::Type type);

// Kafka's AlterConfigOp.
enum class ConfigOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct ResourceChange {
  struct Config {
    std::string name;
    std::int8_t operation = 0;
    std::optional<std::string> value;
  };
  std::int8_t type = 0;
  std::string name;
  bool replace = false;  // configs that are not named go back to their default
  std::vector<Config> configs;
};

// One answer per resource, in order; ok when it was done. Each resource is changed whole or not at
// all, whatever becomes of the others.
Task<std::vector<Error>> change_configs(Context context, std::vector<ResourceChange> resources,
                                        bool validate_only);

// Of AlterConfigs and IncrementalAlterConfigs, which differ in what they say of each config alone.
template <class Response, class Request>
Task<Response> alter(Context context, Request request, std::vector<ResourceChange> changes) {
  auto answers = co_await change_configs(context, std::move(changes), request.validate_only);
  Response response;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& resource = request.resources[i];
    response.responses.push_back({.error_code = code_of(answers[i]),
                                  .error_message = text_of(answers[i]),
                                  .resource_type = resource.resource_type,
                                  .resource_name = std::move(resource.resource_name)});
  }
  co_return response;
}

}  // namespace millrace::kafka

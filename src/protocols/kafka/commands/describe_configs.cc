// DescribeConfigs - the configs of topics, and what is fixed for the broker.
#include <fmt/format.h>

#include <algorithm>

#include "protocols/kafka/commands/configs.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

using Request = DescribeConfigsRequest;
using Response = DescribeConfigsResponse;

constexpr std::int8_t code_of(ConfigSource source) { return static_cast<std::int8_t>(source); }

// No keys and an empty list of them both ask for everything; librdkafka sends the latter.
bool is_wanted(const Request::Resource& resource, std::string_view name) {
  const auto& keys = resource.configuration_keys;
  return !keys || keys->empty() || std::ranges::find(*keys, name) != keys->end();
}

Response::Config describe(const ConfigEntry& entry, const Request& request) {
  Response::Config out;
  out.name = entry.name;
  out.value = entry.value;
  out.config_source = code_of(entry.is_set ? ConfigSource::topic : ConfigSource::default_value);
  out.config_type = static_cast<std::int8_t>(type_of(entry.type));
  out.documentation = std::nullopt;
  if (request.include_documentation) out.documentation = std::string(entry.documentation);
  if (!request.include_synonyms) return out;
  if (entry.is_set) {
    out.synonyms.push_back(
        {.name = out.name, .value = entry.value, .source = code_of(ConfigSource::topic)});
  }
  std::string_view followed = broker_config_of(entry.name);
  out.synonyms.push_back({.name = followed.empty() ? out.name : std::string(followed),
                          .value = entry.default_value,
                          .source = code_of(ConfigSource::default_value)});
  return out;
}

Response::Config describe(BrokerConfig&& config, const Request& request) {
  ConfigSource source = config.is_given ? ConfigSource::static_broker : ConfigSource::default_value;
  Response::Config out;
  out.read_only = true;
  out.config_source = code_of(source);
  out.config_type = static_cast<std::int8_t>(config.type);
  out.documentation = std::nullopt;
  if (request.include_documentation) out.documentation = std::string(config.documentation);
  if (request.include_synonyms) {
    out.synonyms.push_back({.name = config.name, .value = config.value, .source = code_of(source)});
    if (config.is_given && !config.default_value.empty()) {
      out.synonyms.push_back({.name = config.name,
                              .value = std::move(config.default_value),
                              .source = code_of(ConfigSource::default_value)});
    }
  }
  out.name = std::move(config.name);
  out.value = std::move(config.value);
  return out;
}

using Configs = std::vector<Response::Config>;

Result<Configs> topic_configs(const Context& context, const Request& request,
                              const Request::Resource& resource) {
  auto topic = context.broker().image().find(resource.resource_name);
  if (!topic) {
    return fail(valid_topic_name(resource.resource_name) ? ErrorCode::unknown_topic_or_partition
                                                         : ErrorCode::invalid_topic_name);
  }
  Configs out;
  for (const ConfigEntry& entry : describe_topic_config(*topic)) {
    if (is_wanted(resource, entry.name)) out.push_back(describe(entry, request));
  }
  return out;
}

Result<Configs> own_configs(const Context& context, const Request& request,
                            const Request::Resource& resource) {
  // Without a name: what was changed for all brokers of the cluster, and nothing can be.
  if (resource.resource_name.empty()) return Configs();
  if (resource.resource_name != fmt::to_string(context.endpoint().node_id)) {
    return fail(ErrorCode::invalid_request, fmt::format("this is broker {}, and there is no other",
                                                        context.endpoint().node_id));
  }
  Configs out;
  for (BrokerConfig& config : broker_configs(context)) {
    if (is_wanted(resource, config.name)) out.push_back(describe(std::move(config), request));
  }
  return out;
}

Result<Configs> configs_of(const Context& context, const Request& request,
                           const Request::Resource& resource) {
  switch (static_cast<ResourceType>(resource.resource_type)) {
    case ResourceType::topic:
      return topic_configs(context, request, resource);
    case ResourceType::broker:
      return own_configs(context, request, resource);
    default:
      return fail(ErrorCode::invalid_request,
                  fmt::format("resources of type {} have no configs here; topics ({}) and the "
                              "broker ({}) do",
                              resource.resource_type, static_cast<int>(ResourceType::topic),
                              static_cast<int>(ResourceType::broker)));
  }
}

}  // namespace

Task<DescribeConfigsResponse> describe_configs(Context context, DescribeConfigsRequest request) {
  Response response;
  for (const Request::Resource& resource : request.resources) {
    Response::Resource& out = response.results.emplace_back();
    out.resource_type = resource.resource_type;
    out.resource_name = resource.resource_name;
    out.error_message = std::nullopt;
    auto configs = configs_of(context, request, resource);
    if (configs) {
      out.configs = std::move(*configs);
    } else {
      out.error_code = kafka::code_of(configs.error());
      out.error_message = text_of(configs.error());
    }
  }
  co_return response;
}

}  // namespace millrace::kafka

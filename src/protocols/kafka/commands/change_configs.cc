// Changes of configs as AlterConfigs and IncrementalAlterConfigs ask for them.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "protocols/kafka/commands/configs.h"

namespace millrace::kafka {
namespace {

// The list with these items in it, or without them.
std::string changed_list(std::string_view list, std::string_view items, bool with_them) {
  std::vector<std::string> left = config_list(list);
  for (const std::string& item : config_list(items)) {
    std::erase(left, item);
    if (with_them) left.push_back(item);
  }
  return fmt::format("{}", fmt::join(left, ","));
}

// What a list-typed config is to become. Two clients that change the same list at the same moment
// may undo each other's change; each of them sees the outcome.
Result<std::string> edited(const TopicInfo& topic, const ResourceChange::Config& config,
                           bool with_them) {
  std::vector<ConfigEntry> entries = describe_topic_config(topic);
  auto entry = std::ranges::find(entries, config.name, &ConfigEntry::name);
  if (entry == entries.end() || entry->type != ConfigEntry::Type::list) {
    return fail(ErrorCode::invalid_config,
                fmt::format("topic config {} is not a list: it can be set and deleted, nothing can "
                            "be appended or subtracted",
                            config.name));
  }
  return changed_list(entry->value, *config.value, with_them);
}

// The value after the change; nothing: the default.
Result<std::optional<std::string>> value_after(const TopicInfo& topic,
                                               const ResourceChange::Config& config) {
  auto operation = static_cast<ConfigOperation>(config.operation);
  if (operation == ConfigOperation::remove) return std::nullopt;
  if (!config.value) {
    return fail(ErrorCode::invalid_request, fmt::format("config {} has no value", config.name));
  }
  switch (operation) {
    case ConfigOperation::set:
      return config.value;
    case ConfigOperation::append:
      return edited(topic, config, true);
    case ConfigOperation::subtract:
      return edited(topic, config, false);
    default:
      return fail(ErrorCode::invalid_request,
                  fmt::format("there is no operation {} on configs", config.operation));
  }
}

Result<ConfigureTopic> command_of(const Context& context, const ResourceChange& resource) {
  auto type = static_cast<ResourceType>(resource.type);
  if (type == ResourceType::broker) {
    return fail(ErrorCode::invalid_request,
                "the configs of a broker can't be changed while it runs; most are flags of its "
                "command line");
  }
  if (type != ResourceType::topic) {
    return fail(ErrorCode::invalid_request,
                fmt::format("configs of resources of type {} can't be changed", resource.type));
  }
  std::set<std::string_view> names;
  for (const ResourceChange::Config& config : resource.configs) {
    if (!names.insert(config.name).second) {
      return fail(ErrorCode::invalid_request,
                  fmt::format("the request names config {} more than once", config.name));
    }
  }
  auto topic = context.broker().image().find(resource.name);
  if (!topic) return fail(ErrorCode::unknown_topic_or_partition);
  ConfigureTopic command{.topic = {.name = resource.name, .id = {}}, .replace = resource.replace};
  for (const ResourceChange::Config& config : resource.configs) {
    auto value = value_after(*topic, config);
    if (!value) return std::unexpected(value.error());
    command.config[config.name] = std::move(*value);
  }
  return command;
}

}  // namespace

Task<std::vector<Error>> change_configs(Context context, std::vector<ResourceChange> resources,
                                        bool validate_only) {
  std::vector<Error> answers(resources.size());
  std::vector<ConfigureTopic> commands;
  std::vector<std::size_t> commands_at;
  std::map<std::pair<std::int8_t, std::string>, int> times;
  for (const ResourceChange& resource : resources) ++times[{resource.type, resource.name}];
  for (std::size_t i = 0; i < resources.size(); ++i) {
    auto command = command_of(context, resources[i]);
    if (times[{resources[i].type, resources[i].name}] > 1) {
      command = fail(ErrorCode::invalid_request, "the request names this resource more than once");
    }
    if (!command) {
      answers[i] = std::move(command.error());
      continue;
    }
    command->validate_only = validate_only;
    commands.push_back(std::move(*command));
    commands_at.push_back(i);
  }
  if (commands.empty()) co_return answers;
  auto replies = co_await context.broker().configure_topics(std::move(commands));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].error) answers[commands_at[i]] = std::move(*replies[i].error);
  }
  co_return answers;
}

}  // namespace millrace::kafka

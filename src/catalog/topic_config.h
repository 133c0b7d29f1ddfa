// Topic configs with Kafka's names: which are honoured. Everything else is refused with a message,
// never ignored. What Kafka Streams, Connect and their like set when they make their topics is
// accepted, with its effect here in the documentation.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "catalog/image.h"

namespace millrace {

// How one config of a topic stands.
struct ConfigEntry {
  enum class Type { integer, number, text, list, boolean };  // integer: 32 bits, number: 64
  std::string_view name;
  std::string value;
  std::string default_value;
  bool is_set = false;  // on the topic; otherwise value is the default
  Type type = Type::text;
  std::string_view documentation;
};

// Every config that is honoured, in the order of their names.
std::vector<ConfigEntry> describe_topic_config(const TopicInfo& topic);

// Error::invalid_config when neither we nor Kafka have such a config. Those of Kafka's that are not
// honoured pass: they can't be set, and so are at their default already when they are to go there.
Result<void> check_config_name(std::string_view name);

// Error::invalid_config with the name, what was wrong and what is accepted.
Result<TopicConfig> parse_topic_config(const std::map<std::string, std::string>& text);

// The items of a list-typed config: "compact, delete" gives two.
std::vector<std::string> config_list(std::string_view value);

}  // namespace millrace

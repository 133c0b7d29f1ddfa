// Topic configs with Kafka's names: which are honoured. Everything else is refused with a message,
// never ignored.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "catalog/image.h"

namespace millrace {

// Error::invalid_config with the name, what was wrong and what is accepted.
Result<TopicConfig> parse_topic_config(const std::map<std::string, std::string>& text);

}  // namespace millrace

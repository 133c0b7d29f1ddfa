// The topics in a consumer's group metadata. The coordinator passes members' metadata on unread,
// but for this one question of the protocol type "consumer": which topics does the group read, so
// that their offsets are neither deleted nor expired below it.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "groups/group.h"

namespace millrace {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

using TopicNames = std::set<std::string, std::less<>>;

// What the members of a group of type "consumer" read; nothing when it can't be told, or for groups
// of another type. A group without members reads no topic.
std::optional<TopicNames> subscribed_topics(const Group& group);

// Kafka's ConsumerProtocolSubscription, of which every version begins with version (int16), topics
// (int32 count, then int16 length and text each). Adds to `topics`; false when it is not that.
bool read_subscription(ByteView metadata, TopicNames& topics);

}  // namespace millrace

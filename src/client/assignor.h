// What the members of a consumer group tell each other through the broker, and who reads what.
// Source: Apache Kafka's consumer protocol, version 0 of subscription and assignment; later
// versions only add fields behind these.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace millrace::client {

// Topic -> partitions.
using Assignment = std::map<std::string, std::vector<std::int32_t>>;

Bytes encode_subscription(const std::vector<std::string>& topics);
Result<std::vector<std::string>> decode_subscription(const Bytes& bytes);
Bytes encode_assignment(const Assignment& assignment);
// Nothing assigned may also come as no bytes at all.
Result<Assignment> decode_assignment(const Bytes& bytes);

// The assignor that all clients know as "range": each topic is cut into runs of partitions, one for
// each member that subscribed to it, in the order of the members' ids; the first ones get one more
// when it does not come out even.
std::map<std::string, Assignment> assign_ranges(
    const std::map<std::string, std::vector<std::string>>& topics_of_member,
    const std::map<std::string, std::int32_t>& partitions_of_topic);

}  // namespace millrace::client

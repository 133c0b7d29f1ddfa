// How far groups have read: reading and writing it at the group's coordinator.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"

namespace millrace::client {

// Topic -> partition -> offset.
using GroupOffsets = std::map<std::string, std::map<std::int32_t, std::int64_t>>;

// Everything the group has committed, partitions without a commit left out.
Result<GroupOffsets> committed_offsets(Client& client, const std::string& group);

// On behalf of a member, or of nobody: an empty group's offsets may be set from outside.
struct CommitAs {
  std::int32_t generation = -1;
  std::string member;
};
// Gives Kafka's error code where the answer is about the member (22, 25, 27), for it to join again.
struct CommitOutcome {
  std::int16_t member_error = 0;
};
Result<CommitOutcome> commit_offsets(Client& client, const std::string& group,
                                     const GroupOffsets& offsets, const CommitAs& as);

}  // namespace millrace::client

// What is known of a group: its state and members, and how far it has read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/group_offsets.h"

namespace millrace::cli {

struct GroupMember {
  std::string id;
  std::string client_id;
  std::string host;
  std::vector<std::pair<std::string, std::int32_t>> partitions;
};

struct Group {
  std::string name;
  std::string state;
  std::string protocol_type;
  std::string assignor;
  std::vector<GroupMember> members;
};

// Error::group_id_not_found for a group that nobody knows.
Result<Group> describe_group(client::Client& client, const std::string& name);

struct GroupPosition {
  std::string topic;
  std::int32_t partition = 0;
  std::optional<std::int64_t> committed;
  std::optional<std::int64_t> end;  // nothing: the topic is gone
  std::string member;               // its id, empty for nobody
  std::string host;

  std::optional<std::int64_t> lag() const;
};

// Every partition that has a commit or a member, by topic and partition.
Result<std::vector<GroupPosition>> group_positions(client::Client& client, const Group& group);

}  // namespace millrace::cli

// Consumers: members of a group, who share a topic's partitions, read them and commit; and a reader
// on its own, who follows every topic there is.
#pragma once

#include <map>
#include <string>

#include "simulation/life.h"

namespace millrace::simulation {

// A client process of a group; keeps its member id over connections and lives.
struct Member {
  std::string group;
  std::string topic;
  std::string id;  // as the coordinator gave it
};

// Until the life is over, or ends and the group has read and committed all.
Task<void> run_member(Life* life, Member* member);
// Until the life is over or ends.
Task<void> run_follower(Life* life);

}  // namespace millrace::simulation

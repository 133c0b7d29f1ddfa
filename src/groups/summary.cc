#include "groups/summary.h"

#include "groups/group_machine.h"

namespace millrace {

void GroupMachine::summarize(GroupsSummary& summary) const {
  for (const auto& [id, group] : groups_) {
    ++summary.by_state[static_cast<std::size_t>(group.state)];
    for (const auto& [topic, partitions] : group.offsets) {
      for (const auto& [partition, committed] : partitions) {
        summary.commits.push_back({id, topic, partition, committed.offset});
      }
    }
  }
}

}  // namespace millrace

// Deleted topics: what groups committed for them goes, or a topic made anew under the same name
// would be read from where the old one was left.
#include "base/assert.h"
#include "groups/events.h"
#include "groups/group_machine.h"

namespace millrace {
namespace {

// At most `most` of the offsets that a group has committed for these topics.
std::vector<TopicPartitions> offsets_of(const Group& group, const std::vector<std::string>& topics,
                                        std::size_t most) {
  std::vector<TopicPartitions> found;
  for (const std::string& name : topics) {
    auto offsets = group.offsets.find(name);
    if (offsets == group.offsets.end()) continue;
    TopicPartitions topic{.name = name, .partitions = {}};
    for (const auto& [partition, committed] : offsets->second) {
      if (most == 0) break;
      topic.partitions.push_back(partition);
      --most;
    }
    if (!topic.partitions.empty()) found.push_back(std::move(topic));
  }
  return found;
}

}  // namespace

void GroupMachine::handle(Turn& turn, ForgetTopics& command) {
  std::size_t groups_left = limits_.groups_per_forget_step_max;
  std::size_t offsets_left = limits_.offsets_per_forget_step_max;
  ASSERT(groups_left > 0 && offsets_left > 0);
  auto group = groups_.lower_bound(command.from);
  for (; group != groups_.end() && groups_left > 0; ++group, --groups_left) {
    std::vector<TopicPartitions> gone = offsets_of(group->second, command.topics, offsets_left);
    if (gone.empty()) continue;
    for (const TopicPartitions& topic : gone) offsets_left -= topic.partitions.size();
    turn.record(offsets_deleted(group->first, gone));
    if (offsets_left == 0) break;  // the group may have more: it is the next call's first
  }
  ForgetTopicsReply reply;
  if (group != groups_.end()) reply.next = group->first;
  turn.answer(std::move(reply));
}

std::set<std::string> GroupMachine::committed_topics() const {
  std::set<std::string> topics;
  for (const auto& [id, group] : groups_) {
    for (const auto& [name, offsets] : group.offsets) topics.insert(name);
  }
  return topics;
}

}  // namespace millrace

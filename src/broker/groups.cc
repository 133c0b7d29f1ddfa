#include <algorithm>
#include <iterator>
#include <set>

#include "base/log.h"
#include "base/rare.h"
#include "broker/broker.h"
#include "catalog/ids.h"
#include "record/crc32c.h"

namespace millrace {

Task<Result<GroupMachine::Reply>> BrokerCore::group(std::string group_id,
                                                    GroupMachine::Command command) {
  ShardId shard(crc32c(as_bytes(group_id)) % kShardCount);
  BrokerCore& other = broker_.core(owner(shard).id());
  co_return co_await start_on(core(), other.core(), other.group_here(shard, std::move(command)));
}

Task<Result<GroupMachine::Reply>> BrokerCore::group_here(ShardId shard,
                                                         GroupMachine::Command command) {
  if (stopping_) co_return fail(ErrorCode::stopping);
  auto found = groups_.find(shard);
  if (found == groups_.end()) {
    // A shard that had no group so far: its log is empty, so opening it does not wait.
    auto opened = co_await open_group_host(shard);
    if (!opened) co_return std::unexpected(opened.error());
    found = groups_.find(shard);
  }
  co_return co_await found->second->submit(std::move(command));
}

Task<Result<std::vector<ListGroupsReply::Group>>> BrokerCore::list_groups() {
  std::vector<Future<Result<std::vector<ListGroupsReply::Group>>>> asked;
  for (std::uint32_t id = 0; id < broker_.runtime().core_count(); ++id) {
    BrokerCore& other = broker_.core(CoreId(id));
    asked.push_back(start_on(core(), other.core(), other.list_groups_here()));
  }
  Result<std::vector<ListGroupsReply::Group>> all;
  for (auto& future : asked) {
    auto part = co_await future;
    if (!part) all = std::unexpected(part.error());
    if (all) std::ranges::move(*part, std::back_inserter(*all));
  }
  if (all) std::ranges::sort(*all, {}, &ListGroupsReply::Group::group);
  co_return all;
}

Task<Result<std::vector<ListGroupsReply::Group>>> BrokerCore::list_groups_here() {
  if (stopping_) co_return fail(ErrorCode::stopping);
  // All at once: where a shard's answer waits for the disk, it is one flush for all of them.
  std::vector<Future<Result<GroupMachine::Reply>>> asked;
  for (auto& [shard, host] : groups_) {
    asked.push_back(start_on(core(), core(), host->submit(ListGroups{})));
  }
  Result<std::vector<ListGroupsReply::Group>> all;
  for (auto& future : asked) {
    auto reply = co_await future;
    if (!reply) all = std::unexpected(reply.error());
    if (all) {
      std::ranges::move(std::get<ListGroupsReply>(*reply).groups, std::back_inserter(*all));
    }
  }
  co_return all;
}

Task<void> BrokerCore::forget_topic_offsets(std::vector<std::string> topics) {
  std::vector<Future<Result<void>>> asked;
  for (std::uint32_t id = 0; id < broker_.runtime().core_count(); ++id) {
    BrokerCore& other = broker_.core(CoreId(id));
    asked.push_back(start_on(core(), other.core(), other.forget_topic_offsets_here(topics)));
  }
  for (auto& future : asked) {
    auto outcome = co_await future;
    if (!outcome) {
      RARE("offsets of a deleted topic could not be forgotten");
      log_warning("broker", "groups may still have offsets of a deleted topic: {}",
                  outcome.error().message());
    }
  }
}

// Shard after shard, so that few events are in work at a time; most shards have none.
Task<Result<void>> BrokerCore::forget_topic_offsets_here(std::vector<std::string> topics) {
  std::vector<MachineHost<GroupMachine>*> hosts;
  for (auto& [shard, host] : groups_) hosts.push_back(host.get());
  for (MachineHost<GroupMachine>* host : hosts) {
    auto outcome = co_await forget_in(host, topics);
    if (!outcome) co_return outcome;
  }
  co_return Result<void>{};
}

Task<Result<void>> BrokerCore::forget_in(MachineHost<GroupMachine>* host,
                                         std::vector<std::string> topics) {
  ForgetTopics command{.topics = std::move(topics), .from = {}};
  for (;;) {
    if (stopping_) co_return fail(ErrorCode::stopping);
    auto reply = co_await host->submit(command);
    if (!reply) co_return std::unexpected(reply.error());
    auto next = std::get<ForgetTopicsReply>(*reply).next;
    if (!next) co_return Result<void>{};
    command.from = std::move(*next);
  }
}

Task<Result<void>> BrokerCore::open_group_host(ShardId shard) {
  auto host = std::make_unique<MachineHost<GroupMachine>>(store_, group_log(shard),
                                                          GroupMachine(broker_.limits().groups));
  auto* opened = host.get();
  ASSERT(!groups_.contains(shard));
  groups_.emplace(shard, std::move(host));
  co_return co_await opened->replay();
}

std::vector<std::string> BrokerCore::forgotten_topics() const {
  std::set<std::string> topics;
  for (const auto& [shard, host] : groups_) topics.merge(host->machine().committed_topics());
  std::erase_if(topics,
                [this](const std::string& topic) { return image_->find(topic) != nullptr; });
  return {topics.begin(), topics.end()};
}

// The last run may have ended between a topic's deletion and the forgetting of its offsets. With
// the catalogue's turn, so that no topic of these names is made meanwhile.
Task<void> BrokerCore::finish_deletions([[maybe_unused]] Turns::Turn turn,
                                        std::vector<std::string> topics) {
  co_await forget_topic_offsets(std::move(topics));
}

}  // namespace millrace

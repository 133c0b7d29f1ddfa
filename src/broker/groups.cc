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

Task<Result<void>> BrokerCore::open_group_host(ShardId shard) {
  auto host = std::make_unique<MachineHost<GroupMachine>>(store_, group_log(shard),
                                                          GroupMachine(broker_.limits().groups));
  auto* opened = host.get();
  ASSERT(!groups_.contains(shard));
  groups_.emplace(shard, std::move(host));
  co_return co_await opened->replay();
}

}  // namespace millrace

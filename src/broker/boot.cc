#include <fmt/format.h>

#include "base/log.h"
#include "broker/broker.h"
#include "catalog/ids.h"

namespace millrace {

BrokerCore::BrokerCore(Broker& broker, CoreStore& store)
    : broker_(broker), store_(store), image_(std::make_shared<CatalogImage>()) {}
BrokerCore::~BrokerCore() = default;

Partition* BrokerCore::find_partition(PartitionId id) const {
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.get();
}

Core& BrokerCore::owner(ShardId shard) const { return broker_.owner(shard); }

Result<void> BrokerCore::adopt(std::shared_ptr<const CatalogImage> image,
                               const std::vector<std::shared_ptr<const TopicInfo>>& added) {
  for (const auto& topic : added) {
    for (const PartitionInfo& info : topic->partitions) {
      if (&owner(info.shard) != &core()) continue;
      auto partition = Partition::open(store_, info.id);
      if (!partition) return std::unexpected(partition.error());
      partitions_.emplace(info.id, std::move(*partition));
    }
  }
  image_ = std::move(image);
  return {};
}

bool BrokerCore::refuse_from_now_on() {
  stopping_ = true;
  return true;
}

bool BrokerCore::wake_everybody() {
  for (auto& [shard, host] : groups_) host->stop(Error(ErrorCode::stopping));
  if (catalog_) catalog_->stop(Error(ErrorCode::stopping));
  for (auto& [id, partition] : partitions_) partition->wake_waiters();
  return true;
}

Broker::Broker(Runtime& runtime, Store& store, BrokerLimits limits)
    : runtime_(runtime), store_(store), limits_(limits) {
  for (std::uint32_t id = 0; id < runtime.core_count(); ++id) {
    cores_.push_back(std::make_unique<BrokerCore>(*this, store.core(CoreId(id))));
  }
}
Broker::~Broker() = default;

Task<Result<void>> Broker::publish(std::shared_ptr<const CatalogImage> image,
                                   std::vector<std::shared_ptr<const TopicInfo>> added) {
  Core& here = runtime_.core(CoreId(0));
  for (auto& core : cores_) {
    BrokerCore* target = core.get();
    auto adopted = co_await call_on(
        here, target->core(), [target, image, &added] { return target->adopt(image, added); });
    if (!adopted) co_return adopted;
  }
  co_return Result<void>{};
}

Task<Result<void>> Broker::boot() {
  BrokerCore& home = core(CoreId(0));
  home.catalog_ =
      std::make_unique<MachineHost<CatalogMachine>>(home.store_, kCatalogLog, CatalogMachine());
  auto replayed = co_await home.catalog_->replay();
  if (!replayed) co_return replayed;
  auto image = home.catalog_->machine().image();
  std::vector<std::shared_ptr<const TopicInfo>> topics;
  for (const auto& [name, topic] : image->topics) topics.push_back(topic);
  auto published = co_await publish(image, std::move(topics));
  if (!published) co_return published;
  auto groups = co_await replay_groups();
  if (!groups) co_return groups;
  for (PartitionId id : store_.unclaimed()) {
    if (id >= image->next_partition_id) {
      co_return fail(ErrorCode::storage_corrupt,
                     fmt::format("there is data of partition {}, which the catalogue has not given "
                                 "out yet. Restore the data directory from a copy",
                                 id.value()));
    }
    store_.discard_recovered(id);
  }
  store_.start();
  co_return Result<void>{};
}

Task<Result<void>> Broker::replay_groups() {
  Core& here = runtime_.core(CoreId(0));
  std::vector<Future<Result<void>>> opened;
  for (PartitionId id : store_.unclaimed()) {
    if (!is_group_log(id)) continue;
    ShardId shard(static_cast<std::uint32_t>(id.value() - kGroupLogs.value()));
    BrokerCore& target = core(owner(shard).id());
    opened.push_back(start_on(here, target.core(), target.open_group_host(shard)));
  }
  for (auto& future : opened) {
    auto outcome = co_await future;
    if (!outcome) co_return outcome;
  }
  co_return Result<void>{};
}

Task<void> Broker::stop() {
  Core& here = runtime_.core(CoreId(0));
  for (auto& core : cores_) {
    BrokerCore* target = core.get();
    co_await call_on(here, target->core(), [target] { return target->refuse_from_now_on(); });
  }
  // Only now: who is woken must find every core stopping, or it would wait again.
  for (auto& core : cores_) {
    BrokerCore* target = core.get();
    co_await call_on(here, target->core(), [target] { return target->wake_everybody(); });
  }
}

}  // namespace millrace

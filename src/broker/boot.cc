#include <fmt/format.h>

#include <set>

#include "base/log.h"
#include "base/rare.h"
#include "broker/broker.h"
#include "broker/queues.h"
#include "catalog/ids.h"

namespace millrace {
namespace {
// Between two steps of so many partitions the core does what else there is to do.
constexpr std::size_t kPartitionsAtOnce = 100;
}  // namespace

BrokerCore::BrokerCore(Broker& broker, CoreStore& store)
    : broker_(broker),
      store_(store),
      memory_(broker.memory(), store.core()),
      image_(std::make_shared<CatalogImage>()),
      deadlines_(store.core()),
      queues_(std::make_unique<Queues>(*this)),
      catalog_turns_(store.core()) {}
BrokerCore::~BrokerCore() = default;

Partition* BrokerCore::find_partition(PartitionId id) const {
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.get();
}

Core& BrokerCore::owner(ShardId shard) const { return broker_.owner(shard); }

// What is new can be used when the image says that it is there. What is removed goes before it says
// so: who asks meanwhile is told that it is gone.
Task<Result<void>> BrokerCore::adopt(std::shared_ptr<const CatalogImage> image,
                                     const CatalogChange* change) {
  std::size_t count = 0;
  for (const auto& topic : change->changed) {
    for (const PartitionInfo& info : topic->partitions) {
      if (&owner(info.shard) != &core()) continue;
      if (++count % kPartitionsAtOnce == 0) co_await Yield{core()};
      auto& partition = partitions_[info.id];
      if (!partition) {
        auto opened = Partition::open(store_, info.id);
        if (!opened) {
          partitions_.erase(info.id);
          co_return std::unexpected(opened.error());
        }
        partition = std::move(*opened);
      }
      partition->log().configure(log_settings_of(topic->config));
    }
  }
  auto adopted = co_await queues_->adopt(change->topology);
  if (!adopted) co_return adopted;
  for (const PartitionInfo& info : change->removed) {
    if (++count % kPartitionsAtOnce == 0) co_await Yield{core()};
    if (partitions_.erase(info.id) > 0) store_.close_log(info.id);
    sent_.erase(info.id);
  }
  if (!change->removed.empty()) store_.drop_closed();
  image_ = std::move(image);
  co_return Result<void>{};
}

bool BrokerCore::refuse_from_now_on() {
  stopping_ = true;
  return true;
}

bool BrokerCore::wake_everybody() {
  queues_->stop(Error(ErrorCode::stopping));
  for (auto& [shard, host] : groups_) host->stop(Error(ErrorCode::stopping));
  if (catalog_) catalog_->stop(Error(ErrorCode::stopping));
  for (auto& [id, partition] : partitions_) partition->wake_waiters();
  return true;
}

Broker::Broker(Runtime& runtime, Store& store, BrokerLimits limits)
    : runtime_(runtime),
      store_(store),
      limits_(limits),
      memory_(limits.connection_bytes_max),
      relief_(*this) {
  for (std::uint32_t id = 0; id < runtime.core_count(); ++id) {
    cores_.push_back(std::make_unique<BrokerCore>(*this, store.core(CoreId(id))));
  }
}
Broker::~Broker() = default;

Task<Result<void>> Broker::publish(std::shared_ptr<const CatalogImage> image,
                                   CatalogChange change) {
  // Who has a new queue knows it before anybody else can send something there.
  std::set<CoreId> owners;
  for (const TopologyChange& each : change.topology) {
    const auto* added = std::get_if<QueueAdded>(&each);
    if (added) owners.insert(owner(added->queue->partition.shard).id());
  }
  Core& here = runtime_.core(CoreId(0));
  Result<void> outcome;
  for (bool is_owner : {true, false}) {
    std::vector<Future<Result<void>>> adopting;
    for (auto& core : cores_) {
      if (owners.contains(core->core().id()) != is_owner) continue;
      adopting.push_back(start_on(here, core->core(), core->adopt(image, &change)));
    }
    for (auto& one : adopting) {
      auto adopted = co_await one;
      if (!adopted) outcome = adopted;
    }
  }
  co_return outcome;
}

Task<Result<void>> Broker::boot() {
  BrokerCore& home = core(CoreId(0));
  home.catalog_ =
      std::make_unique<MachineHost<CatalogMachine>>(home.store_, kCatalogLog, CatalogMachine());
  auto replayed = co_await home.catalog_->replay();
  if (!replayed) co_return replayed;
  auto image = home.catalog_->machine().image();
  CatalogChange all;
  for (const auto& [id, topic] : image->by_id) all.changed.push_back(topic);
  all.topology = home.catalog_->machine().topology().all();
  auto cursors = co_await replay_cursors();
  if (!cursors) co_return cursors;
  auto published = co_await publish(image, std::move(all));
  if (!published) co_return published;
  auto groups = co_await replay_groups();
  if (!groups) co_return groups;
  std::vector<PartitionId> deleted;
  for (PartitionId id : store_.unclaimed()) {
    if (id >= image->next_partition_id) {
      co_return fail(ErrorCode::storage_corrupt,
                     fmt::format("there is data of partition {}, which the catalogue has not given "
                                 "out yet. Restore the data directory from a copy",
                                 id.value()));
    }
    store_.discard_recovered(id);
    deleted.push_back(id);
  }
  std::set<std::string> forgotten;
  for (auto& core : cores_) {
    BrokerCore* target = core.get();
    auto names = co_await call_on(home.core(), target->core(),
                                  [target] { return target->forgotten_topics(); });
    forgotten.insert(names.begin(), names.end());
  }
  store_.start();
  for (auto& core : cores_) {
    BrokerCore* target = core.get();
    co_await call_on(home.core(), target->core(),
                     [target] { return target->queues().start_queues(); });
  }
  if (!forgotten.empty()) {
    // Not waited for: a full disk is no reason not to start.
    auto turn = co_await home.catalog_turns_.take();
    home.core().spawn("finish deletions",
                      home.finish_deletions(std::move(turn), {forgotten.begin(), forgotten.end()}));
  }
  if (!deleted.empty()) {
    runtime_.core(CoreId(0)).spawn("remove partitions", remove_files_of(std::move(deleted)));
  }
  co_await remove_temporary();
  for (auto& core : cores_) {
    BrokerCore* target = core.get();
    target->core().post([target] {
      target->arm_retention();
      target->queues().arm_reclaim();
    });
  }
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

Task<Result<void>> Broker::replay_cursors() {
  Core& here = runtime_.core(CoreId(0));
  std::vector<Future<Result<void>>> opened;
  for (PartitionId id : store_.unclaimed()) {
    if (!is_cursor_log(id)) continue;
    ShardId shard(static_cast<std::uint32_t>(id.value() - kCursorLogs.value()));
    BrokerCore& target = core(owner(shard).id());
    opened.push_back(start_on(here, target.core(), target.queues().open_host(shard)));
  }
  for (auto& future : opened) {
    auto outcome = co_await future;
    if (!outcome) co_return outcome;
  }
  co_return Result<void>{};
}

// What does not outlive the run in which it was declared.
Task<void> Broker::remove_temporary() {
  BrokerCore& home = core(CoreId(0));
  const Topology& topology = home.catalog_->machine().topology();
  std::vector<CatalogMachine::TopologyCommand> commands;
  for (const auto& queue : topology.queues("")) {
    if (queue->is_temporary()) commands.emplace_back(DeleteQueue{.id = queue->id});
  }
  for (const auto& exchange : topology.exchanges("")) {
    if (!exchange->durable) commands.emplace_back(DeleteExchange{exchange->tenant, exchange->name});
  }
  for (auto& command : commands) {
    auto reply = co_await home.queues().change(std::move(command));
    if (!reply.error) continue;
    RARE("what was temporary could not be removed");
    log_warning("queues", "what was temporary could not be removed: {}", reply.error->message());
    co_return;
  }
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

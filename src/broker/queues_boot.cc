// Queues: how they come to be and go.
#include <fmt/format.h>

#include <chrono>

#include "base/log.h"
#include "base/rare.h"
#include "broker/broker.h"
#include "broker/queues.h"
#include "catalog/ids.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {

// How often the logs of queues are cut to what is not acknowledged yet: what goes before a
// checkpoint comes to it is never written twice.
constexpr Duration kReclaimInterval = 1s;
constexpr std::size_t kQueuesAtOnce = 100;

ExchangeKind kind_of(ExchangeType type) {
  switch (type) {
    case ExchangeType::direct:
      return ExchangeKind::direct;
    case ExchangeType::fanout:
      return ExchangeKind::fanout;
    case ExchangeType::topic:
      return ExchangeKind::topic;
    case ExchangeType::headers:
      return ExchangeKind::headers;
  }
  return ExchangeKind::direct;
}

ExchangeDeclaration declaration_of(const ExchangeInfo& info) {
  ExchangeDeclaration declaration{info.tenant, info.name, kind_of(info.type), {}};
  if (const std::string* alternate = info.alternate()) declaration.alternate = *alternate;
  return declaration;
}

Binding binding_of(const BindingInfo& info) {
  return {info.source, info.destination, info.key, info.arguments};
}

CursorPolicy policy_of(const QueueInfo& info) {
  CursorPolicy policy;
  const bool is_quorum = info.config.type == QueueType::quorum;
  if (is_quorum) policy.return_order = ReturnOrder::return_time;
  policy.holder_end_fails = is_quorum;
  if (info.config.delivery_limit) {
    policy.failed_max = static_cast<std::uint32_t>(*info.config.delivery_limit);
  }
  return policy;
}

CursorId cursor_of(const QueueInfo& info) { return CursorId(info.id.value()); }

}  // namespace

Task<Result<void>> Queues::open_host(ShardId shard) {
  auto host = std::make_unique<CursorHost>(broker_.store_, cursor_log(shard), CursorMachine());
  auto replayed = co_await host->replay();
  if (!replayed) co_return replayed;
  hosts_.emplace(shard, std::move(host));
  co_return Result<void>{};
}

// On every core, in the order in which the catalogue decided them.
Task<Result<void>> Queues::adopt(std::vector<TopologyChange> changes) {
  std::size_t count = 0;
  for (const TopologyChange& change : changes) {
    if (++count % kQueuesAtOnce == 0) co_await Yield{broker_.core()};
    if (const auto* tenant = std::get_if<TenantAdded>(&change)) {
      tenants_.insert(tenant->name);
      for (auto& exchange : predeclared_exchanges(*tenant)) {
        exchanges_[exchange->id] = exchange;
        router_.add_exchange(exchange->id, declaration_of(*exchange));
      }
    } else if (const auto* removed = std::get_if<TenantRemoved>(&change)) {
      tenants_.erase(removed->name);
      std::vector<ExchangeId> gone;
      for (const auto& [id, exchange] : exchanges_) {
        if (exchange->tenant == removed->name) gone.push_back(id);
      }
      for (ExchangeId id : gone) {
        router_.remove_exchange(id);
        exchanges_.erase(id);
      }
    } else if (const auto* exchange = std::get_if<ExchangeAdded>(&change)) {
      exchanges_[exchange->exchange->id] = exchange->exchange;
      router_.add_exchange(exchange->exchange->id, declaration_of(*exchange->exchange));
    } else if (const auto* gone_exchange = std::get_if<ExchangeRemoved>(&change)) {
      router_.remove_exchange(gone_exchange->id);
      exchanges_.erase(gone_exchange->id);
    } else if (const auto* queue = std::get_if<QueueAdded>(&change)) {
      const auto& info = queue->queue;
      if (&broker_.owner(info->partition.shard) == &broker_.core()) {
        auto opened = co_await open_queue(info);
        if (!opened) co_return opened;
      }
      infos_[info->id] = info;
      by_partition_[info->partition.id] = info->id;
      router_.add_queue(info->id, info->tenant, info->name);
    } else if (const auto* gone_queue = std::get_if<QueueRemoved>(&change)) {
      router_.remove_queue(gone_queue->id);
      if (auto info = find_queue(gone_queue->id)) by_partition_.erase(info->partition.id);
      infos_.erase(gone_queue->id);
      close_queue(gone_queue->id);
    } else if (const auto* bound = std::get_if<BindingAdded>(&change)) {
      router_.bind(binding_of(bound->binding));
    } else {
      router_.unbind(binding_of(std::get<BindingRemoved>(change).binding));
    }
  }
  co_return Result<void>{};
}

Task<Result<void>> Queues::open_queue(std::shared_ptr<const QueueInfo> info) {
  ShardId shard = info->partition.shard;
  if (!hosts_.contains(shard)) {
    auto opened = co_await open_host(shard);
    if (!opened) co_return opened;
  }
  CursorHost& host = *hosts_.at(shard);
  Partition* partition = broker_.find_partition(info->partition.id);
  ASSERT(partition);
  // The catalogue's event is durable before the cursor's is: after a crash in between it is made
  // here. Nobody waits for it: what the cursor decides later stands behind it in its log.
  if (!host.machine().find(cursor_of(*info))) {
    broker_.core().spawn(
        "create cursor",
        submit_alone(
            &host, CreateCursor{cursor_of(*info), partition->log().log_start(), policy_of(*info)}));
  }
  Cursor* cursor = host.volatile_state().find(cursor_of(*info));
  if (!cursor) co_return fail(ErrorCode::outcome_unknown, "the journal failed");
  auto queue = std::make_shared<Queue>(broker_, info, *partition, host, *cursor);
  here_[info->id] = queue;
  if (started_) queue->start();
  co_return Result<void>{};
}

bool Queues::start_queues() {
  started_ = true;
  // Of queues whose deletion was durable when the power went, and theirs was not.
  for (auto& [shard, host] : hosts_) {
    for (CursorId id : host->machine().cursor_ids()) {
      if (infos_.contains(QueueId(id.value()))) continue;
      RARE("the cursor of a deleted queue goes at the start");
      broker_.core().spawn("delete cursor", submit_alone(host.get(), DeleteCursor{id}));
    }
  }
  // In an order that is the same each time.
  std::map<QueueId, std::shared_ptr<Queue>> all(here_.begin(), here_.end());
  for (auto& [id, queue] : all) queue->start();
  return true;
}

Task<void> Queues::submit_alone(CursorHost* host, CursorCommand command) {
  auto reply = co_await host->submit(std::move(command));
  if (!reply) RARE("a cursor's command failed with its journal");
}

void Queues::close_queue(QueueId id) {
  auto found = here_.find(id);
  if (found == here_.end()) return;
  auto queue = std::move(found->second);
  here_.erase(found);
  queue->close();
  ShardId shard = queue->info().partition.shard;
  broker_.core().spawn("delete cursor", submit_alone(hosts_.at(shard).get(),
                                                     DeleteCursor{cursor_of(queue->info())}));
}

void Queues::stop(const Error& error) {
  for (auto& [id, queue] : here_) queue->settle_now();
  stopping_ = true;
  for (auto& [id, queue] : here_) queue->close();
  for (auto& [shard, host] : hosts_) host->stop(error);
}

Task<TopologyReply> Queues::change(CatalogMachine::TopologyCommand command) {
  BrokerCore& home = broker_.broker().core(CoreId(0));
  co_return co_await start_on(broker_.core(), home.core(),
                              home.queues().change_here(std::move(command)));
}

Task<TopologyReply> Queues::change_here(CatalogMachine::TopologyCommand command) {
  auto turn = co_await broker_.catalog_turns_.take();
  if (stopping_) co_return TopologyReply{Error(ErrorCode::stopping), {}, {}, {}};
  if (auto* declare = std::get_if<DeclareQueue>(&command)) {
    declare->topic = random_topic_id(broker_.core());
  }
  auto decided = co_await broker_.catalog_->submit(std::move(command));
  if (!decided) co_return TopologyReply{decided.error(), {}, {}, {}};
  auto reply = std::get<TopologyReply>(std::move(*decided));
  if (reply.error || reply.changes.empty()) co_return reply;
  CatalogChange change;
  change.topology = reply.changes;
  std::shared_ptr<const CatalogImage> image = broker_.image_;
  std::vector<PartitionId> removed;
  if (!reply.new_topics.empty() || !reply.gone_topics.empty()) {
    auto changed = std::make_shared<CatalogImage>(*image);
    for (const auto& topic : reply.new_topics) {
      change.changed.push_back(topic);
      changed->put(topic);
    }
    for (const auto& topic : reply.gone_topics) {
      changed->remove(topic->id);
      for (const PartitionInfo& partition : topic->partitions) {
        change.removed.push_back(partition);
        removed.push_back(partition.id);
      }
    }
    image = std::move(changed);
  }
  auto published = co_await broker_.broker().publish(std::move(image), std::move(change));
  if (!published) reply.error = published.error();
  if (!removed.empty()) {
    broker_.core().spawn("remove partitions", broker_.broker().remove_files_of(std::move(removed)));
  }
  co_return reply;
}

Task<Queues::Listing> Queues::list(std::string tenant) {
  BrokerCore& home = broker_.broker().core(CoreId(0));
  co_return co_await start_on(broker_.core(), home.core(),
                              home.queues().list_here(std::move(tenant)));
}

Task<Queues::Listing> Queues::list_here(std::string tenant) {
  const Topology& topology = broker_.catalog_->machine().topology();
  Listing listing;
  listing.tenants = topology.tenants();
  listing.exchanges = topology.exchanges(tenant);
  listing.queues = topology.queues(tenant);
  for (const auto& exchange : listing.exchanges) {
    for (BindingInfo& binding : topology.bindings_from(exchange->id)) {
      listing.bindings.push_back(std::move(binding));
    }
  }
  co_return listing;
}

void Queues::remove_later(QueueId queue) {
  broker_.core().spawn("remove unused queue", remove_unused(queue));
}

Task<void> Queues::remove_unused(QueueId queue) {
  if (Queue* here = find_here(queue); !here || here->length().consumers > 0) co_return;
  co_await change(DeleteQueue{.id = queue});
}

void Queues::arm_reclaim() {
  broker_.core().call_after(kReclaimInterval, [this] {
    if (stopping_) return;
    arm_reclaim();
    if (!std::exchange(reclaiming_, true)) broker_.core().spawn("reclaim", reclaim());
  });
}

// What is done at the front of the queues' logs goes.
Task<void> Queues::reclaim() {
  std::vector<Store::RaisedStart> raised;
  for (const auto& [id, queue] : here_) {
    if (auto to = queue->reclaimable()) raised.push_back({queue->log(), *to});
  }
  if (!raised.empty() && !stopping_) {
    auto done = co_await broker_.store_.store().raise_log_starts(broker_.store_, std::move(raised));
    if (!done) {
      RARE("the logs of queues could not be cut");
      log_warning("queues", "acknowledged messages keep their room for now: {}",
                  done.error().message());
    }
  }
  reclaiming_ = false;
}

}  // namespace millrace

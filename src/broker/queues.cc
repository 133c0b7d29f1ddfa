#include "broker/queues.h"

#include <algorithm>

#include "base/log.h"
#include "base/rare.h"
#include "broker/broker.h"

namespace millrace {
namespace {

// A batch of a queue is closed at this size: one read of it should not bring too much.
constexpr std::size_t kBatchBytesMax = 256 << 10;
// So much of one message is put into its queues at once.
constexpr std::size_t kWideBytes = 8 << 20;

template <class T>
Task<Result<T>> gone() {
  co_return fail(ErrorCode::not_found, "the queue was deleted");
}

}  // namespace

Queues::Queues(BrokerCore& broker) : broker_(broker) {}
Queues::~Queues() = default;

std::shared_ptr<const ExchangeInfo> Queues::find_exchange(std::string_view tenant,
                                                          std::string_view name) const {
  auto id = router_.find_exchange(tenant, name);
  if (!id) return nullptr;
  auto found = exchanges_.find(*id);
  return found == exchanges_.end() ? nullptr : found->second;
}

std::shared_ptr<const QueueInfo> Queues::find_queue(std::string_view tenant,
                                                    std::string_view name) const {
  auto id = router_.find_queue(tenant, name);
  return id ? find_queue(*id) : nullptr;
}

std::shared_ptr<const QueueInfo> Queues::find_queue(QueueId id) const {
  auto found = infos_.find(id);
  return found == infos_.end() ? nullptr : found->second;
}

bool Queues::route(ExchangeId exchange, const RoutedMessage& message, Targets& targets) {
  auto info = exchanges_.find(exchange);
  if (info == exchanges_.end()) return false;
  if (info->second->name.empty()) {
    router_.route_to_default(info->second->tenant, message, targets);
    return true;
  }
  return router_.route(exchange, message, targets);
}

HolderId Queues::new_holder() {
  return HolderId(std::uint64_t{broker_.core().id().value()} << 48 | next_holder_++);
}

OwnerId Queues::new_owner() {
  return OwnerId(std::uint64_t{broker_.core().id().value()} << 48 | next_owner_++);
}

BrokerCore* Queues::owner_of(QueueId queue) const {
  auto info = find_queue(queue);
  if (!info) return nullptr;
  return &broker_.broker().core(broker_.broker().owner(info->partition.shard).id());
}

Queue* Queues::find_here(QueueId id) const {
  auto found = here_.find(id);
  return found == here_.end() ? nullptr : found->second.get();
}

std::shared_ptr<Queue> Queues::shared_here(QueueId id) const {
  auto found = here_.find(id);
  return found == here_.end() ? nullptr : found->second;
}

// Posted even to the own core: in order with what was asked before.
template <class Function>
void Queues::post_to(QueueId queue, Function function) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) return;
  owner->core().post([owner, queue, function = std::move(function)]() mutable {
    if (auto here = owner->queues().shared_here(queue)) function(*here);
  });
}

Task<Result<void>> Queues::consume(QueueId queue, ConsumerSpec spec) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<void>();
  co_return co_await start_on(broker_.core(), owner->core(),
                              owner->queues().consume_here(queue, std::move(spec)));
}

Task<Result<void>> Queues::consume_here(QueueId queue, ConsumerSpec spec) {
  auto here = shared_here(queue);
  if (!here) co_return co_await gone<void>();
  co_return here->add_consumer(std::move(spec));
}

Task<Result<void>> Queues::cancel(QueueId queue, HolderId holder) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<void>();
  co_return co_await start_on(broker_.core(), owner->core(),
                              owner->queues().cancel_here(queue, holder));
}

Task<Result<void>> Queues::cancel_here(QueueId queue, HolderId holder) {
  auto here = shared_here(queue);
  if (!here) co_return Result<void>{};
  here->remove_consumer(holder);
  // It goes with its last consumer: whoever cancelled that one does not meet it any more.
  if (here->info().auto_delete) co_await remove_unused(queue);
  co_return Result<void>{};
}

Task<Result<Queue::Got>> Queues::get(QueueId queue, HolderId holder, bool no_ack) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<Queue::Got>();
  co_return co_await start_on(broker_.core(), owner->core(),
                              owner->queues().get_here(queue, holder, no_ack));
}

Task<Result<Queue::Got>> Queues::get_here(QueueId queue, HolderId holder, bool no_ack) {
  auto here = shared_here(queue);
  if (!here) co_return co_await gone<Queue::Got>();
  co_return co_await here->get(holder, no_ack);
}

Task<Result<std::int64_t>> Queues::purge(QueueId queue) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<std::int64_t>();
  co_return co_await start_on(broker_.core(), owner->core(), owner->queues().purge_here(queue));
}

Task<Result<std::int64_t>> Queues::purge_here(QueueId queue) {
  auto here = shared_here(queue);
  if (!here) co_return co_await gone<std::int64_t>();
  co_return co_await here->purge();
}

Task<Result<QueueLength>> Queues::length(QueueId queue) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<QueueLength>();
  co_return co_await start_on(broker_.core(), owner->core(), owner->queues().length_here(queue));
}

Task<Result<QueueLength>> Queues::length_here(QueueId queue) {
  auto here = shared_here(queue);
  if (!here) co_return co_await gone<QueueLength>();
  here->touch();
  co_return here->length();
}

Task<Result<QueueFigures>> Queues::figures(QueueId queue) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<QueueFigures>();
  co_return co_await start_on(broker_.core(), owner->core(), owner->queues().figures_here(queue));
}

Task<Result<QueueFigures>> Queues::figures_here(QueueId queue) {
  auto here = shared_here(queue);
  if (!here) co_return co_await gone<QueueFigures>();
  co_return here->figures();
}

Task<Result<std::vector<Delivery>>> Queues::peek(QueueId queue, std::size_t count_max) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return co_await gone<std::vector<Delivery>>();
  co_return co_await start_on(broker_.core(), owner->core(),
                              owner->queues().peek_here(queue, count_max));
}

Task<Result<std::vector<Delivery>>> Queues::peek_here(QueueId queue, std::size_t count_max) {
  auto here = shared_here(queue);
  if (!here) co_return co_await gone<std::vector<Delivery>>();
  co_return co_await here->peek(count_max);
}

Task<Result<void>> Queues::settled(QueueId queue) {
  BrokerCore* owner = owner_of(queue);
  if (!owner) co_return Result<void>{};  // nothing of it is there any more
  co_return co_await start_on(broker_.core(), owner->core(), owner->queues().settled_here(queue));
}

Task<Result<void>> Queues::settled_here(QueueId queue) {
  auto here = shared_here(queue);
  if (!here) co_return Result<void>{};
  co_return co_await here->settled();
}

void Queues::settle(QueueId queue, HolderId holder, std::vector<Judgement> judgements) {
  post_to(queue, [holder, judgements = std::move(judgements)](Queue& here) mutable {
    here.settle(holder, std::move(judgements));
  });
}

void Queues::grant(QueueId queue, HolderId holder, Credit credit) {
  post_to(queue, [holder, credit](Queue& here) { here.grant(holder, credit); });
}

void Queues::release(QueueId queue, HolderId holder) {
  post_to(queue, [holder](Queue& here) { here.release(holder); });
}

void Queues::touch(QueueId queue) {
  post_to(queue, [](Queue& here) { here.touch(); });
}

std::uint32_t Publication::batch_for(const std::shared_ptr<const QueueInfo>& queue,
                                     std::size_t size) {
  const bool alone = queue->config.overflow != Overflow::drop_head;
  auto found = alone ? open_.end() : open_.find(queue->id);
  if (found != open_.end()) {
    Batch& batch = batches_[found->second];
    if (batch.builder.records_size() + size <= kBatchBytesMax) return found->second;
  }
  auto index = static_cast<std::uint32_t>(batches_.size());
  batches_.push_back({queue, {}});
  if (!alone) open_[queue->id] = index;
  return index;
}

std::size_t Publication::add(ExchangeId exchange, const RoutedMessage& message,
                             const MessageFields& fields) {
  Targets& targets = queues_.targets_;
  targets.clear();
  (void)queues_.route(exchange, message, targets);
  first_batch_.push_back(static_cast<std::uint32_t>(message_batches_.size()));
  const WallMs now = queues_.broker_.broker_time();
  const std::size_t size = fields.body.size() + fields.properties.size();
  std::size_t count = 0;
  if (targets.size() * size > kWideBytes) {
    wide_.emplace();
    BatchBuilder batch;
    add_message(batch, now, fields);
    wide_->bytes = batch.build();
    for (QueueId id : targets) {
      if (auto queue = queues_.find_queue(id)) wide_->queues.push_back(std::move(queue));
    }
    bytes_ += size;
    return wide_->queues.size();
  }
  for (QueueId id : targets) {
    auto queue = queues_.find_queue(id);
    if (!queue) continue;
    std::uint32_t index = batch_for(queue, size);
    MessageFields stored = fields;
    if (stored.routing_key == queue->name) stored.routing_key.reset();
    add_message(batches_[index].builder, now, stored);
    message_batches_.push_back(index);
    ++count;
  }
  bytes_ += count * size;
  return count;
}

Task<std::vector<Error>> Publication::submit(AckLevel level, Duration timeout) {
  std::vector<Queues::QueueBatch> batches;
  batches.reserve(batches_.size());
  for (Batch& batch : batches_) {
    batches.push_back({batch.queue->id, batch.queue->partition.id, batch.builder.build()});
  }
  std::vector<Error> results(message_count());
  auto outcomes = co_await queues_.append(std::move(batches), level, timeout);
  for (std::size_t i = 0; i < results.size(); ++i) {
    std::size_t end = i + 1 < first_batch_.size() ? first_batch_[i + 1] : message_batches_.size();
    for (std::size_t at = first_batch_[i]; at < end; ++at) {
      const Error& error = outcomes[message_batches_[at]];
      if (error.code != ErrorCode::ok) results[i] = error;
    }
  }
  if (wide_) results.back() = co_await submit_wide(level, timeout);
  co_return results;
}

// Each queue stamps its copy with offsets of its own, so each needs one while it is on its way.
Task<Error> Publication::submit_wide(AckLevel level, Duration timeout) {
  Error result;
  const std::size_t at_once = std::max<std::size_t>(1, kWideBytes / wide_->bytes.size());
  for (std::size_t from = 0; from < wide_->queues.size(); from += at_once) {
    std::vector<Queues::QueueBatch> batches;
    for (std::size_t i = from; i < std::min(from + at_once, wide_->queues.size()); ++i) {
      const QueueInfo& queue = *wide_->queues[i];
      batches.push_back({queue.id, queue.partition.id, Bytes::copy_of(wide_->bytes.view())});
    }
    BrokerCore& broker = queues_.broker_;
    const std::size_t bytes = batches.size() * wide_->bytes.size();
    if (from > 0 && !broker.has_room(bytes)) co_await broker.room(bytes);
    for (const Error& error : co_await queues_.append(std::move(batches), level, timeout)) {
      if (error.code != ErrorCode::ok) result = error;
    }
  }
  co_return result;
}

Task<std::vector<Error>> Queues::append(std::vector<QueueBatch> batches, AckLevel level,
                                        Duration timeout) {
  std::vector<Error> results(batches.size());
  std::vector<Routed> routes(broker_.broker().runtime().core_count());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    // A queue that was deleted meanwhile has taken it and forgotten it.
    BrokerCore* owner = owner_of(batches[i].queue);
    if (owner) routes[owner->core().id().value()].emplace_back(i, std::move(batches[i]));
  }
  std::vector<Future<bool>> elsewhere;
  const std::uint32_t own = broker_.core().id().value();
  for (std::uint32_t id = 0; id < routes.size(); ++id) {
    if (routes[id].empty() || id == own) continue;
    BrokerCore& other = broker_.broker().core(CoreId(id));
    elsewhere.push_back(
        start_on(broker_.core(), other.core(),
                 other.queues().append_here(std::move(routes[id]), &results, level, timeout)));
  }
  if (!routes[own].empty()) {
    co_await append_here(std::move(routes[own]), &results, level, timeout);
  }
  for (Future<bool>& other : elsewhere) co_await other;
  co_return results;
}

Task<bool> Queues::append_here(Routed batches, std::vector<Error>* results, AckLevel level,
                               Duration timeout) {
  Appender appender(broker_.store_);
  std::vector<std::size_t> appended;
  for (auto& [index, batch] : batches) {
    Partition* partition = broker_.find_partition(batch.partition);
    Queue* queue = find_here(batch.queue);
    if (stopping_) {
      (*results)[index] = ErrorCode::stopping;
      continue;
    }
    if (!partition || !queue) continue;
    auto header = read_batch_header(batch.bytes.view());
    ASSERT(header);
    if (!queue->has_room_for(header->record_count)) {
      (*results)[index] = ErrorCode::policy_violation;
      continue;
    }
    if (broker_.store_.refuses_appends()) {
      RARE("a message is refused: the disk is full or fails");
      (*results)[index] = ErrorCode::storage_full;
      continue;
    }
    partition->append(appender, *header, std::move(batch.bytes));
    appended.push_back(index);
  }
  if (appender.empty()) co_return true;
  auto promise = std::make_shared<Promise<Result<void>>>(broker_.core());
  appender.submit([promise](Result<void> outcome) {
    if (!promise->is_set()) promise->set(std::move(outcome));
  });
  if (level == AckLevel::none) co_return true;
  Deadlines::Entry deadline(broker_.deadlines_, timeout, *promise);
  Result<void> outcome = co_await promise->future();
  if (!outcome) {
    for (std::size_t index : appended) (*results)[index] = outcome.error();
  }
  co_return true;
}

Task<Result<void>> Queues::append_copy(PartitionId partition, Bytes batch) {
  auto queue = by_partition_.find(partition);
  BrokerCore* owner = queue == by_partition_.end() ? nullptr : owner_of(queue->second);
  if (!owner) co_return Result<void>{};
  co_return co_await start_on(broker_.core(), owner->core(),
                              owner->queues().append_copy_here(partition, std::move(batch)));
}

Task<Result<void>> Queues::append_copy_here(PartitionId id, Bytes batch) {
  Partition* partition = broker_.find_partition(id);
  if (stopping_) co_return fail(ErrorCode::stopping);
  if (!partition) co_return Result<void>{};
  auto header = read_batch_header(batch.view());
  ASSERT(header);
  auto verdict = partition->check(*header);
  using Kind = ProducerTable::Verdict::Kind;
  if (verdict.kind == Kind::duplicate) {
    RARE("a dead letter was there already");
    co_return co_await partition->when_durable(verdict.next_offset);
  }
  if (verdict.kind == Kind::refuse && !partition->producers().is_ahead(*header)) {
    RARE("a dead letter is older than what is remembered one by one");
    co_return Result<void>{};
  }
  // Ahead: those in between were deleted where they came from before they could be copied.
  Appender appender(broker_.store_);
  partition->append(appender, *header, std::move(batch));
  auto promise = std::make_shared<Promise<Result<void>>>(broker_.core());
  appender.submit([promise](Result<void> outcome) { promise->set(std::move(outcome)); });
  co_return co_await promise->future();
}

}  // namespace millrace

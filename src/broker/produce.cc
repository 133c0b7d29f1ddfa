#include <fmt/format.h>

#include <list>

#include "base/rare.h"
#include "broker/broker.h"

namespace millrace {

struct BrokerCore::PreparedBatch {
  Bytes bytes;
  BatchHeader header;
  const TopicConfig* config = nullptr;
};

namespace {

// Of a compacted topic: what has no key belongs to no key's history.
Result<void> check_keys(ByteView batch, const BatchLimits& limits) {
  RecordReader reader(batch, limits);
  while (auto record = reader.next()) {
    if (!record->key) {
      return fail(ErrorCode::invalid_record,
                  fmt::format("record {} of the batch has no key, and the topic's cleanup.policy "
                              "has compact in it",
                              record->offset - reader.header().base_offset));
    }
  }
  ASSERT(reader.ok());  // it was validated
  return {};
}

Task<void> forward(Future<Result<void>> durable, std::shared_ptr<Promise<Result<void>>> outcome) {
  Result<void> result = co_await durable;
  if (!outcome->is_set()) outcome->set(std::move(result));
}

// What a producer may send to this topic. Changes the batch where the topic sets the time.
Result<BatchHeader> prepare(const ProduceItem& item, WallMs now) {
  const TopicConfig& config = item.topic->config;
  BatchLimits limits;
  limits.batch_bytes_max = config.max_message_bytes;
  auto header = validate_batch(item.records.view(), limits);
  if (!header) return header;
  if (header->is_transactional()) return fail(ErrorCode::transactions_unsupported);
  if (config.cleanup_compact) TRY(check_keys(item.records.view(), limits));
  if (config.timestamp_type == TimestampType::log_append_time) {
    set_log_append_time({item.records.mutable_data(), item.records.size()}, now);
    return read_batch_header(item.records.view());
  }
  if (header->timestamp_type() != TimestampType::create_time) {
    return fail(ErrorCode::invalid_timestamp,
                "a producer may not send the timestamp type LogAppendTime");
  }
  return header;
}

}  // namespace

Task<std::vector<ProduceResult>> BrokerCore::produce(std::vector<ProduceItem> items, AckLevel level,
                                                     Duration timeout) {
  std::vector<ProduceResult> results(items.size());
  std::vector<PreparedBatch> batches(items.size());
  Routes routes(broker_.runtime().core_count());
  for (std::size_t i = 0; i < items.size(); ++i) {
    ProduceItem& item = items[i];
    const PartitionInfo* partition = find_info(item.topic, item.partition);
    if (!partition) {
      results[i].error = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    auto header = prepare(item, broker_time());
    if (!header) {
      results[i].error = header.error();
      continue;
    }
    batches[i] = {std::move(item.records), *header, &item.topic->config};
    routes[owner(partition->shard).id().value()].push_back({i, partition->id});
  }
  std::vector<Future<bool>> elsewhere;
  for (std::uint32_t id = 0; id < routes.size(); ++id) {
    if (routes[id].empty() || id == core().id().value()) continue;
    BrokerCore& other = broker_.core(CoreId(id));
    elsewhere.push_back(
        start_on(core(), other.core(),
                 other.append_here(std::move(routes[id]), &batches, &results, level, timeout)));
  }
  std::vector<Route>& mine = routes[core().id().value()];
  if (!mine.empty()) co_await append_here(std::move(mine), &batches, &results, level, timeout);
  for (Future<bool>& other : elsewhere) co_await other;
  co_return results;
}

// Each core writes its own items of `results`; the verb that owns them waits for all.
Task<bool> BrokerCore::append_here(std::vector<Route> routes, std::vector<PreparedBatch>* batches,
                                   std::vector<ProduceResult>* results, AckLevel level,
                                   Duration timeout) {
  struct Repeat {
    Repeat(std::size_t index_in, BrokerCore& here, Duration timeout_in)
        : index(index_in),
          outcome(std::make_shared<Promise<Result<void>>>(here.core())),
          deadline(here.deadlines_, timeout_in, *outcome) {}
    std::size_t index;
    std::shared_ptr<Promise<Result<void>>> outcome;
    Deadlines::Entry deadline;
  };
  Appender appender(store_);
  std::vector<std::size_t> appended;
  std::list<Repeat> repeats;  // hardly ever one
  bool relaxed = true;
  for (const Route& route : routes) {
    ProduceResult& result = (*results)[route.index];
    PreparedBatch& batch = (*batches)[route.index];
    Partition* partition = find_partition(route.partition);
    if (!partition || stopping_) {
      RARE("a produce meets a partition that has gone, or a stop");
      result.error = stopping_ ? ErrorCode::stopping : ErrorCode::unknown_topic_or_partition;
      continue;
    }
    result.log_start = partition->log().log_start();
    auto verdict = partition->check(batch.header);
    using Kind = ProducerTable::Verdict::Kind;
    if (verdict.kind == Kind::duplicate) {
      result.base_offset = verdict.base_offset;
      if (level == AckLevel::none) continue;
      Repeat& repeat = repeats.emplace_back(route.index, *this, timeout);
      core().spawn("repeated batch",
                   forward(partition->when_durable(verdict.next_offset), repeat.outcome));
      continue;
    }
    if (store_.refuses_appends()) {
      RARE("a produce is refused: the disk is full or fails");
      result.error = ErrorCode::storage_full;
      continue;
    }
    if (verdict.kind == Kind::refuse) {
      result.error = verdict.error;
      continue;
    }
    partition->append(appender, batch.header, std::move(batch.bytes));
    result.base_offset = batch.header.base_offset;
    if (batch.header.timestamp_type() == TimestampType::log_append_time) {
      result.log_append_time = batch.header.max_timestamp;
    }
    relaxed = relaxed && batch.config->relaxed_durability;
    appended.push_back(route.index);
  }
  if (!appender.empty()) {
    if (level == AckLevel::durable && relaxed) level = AckLevel::written;
    auto promise = std::make_shared<Promise<Result<void>>>(core());
    auto settle = [promise](Result<void> outcome) {
      if (!promise->is_set()) promise->set(std::move(outcome));
    };
    Work on_written;
    if (level == AckLevel::written) on_written = [settle] { settle({}); };
    appender.submit(settle, std::move(on_written));
    if (level != AckLevel::none) {
      Deadlines::Entry deadline(deadlines_, timeout, *promise);
      Result<void> outcome = co_await promise->future();
      if (!outcome) {
        for (std::size_t index : appended) (*results)[index].error = outcome.error();
      }
    }
  }
  for (Repeat& repeat : repeats) {
    Result<void> outcome = co_await repeat.outcome->future();
    if (!outcome) (*results)[repeat.index].error = outcome.error();
  }
  co_return true;
}

}  // namespace millrace

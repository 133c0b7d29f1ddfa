// Records go: by retention, and because a client asked for it (DeleteRecords).
#include <fmt/format.h>

#include <iterator>

#include "base/log.h"
#include "base/rare.h"
#include "broker/broker.h"

namespace millrace {
namespace {

// Between two steps of so many partitions the core does what else there is to do.
constexpr std::size_t kPartitionsAtOnce = 500;

Retention retention_of(const TopicConfig& config) {
  Retention retention;
  if (!config.cleanup_delete) return retention;  // a compacted topic keeps what it has
  if (config.retention_ms >= 0) {
    // Beyond what a duration holds is for ever.
    constexpr auto kMost = std::chrono::duration_cast<std::chrono::milliseconds>(Duration::max());
    if (config.retention_ms < kMost.count()) {
      retention.age = std::chrono::milliseconds(config.retention_ms);
    }
  }
  if (config.retention_bytes >= 0) {
    retention.bytes = static_cast<std::uint64_t>(config.retention_bytes);
  }
  return retention;
}

}  // namespace

LogSettings log_settings_of(const TopicConfig& config) {
  LogSettings settings;
  settings.segment_bytes = static_cast<std::uint64_t>(config.segment_bytes);
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::milliseconds>(Duration::max());
  if (config.segment_ms < kMost.count()) {
    settings.segment_age = std::chrono::milliseconds(config.segment_ms);
  }
  return settings;
}

void BrokerCore::arm_retention() {
  core().call_after(broker_.limits().retention_check_interval, [this] {
    if (stopping_) return;
    arm_retention();
    if (!std::exchange(retention_runs_, true)) core().spawn("retention", apply_retention());
  });
}

// A round makes one flush, however many partitions there are.
Task<void> BrokerCore::apply_retention() {
  std::shared_ptr<const CatalogImage> image = image_;
  std::vector<Store::RaisedStart> raised;
  std::string told;
  std::size_t count = 0;
  for (const auto& [name, topic] : image->topics) {
    Retention retention = retention_of(topic->config);
    if (!retention.age && !retention.bytes) continue;
    for (std::size_t index = 0; index < topic->partitions.size(); ++index) {
      if (++count % kPartitionsAtOnce == 0) co_await Yield{core()};
      Partition* partition = find_partition(topic->partitions[index].id);
      if (!partition) continue;  // another core's, or deleted meanwhile
      Offset before = partition->log().log_start();
      Offset point = partition->retention_point(retention, broker_time());
      if (point <= before) continue;
      raised.push_back({partition->shared_log(), point});
      fmt::format_to(std::back_inserter(told), " {}-{} from {} to {}", name, index, before.value(),
                     point.value());
    }
  }
  if (!raised.empty() && !stopping_) {
    auto done = co_await store_.store().raise_log_starts(store_, std::move(raised));
    if (done) {
      log_info("retention", "beginnings moved:{}", told);
    } else {
      RARE("retention could not move log starts");
      log_warning("retention", "beginnings not moved:{}: {}", told, done.error().message());
    }
  }
  retention_runs_ = false;
}

Task<Result<Offset>> BrokerCore::delete_records(std::shared_ptr<const TopicInfo> topic,
                                                std::int32_t partition, Offset before) {
  const PartitionInfo* info = find_info(topic, partition);
  if (!info) co_return fail(ErrorCode::unknown_topic_or_partition);
  if (!topic->config.cleanup_delete) {
    co_return fail(ErrorCode::policy_violation,
                   "records are deleted only where cleanup.policy has delete in it");
  }
  BrokerCore& other = broker_.core(owner(info->shard).id());
  co_return co_await start_on(core(), other.core(), other.delete_records_here(info->id, before));
}

Task<Result<Offset>> BrokerCore::delete_records_here(PartitionId id, Offset before) {
  Partition* partition = find_partition(id);
  if (!partition) co_return fail(ErrorCode::unknown_topic_or_partition);
  Offset end = partition->high_watermark();
  if (before == kNoOffset) before = end;
  if (before < Offset(0) || before > end) {
    co_return fail(ErrorCode::offset_out_of_range,
                   fmt::format("offset {} is not between 0 and the high watermark {}",
                               before.value(), end.value()));
  }
  std::shared_ptr<PartitionLog> log = partition->shared_log();
  if (before <= log->log_start()) co_return log->log_start();
  auto raised = co_await store_.store().raise_log_starts(store_, {{log, before}});
  if (!raised) co_return std::unexpected(raised.error());
  if (!find_partition(id)) co_return fail(ErrorCode::unknown_topic_or_partition);
  co_return log->log_start();
}

Task<std::vector<PartitionSummary>> BrokerCore::describe_partitions(
    std::shared_ptr<const TopicInfo> topic) {
  Routes routes(broker_.runtime().core_count());
  for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
    const PartitionInfo& info = topic->partitions[i];
    routes[owner(info.shard).id().value()].push_back({i, info.id});
  }
  std::vector<PartitionSummary> summaries(topic->partitions.size());
  for (std::uint32_t id = 0; id < routes.size(); ++id) {
    if (routes[id].empty()) continue;
    BrokerCore* other = &broker_.core(CoreId(id));
    co_await call_on(core(), other->core(), [other, &summaries, &of_core = routes[id]] {
      for (const Route& route : of_core) {
        summaries[route.index] = other->describe_here(route.partition);
      }
      return true;
    });
  }
  co_return summaries;
}

PartitionSummary BrokerCore::describe_here(PartitionId id) const {
  PartitionSummary summary;
  Partition* partition = find_partition(id);
  if (!partition) {
    summary.error = ErrorCode::unknown_topic_or_partition;
    return summary;
  }
  const PartitionLog& log = partition->log();
  summary.log_start = log.log_start();
  summary.high_watermark = log.high_watermark();
  summary.bytes = log.bytes();
  for (const ProducerTable::Summary& producer : partition->producers().list()) {
    summary.producers.push_back(
        {producer.id, producer.epoch.value(), producer.last_sequence, producer.last_timestamp});
  }
  return summary;
}

Task<void> Broker::remove_files_of(std::vector<PartitionId> ids) {
  auto removed = co_await store_.remove_partitions(std::move(ids));
  if (!removed) {
    RARE("files of deleted partitions stay until the next start");
    log_warning("storage", "files of deleted partitions stay until the next start: {}",
                removed.error().message());
  }
}

}  // namespace millrace

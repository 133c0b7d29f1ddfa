#include <fmt/format.h>

#include "broker/broker.h"

namespace millrace {

const PartitionInfo* find_info(const std::shared_ptr<const TopicInfo>& topic,
                               std::int32_t partition) {
  if (!topic || partition < 0) return nullptr;
  if (static_cast<std::size_t>(partition) >= topic->partitions.size()) return nullptr;
  return &topic->partitions[static_cast<std::size_t>(partition)];
}

Result<void> BrokerCore::check_epoch(LeaderEpoch current) const {
  if (current.value() < 0 || current == leader_epoch()) return {};
  return fail(current < leader_epoch() ? ErrorCode::fenced_leader_epoch
                                       : ErrorCode::unknown_leader_epoch);
}

Task<Result<TimePosition>> BrokerCore::find_position(std::shared_ptr<const TopicInfo> topic,
                                                     std::int32_t partition,
                                                     LeaderEpoch current_epoch, TimeQuery query) {
  const PartitionInfo* info = find_info(topic, partition);
  if (!info) co_return fail(ErrorCode::unknown_topic_or_partition);
  BrokerCore& other = broker_.core(owner(info->shard).id());
  co_return co_await start_on(core(), other.core(),
                              other.find_position_here(info->id, current_epoch, query));
}

Task<Result<TimePosition>> BrokerCore::find_position_here(PartitionId id, LeaderEpoch current_epoch,
                                                          TimeQuery query) {
  Partition* partition = find_partition(id);
  if (!partition) co_return fail(ErrorCode::unknown_topic_or_partition);
  if (auto epoch = check_epoch(current_epoch); !epoch) co_return std::unexpected(epoch.error());
  auto kept = partition->shared_log();  // a deletion may come in between
  PartitionLog& log = *kept;
  TimePosition position;
  position.epoch = leader_epoch();
  using Kind = TimeQuery::Kind;
  if (query.kind == Kind::earliest) {
    position.offset = log.log_start();
    if (!log.epochs().empty()) position.epoch = log.epochs().front().epoch;
    co_return position;
  }
  if (query.kind == Kind::latest) {
    position.offset = log.high_watermark();
    co_return position;
  }
  if (query.kind == Kind::newest_timestamp) {
    auto newest = log.newest_timestamp();
    if (!newest) co_return TimePosition{};
    query.time = *newest;
  }
  auto batch = co_await log.batch_at_time(query.time);
  if (!batch) co_return std::unexpected(batch.error());
  if (!*batch) co_return TimePosition{};
  RecordReader reader((*batch)->view(), BatchLimits{});
  position.epoch = reader.header().leader_epoch;
  while (auto record = reader.next()) {
    if (record->timestamp >= query.time && record->offset >= log.log_start()) {
      position.offset = record->offset;
      position.timestamp = record->timestamp;
      co_return position;
    }
  }
  if (!reader.ok()) {
    co_return fail(ErrorCode::storage_corrupt,
                   fmt::format("a batch of partition {} can't be read", id.value()));
  }
  // The producer wrote a newest timestamp that none of its records has: the batch's start misses
  // nothing.
  position.offset = reader.header().base_offset;
  position.timestamp = reader.header().max_timestamp;
  co_return position;
}

Task<Result<EpochEnd>> BrokerCore::find_epoch_end(std::shared_ptr<const TopicInfo> topic,
                                                  std::int32_t partition, LeaderEpoch current_epoch,
                                                  LeaderEpoch epoch) {
  const PartitionInfo* info = find_info(topic, partition);
  if (!info) co_return fail(ErrorCode::unknown_topic_or_partition);
  BrokerCore& other = broker_.core(owner(info->shard).id());
  co_return co_await start_on(core(), other.core(),
                              other.find_epoch_end_here(info->id, current_epoch, epoch));
}

Task<Result<EpochEnd>> BrokerCore::find_epoch_end_here(PartitionId id, LeaderEpoch current_epoch,
                                                       LeaderEpoch epoch) {
  Partition* partition = find_partition(id);
  if (!partition) co_return fail(ErrorCode::unknown_topic_or_partition);
  if (auto current = check_epoch(current_epoch); !current)
    co_return std::unexpected(current.error());
  if (epoch > leader_epoch()) co_return EpochEnd{};
  // The current epoch ends at the high watermark even when nothing was written in it.
  if (epoch == leader_epoch()) co_return EpochEnd{epoch, partition->high_watermark()};
  auto end = partition->log().epoch_end(epoch);
  if (!end) co_return EpochEnd{};
  co_return EpochEnd{end->epoch, end->start};
}

}  // namespace millrace

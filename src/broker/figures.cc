#include "broker/figures.h"

#include <algorithm>
#include <iterator>

#include "broker/broker.h"

namespace millrace {
namespace {

// Between two of them the core does what else there is to do.
constexpr std::size_t kPartitionsAtOnce = 200;

void add(CoreFigures& sum, CoreFigures part) {
  for (const auto& [id, figures] : part.partitions) {
    PartitionFigures& all = sum.partitions[id];
    // One core owns it; the others know only what they sent of it.
    all.log_start = std::max(all.log_start, figures.log_start);
    all.high_watermark = std::max(all.high_watermark, figures.high_watermark);
    all.bytes += figures.bytes;
    all.records_in += figures.records_in;
    all.bytes_in += figures.bytes_in;
    all.records_out += figures.records_out;
    all.bytes_out += figures.bytes_out;
  }
  for (std::size_t i = 0; i < GroupsSummary::kStates; ++i) {
    sum.groups.by_state[i] += part.groups.by_state[i];
  }
  std::ranges::move(part.groups.commits, std::back_inserter(sum.groups.commits));
  sum.tail_bytes += part.tail_bytes;
}

}  // namespace

Task<BrokerFigures> Broker::figures() {
  Core& here = runtime_.core(CoreId(0));
  std::vector<Future<CoreFigures>> asked;
  for (auto& core : cores_) asked.push_back(start_on(here, core->core(), core->figures_here()));
  BrokerFigures figures;
  for (auto& future : asked) add(figures, co_await future);
  figures.image = cores_[0]->image_;
  co_return figures;
}

Task<CoreFigures> BrokerCore::figures_here() {
  CoreFigures figures;
  std::vector<PartitionId> ids;
  ids.reserve(partitions_.size());
  for (const auto& [id, partition] : partitions_) ids.push_back(id);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0 && i % kPartitionsAtOnce == 0) co_await Yield{core()};
    Partition* partition = find_partition(ids[i]);
    if (!partition) continue;
    PartitionFigures& one = figures.partitions[ids[i]];
    one.log_start = partition->log().log_start();
    one.high_watermark = partition->high_watermark();
    one.bytes = partition->log().bytes();
    one.records_in = partition->records_in();
    one.bytes_in = partition->bytes_in();
  }
  for (const auto& [id, sent] : sent_) {
    PartitionFigures& one = figures.partitions[id];
    one.records_out = sent.records;
    one.bytes_out = sent.bytes;
  }
  std::vector<ShardId> shards;
  for (const auto& [shard, host] : groups_) shards.push_back(shard);
  for (ShardId shard : shards) {
    co_await Yield{core()};
    auto host = groups_.find(shard);
    if (host != groups_.end()) host->second->machine().summarize(figures.groups);
  }
  figures.tail_bytes = store_.tail_bytes();
  co_return figures;
}

Task<std::optional<WallMs>> BrokerCore::written_at(PartitionInfo partition, Offset offset,
                                                   bool may_wait) {
  BrokerCore& other = broker_.core(owner(partition.shard).id());
  co_return co_await start_on(core(), other.core(),
                              other.written_at_here(partition.id, offset, may_wait));
}

Task<std::optional<WallMs>> BrokerCore::written_at_here(PartitionId id, Offset offset,
                                                        bool may_wait) {
  Partition* partition = find_partition(id);
  if (!partition) co_return std::nullopt;
  std::shared_ptr<PartitionLog> log = partition->shared_log();
  // What retention took before it was read can't be read any more.
  offset = std::max(offset, log->log_start());
  auto read = log->read_now(offset, 1, log->high_watermark());
  if (!read && !may_wait) co_return std::nullopt;
  if (!read) read = co_await log->read(offset, 1, log->high_watermark());
  if (!*read || (*read)->batches.empty()) co_return std::nullopt;
  auto header = peek_batch_header((*read)->batches.flatten().view());
  if (!header) co_return std::nullopt;
  // Where the broker sets the time, it sets the newest.
  bool ours = header->timestamp_type() == TimestampType::log_append_time;
  co_return ours ? header->max_timestamp : header->base_timestamp;
}

}  // namespace millrace

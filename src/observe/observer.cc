#include "observe/observer.h"

#include <map>
#include <utility>

#include "base/log.h"

namespace millrace {
namespace {

// Topics, or partitions of groups: between so many of them the core does what else there is to do.
constexpr std::size_t kAtOnce = 300;

}  // namespace

Observer::Observer(Runtime& runtime, ObserverOptions options)
    : runtime_(runtime),
      options_(std::move(options)),
      turns_(runtime.core(CoreId(0))),
      worker_(runtime.make_worker("observer")),
      topic_series_(options_.limits.topic_series_max) {}

void Observer::observe(Broker& broker, Duration startup) {
  broker_ = &broker;
  startup_ = startup;
  lags_.emplace(broker, options_.limits);
}

Task<std::string> Observer::scrape() {
  auto turn = co_await turns_.take();
  Core& here = runtime_.core(CoreId(0));
  MetricsPage page;
  const ProcessFigures process = co_await call_on(
      here, *worker_, [this] { return read_process_figures(options_.data_directory); });
  put_process(page, process);
  put_cores(page);
  if (broker_) {
    const BrokerFigures figures = co_await broker_->figures();
    const std::vector<GroupLag> lags = co_await lags_->lags(&figures);
    co_await put_topics(&page, &figures);
    co_await put_groups(&page, &figures, &lags);
    put_storage(page);
    put_memory(page, figures.tail_bytes, process.resident_bytes);
    for (const Source& source : sources_) co_await source(&page);
  }
  co_return page.text();
}

void Observer::put_process(MetricsPage& page, const ProcessFigures& figures) const {
  page.set(Metric::build_info, 1, {options_.version});
  page.set(Metric::ready, ready_ && ready_() ? 1 : 0);
  page.set(Metric::restarts, options_.restarts);
  if (broker_) page.set(Metric::startup_seconds, startup_);
  for (LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    page.set(Metric::log_lines, log_lines(level), {to_text(level)});
  }
  page.set(Metric::process_cpu_seconds, figures.cpu);
  page.set(Metric::process_resident_memory, figures.resident_bytes);
  page.set(Metric::process_virtual_memory, figures.virtual_bytes);
  page.set(Metric::process_open_fds, figures.open_fds);
  page.set(Metric::process_max_fds, figures.max_fds);
  page.set(Metric::process_start_time, figures.started);
  if (figures.disk_size_bytes == 0) return;
  page.set(Metric::disk_free_bytes, figures.disk_free_bytes);
  page.set(Metric::disk_size_bytes, figures.disk_size_bytes);
}

void Observer::put_cores(MetricsPage& page) const {
  for (std::uint32_t id = 0; id < runtime_.core_count(); ++id) {
    const LoopStats& loop = runtime_.core(CoreId(id)).loop();
    const std::string core = std::to_string(id);
    page.set(Metric::core_turns, loop.turns.value(), {core});
    page.set(Metric::core_busy_seconds, Duration(static_cast<std::int64_t>(loop.busy.value())),
             {core});
    page.set(Metric::core_stalls, loop.stalls.count(), {core});
    page.observe(Metric::core_stall_seconds, loop.stalls, {core});
  }
}

void Observer::put_storage(MetricsPage& page) const {
  const StoreStats stats = broker_->store().stats();
  const StorageLimits& limits = broker_->store().limits();
  const JournalStats& journal = stats.journal;
  page.set(Metric::journal_groups, journal.groups);
  page.set(Metric::journal_written_bytes, journal.bytes_written);
  page.observe(Metric::journal_flush_seconds, journal.flush_time);
  const std::uint64_t used = journal.file_bytes - journal.free_bytes;
  page.set(Metric::journal_used_bytes, used);
  // A group that is larger than a file gets one of its own, above the limit if need be.
  page.set(Metric::journal_free_bytes,
           limits.journal_bytes_max > used ? limits.journal_bytes_max - used : 0);
  page.set(Metric::checkpoints, stats.checkpoints, {"done"});
  page.set(Metric::checkpoints, stats.checkpoints_failed, {"failed"});
  page.observe(Metric::checkpoint_seconds, stats.checkpoint_time);
  page.set(Metric::checkpoint_written_bytes, stats.checkpoint_bytes);
  page.set(Metric::direct_written_bytes, broker_->store().bytes_written_direct());
  page.set(Metric::segments_open, stats.segments_open);
}

void Observer::put_memory(MetricsPage& page, std::uint64_t tail_bytes,
                          std::uint64_t resident_bytes) const {
  const StoreStats stats = broker_->store().stats();
  const StorageLimits& limits = broker_->store().limits();
  const MemoryBudget& connections = broker_->memory();
  std::uint64_t sum = 0;
  auto put = [&](const char* part, std::uint64_t used, std::uint64_t limit) {
    page.set(Metric::memory_bytes, used, {part});
    page.set(Metric::memory_limit_bytes, limit, {part});
    sum += used;
  };
  put("tail", tail_bytes, limits.tail_bytes_max);
  put("segment_cache", stats.segment_cache_bytes, limits.segment_cache_bytes_max);
  put("journal_pending", stats.journal.pending_bytes, limits.pending_bytes_max);
  put("connections", connections.bytes_used(), connections.bytes_max());
  // Bytes may count in two parts, and memory that was used once may stay with the process.
  put("process", resident_bytes > sum ? resident_bytes - sum : 0, options_.process_bytes);
  page.set(Metric::memory_waiting, connections.waiting());
}

Task<void> Observer::put_topics(MetricsPage* page, const BrokerFigures* figures) {
  std::map<TopicId, TopicSeries::Topic> topics;
  std::uint64_t partitions = 0;
  std::uint64_t log_bytes = 0;
  for (const auto& [id, topic] : figures->image->by_id) {
    if (topics.size() % kAtOnce == kAtOnce - 1) co_await Yield{runtime_.core(CoreId(0))};
    TopicSeries::Topic& of = topics[id];
    of.name = topic->name;
    partitions += topic->partitions.size();
    for (const PartitionInfo& partition : topic->partitions) {
      const auto found = figures->partitions.find(partition.id);
      if (found == figures->partitions.end()) continue;
      const PartitionFigures& part = found->second;
      of.figures.add(
          {part.records_in, part.bytes_in, part.records_out, part.bytes_out, part.bytes});
    }
    log_bytes += of.figures.log_bytes;
  }
  page->set(Metric::topics, topics.size());
  page->set(Metric::partitions, partitions);
  page->set(Metric::log_bytes, log_bytes);
  for (const auto& [name, of] : topic_series_.fold(topics)) {
    page->set(Metric::topic_log_bytes, of.log_bytes, {name});
    page->set(Metric::topic_records_in, of.records_in, {name});
    page->set(Metric::topic_bytes_in, of.bytes_in, {name});
    page->set(Metric::topic_records_out, of.records_out, {name});
    page->set(Metric::topic_bytes_out, of.bytes_out, {name});
  }
}

Task<void> Observer::put_groups(MetricsPage* page, const BrokerFigures* figures,
                                const std::vector<GroupLag>* lags) {
  for (std::size_t i = 0; i < GroupsSummary::kStates; ++i) {
    page->set(Metric::groups, figures->groups.by_state[i],
              {group_state_name(static_cast<GroupState>(i))});
  }
  std::size_t done = 0;
  for (const GroupLag& lag : *lags) {
    if (++done % kAtOnce == 0) co_await Yield{runtime_.core(CoreId(0))};
    page->set(Metric::group_lag, lag.records, {lag.group, lag.topic, lag.partition});
    if (!lag.oldest_unread) continue;
    page->set(Metric::group_oldest_unread, std::chrono::nanoseconds(*lag.oldest_unread),
              {lag.group, lag.topic, lag.partition});
  }
}

}  // namespace millrace

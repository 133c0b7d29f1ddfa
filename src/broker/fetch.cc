#include "broker/broker.h"

namespace millrace {
namespace {

// With three quarters of memory in use, or others waiting for their turn, an answer that has had no
// turn of its own may be this large, and only what is in memory already is read for it. So who
// reads at the end of a partition never waits for those who ask for a lot.
constexpr std::size_t kSmallAnswerBytes = 64 << 10;

bool is_small(const FetchCommand& command) {
  return command.memory && command.memory->bytes() < command.bytes_least;
}

// For one look.
std::size_t room_for_answer(const FetchCommand& command, const MemoryBudget& budget) {
  if (!command.memory) return command.bytes_max;
  std::size_t wanted = 0;
  for (const FetchItem& item : command.items) {
    wanted = std::min(command.bytes_max, wanted + std::min(item.bytes_max, command.bytes_max));
  }
  // The first batch comes whole, whatever was asked for.
  wanted = std::max(wanted, command.bytes_least);
  const bool is_plenty = budget.waiting_for_large() == 0 &&
                         budget.bytes_used() < budget.bytes_max() - budget.bytes_max() / 4;
  if (is_plenty || !is_small(command)) {
    const std::size_t room = command.memory->grow_towards(command.bytes_least, wanted);
    if (room > 0) return std::min(room, command.bytes_max);
  }
  return std::min(kSmallAnswerBytes, command.bytes_max);
}

// False: it is not small, or there is not even memory for that; the results say so.
bool keep_small(const FetchCommand& command, std::vector<FetchResult>& results) {
  std::size_t bytes = 0;
  bool must_load = false;
  for (const FetchResult& result : results) {
    bytes += result.batches.size();
    must_load = must_load || result.error.code == ErrorCode::would_block;
  }
  const std::size_t held = command.memory->bytes();
  bool fits = bytes <= kSmallAnswerBytes && (bytes > 0 || !must_load);
  if (fits && bytes > held) fits = command.memory->try_grow(bytes - held, MemoryUse::ordinary);
  for (FetchResult& result : results) {
    if (fits && result.error.code == ErrorCode::would_block) result.error = {};
    if (!fits && (bytes == 0 || !result.batches.empty())) result.error = ErrorCode::would_block;
    if (!fits) result.batches = {};
  }
  return fits;
}

// Who waits holds nothing.
void let_go(const FetchCommand& command, std::vector<FetchResult>& results) {
  for (FetchResult& result : results) result.batches = {};
  if (command.memory) command.memory->set(0);
}

bool is_answer(const FetchCommand& command, const std::vector<FetchResult>& results) {
  std::size_t bytes = 0;
  for (const FetchResult& result : results) {
    if (result.error.code != ErrorCode::ok) return true;
    bytes += result.batches.size();
  }
  return bytes >= std::min(command.bytes_min, std::max<std::size_t>(command.bytes_max, 1));
}

}  // namespace

Task<std::vector<FetchResult>> BrokerCore::fetch(FetchCommand command) {
  MonotonicTime deadline = core().now() + command.wait_max.count();
  Routes routes(broker_.runtime().core_count());
  std::vector<FetchResult> results(command.items.size());
  for (std::size_t i = 0; i < command.items.size(); ++i) {
    const FetchItem& item = command.items[i];
    const PartitionInfo* partition = find_info(item.topic, item.partition);
    if (!partition) {
      results[i].error = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    routes[owner(partition->shard).id().value()].push_back({i, partition->id});
  }
  std::shared_ptr<Waiter> waiter;
  const std::size_t bytes_max = command.bytes_max;
  for (;;) {
    command.bytes_max = bytes_max;
    command.bytes_max = room_for_answer(command, memory_.budget());
    for (std::uint32_t n = 0; n < routes.size(); ++n) {
      const auto id = static_cast<std::uint32_t>((command.first_core + n) % routes.size());
      if (routes[id].empty()) continue;
      BrokerCore& owner_core = broker_.core(CoreId(id));
      auto read = owner_core.read_here(routes[id], &command, &results, waiter);
      if (id == core().id().value()) {
        co_await read;
      } else {
        co_await start_on(core(), owner_core.core(), std::move(read));
      }
    }
    if (is_small(command) && !keep_small(command, results)) {
      if (waiter) waiter->retire();
      co_return results;
    }
    if (is_answer(command, results) || core().now() >= deadline || stopping_) {
      // Partitions that stayed quiet still hold it: let them know that they may forget it.
      if (waiter) waiter->retire();
      count_sent(command, results);
      co_return results;
    }
    let_go(command, results);
    if (!waiter) {
      // Once more, leaving word at each partition: what came in between is not missed.
      waiter = std::make_shared<Waiter>(core());
      continue;
    }
    co_await waiter->wait(deadline);
    waiter = std::make_shared<Waiter>(core());
  }
}

// Where the reader is, so that nothing is counted that is read once more for want of bytes.
void BrokerCore::count_sent(const FetchCommand& command, const std::vector<FetchResult>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].batches.empty()) continue;
    const FetchItem& item = command.items[i];
    const PartitionInfo* partition = find_info(item.topic, item.partition);
    auto found = sent_.find(partition->id);
    if (found == sent_.end()) {
      // Deleted meanwhile: nobody would forget it again.
      if (!image_->find(item.topic->id)) continue;
      found = sent_.emplace(partition->id, Sent{}).first;
    }
    found->second.records += static_cast<std::uint64_t>(results[i].next - item.from);
    found->second.bytes += results[i].batches.size();
  }
}

// Each core writes its own items of `results`; cores are asked one after the other.
Task<bool> BrokerCore::read_here(std::vector<Route> routes, const FetchCommand* command,
                                 std::vector<FetchResult>* results,
                                 std::shared_ptr<Waiter> waiter) {
  std::size_t total = 0;
  for (const FetchResult& result : *results) total += result.batches.size();
  for (const Route& route : routes) {
    const FetchItem& item = command->items[route.index];
    FetchResult& result = (*results)[route.index];
    if (!result.batches.empty()) total -= result.batches.size();
    result = {};
    Partition* partition = find_partition(route.partition);
    if (!partition) {
      result.error = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    if (waiter && stopping_) waiter->notify();
    if (waiter && !stopping_) partition->add_waiter(waiter);
    PartitionLog& log = partition->log();
    result.high_watermark = log.high_watermark();
    result.log_start = log.log_start();
    if (auto epoch = check_epoch(item.current_epoch); !epoch) {
      result.error = epoch.error();
      continue;
    }
    if (item.from == result.high_watermark || total >= command->bytes_max) {
      if (item.from > result.high_watermark || item.from < result.log_start) {
        result.error = ErrorCode::offset_out_of_range;
      }
      continue;
    }
    std::size_t bytes_max = std::min(item.bytes_max, command->bytes_max - total);
    auto read = log.read_now(item.from, bytes_max, result.high_watermark);
    if (!read && is_small(*command)) {
      result.error = ErrorCode::would_block;
      continue;
    }
    if (!read) read = co_await log.read(item.from, bytes_max, result.high_watermark);
    if (!*read) {
      result.error = read->error();
      continue;
    }
    // The first batch comes whole, however large, or a consumer could never get past it (KIP-74).
    if (total > 0 && (*read)->batches.size() > bytes_max) continue;
    result.next = (*read)->next;
    result.batches = std::move((*read)->batches);
    total += result.batches.size();
  }
  co_return true;
}

}  // namespace millrace

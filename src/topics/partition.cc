#include "topics/partition.h"

#include <fmt/format.h>

#include "base/rare.h"

namespace millrace {

using namespace std::chrono_literals;

void Waiter::notify() {
  if (notified_.exchange(true, std::memory_order_acq_rel)) return;
  home_.post([self = shared_from_this()] { self->finish(true); });
}

Future<bool> Waiter::wait(MonotonicTime deadline) {
  timer_ = home_.call_at(deadline, [self = shared_from_this()] {
    self->timer_.reset();
    self->finish(false);
  });
  return promise_.future();
}

void Waiter::finish(bool notified) {
  if (finished_) return;
  finished_ = true;
  // Late notifications have nobody to tell.
  notified_.store(true, std::memory_order_release);
  if (timer_) home_.cancel(*std::exchange(timer_, std::nullopt));
  promise_.set(notified);
}

Result<std::unique_ptr<Partition>> Partition::open(CoreStore& store, PartitionId id) {
  auto opened = store.open_log(id);
  if (!opened) return std::unexpected(opened.error());
  std::unique_ptr<Partition> partition(new Partition(store, opened->log));
  if (!partition->producers_.decode(opened->annotation)) {
    return fail(ErrorCode::storage_corrupt,
                fmt::format("the manifest's producers of partition {} can't be read", id.value()));
  }
  for (const BatchHeader& batch : opened->replayed) {
    partition->producers_.apply(batch, opened->log->high_watermark());
  }
  opened->log->observe(partition.get());
  return partition;
}

Partition::~Partition() {
  log_->observe(nullptr);
  append_failed(Error(ErrorCode::unknown_topic_or_partition));
  wake_waiters();
}

Offset Partition::retention_point(const Retention& retention, WallMs now) const {
  Offset point = log_->log_start();
  if (retention.age) point = std::max(point, log_->expired_before(now - *retention.age / 1ms));
  if (retention.bytes) point = std::max(point, log_->beyond_size(*retention.bytes));
  return point;
}

ProducerTable::Verdict Partition::check(const BatchHeader& batch) const {
  if (batch.producer_id == kNoProducer) return {};
  return producers_.check(batch);
}

void Partition::append(Appender& appender, BatchHeader& header, Bytes batch) {
  records_in_ += static_cast<std::uint64_t>(header.record_count);
  bytes_in_ += batch.size();
  appender.add(*log_, header, std::move(batch));
  if (header.producer_id != kNoProducer) producers_.apply(header, log_->high_watermark());
}

Future<Result<void>> Partition::when_durable(Offset next) {
  Promise<Result<void>> promise(store_.core());
  auto future = promise.future();
  if (log_->high_watermark() >= next) {
    promise.set(Result<void>{});
  } else if (store_.journal().failed()) {
    RARE("a repeated batch meets a journal that has failed");
    promise.set(fail(ErrorCode::outcome_unknown));
  } else {
    RARE("a repeated batch waits for the first");
    durable_waits_.push_back({next, std::move(promise)});
  }
  return future;
}

void Partition::add_waiter(std::shared_ptr<Waiter> waiter) {
  // A partition that nobody writes to would remember every fetch that ever timed out on it.
  std::erase_if(waiters_, [](const auto& old) { return old->is_over(); });
  waiters_.push_back(std::move(waiter));
}

void Partition::wake_waiters() {
  for (auto& waiter : std::exchange(waiters_, {})) waiter->notify();
}

void Partition::high_watermark_moved() {
  wake_waiters();
  if (on_advance_) on_advance_();
  if (durable_waits_.empty()) return;
  std::erase_if(durable_waits_, [this](DurableWait& wait) {
    if (wait.next > log_->high_watermark()) return false;
    wait.promise.set(Result<void>{});
    return true;
  });
}

void Partition::append_failed(const Error& error) {
  for (DurableWait& wait : std::exchange(durable_waits_, {})) {
    wait.promise.set(std::unexpected(error));
  }
}

std::vector<std::uint8_t> Partition::annotation() const {
  return producers_.encode(log_->high_watermark());
}

}  // namespace millrace

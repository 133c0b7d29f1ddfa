#include "broker/queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/rare.h"
#include "broker/broker.h"
#include "broker/queues.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {

// What the broker itself holds while it takes a message away.
constexpr HolderId kBroker{1};
// In one turn of the loop.
constexpr int kPumpMax = 512;
// Acknowledgements wait so long for others, and no more of them than this.
constexpr Duration kSoon = 5ms;
constexpr std::size_t kSoonMax = 1000;
constexpr std::size_t kLoadBytes = 256 << 10;
// Consumers read in order; what came back may stand anywhere.
constexpr std::size_t kBlocksMax = 4;

}  // namespace

Queue::Queue(BrokerCore& broker, std::shared_ptr<const QueueInfo> info, Partition& partition,
             CursorHost& host, Cursor& cursor)
    : broker_(broker),
      core_(broker.core()),
      info_(std::move(info)),
      log_(partition.shared_log()),
      partition_(&partition),
      host_(host),
      cursor_(&cursor),
      cursor_id_(cursor.id()),
      consumers_(info_->config.single_active_consumer),
      transfer_turns_(broker.core()) {
  cursor_->set_end(log_->high_watermark());
  fresh_from_ = cursor_->end();
  partition_->on_advance([this] { appended(); });
}

Queue::~Queue() { close(); }

void Queue::start() {
  auto open = cursor_->open_transfers();
  if (!open.empty()) {
    core_.spawn("open transfers", finish_transfers(shared_from_this(), std::move(open)));
  }
  started_ = true;
  doom_exhausted();
  arm_unused();
  pump_soon();
}

void Queue::close() {
  if (!cursor_) return;
  cursor_ = nullptr;
  partition_->on_advance({});
  partition_ = nullptr;
  if (soon_timer_) core_.cancel(*std::exchange(soon_timer_, std::nullopt));
  if (expiry_timer_) core_.cancel(*std::exchange(expiry_timer_, std::nullopt));
  if (unused_timer_) core_.cancel(*std::exchange(unused_timer_, std::nullopt));
  blocks_.clear();
  for (auto& [holder, consumer] : consumer_data_) consumer.sink->cancelled(holder);
  consumer_data_.clear();
  Result<void> outcome;  // of what was deleted nothing comes back
  if (broker_.queues().stopping_) outcome = fail(ErrorCode::stopping);
  for (auto& [upto, promise] : std::exchange(settled_waits_, {})) promise.set(outcome);
}

Result<void> Queue::add_consumer(ConsumerSpec spec) {
  if (!cursor_) return fail(ErrorCode::not_found);
  if (exclusive_ || (spec.is_exclusive && !consumers_.empty())) {
    return fail(ErrorCode::access_refused, fmt::format("queue '{}' in vhost '{}' in exclusive use",
                                                       info_->name, info_->tenant));
  }
  if (spec.is_exclusive) exclusive_ = spec.holder;
  (void)consumers_.add(spec.holder, {.priority = spec.priority, .credit = spec.credit.messages});
  consumer_data_.emplace(spec.holder,
                         Consumer{std::move(spec.sink), spec.no_ack, spec.credit.bytes, {}});
  if (spec.credit.bytes && *spec.credit.bytes <= 0) consumers_.set_blocked(spec.holder, true);
  touch();
  pump_soon();
  return {};
}

void Queue::remove_consumer(HolderId holder) {
  if (!consumers_.contains(holder)) return;
  (void)consumers_.remove(holder);
  consumer_data_.erase(holder);
  if (exclusive_ == holder) exclusive_.reset();
  touch();
  if (consumers_.empty() && info_->auto_delete) broker_.queues().remove_later(info_->id);
  pump_soon();
}

void Queue::grant(HolderId holder, Credit credit) {
  if (!consumers_.contains(holder)) return;
  consumers_.grant(holder, credit.messages);
  Consumer& consumer = consumer_data_.at(holder);
  if (consumer.bytes_left && credit.bytes) {
    *consumer.bytes_left += *credit.bytes;
    consumers_.set_blocked(holder, *consumer.bytes_left <= 0);
  }
  pump_soon();
}

void Queue::settle(HolderId holder, std::vector<Judgement> judgements) {
  if (!cursor_) return;
  Settle settle{cursor_id_, {}, {}};
  std::vector<Doomed> rejected;
  for (const Judgement& each : judgements) {
    SettleOutcome outcome = SettleOutcome::acknowledged;
    if (each.verdict == Verdict::rejected) {
      // The holder may go before the message does: it is not given back then.
      for (Offset at = each.range.first; at < each.range.end; ++at) {
        if (cursor_->hand_over(at, holder, kBroker)) rejected.push_back({at, kBroker});
      }
      continue;
    }
    if (each.verdict == Verdict::requeued) outcome = SettleOutcome::released;
    if (each.verdict == Verdict::requeued_failed) outcome = SettleOutcome::released_failed;
    settle.settlements.push_back({each.range, outcome, {}, holder});
  }
  if (!settle.settlements.empty()) submit_soon(std::move(settle));
  if (!rejected.empty()) doom(RemovalReason::rejected, std::move(rejected));
}

void Queue::release(HolderId holder) {
  if (!cursor_) return;
  remove_consumer(holder);
  settle_now();
  if (!cursor_ || cursor_->held_by(holder).empty()) return;
  ++begun_.settles;
  core_.spawn("release", run(shared_from_this(), ReleaseHolder{cursor_id_, holder, {}}));
}

// An event for each acknowledgement of a slow consumer would be a flush for each. What is more than
// acknowledged goes at once.
void Queue::submit_soon(Settle settle) {
  const bool can_wait = std::ranges::all_of(settle.settlements, [](const Settlement& each) {
    return each.outcome == SettleOutcome::acknowledged;
  });
  for (Settlement& each : settle.settlements) {
    soon_count_ += each.range.end - each.range.first;
    auto& last = soon_.settlements;
    if (!last.empty() && last.back().outcome == each.outcome && last.back().holder == each.holder &&
        last.back().range.end == each.range.first) {
      last.back().range.end = each.range.end;
    } else {
      last.push_back(std::move(each));
    }
  }
  if (!can_wait || soon_.settlements.size() >= kSoonMax ||
      cursor_->wants_horizon(consumers_.total_credit())) {
    return settle_now();
  }
  if (soon_timer_) return;
  soon_timer_ = core_.call_after(kSoon, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || !self->cursor_) return;
    self->soon_timer_.reset();
    self->settle_now();
  });
}

void Queue::settle_now() {
  if (soon_timer_) core_.cancel(*std::exchange(soon_timer_, std::nullopt));
  if (!cursor_ || soon_.settlements.empty()) return;
  soon_count_ = 0;
  submit({cursor_id_, std::exchange(soon_.settlements, {}), {}});
}

void Queue::submit(Settle settle) {
  if (!settle.raise_horizon) {
    settle.raise_horizon = cursor_->wants_horizon(consumers_.total_credit());
  }
  ++begun_.settles;
  core_.spawn("settle", run(shared_from_this(), std::move(settle)));
}

Task<void> Queue::run(std::shared_ptr<Queue> self, CursorCommand command) {
  auto reply = co_await self->host_.submit(std::move(command));
  if (!reply) {
    log_debug("queues", "{}: {}", self->info_->name, reply.error().message());
    self->failed_ = reply.error();
  } else if (const auto* settled = std::get_if<SettleReply>(&*reply)) {
    // Of a consumer whose connection ended meanwhile.
    if (!settled->mismatched.empty()) RARE("what was settled is not held any more");
  }
  ++self->ended_.settles;
  self->answer_settled();
  if (!self->cursor_) co_return;
  self->doom_exhausted();
  self->pump_soon();
}

Future<Result<void>> Queue::settled() {
  settle_now();
  Promise<Result<void>> promise(core_);
  auto future = promise.future();
  if (!cursor_) {
    promise.set(fail(ErrorCode::stopping));
  } else {
    settled_waits_.emplace_back(begun_, std::move(promise));
    answer_settled();
  }
  return future;
}

void Queue::answer_settled() {
  while (!settled_waits_.empty() && ended_.covers(settled_waits_.front().first)) {
    Result<void> outcome;
    if (failed_) outcome = std::unexpected(*failed_);
    auto promise = std::move(settled_waits_.front().second);
    settled_waits_.pop_front();
    promise.set(std::move(outcome));
  }
}

void Queue::skip_lost() {
  const Offset start = log_->log_start();
  if (start <= known_start_) return;
  known_start_ = start;
  cursor_->set_end(log_->high_watermark());
  if (cursor_->floor() < start) cursor_->skip({cursor_->floor(), start});
}

void Queue::appended() {
  cursor_->set_end(log_->high_watermark());
  pump_soon();
}

void Queue::pump_soon() {
  if (pump_posted_ || !cursor_ || !started_) return;
  pump_posted_ = true;
  core_.post([self = shared_from_this()] {
    self->pump_posted_ = false;
    self->pump();
  });
}

std::optional<WallMs> Queue::expires_at(const StoredMessage& message) const {
  std::optional<WallMs> expires = message.fields.expires;
  if (info_->config.message_ttl_ms) {
    WallMs by_queue = message.time + *info_->config.message_ttl_ms;
    if (!expires || by_queue < *expires) expires = by_queue;
  }
  return expires;
}

// What lives for no time at all is delivered if that can be done at once.
bool Queue::is_expired(const StoredMessage& message, bool is_fresh) const {
  auto expires = expires_at(message);
  if (!expires || *expires > broker_.broker_time()) return false;
  return !(is_fresh && *expires <= message.time);
}

void Queue::pump() {
  if (!cursor_ || loading_) return;
  skip_lost();
  Settle done{cursor_id_, {}, {}};
  std::vector<Doomed> expired;
  int count = 0;
  for (; count < kPumpMax; ++count) {
    auto offset = cursor_->next_ready();
    if (!offset) break;
    auto holder = consumers_.next();
    // Without anybody to give it to, the first is looked at for its expiry alone, and once.
    if (!holder && head_ && head_->offset == *offset &&
        (!head_->expires || *head_->expires > broker_.broker_time())) {
      break;
    }
    bool skipped = false;
    auto block = find_block(*offset, skipped);
    if (skipped) continue;
    if (!block) break;
    const StoredMessage& message = *block->find(*offset);
    const bool is_fresh = holder && *offset >= fresh_from_;
    if (is_expired(message, is_fresh)) {
      cursor_->take(kBroker);
      expired.push_back({*offset, kBroker});
      continue;
    }
    if (!holder) {
      head_ = {*offset, message.time, expires_at(message)};
      break;
    }
    give(message, block, *holder, done);
  }
  if (count < kPumpMax && !loading_) fresh_from_ = cursor_->end();
  for (HolderId holder : std::exchange(touched_, {})) {
    Consumer& consumer = consumer_data_.at(holder);
    consumer.sink->deliver(holder, std::exchange(consumer.out, {}));
  }
  trim_to_length(done);
  auto horizon = cursor_->wants_horizon(consumers_.total_credit());
  if (!done.settlements.empty()) {
    submit_soon(std::move(done));
  } else if (horizon) {
    ++begun_.settles;
    core_.spawn("horizon", run(shared_from_this(), RaiseHorizon{cursor_id_, *horizon}));
  }
  if (!expired.empty()) doom(RemovalReason::expired, std::move(expired));
  if (count == kPumpMax) pump_soon();
  // A backlog that nobody reads costs no memory.
  if (consumers_.empty()) blocks_.clear();
  arm_expiry();
}

void Queue::give(const StoredMessage& message, const std::shared_ptr<const MessageBlock>& block,
                 HolderId holder, Settle& done) {
  Lease lease = cursor_->take(holder);
  ASSERT(lease.offset == message.offset);
  consumers_.delivered(holder);
  Consumer& consumer = consumer_data_.at(holder);
  use_up(holder, consumer, message);
  if (consumer.out.empty()) touched_.push_back(holder);
  consumer.out.push_back({lease.offset, lease.redelivered, lease.before, block, &message});
  ++delivered_;
  if (!consumer.no_ack) return;
  auto& settlements = done.settlements;
  if (!settlements.empty() && settlements.back().holder == holder &&
      settlements.back().range.end == lease.offset) {
    settlements.back().range.end = lease.offset + 1;
  } else {
    settlements.push_back({OffsetRange::of(lease.offset), SettleOutcome::acknowledged, {}, holder});
  }
}

void Queue::use_up(HolderId holder, Consumer& consumer, const StoredMessage& message) {
  if (!consumer.bytes_left) return;
  *consumer.bytes_left -= credit_bytes(message);
  if (*consumer.bytes_left <= 0) consumers_.set_blocked(holder, true);
}

// The oldest go when there are too many.
void Queue::trim_to_length(Settle& done) {
  const QueueConfig& config = info_->config;
  if (config.overflow != Overflow::drop_head || !config.length_max) return;
  std::int64_t excess = cursor_->ready_count() - *config.length_max;
  std::vector<Doomed> doomed;
  for (; excess > 0; --excess) {
    auto offset = cursor_->next_ready();
    if (!offset) break;
    cursor_->take(kBroker);
    if (config.dead_letter_exchange) {
      doomed.push_back({*offset, kBroker});
      continue;
    }
    done.settlements.push_back(
        {OffsetRange::of(*offset), SettleOutcome::dropped, RemovalReason::max_length, kBroker});
  }
  if (!doomed.empty()) doom(RemovalReason::max_length, std::move(doomed));
}

std::shared_ptr<const MessageBlock> Queue::find_block(Offset offset, bool& skipped) {
  for (const auto& block : blocks_) {
    if (block->find(offset)) return block;
  }
  auto read = log_->read_now(offset, kLoadBytes, log_->high_watermark());
  if (!read) {
    loading_ = true;
    core_.spawn("queue read", load(shared_from_this(), offset));
    return nullptr;
  }
  auto kept = keep_block(offset, std::move(*read), skipped);
  return kept ? *kept : nullptr;
}

Result<std::shared_ptr<const MessageBlock>> Queue::keep_block(Offset offset, Result<LogRead> read,
                                                              bool& skipped) {
  Result<std::shared_ptr<const MessageBlock>> block = nullptr;
  if (read) {
    block = MessageBlock::decode(read->batches, read->next);
  } else {
    block = std::unexpected(read.error());
  }
  if (!block) {
    log_error("queues", "queue '{}' in vhost '{}': the message at {} can't be read: {}",
              info_->name, info_->tenant, offset.value(), block.error().message());
    return block;
  }
  if ((*block)->find(offset)) {
    blocks_.push_front(*block);
    if (blocks_.size() > kBlocksMax) blocks_.pop_back();
    return block;
  }
  // Compacted away, or a marker.
  Offset next = (*block)->end();
  for (const StoredMessage& message : (*block)->messages()) {
    if (message.offset <= offset) continue;
    next = message.offset;
    break;
  }
  if (next > offset) {
    cursor_->skip({offset, next});
    skipped = true;
  }
  return nullptr;
}

Task<void> Queue::load(std::shared_ptr<Queue> self, Offset offset) {
  auto block = co_await self->fetch_block(offset);
  self->loading_ = false;
  // What can't be read now is tried again when something happens.
  if (block) self->pump_soon();
}

Task<Result<std::shared_ptr<const MessageBlock>>> Queue::fetch_block(Offset offset) {
  for (const auto& block : blocks_) {
    if (block->find(offset)) co_return block;
  }
  auto log = log_;
  if (offset < log->log_start()) co_return std::shared_ptr<const MessageBlock>();
  auto read = co_await log->read(offset, kLoadBytes, log->high_watermark());
  if (!cursor_) co_return fail(ErrorCode::not_found);
  if (offset < log->log_start()) {
    skip_lost();
    co_return std::shared_ptr<const MessageBlock>();
  }
  bool skipped = false;
  co_return keep_block(offset, std::move(read), skipped);
}

Task<Result<Queue::Got>> Queue::get(HolderId holder, bool no_ack) {
  auto self = shared_from_this();
  touch();
  while (cursor_) {
    if (info_->config.single_active_consumer) {
      co_return fail(ErrorCode::resource_locked,
                     fmt::format("cannot get from queue '{}' in vhost '{}': it has a single active "
                                 "consumer",
                                 info_->name, info_->tenant));
    }
    skip_lost();
    auto offset = cursor_->next_ready();
    if (!offset) co_return Got{};
    auto block = co_await fetch_block(*offset);
    if (!block) co_return std::unexpected(block.error());
    if (!cursor_ || cursor_->next_ready() != offset) continue;
    if (!*block) co_return fail(ErrorCode::storage_corrupt);
    const StoredMessage& message = *(*block)->find(*offset);
    Got got;
    if (is_expired(message, *offset >= fresh_from_)) {
      cursor_->take(kBroker);
      doom(RemovalReason::expired, {{*offset, kBroker}});
      continue;
    }
    Lease lease = cursor_->take(holder);
    got.delivery = Delivery{lease.offset, lease.redelivered, lease.before, *block, &message};
    got.left = cursor_->ready_count();
    ++delivered_;
    if (no_ack) settle(holder, {{OffsetRange::of(*offset), Verdict::acknowledged}});
    co_return got;
  }
  co_return fail(ErrorCode::not_found);
}

Task<Result<std::int64_t>> Queue::purge() {
  auto self = shared_from_this();
  if (!cursor_) co_return fail(ErrorCode::not_found);
  touch();
  auto reply = co_await host_.submit(Purge{cursor_id_});
  if (!reply) co_return std::unexpected(reply.error());
  if (const auto* purged = std::get_if<PurgeReply>(&*reply)) co_return purged->purged;
  co_return std::unexpected(std::get<CursorAnswer>(*reply).error);
}

Task<Result<std::vector<Delivery>>> Queue::peek(std::size_t count_max) {
  auto self = shared_from_this();
  std::vector<Delivery> seen;
  if (!cursor_) co_return fail(ErrorCode::not_found);
  skip_lost();
  for (Offset offset : cursor_->peek(count_max)) {
    auto block = co_await fetch_block(offset);
    if (!block) co_return std::unexpected(block.error());
    if (!*block) continue;
    seen.push_back({offset, false, {}, *block, (*block)->find(offset)});
  }
  co_return seen;
}

bool Queue::has_room_for(std::int64_t count) {
  const QueueConfig& config = info_->config;
  if (!cursor_ || config.overflow == Overflow::drop_head) return true;
  skip_lost();
  std::int64_t waiting = log_->end() - log_->high_watermark();
  return !config.length_max || cursor_->ready_count() + waiting + count <= *config.length_max;
}

QueueLength Queue::length() {
  if (!cursor_) return {};
  skip_lost();
  return {cursor_->ready_count(), consumers_.size()};
}

QueueFigures Queue::figures() {
  QueueFigures figures;
  if (!cursor_) return figures;
  skip_lost();
  figures.ready = cursor_->ready_count();
  figures.in_flight = cursor_->in_flight_count() - soon_count_;
  figures.consumers = consumers_.size();
  figures.counters = cursor_->counters();
  figures.counters.acknowledged += soon_count_;
  figures.published = partition_->records_in();
  figures.delivered = delivered_;
  figures.bytes = log_->bytes();
  if (head_ && head_->offset == cursor_->next_ready()) figures.oldest = head_->time;
  return figures;
}

// When the first one that is ready expires, whoever consumes.
void Queue::arm_expiry() {
  if (expiry_timer_) core_.cancel(*std::exchange(expiry_timer_, std::nullopt));
  if (!cursor_ || loading_) return;
  if (!head_ || head_->offset != cursor_->next_ready() || !head_->expires) return;
  auto wait = std::max<std::int64_t>(*head_->expires - broker_.broker_time(), 1);
  // A wall clock may be set: it is looked at again.
  wait = std::min<std::int64_t>(wait, 60'000);
  expiry_timer_ = core_.call_after(wait * 1ms, [this] {
    expiry_timer_.reset();
    pump_soon();
  });
}

void Queue::touch() {
  if (!info_->config.expires_ms) return;
  if (unused_timer_) core_.cancel(*std::exchange(unused_timer_, std::nullopt));
  arm_unused();
}

void Queue::arm_unused() {
  if (!cursor_ || !info_->config.expires_ms || !consumers_.empty()) return;
  unused_timer_ = core_.call_after(*info_->config.expires_ms * 1ms, [this] {
    unused_timer_.reset();
    if (consumers_.empty()) broker_.queues().remove_later(info_->id);
  });
}

}  // namespace millrace

#include "broker/dead_letter.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "base/rare.h"
#include "base/value_fields.h"
#include "broker/broker.h"
#include "broker/queue.h"
#include "broker/queues.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {

constexpr Duration kRetryAfter = 1s;
// Of messages that are copied together, about; and what each costs beside its bytes.
constexpr std::size_t kCopiedBytes = 256 << 10;
constexpr std::size_t kCopyOverhead = 256;
constexpr std::string_view kDeath = "x-death";

bool is_entry_of(const Value& entry, std::string_view queue, std::string_view reason) {
  const ValueTable* table = entry.as_table();
  const Value* its_queue = table ? table->find("queue") : nullptr;
  const Value* its_reason = table ? table->find("reason") : nullptr;
  return its_queue && its_reason && its_queue->as_text() && its_reason->as_text() &&
         *its_queue->as_text() == queue && *its_reason->as_text() == reason;
}

ValueTable read_deaths(ByteView bytes) {
  ValueTable deaths;
  if (!bytes.empty()) (void)read_value_table(bytes, deaths);
  return deaths;
}

// All the keys that it was published with, but for those that nobody is to see.
std::vector<std::string> routing_keys(std::string_view first, const ValueTable& headers) {
  std::vector<std::string> keys{std::string(first)};
  const Value* copies = headers.find("CC");
  if (!copies || !copies->as_array()) return keys;
  for (const Value& each : *copies->as_array()) {
    if (each.as_text()) keys.push_back(*each.as_text());
  }
  return keys;
}

std::vector<std::uint8_t> write_deaths(const ValueTable& deaths) {
  FieldWriter out;
  put_value_table(out, 1, deaths);
  auto bytes = out.take();
  FieldReader reader(bytes);
  ByteView inner = reader.next()->bytes;
  return {inner.begin(), inner.end()};
}

}  // namespace

std::string_view name_of(RemovalReason reason) {
  switch (reason) {
    case RemovalReason::rejected:
      return "rejected";
    case RemovalReason::expired:
      return "expired";
    case RemovalReason::max_length:
      return "maxlen";
    case RemovalReason::delivery_limit:
      return "delivery_limit";
  }
  return "";
}

ValueTable add_death(ValueTable deaths, const Death& death) {
  std::string_view reason = name_of(death.reason);
  ValueArray entries;
  if (const Value* before = deaths.find(kDeath); before && before->as_array()) {
    entries = *before->as_array();
  }
  auto known = std::ranges::find_if(
      entries, [&](const Value& entry) { return is_entry_of(entry, death.queue, reason); });
  ValueTable entry;
  if (known == entries.end()) {
    entry.set("count", Value(std::int64_t{1}));
    entry.set("reason", Value(reason));
    entry.set("queue", Value(death.queue));
    entry.set("time",
              Value(TimestampSeconds{static_cast<std::uint64_t>(death.time.value() / 1000)}));
    entry.set("exchange", Value(death.exchange));
    ValueArray keys;
    for (std::string_view key : death.routing_keys) keys.push_back(Value(key));
    entry.set("routing-keys", Value(std::move(keys)));
    if (death.expiration) entry.set("original-expiration", Value(*death.expiration));
  } else {
    entry = *known->as_table();
    const Value* count = entry.find("count");
    entry.set("count", Value(count->as_integer().value_or(0) + 1));
    entries.erase(known);
  }
  entries.insert(entries.begin(), Value(std::move(entry)));
  deaths.set(kDeath, Value(std::move(entries)));
  if (!deaths.find("x-first-death-reason")) {
    deaths.set("x-first-death-reason", Value(reason));
    deaths.set("x-first-death-queue", Value(death.queue));
    deaths.set("x-first-death-exchange", Value(death.exchange));
  }
  deaths.set("x-last-death-reason", Value(reason));
  deaths.set("x-last-death-queue", Value(death.queue));
  deaths.set("x-last-death-exchange", Value(death.exchange));
  return deaths;
}

bool is_circle(const ValueTable& deaths, std::string_view queue) {
  const Value* entries = deaths.find(kDeath);
  if (!entries || !entries->as_array()) return false;
  bool found = false;
  for (const Value& each : *entries->as_array()) {
    if (is_entry_of(each, queue, name_of(RemovalReason::rejected))) return false;
    const ValueTable* table = each.as_table();
    if (!table) continue;
    const Value* reason = table->find("reason");
    if (reason && reason->as_text() && *reason->as_text() == name_of(RemovalReason::rejected)) {
      return false;
    }
    const Value* its_queue = table->find("queue");
    found = found || (its_queue && its_queue->as_text() && *its_queue->as_text() == queue);
    if (found) return true;
  }
  return false;
}

void Queue::doom(RemovalReason reason, std::vector<Doomed> doomed) {
  if (!cursor_ || doomed.empty()) return;
  if (info_->config.dead_letter_exchange) {
    ++begun_.burials;
    core_.spawn("dead letters", bury(shared_from_this(), reason, std::move(doomed)));
    return;
  }
  Settle settle{cursor_id_, {}, {}};
  for (const Doomed& each : doomed) {
    settle.settlements.push_back(
        {OffsetRange::of(each.offset), SettleOutcome::dropped, reason, each.holder});
  }
  submit(std::move(settle));
}

void Queue::doom_exhausted() {
  if (!cursor_ || burying_exhausted_ || cursor_->exhausted().empty()) return;
  std::vector<Doomed> doomed;
  for (const auto& [first, end] : cursor_->exhausted().runs()) {
    for (Offset at = first; at < end; ++at) doomed.push_back({at, kNoHolder});
  }
  burying_exhausted_ = true;
  doom(RemovalReason::delivery_limit, std::move(doomed));
  if (!info_->config.dead_letter_exchange) burying_exhausted_ = false;
}

// First the intention, durably, then the copies, then the end: STORAGE.md rule 2.
Task<void> Queue::bury(std::shared_ptr<Queue> self, RemovalReason reason,
                       std::vector<Doomed> doomed) {
  auto turn = co_await self->transfer_turns_.take();
  auto begun = co_await self->begin_burial(reason, std::move(doomed));
  if (reason == RemovalReason::delivery_limit) self->burying_exhausted_ = false;
  ++self->ended_.burials;
  if (!begun) self->failed_ = begun.error();
  self->answer_settled();
  if (!begun || !self->cursor_) co_return;
  co_await self->copy_out(std::move(*begun));
  // Others may have failed too often meanwhile.
  self->doom_exhausted();
}

Task<Result<std::vector<OpenTransfer>>> Queue::begin_burial(RemovalReason reason,
                                                            std::vector<Doomed> doomed) {
  auto ready = co_await need_producer_id();
  if (!ready) co_return std::unexpected(ready.error());
  Queues& queues = broker_.queues();
  BeginTransfer begin{cursor_id_, reason, {}};
  Settle dropped{cursor_id_, {}, {}};
  for (const Doomed& each : doomed) {
    auto block = co_await fetch_block(each.offset);
    if (!cursor_) co_return fail(ErrorCode::stopping);
    if (!block || !*block) {
      // It stays where it is until the next start.
      RARE("a dead letter can't be read");
      continue;
    }
    auto targets = queues.dead_letter_targets(*info_, *(*block)->find(each.offset), reason);
    if (targets.empty()) {
      dropped.settlements.push_back(
          {OffsetRange::of(each.offset), SettleOutcome::dropped, reason, each.holder});
    } else {
      begin.entries.push_back({each.offset, each.holder, std::move(targets)});
    }
  }
  if (!dropped.settlements.empty()) {
    auto reply = co_await host_.submit(std::move(dropped));
    if (!reply) co_return std::unexpected(reply.error());
  }
  std::vector<OpenTransfer> begun;
  if (begin.entries.empty() || !cursor_) co_return begun;
  auto reply = co_await host_.submit(std::move(begin));
  if (!reply) co_return std::unexpected(reply.error());
  if (auto* transfers = std::get_if<BeginTransferReply>(&*reply)) {
    begun = std::move(transfers->begun);
  }
  co_return begun;
}

Task<void> Queue::finish_transfers(std::shared_ptr<Queue> self,
                                   std::vector<OpenTransfer> transfers) {
  auto turn = co_await self->transfer_turns_.take();
  if (self->cursor_) co_await self->copy_out(std::move(transfers));
}

// In the order of their sequences; the caller has the turn.
Task<void> Queue::copy_out(std::vector<OpenTransfer> transfers) {
  std::size_t from = 0;
  while (from < transfers.size() && cursor_) {
    std::size_t copied = co_await copy_some(transfers, from);
    if (copied == 0) co_return;
    from += copied;
  }
}

// After a crash the same ones go together again, in the same batches: by that the targets know what
// they have.
Task<std::size_t> Queue::copy_some(const std::vector<OpenTransfer>& transfers, std::size_t from) {
  Queues& queues = broker_.queues();
  struct Copies {
    std::int32_t first_sequence = 0;
    std::int32_t next_sequence = 0;
    BatchBuilder batch;
  };
  std::map<PartitionId, std::vector<Copies>> copies;
  EndTransfer end{cursor_id_, {}};
  std::size_t bytes = 0;
  for (std::size_t i = from; i < transfers.size() && bytes < kCopiedBytes; ++i) {
    const OpenTransfer& each = transfers[i];
    auto block = co_await fetch_block(each.offset);
    if (!cursor_) co_return 0;
    if (!block) {
      RARE("a dead letter that is under way can't be read");
      break;
    }
    end.offsets.push_back(each.offset);
    if (!*block) {
      RARE("a dead letter that is under way was deleted");
      continue;
    }
    const StoredMessage& message = *(*block)->find(each.offset);
    std::string key = queues.dead_letter_key(*info_, message);
    auto encoded =
        write_deaths(queues.deaths_of(*info_, message, each.transfer.reason, each.transfer.time));
    MessageFields fields = message.fields;
    ASSERT(info_->config.dead_letter_exchange);
    fields.exchange = *info_->config.dead_letter_exchange;
    fields.routing_key = std::string_view(key);
    fields.expires.reset();
    fields.deaths = encoded;
    for (const TransferTarget& target : each.transfer.targets) {
      auto& batches = copies[target.partition];
      if (batches.empty() || batches.back().next_sequence != target.sequence) {
        batches.push_back({target.sequence, target.sequence, {}});
      }
      add_message(batches.back().batch, broker_.broker_time(), fields);
      batches.back().next_sequence = sequence_after(target.sequence);
    }
    bytes += kCopyOverhead + fields.body.size() + fields.properties.size() + encoded.size();
  }
  for (auto& [partition, batches] : copies) {
    for (Copies& copy : batches) {
      copy.batch.producer(cursor_->durable().producer_id, ProducerEpoch(0), copy.first_sequence);
      Bytes batch = copy.batch.build();
      for (;;) {
        auto appended = co_await queues.append_copy(partition, Bytes::copy_of(batch.view()));
        if (!cursor_) co_return 0;
        if (appended) break;
        // A full disk; what fails for good ends the broker's run, and the next one goes on here.
        RARE("a dead letter waits for room on the disk");
        co_await sleep_for(core_, kRetryAfter);
        if (!cursor_) co_return 0;
      }
    }
  }
  if (end.offsets.empty()) co_return 0;
  const std::size_t ended = end.offsets.size();
  (void)co_await host_.submit(std::move(end));
  co_return ended;
}

Task<Result<void>> Queue::need_producer_id() {
  if (!cursor_) co_return fail(ErrorCode::not_found);
  if (cursor_->durable().producer_id != kNoProducer) co_return Result<void>{};
  auto id = co_await broker_.new_producer_id();
  if (!id) co_return std::unexpected(id.error());
  if (!cursor_) co_return fail(ErrorCode::not_found);
  auto reply = co_await host_.submit(SetProducerId{cursor_id_, *id});
  if (!reply) co_return std::unexpected(reply.error());
  co_return Result<void>{};
}

std::string Queues::dead_letter_key(const QueueInfo& queue, const StoredMessage& message) const {
  if (queue.config.dead_letter_routing_key) return *queue.config.dead_letter_routing_key;
  return std::string(message.fields.routing_key.value_or(queue.name));
}

PropertyFacts Queues::facts_of(const StoredMessage& message) const {
  return read_properties_ ? read_properties_(message.fields.properties) : PropertyFacts();
}

ValueTable Queues::deaths_of(const QueueInfo& queue, const StoredMessage& message,
                             RemovalReason reason, WallMs time) const {
  const PropertyFacts facts = facts_of(message);
  const auto keys = routing_keys(message.fields.routing_key.value_or(queue.name), facts.headers);
  Death death{queue.name, reason, time, message.fields.exchange, {keys.begin(), keys.end()}};
  // Of what died before it is gone.
  if (facts.expiration && message.fields.deaths.empty()) death.expiration = *facts.expiration;
  return add_death(read_deaths(message.fields.deaths), death);
}

std::vector<PartitionId> Queues::dead_letter_targets(const QueueInfo& queue,
                                                     const StoredMessage& message,
                                                     RemovalReason reason) {
  std::vector<PartitionId> partitions;
  ASSERT(queue.config.dead_letter_exchange);
  auto exchange = find_exchange(queue.tenant, *queue.config.dead_letter_exchange);
  if (!exchange) return partitions;  // RabbitMQ: dropped without a word
  std::string key = dead_letter_key(queue, message);
  const ValueTable properties = facts_of(message).headers;
  LazyHeaders headers([&] { return properties; });
  // It goes the way it came, unless the queue has a key for it.
  std::vector<std::string> keys;
  if (!queue.config.dead_letter_routing_key) keys = routing_keys(key, properties);
  std::vector<std::string_view> more;
  if (!keys.empty()) more.assign(keys.begin() + 1, keys.end());
  Targets targets;
  route(exchange->id, {.key = key, .more_keys = more, .headers = &headers}, targets);
  ValueTable deaths = deaths_of(queue, message, reason, broker_.broker_time());
  for (QueueId id : targets) {
    auto info = find_queue(id);
    if (!info || is_circle(deaths, info->name)) continue;
    partitions.push_back(info->partition.id);
  }
  return partitions;
}

}  // namespace millrace

// The durable state as bytes: version, the number of cursors, the cursors by id.
#include <map>
#include <utility>

#include "base/assert.h"
#include "queues/cursor_machine.h"
#include "queues/events.h"

namespace millrace {
namespace {

constexpr std::uint64_t kVersion = 1;

enum SnapshotField : std::uint32_t {
  kSnapshotVersion = 1,
  kCursorCount = 2,
  kCursor = 3,
};
enum CursorField : std::uint32_t {
  kId = 1,
  kLogStart = 2,
  kFloor = 3,
  kHorizon = 4,
  kPolicy = 5,
  kDone = 6,
  kCounts = 7,          // for each pair of counts
  kTransfer = 8,        // in the order of offsets
  kSequenceTarget = 9,  // the partition; its last sequence follows
  kSequence = 10,
  kTransfersBegun = 11,
  kProducerId = 12,  // absent: none yet
  kAcknowledgedCount = 13,
  kDroppedCount = 14,
  kDeadLetteredCount = 15,
  kPurgedCount = 16,
  kAbsentCount = 17,
  kExpiredCount = 18,
};
enum CountsField : std::uint32_t {
  kCountsAcquired = 1,
  kCountsFailed = 2,
  kCountsRuns = 3,
};
enum TransferField : std::uint32_t {
  kTransferOffset = 1,
  kTransferNumber = 2,
  kTransferReason = 3,
  kTransferTime = 4,    // signed
  kTransferTarget = 5,  // the partition; its sequence follows
  kTransferSequence = 6,
};

std::uint64_t plain(Offset offset) { return static_cast<std::uint64_t>(offset.value()); }

void put_counts(FieldWriter& writer, const CountMap& counts) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, OffsetRuns> by_counts;
  for (const auto& [first, run] : counts.runs()) {
    by_counts[{run.counts.acquired, run.counts.failed}].push_back({first, run.end});
  }
  for (const auto& [pair, runs] : by_counts) {
    FieldWriter message;
    message.put(kCountsAcquired, pair.first);
    message.put(kCountsFailed, pair.second);
    message.put_bytes(kCountsRuns, write_runs(runs));
    writer.put_message(kCounts, message);
  }
}

void put_transfer(FieldWriter& writer, Offset offset, const Transfer& transfer) {
  FieldWriter message;
  message.put(kTransferOffset, plain(offset));
  message.put(kTransferNumber, transfer.number);
  message.put(kTransferReason, static_cast<std::uint64_t>(transfer.reason));
  message.put_signed(kTransferTime, transfer.time.value());
  for (const TransferTarget& target : transfer.targets) {
    message.put(kTransferTarget, target.partition.value());
    message.put(kTransferSequence, static_cast<std::uint64_t>(target.sequence));
  }
  writer.put_message(kTransfer, message);
}

struct CounterField {
  std::uint32_t number;
  std::int64_t CursorCounters::* counter;
};
constexpr CounterField kCounters[] = {
    {kAcknowledgedCount, &CursorCounters::acknowledged},
    {kDroppedCount, &CursorCounters::dropped},
    {kDeadLetteredCount, &CursorCounters::dead_lettered},
    {kPurgedCount, &CursorCounters::purged},
    {kAbsentCount, &CursorCounters::absent},
    {kExpiredCount, &CursorCounters::expired},
};

void put_state(FieldWriter& message, const CursorState& state) {
  message.put(kLogStart, plain(state.log_start));
  message.put(kFloor, plain(state.floor));
  message.put(kHorizon, plain(state.horizon));
  FieldWriter policy;
  write_policy(policy, state.policy);
  message.put_message(kPolicy, policy);
  if (!state.done.empty()) message.put_bytes(kDone, write_runs(state.done.runs()));
  put_counts(message, state.counts);
  for (const auto& [offset, transfer] : state.transfers) put_transfer(message, offset, transfer);
  for (const auto& [target, sequence] : state.sequences) {
    message.put(kSequenceTarget, target.value());
    message.put(kSequence, static_cast<std::uint64_t>(sequence));
  }
  if (state.transfers_begun > 0) message.put(kTransfersBegun, state.transfers_begun);
  if (state.producer_id != kNoProducer) {
    message.put(kProducerId, static_cast<std::uint64_t>(state.producer_id.value()));
  }
  for (const CounterField& field : kCounters) {
    auto count = static_cast<std::uint64_t>(state.counters.*field.counter);
    if (count > 0) message.put(field.number, count);
  }
}

// One cursor of a snapshot, read field by field.
struct CursorRead {
  std::optional<CursorId> id;
  CursorState state;
  std::optional<PartitionId> sequence_target;

  bool take(const Field& field) {
    switch (field.number) {
      case kId:
        id = CursorId(field.value);
        return true;
      case kLogStart:
        return read_offset(field, state.log_start);
      case kFloor:
        return read_offset(field, state.floor);
      case kHorizon:
        return read_offset(field, state.horizon);
      case kPolicy:
        return read_policy(field.bytes, state.policy);
      case kDone:
        return take_done(field.bytes);
      case kCounts:
        return take_counts(field.bytes);
      case kTransfer:
        return take_transfer(field.bytes);
      case kSequenceTarget:
        sequence_target = PartitionId(field.value);
        return true;
      case kSequence:
        return sequence_target && read_sequence(field, state.sequences[*sequence_target]);
      case kTransfersBegun:
        state.transfers_begun = field.value;
        return true;
      case kProducerId:
        state.producer_id = ProducerId(static_cast<std::int64_t>(field.value));
        return state.producer_id.value() >= 0;
      default:
        return take_counter(field);
    }
  }
  bool take_counter(const Field& field) {
    for (const CounterField& known : kCounters) {
      if (known.number != field.number) continue;
      state.counters.*known.counter = static_cast<std::int64_t>(field.value);
      return field.value < static_cast<std::uint64_t>(kOffsetMax.value()) / 8;  // so that sums hold
    }
    return true;
  }
  bool take_done(ByteView bytes) {
    OffsetRuns runs;
    if (!read_runs(bytes, runs)) return false;
    for (const OffsetRange& run : runs) {
      if (state.done.insert(run) != run.count()) return false;
    }
    return true;
  }
  bool take_counts(ByteView bytes) {
    OffsetRuns runs;
    DeliveryCounts counts;
    FieldReader reader(bytes);
    while (auto field = reader.next()) {
      if (field->number == kCountsAcquired) {
        counts.acquired = static_cast<std::uint32_t>(field->value);
      } else if (field->number == kCountsFailed) {
        counts.failed = static_cast<std::uint32_t>(field->value);
      } else if (field->number == kCountsRuns && !read_runs(field->bytes, runs)) {
        return false;
      }
    }
    if (!reader.ok() || counts.acquired == 0 || counts.failed > counts.acquired) return false;
    for (const OffsetRange& run : runs) {
      bool is_known = false;
      state.counts.visit(run, [&](OffsetRange, DeliveryCounts) { is_known = true; });
      if (is_known) return false;
      state.counts.set(run, counts);
    }
    return true;
  }
  bool take_transfer(ByteView bytes) {
    std::optional<Offset> offset;
    Transfer transfer;
    bool has_reason = false;
    FieldReader reader(bytes);
    while (auto field = reader.next()) {
      switch (field->number) {
        case kTransferOffset:
          if (!read_offset(*field, offset.emplace())) return false;
          break;
        case kTransferNumber:
          transfer.number = field->value;
          break;
        case kTransferReason:
          has_reason = read_reason(*field, transfer.reason);
          break;
        case kTransferTime:
          transfer.time = WallMs(field->as_signed());
          break;
        case kTransferTarget:
          transfer.targets.push_back({PartitionId(field->value), 0});
          break;
        case kTransferSequence:
          if (transfer.targets.empty()) return false;
          if (!read_sequence(*field, transfer.targets.back().sequence)) return false;
          break;
        default:
          break;
      }
    }
    return reader.ok() && offset && has_reason && !transfer.targets.empty() &&
           state.transfers.emplace(*offset, std::move(transfer)).second;
  }
  // What the rest of the program takes for granted.
  bool is_whole() const {
    if (!id || state.floor < state.log_start) return false;
    if (!state.done.empty() && state.done.front() <= state.floor) return false;
    for (const auto& [offset, transfer] : state.transfers) {
      if (state.is_done(offset) || transfer.number >= state.transfers_begun) return false;
    }
    for (const auto& [first, run] : state.counts.runs()) {
      if (first < state.floor) return false;
      if (OffsetRange done = state.done.next_run(first); !done.empty() && done.first < run.end) {
        return false;
      }
    }
    return state.counters.done() == state.done_count();
  }
};

}  // namespace

void CursorMachine::snapshot(FieldWriter& writer) const {
  writer.put(kSnapshotVersion, kVersion);
  writer.put(kCursorCount, cursors_.size());
  for (CursorId id : cursor_ids()) {
    FieldWriter message;
    message.put(kId, id.value());
    put_state(message, find(id)->durable_);
    writer.put_message(kCursor, message);
  }
}

bool CursorMachine::restore(ByteView bytes) {
  ASSERT(!started_);
  std::unordered_map<CursorId, Cursor> cursors;
  std::optional<std::uint64_t> version;
  std::optional<std::uint64_t> count;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == kSnapshotVersion) version = field->value;
    if (field->number == kCursorCount) count = field->value;
    if (field->number != kCursor) continue;
    CursorRead read;
    FieldReader message(field->bytes);
    while (auto part = message.next()) {
      if (!read.take(*part)) return false;
    }
    if (!message.ok() || !read.is_whole()) return false;
    if (!cursors.try_emplace(*read.id, *read.id, std::move(read.state)).second) return false;
  }
  if (!reader.ok() || version != kVersion || count != cursors.size()) return false;
  cursors_ = std::move(cursors);
  return true;
}

}  // namespace millrace

#include "queues/events.h"

#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/fields.h"

namespace millrace {
namespace {

// On disk, as everything numbered in this file.
enum Kind : std::uint64_t {
  kCreated = 1,
  kDeleted = 2,
  kConfigured = 3,
  kChanged = 4,
  kTransfersBegun = 5,
  kProducerIdSet = 6,
  // Reserved, for settlements inside transactions (STORAGE.md rule 21): 7 staged by a producer id,
  // 8 the end of that transaction.
};

constexpr std::uint32_t kKind = 1;
constexpr std::uint32_t kCursor = 2;
// Of created.
constexpr std::uint32_t kLogStart = 3;
constexpr std::uint32_t kCreatedPolicy = 4;
// Of configured.
constexpr std::uint32_t kNewPolicy = 3;
// Of changed.
enum ChangedField : std::uint32_t {
  kAcknowledged = 3,
  kReleased = 4,
  kReleasedFailed = 5,
  kDropped = 6,
  kPurged = 7,
  kAbsent = 8,
  kTransferred = 9,
  kHorizon = 10,
};
constexpr std::uint32_t kDroppedReason = 1;
constexpr std::uint32_t kDroppedRuns = 2;
// Of transfers begun.
constexpr std::uint32_t kReason = 3;
constexpr std::uint32_t kEntry = 4;
constexpr std::uint32_t kEntryOffset = 1;
constexpr std::uint32_t kEntryTarget = 2;    // begins a target
constexpr std::uint32_t kEntrySequence = 3;  // of the target before it
// Of producer id set.
constexpr std::uint32_t kProducerId = 3;
// Of a policy.
constexpr std::uint32_t kReturnOrder = 1;
constexpr std::uint32_t kFailedMax = 2;  // absent: no limit
constexpr std::uint32_t kHolderEndFails = 3;

void put_offset(FieldWriter& writer, std::uint32_t number, Offset offset) {
  ASSERT(offset.value() >= 0);
  writer.put(number, static_cast<std::uint64_t>(offset.value()));
}

void put_runs(FieldWriter& writer, std::uint32_t number, const OffsetRuns& runs) {
  if (!runs.empty()) writer.put_bytes(number, write_runs(runs));
}

void put_policy(FieldWriter& writer, std::uint32_t number, const CursorPolicy& policy) {
  FieldWriter message;
  write_policy(message, policy);
  writer.put_message(number, message);
}

void put(FieldWriter& writer, const CursorCreated& event) {
  put_offset(writer, kLogStart, event.log_start);
  put_policy(writer, kCreatedPolicy, event.policy);
}
void put(FieldWriter&, const CursorDeleted&) {}
void put(FieldWriter& writer, const CursorConfigured& event) {
  put_policy(writer, kNewPolicy, event.policy);
}
void put(FieldWriter& writer, const CursorChanged& event) {
  put_runs(writer, kAcknowledged, event.acknowledged);
  put_runs(writer, kReleased, event.released);
  put_runs(writer, kReleasedFailed, event.released_failed);
  for (const CursorChanged::Dropped& dropped : event.dropped) {
    FieldWriter message;
    message.put(kDroppedReason, static_cast<std::uint64_t>(dropped.reason));
    put_runs(message, kDroppedRuns, dropped.runs);
    writer.put_message(kDropped, message);
  }
  put_runs(writer, kPurged, event.purged);
  put_runs(writer, kAbsent, event.absent);
  put_runs(writer, kTransferred, event.transferred);
  if (event.horizon) put_offset(writer, kHorizon, *event.horizon);
}
void put(FieldWriter& writer, const TransfersBegun& event) {
  writer.put(kReason, static_cast<std::uint64_t>(event.reason));
  for (const TransfersBegun::Entry& entry : event.entries) {
    FieldWriter message;
    put_offset(message, kEntryOffset, entry.offset);
    for (const TransferTarget& target : entry.targets) {
      message.put(kEntryTarget, target.partition.value());
      message.put(kEntrySequence, static_cast<std::uint64_t>(target.sequence));
    }
    writer.put_message(kEntry, message);
  }
}
void put(FieldWriter& writer, const ProducerIdSet& event) {
  writer.put(kProducerId, static_cast<std::uint64_t>(event.producer_id.value()));
}

Kind kind_of(const CursorCreated&) { return kCreated; }
Kind kind_of(const CursorDeleted&) { return kDeleted; }
Kind kind_of(const CursorConfigured&) { return kConfigured; }
Kind kind_of(const CursorChanged&) { return kChanged; }
Kind kind_of(const TransfersBegun&) { return kTransfersBegun; }
Kind kind_of(const ProducerIdSet&) { return kProducerIdSet; }

bool read_dropped(ByteView bytes, CursorChanged::Dropped& dropped) {
  bool has_reason = false;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == kDroppedReason) {
      has_reason = read_reason(*field, dropped.reason);
    } else if (field->number == kDroppedRuns && !read_runs(field->bytes, dropped.runs)) {
      return false;
    }
  }
  return reader.ok() && has_reason && !dropped.runs.empty();
}

bool read_entry(ByteView bytes, TransfersBegun::Entry& entry) {
  bool has_offset = false;
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == kEntryOffset) {
      has_offset = read_offset(*field, entry.offset);
      if (!has_offset) return false;
    } else if (field->number == kEntryTarget) {
      entry.targets.push_back({PartitionId(field->value), 0});
    } else if (field->number == kEntrySequence) {
      if (entry.targets.empty() || !read_sequence(*field, entry.targets.back().sequence)) {
        return false;
      }
    }
  }
  return reader.ok() && has_offset && !entry.targets.empty();
}

bool take(const Field& field, CursorCreated& event) {
  if (field.number == kLogStart) return read_offset(field, event.log_start);
  if (field.number == kCreatedPolicy) return read_policy(field.bytes, event.policy);
  return true;
}
bool take(const Field&, CursorDeleted&) { return true; }
bool take(const Field& field, CursorConfigured& event) {
  return field.number != kNewPolicy || read_policy(field.bytes, event.policy);
}
bool take(const Field& field, CursorChanged& event) {
  switch (field.number) {
    case kAcknowledged:
      return read_runs(field.bytes, event.acknowledged);
    case kReleased:
      return read_runs(field.bytes, event.released);
    case kReleasedFailed:
      return read_runs(field.bytes, event.released_failed);
    case kDropped:
      return read_dropped(field.bytes, event.dropped.emplace_back());
    case kPurged:
      return read_runs(field.bytes, event.purged);
    case kAbsent:
      return read_runs(field.bytes, event.absent);
    case kTransferred:
      return read_runs(field.bytes, event.transferred);
    case kHorizon:
      return read_offset(field, event.horizon.emplace());
    default:
      return true;
  }
}
bool take(const Field& field, TransfersBegun& event) {
  if (field.number == kReason) return read_reason(field, event.reason);
  if (field.number == kEntry) return read_entry(field.bytes, event.entries.emplace_back());
  return true;
}
bool take(const Field& field, ProducerIdSet& event) {
  if (field.number != kProducerId) return true;
  event.producer_id = ProducerId(static_cast<std::int64_t>(field.value));
  return event.producer_id.value() >= 0;
}

template <class E>
std::optional<CursorEvent> read_fields(FieldReader reader, CursorId cursor) {
  E event{};
  event.cursor = cursor;
  while (auto field = reader.next()) {
    if (field->number > kCursor && !take(*field, event)) return std::nullopt;
  }
  if (!reader.ok()) return std::nullopt;
  return event;
}

}  // namespace

Event write_cursor_event(const CursorEvent& event) {
  FieldWriter writer;
  std::visit(
      [&](const auto& of) {
        writer.put(kKind, kind_of(of));
        writer.put(kCursor, of.cursor.value());
        put(writer, of);
      },
      event);
  return writer.take();
}

std::optional<CursorEvent> read_cursor_event(ByteView bytes) {
  FieldReader reader(bytes);
  auto kind = reader.next();
  auto cursor = reader.next();
  if (!kind || kind->number != kKind || !cursor || cursor->number != kCursor) return std::nullopt;
  CursorId id(cursor->value);
  switch (kind->value) {
    case kCreated:
      return read_fields<CursorCreated>(reader, id);
    case kDeleted:
      return read_fields<CursorDeleted>(reader, id);
    case kConfigured:
      return read_fields<CursorConfigured>(reader, id);
    case kChanged:
      return read_fields<CursorChanged>(reader, id);
    case kTransfersBegun:
      return read_fields<TransfersBegun>(reader, id);
    case kProducerIdSet:
      return read_fields<ProducerIdSet>(reader, id);
    default:
      return std::nullopt;
  }
}

void write_policy(FieldWriter& writer, const CursorPolicy& policy) {
  writer.put(kReturnOrder, static_cast<std::uint64_t>(policy.return_order));
  if (policy.failed_max) writer.put(kFailedMax, *policy.failed_max);
  if (policy.holder_end_fails) writer.put(kHolderEndFails, 1);
}

bool read_policy(ByteView bytes, CursorPolicy& policy) {
  policy = {};
  FieldReader reader(bytes);
  while (auto field = reader.next()) {
    if (field->number == kReturnOrder) {
      if (field->value > static_cast<std::uint64_t>(ReturnOrder::return_time)) return false;
      policy.return_order = static_cast<ReturnOrder>(field->value);
    } else if (field->number == kFailedMax) {
      if (field->value > std::numeric_limits<std::uint32_t>::max()) return false;
      policy.failed_max = static_cast<std::uint32_t>(field->value);
    } else if (field->number == kHolderEndFails) {
      policy.holder_end_fails = field->value != 0;
    }
  }
  return reader.ok();
}

bool read_offset(const Field& field, Offset& offset) {
  offset = Offset(static_cast<std::int64_t>(field.value));
  return offset.value() >= 0 && offset < kOffsetMax;
}

bool read_reason(const Field& field, RemovalReason& reason) {
  reason = static_cast<RemovalReason>(field.value);
  return field.value >= static_cast<std::uint64_t>(RemovalReason::rejected) &&
         field.value <= static_cast<std::uint64_t>(RemovalReason::delivery_limit);
}

bool read_sequence(const Field& field, std::int32_t& sequence) {
  sequence = static_cast<std::int32_t>(field.value);
  return field.value <= std::numeric_limits<std::int32_t>::max();
}

}  // namespace millrace

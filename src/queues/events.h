// What makes a cursor's durable state, as events in its shard's internal log.
//
// Runs of offsets are written as distances, so that a batch of acknowledgements in order takes a
// few bytes and each single one out of order one or two. The numbers in events.cc are on disk: they
// may be added to, never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/fields.h"
#include "machine/machine.h"
#include "queues/cursor_state.h"

namespace millrace {

struct CursorCreated {
  CursorId cursor;
  Offset log_start;
  CursorPolicy policy = {};
  bool operator==(const CursorCreated&) const = default;
};
struct CursorDeleted {
  CursorId cursor;
  bool operator==(const CursorDeleted&) const = default;
};
struct CursorConfigured {
  CursorId cursor;
  CursorPolicy policy = {};
  bool operator==(const CursorConfigured&) const = default;
};
// Everything that happens to runs of offsets, in one event.
struct CursorChanged {
  struct Dropped {
    RemovalReason reason = RemovalReason::rejected;
    OffsetRuns runs = {};
    bool operator==(const Dropped&) const = default;
  };
  CursorId cursor;
  // All in order, see put_in_order().
  OffsetRuns acknowledged = {};
  OffsetRuns released = {};
  OffsetRuns released_failed = {};
  std::vector<Dropped> dropped = {};
  OffsetRuns purged = {};
  OffsetRuns absent = {};
  OffsetRuns transferred = {};  // the transfer ended
  std::optional<Offset> horizon = {};
  bool operator==(const CursorChanged&) const = default;
};
struct TransfersBegun {
  struct Entry {
    Offset offset;
    std::vector<TransferTarget> targets = {};
    bool operator==(const Entry&) const = default;
  };
  CursorId cursor;
  RemovalReason reason = RemovalReason::rejected;
  std::vector<Entry> entries = {};  // in the order of their sequences
  bool operator==(const TransfersBegun&) const = default;
};
struct ProducerIdSet {
  CursorId cursor;
  ProducerId producer_id;
  bool operator==(const ProducerIdSet&) const = default;
};

using CursorEvent = std::variant<CursorCreated, CursorDeleted, CursorConfigured, CursorChanged,
                                 TransfersBegun, ProducerIdSet>;

Event write_cursor_event(const CursorEvent& event);
// Nothing when the bytes are damaged or of a kind this program does not know.
std::optional<CursorEvent> read_cursor_event(ByteView bytes);

// What snapshots write in the same way. Reading gives false for damage: an offset that can't be, a
// reason nobody knows.
std::vector<std::uint8_t> write_runs(const OffsetRuns& runs);
bool read_runs(ByteView bytes, OffsetRuns& runs);
void write_policy(FieldWriter& writer, const CursorPolicy& policy);
bool read_policy(ByteView bytes, CursorPolicy& policy);
bool read_offset(const Field& field, Offset& offset);
bool read_reason(const Field& field, RemovalReason& reason);
bool read_sequence(const Field& field, std::int32_t& sequence);

}  // namespace millrace

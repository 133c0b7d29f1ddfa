// What CursorMachine can be asked, and what it answers. A reply comes when its events are durable.
//
// A command that names an unknown cursor is answered ErrorCode::not_found; one that can't be meant,
// invalid_request with a text. Single offsets that are not where the sender thinks they are
// (settled already, held by somebody else) are no error: the rest of the command happens and the
// reply names them.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "queues/cursor.h"

namespace millrace {

struct CreateCursor {
  CursorId cursor;
  Offset log_start;  // what lies below is none of its messages
  CursorPolicy policy = {};
};
// What it holds and has to tell is forgotten, open transfers too: end those before, where it
// matters.
struct DeleteCursor {
  CursorId cursor;
};
// A new limit holds at once: what is beyond it becomes exhausted, what no longer is becomes ready.
struct ConfigureCursor {
  CursorId cursor;
  CursorPolicy policy = {};
};

enum class SettleOutcome : std::uint8_t {
  acknowledged,
  released,         // given back; the delivery counts as acquired only
  released_failed,  // given back; it counts as failed too, and the limit applies
  dropped,          // gone, without a dead letter
};
struct Settlement {
  OffsetRange range;
  SettleOutcome outcome = SettleOutcome::acknowledged;
  RemovalReason reason = RemovalReason::rejected;  // of dropped
  // Who has them in flight; kNoHolder: they are exhausted (only to be dropped).
  HolderId holder = kNoHolder;
};
// In any order, also of offsets. Cheapest when what lies together comes together.
struct Settle {
  CursorId cursor;
  std::vector<Settlement> settlements = {};
  // Cursor::wants_horizon(), so that it costs no event of its own.
  std::optional<Offset> raise_horizon = {};
};
// Gives back everything that a holder has in flight. Absent `failed`: by policy().holder_end_fails.
struct ReleaseHolder {
  CursorId cursor;
  HolderId holder;
  std::optional<bool> failed = {};
};
// Everything that is ready becomes done.
struct Purge {
  CursorId cursor;
};

// Moves messages to other partitions, exactly once: when the reply comes the intention is durable.
// Then append a copy to each target under the cursor's producer id and the sequence of the reply,
// in the order of the reply (a target that answers duplicate_sequence_number has it already), and
// send EndTransfer. After a restart begin with Cursor::open_transfers(), before any new transfer's
// append.
struct BeginTransfer {
  struct Entry {
    Offset offset;
    HolderId holder;                   // who has it in flight; kNoHolder: it is exhausted
    std::vector<PartitionId> targets;  // at least one, none twice
  };
  CursorId cursor;
  RemovalReason reason = RemovalReason::rejected;
  std::vector<Entry> entries = {};
};
// All targets have it durably: the offset is done.
struct EndTransfer {
  CursorId cursor;
  std::vector<Offset> offsets = {};
};
// Cursor::wants_horizon(). One that is not higher changes nothing, one further ahead of the log
// than kHorizonAheadMax is cut to that.
struct RaiseHorizon {
  CursorId cursor;
  Offset horizon;
};
// Under which transfers append. Once: another one later is refused.
struct SetProducerId {
  CursorId cursor;
  ProducerId producer_id;
};

using CursorCommand =
    std::variant<CreateCursor, DeleteCursor, ConfigureCursor, Settle, ReleaseHolder, Purge,
                 BeginTransfer, EndTransfer, RaiseHorizon, SetProducerId>;

// To CreateCursor, DeleteCursor, ConfigureCursor, RaiseHorizon, SetProducerId, and to every command
// that is refused.
struct CursorAnswer {
  Error error;
};
struct SettleReply {
  OffsetRuns mismatched;  // in the order they were asked for
};
struct ReleaseHolderReply {
  std::int64_t released = 0;
};
struct PurgeReply {
  std::int64_t purged = 0;
};
struct BeginTransferReply {
  std::vector<OpenTransfer> begun;  // in the order of the entries
  std::vector<Offset> mismatched;
};
struct EndTransferReply {
  std::vector<Offset> mismatched;  // not in transfer
};
using CursorReply = std::variant<CursorAnswer, SettleReply, ReleaseHolderReply, PurgeReply,
                                 BeginTransferReply, EndTransferReply>;

}  // namespace millrace

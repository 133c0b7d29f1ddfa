// CursorState: what is durable of one cursor. Events build it, snapshots carry it, tests compare
// it.
//
//         log start     floor                                      next            end of the log
//   ──────────┼───────────┼───────────────────────────────────────────┼─────────────────┼──
//    reclaimed   all done   done here and there, counts, transfers        never considered
//
// `floor` rises alone: below it everything is done and nothing is kept. Above it stand exceptions
// only: runs of done offsets, counts of messages that came back, transfers. What is in flight or
// ready is not durable (Cursor).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "queues/count_map.h"
#include "queues/ids.h"
#include "queues/offset_set.h"

namespace millrace {

// Where a message that was given back stands.
enum class ReturnOrder : std::uint8_t {
  offset = 0,       // at its original place
  return_time = 1,  // behind those that were given back before it, in front of new ones
};

struct CursorPolicy {
  ReturnOrder return_order = ReturnOrder::offset;
  // A message that failed more often is exhausted: it is not delivered again. Absent: no limit.
  std::optional<std::uint32_t> failed_max = {};
  // Whether a holder that goes has failed on what it held.
  bool holder_end_fails = false;
  bool operator==(const CursorPolicy&) const = default;
};

// Why a message leaves without having been acknowledged.
enum class RemovalReason : std::uint8_t {
  rejected = 1,
  expired = 2,
  max_length = 3,
  delivery_limit = 4,
};

// Every offset that is done is counted once in all but `expired`.
struct CursorCounters {
  std::int64_t acknowledged = 0;
  std::int64_t dropped = 0;        // for a RemovalReason, without a dead letter
  std::int64_t dead_lettered = 0;  // transfers that ended
  std::int64_t purged = 0;
  std::int64_t absent = 0;   // offsets the log does not have
  std::int64_t expired = 0;  // of the dropped and the dead-lettered, those with that reason
  std::int64_t done() const { return acknowledged + dropped + dead_lettered + purged + absent; }
  bool operator==(const CursorCounters&) const = default;
};

// A dead letter on its way: its copy for `partition` is appended under the cursor's producer id
// with this sequence, so that a repeat is recognised.
struct TransferTarget {
  PartitionId partition;
  std::int32_t sequence = 0;
  bool operator==(const TransferTarget&) const = default;
};

struct Transfer {
  std::uint64_t number = 0;  // in the order they began: that of the sequences
  RemovalReason reason = RemovalReason::rejected;
  WallMs time = {};  // when it began
  std::vector<TransferTarget> targets = {};
  bool operator==(const Transfer&) const = default;
};

// Sequences go on at 0 behind the greatest number, as idempotent producers count.
std::int32_t sequence_after(std::int32_t sequence);

struct CursorState {
  CursorState() = default;
  CursorState(Offset log_start_in, CursorPolicy policy_in)
      : log_start(log_start_in), floor(log_start_in), horizon(log_start_in), policy(policy_in) {}

  bool is_done(Offset offset) const { return offset < floor || done.contains(offset); }
  // Makes them done and forgets what was known of them; how many were not done before. None may be
  // in transfer.
  std::int64_t mark_done(OffsetRange range);
  // The sequence of the next transfer to `target`.
  std::int32_t next_sequence(PartitionId target) const;
  void begin_transfer(Offset offset, Transfer transfer);
  // False when there is none.
  bool end_transfer(Offset offset);
  // Behind everything that is known of any offset: the log reaches at least this far.
  Offset known_end() const;
  // How many offsets in [log_start, floor) and above it are done.
  std::int64_t done_count() const { return (floor - log_start) + done.count(); }

  bool operator==(const CursorState&) const = default;

  Offset log_start;
  Offset floor;
  OffsetSet done;   // above floor
  CountMap counts;  // of what is not done
  Offset horizon;   // below it a message may have been delivered without an event that says so
  std::map<Offset, Transfer> transfers;
  std::map<PartitionId, std::int32_t> sequences;  // the last one used
  std::uint64_t transfers_begun = 0;
  ProducerId producer_id = kNoProducer;
  CursorPolicy policy;
  CursorCounters counters;
};

}  // namespace millrace

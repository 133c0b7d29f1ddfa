// Cursor: one queue's reading of its log. Each message goes to one holder, and stays until it is
// acknowledged, dropped or moved.
//
//   Cursor* cursor = machine.find(id);
//   cursor->set_end(log.high_watermark());
//   while (auto offset = cursor->next_ready()) {
//     if (log has nothing at *offset) { cursor->skip(gap); continue; }
//     Lease lease = cursor->take(holder);       // hand it to a consumer; lease.redelivered
//   }
//   machine: Settle{...}                        // durable: CursorMachine
//
// State of an offset:
//
//                   take()                  Settle: acknowledged, dropped
//    ready ──────────────────▶ in flight ────────────────────────────────▶ done
//      ▲                         │  │  BeginTransfer              EndTransfer ▲
//      ├── Settle: released ─────┤  └──────────────▶ in transfer ─────────────┤
//      ▲   put_back()            ▼ failed too often     ▲                     │
//      │                     exhausted ─────────────────┴── Settle: dropped ──┘
//      └─ a higher limit ────────┘
//
// The durable part (CursorState) changes in CursorMachine::apply() alone. Everything else here is
// volatile, cheap to change, and gone after a restart: then all that is not done, exhausted or in
// transfer is ready, in the order of offsets (the order of returning is volatile too). What lies
// below the durable horizon may have been delivered before and is marked so; a delivery above the
// horizon that a crash made forgotten loses that mark and nothing else, which is why delivery does
// not wait for the horizon to be durable.
//
// Core-local, as the machine. Costs: take(), Settle and skip() O(log runs); a backlog that nobody
// has touched costs nothing, and so does a long run of done offsets behind a straggler.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "queues/cursor_state.h"
#include "queues/ids.h"
#include "queues/in_flight.h"
#include "queues/offset_set.h"
#include "queues/range_set.h"
#include "queues/returned.h"

namespace millrace {

// However large the credit: after a crash at most this many messages are marked as redelivered that
// were not.
inline constexpr std::int64_t kHorizonAheadMax = 4096;

// One delivery.
struct Lease {
  Offset offset;
  DeliveryCounts before;     // the deliveries before this one that ended in a release
  bool redelivered = false;  // it was delivered before, or may have been before a crash
};

struct OpenTransfer {
  Offset offset;
  DeliveryCounts before;
  Transfer transfer;
  bool operator==(const OpenTransfer&) const = default;
};

class Cursor {
 public:
  Cursor(CursorId id, CursorState state) : id_(id), durable_(std::move(state)) {}

  CursorId id() const { return id_; }
  const CursorState& durable() const { return durable_; }
  const CursorPolicy& policy() const { return durable_.policy; }
  const CursorCounters& counters() const { return durable_.counters; }
  // All below are done: the log may be reclaimed up to here.
  Offset floor() const { return durable_.floor; }

  // How far the log durably reaches: its high watermark. Lower than before: ignored.
  void set_end(Offset end);
  Offset end() const { return end_; }

  std::int64_t ready_count() const;
  std::int64_t in_flight_count() const { return in_flight_.count(); }
  // What failed too often (policy().failed_max) and waits for BeginTransfer or Settle as dropped,
  // with kNoHolder. After a restart they are here again. The reference holds until something
  // changes.
  const RangeSet& exhausted() const { return exceptions().exhausted; }
  // In the order they have to be appended in: that of their sequences.
  std::vector<OpenTransfer> open_transfers() const;
  std::size_t open_transfer_count() const { return durable_.transfers.size(); }

  // What take() would take.
  std::optional<Offset> next_ready() const;
  // The first ready ones, in the order they would be delivered in. Takes nothing.
  std::vector<Offset> peek(std::size_t count_max) const;
  // Hands out next_ready(), which there must be. Not durable: a crash makes it ready again.
  Lease take(HolderId holder);
  // Undoes take(): the holder never saw it. False when it does not hold it. Goes to the front.
  bool put_back(Offset offset, HolderId holder);
  // It is in flight, and stays so, but for somebody else. False when `from` does not hold it.
  bool hand_over(Offset offset, HolderId from, HolderId to);
  // kNoHolder: not in flight.
  HolderId holder_of(Offset offset) const { return in_flight_.find(offset); }
  OffsetRuns held_by(HolderId holder) const { return in_flight_.held_by(holder); }

  // The log has nothing there (below end()): they are done without having been anything. At once
  // here, durably with the next event of this cursor; after a crash in between they are found
  // again.
  void skip(OffsetRange gap);
  // Not durably yet.
  bool is_skipped(Offset offset) const { return exceptions().gaps.contains(offset); }

  // The horizon that a RaiseHorizon (or the next Settle) should set, when one is due: at most
  // the outstanding credit ahead of what was delivered, so that one event covers about half as many
  // messages.
  // `credit`: what all holders together may still take, Consumers::total_credit(); what is in
  // flight is added here. Negative, for no limit, counts as kHorizonAheadMax.
  std::optional<Offset> wants_horizon(std::int64_t credit) const;

 private:
  friend class CursorMachine;

  // What an idle queue, or one that goes from its front to its end, has nothing of.
  struct Exceptions {
    Returned returned;  // ready, below next_
    RangeSet exhausted;
    OffsetSet ahead;  // at or above next_, but not ready; next_ is never in it
    RangeSet gaps;    // skipped, but not durably so
    bool empty() const {
      return returned.empty() && exhausted.empty() && ahead.empty() && gaps.empty();
    }
  };

  const Exceptions& exceptions() const;
  Exceptions& make_exceptions();
  void forget_exceptions_if_none();
  bool is_exhausted(const DeliveryCounts& counts) const {
    return durable_.policy.failed_max && counts.failed > *durable_.policy.failed_max;
  }

  // What CursorMachine does to the volatile part. Before start() they do nothing.
  void start();
  void forget_ready(OffsetRange range);  // it became done or moves
  void return_range(OffsetRange range);  // it came back, with its new counts
  void reconfigured();                   // the policy is another one
  RangeSet beyond_limit() const;
  // Ready, in runs, in the order of offsets.
  OffsetRuns ready_ranges() const;
  void pass_ahead();

  CursorId id_;
  CursorState durable_;

  // Volatile from here on.
  bool started_ = false;
  bool has_end_ = false;
  Offset next_;                             // first never considered in this run
  Offset end_;                              // nothing is known of what lies at it or above
  Offset uncertain_below_;                  // may have been delivered before the last crash
  InFlight in_flight_;                      // below next_
  std::unique_ptr<Exceptions> exceptions_;  // null: none
};

}  // namespace millrace

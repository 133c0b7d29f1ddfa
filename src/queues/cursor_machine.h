// CursorMachine: all acknowledging cursors of one shard, one machine (machine/machine.h) over one
// internal log.
//
//   MachineHost<CursorMachine> host(store, log_id, CursorMachine());
//   co_await host.submit(CreateCursor{.cursor = id, .log_start = Offset(0)});
//   Cursor* cursor = machine.find(id);        // takes, peeks: volatile, without an event
//   co_await host.submit(Settle{.cursor = id, .settlements = {...}});
//
// What is durable and what is not: cursor.h. Core-local. A command costs by the runs it names.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "machine/machine.h"
#include "queues/commands.h"
#include "queues/cursor.h"
#include "queues/events.h"

namespace millrace {

class CursorMachine {
 public:
  using Command = CursorCommand;
  using Reply = CursorReply;

  // Begins a life after restore() and replay: what is not done is ready. decide() calls it itself.
  void start(const MachineContext& context);

  Outcome<CursorReply> decide(const MachineContext& context, RequestId request,
                              CursorCommand command);
  // No time-outs yet.
  Outcome<CursorReply> on_timer(const MachineContext&) { return {}; }
  std::optional<MonotonicTime> next_timer() const { return std::nullopt; }

  void apply(WallMs time, ByteView event);
  void snapshot(FieldWriter& writer) const;
  bool restore(ByteView bytes);

  // Stays where it is until the cursor is deleted. Null: there is none.
  Cursor* find(CursorId id);
  const Cursor* find(CursorId id) const;
  std::size_t cursor_count() const { return cursors_.size(); }
  std::vector<CursorId> cursor_ids() const;

 private:
  // One call of decide(): what it may know and what comes of it.
  struct Turn {
    const MachineContext& context;
    RequestId request;
    Outcome<CursorReply> outcome;

    void answer(CursorReply reply) { outcome.replies.emplace_back(request, std::move(reply)); }
    void refuse(ErrorCode code, std::string detail = {}) {
      answer(CursorAnswer{Error(code, std::move(detail))});
    }
    void record(Event event) { outcome.events.push_back(std::move(event)); }
  };

  // One per verb.
  void handle(Turn& turn, CreateCursor& command);
  void handle(Turn& turn, DeleteCursor& command);
  void handle(Turn& turn, ConfigureCursor& command);
  void handle(Turn& turn, Settle& command);
  void handle(Turn& turn, ReleaseHolder& command);
  void handle(Turn& turn, Purge& command);
  void handle(Turn& turn, BeginTransfer& command);
  void handle(Turn& turn, EndTransfer& command);
  void handle(Turn& turn, RaiseHorizon& command);
  void handle(Turn& turn, SetProducerId& command);

  // Null: refused.
  Cursor* find_or_refuse(Turn& turn, CursorId id);
  // Records it with the gaps that were skipped meanwhile, unless it says nothing.
  void record_change(Turn& turn, Cursor& cursor, CursorChanged change);
  Cursor& get(CursorId id);
  static void raise_horizon(const Cursor& cursor, Offset horizon, CursorChanged& change);
  // Takes what a settlement may have of its range out of flight, or out of the exhausted, into
  // `change`.
  void take_settled(Cursor& cursor, const Settlement& settlement, CursorChanged& change,
                    OffsetRuns& mismatched);
  void take_exhausted(Cursor& cursor, OffsetRange range, const Settlement& settlement,
                      CursorChanged& change, OffsetRuns& mismatched);

  // One per event.
  void apply_event(WallMs time, const CursorCreated& event);
  void apply_event(WallMs time, const CursorDeleted& event);
  void apply_event(WallMs time, const CursorConfigured& event);
  void apply_event(WallMs time, const CursorChanged& event);
  void apply_event(WallMs time, const TransfersBegun& event);
  void apply_event(WallMs time, const ProducerIdSet& event);

  std::unordered_map<CursorId, Cursor> cursors_;
  bool started_ = false;  // volatile
};

}  // namespace millrace

// The ends of deliveries: settlements, holders that go, purge, and what they do to a cursor.
#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "queues/cursor_machine.h"

namespace millrace {
namespace {

OffsetRuns& runs_for(CursorChanged& change, const Settlement& settlement) {
  switch (settlement.outcome) {
    case SettleOutcome::acknowledged:
      return change.acknowledged;
    case SettleOutcome::released:
      return change.released;
    case SettleOutcome::released_failed:
      return change.released_failed;
    case SettleOutcome::dropped:
      break;
  }
  for (CursorChanged::Dropped& dropped : change.dropped) {
    if (dropped.reason == settlement.reason) return dropped.runs;
  }
  return change.dropped.emplace_back(settlement.reason, OffsetRuns{}).runs;
}

}  // namespace

void CursorMachine::handle(Turn& turn, Settle& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  SettleReply reply;
  CursorChanged change{.cursor = command.cursor};
  for (const Settlement& settlement : command.settlements) {
    take_settled(*cursor, settlement, change, reply.mismatched);
  }
  if (command.raise_horizon) raise_horizon(*cursor, *command.raise_horizon, change);
  record_change(turn, *cursor, std::move(change));
  turn.answer(std::move(reply));
}

void CursorMachine::take_settled(Cursor& cursor, const Settlement& settlement,
                                 CursorChanged& change, OffsetRuns& mismatched) {
  OffsetRange range = settlement.range;
  if (range.empty()) return;
  // What was never considered in this run is nobody's, however far the range reaches.
  Offset low = std::clamp(cursor.durable_.floor, range.first, range.end);
  Offset reach = settlement.holder == kNoHolder ? cursor.end_ : cursor.next_;
  Offset high = std::clamp(reach, low, range.end);
  if (range.first < low) append_run(mismatched, {range.first, low});
  if (settlement.holder != kNoHolder && range.count() == 1 && low < high) {
    if (cursor.in_flight_.remove(low, settlement.holder)) {
      append_run(runs_for(change, settlement), range);
    } else {
      append_run(mismatched, range);
    }
  } else if (settlement.holder != kNoHolder) {
    OffsetRuns removed;
    cursor.in_flight_.remove({low, high}, settlement.holder, removed, mismatched);
    if (!removed.empty()) {
      OffsetRuns& runs = runs_for(change, settlement);
      for (const OffsetRange& run : removed) append_run(runs, run);
    }
  } else if (settlement.outcome == SettleOutcome::dropped) {
    take_exhausted(cursor, {low, high}, settlement, change, mismatched);
  } else if (low < high) {
    append_run(mismatched, {low, high});
  }
  if (high < range.end) append_run(mismatched, {high, range.end});
}

void CursorMachine::take_exhausted(Cursor& cursor, OffsetRange range, const Settlement& settlement,
                                   CursorChanged& change, OffsetRuns& mismatched) {
  OffsetRuns exhausted;
  cursor.exhausted().visit(range, [&](OffsetRange part) { exhausted.push_back(part); });
  Offset at = range.first;
  for (const OffsetRange& part : exhausted) {
    if (at < part.first) append_run(mismatched, {at, part.first});
    append_run(runs_for(change, settlement), part);
    cursor.make_exceptions().exhausted.erase(part);
    at = part.end;
  }
  if (at < range.end) append_run(mismatched, {at, range.end});
}

void CursorMachine::handle(Turn& turn, ReleaseHolder& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  if (command.holder == kNoHolder) {
    return turn.refuse(ErrorCode::invalid_request, "this holder id stands for nobody");
  }
  ReleaseHolderReply reply;
  CursorChanged change{.cursor = command.cursor};
  bool failed = command.failed.value_or(cursor->policy().holder_end_fails);
  OffsetRuns held = cursor->in_flight_.held_by(command.holder);
  for (const OffsetRange& run : held) {
    cursor->in_flight_.remove_all(run);
    reply.released += run.count();
  }
  (failed ? change.released_failed : change.released) = std::move(held);
  record_change(turn, *cursor, std::move(change));
  turn.answer(reply);
}

void CursorMachine::handle(Turn& turn, Purge& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  CursorChanged change{.cursor = command.cursor};
  change.purged = cursor->ready_ranges();
  PurgeReply reply;
  for (const OffsetRange& run : change.purged) reply.purged += run.count();
  ASSERT(reply.purged == cursor->ready_count());
  record_change(turn, *cursor, std::move(change));
  turn.answer(reply);
}

void CursorMachine::record_change(Turn& turn, Cursor& cursor, CursorChanged change) {
  for (const auto& [first, end] : cursor.exceptions().gaps.runs())
    change.absent.push_back({first, end});
  put_in_order(change.acknowledged);
  put_in_order(change.released);
  put_in_order(change.released_failed);
  for (CursorChanged::Dropped& dropped : change.dropped) put_in_order(dropped.runs);
  if (change == CursorChanged{.cursor = change.cursor}) return;
  turn.record(write_cursor_event(std::move(change)));
}

void CursorMachine::apply_event(WallMs, const CursorChanged& event) {
  Cursor& cursor = get(event.cursor);
  CursorState& durable = cursor.durable_;
  CursorCounters& counters = durable.counters;
  auto mark_done = [&](const OffsetRuns& runs) {
    std::int64_t fresh = 0;
    for (const OffsetRange& run : runs) {
      fresh += durable.mark_done(run);
      cursor.forget_ready(run);
    }
    return fresh;
  };
  auto give_back = [&](const OffsetRuns& runs, bool failed) {
    for (const OffsetRange& run : runs) {
      durable.counts.add_delivery(run, failed);
      cursor.return_range(run);
    }
  };
  counters.acknowledged += mark_done(event.acknowledged);
  for (const CursorChanged::Dropped& dropped : event.dropped) {
    std::int64_t fresh = mark_done(dropped.runs);
    counters.dropped += fresh;
    if (dropped.reason == RemovalReason::expired) counters.expired += fresh;
  }
  counters.purged += mark_done(event.purged);
  counters.absent += mark_done(event.absent);
  give_back(event.released, false);
  give_back(event.released_failed, true);
  for (const OffsetRange& run : event.transferred) {
    for (Offset offset = run.first; offset < run.end; ++offset) {
      bool was_open = durable.end_transfer(offset);
      ASSERT(was_open);
    }
    cursor.forget_ready(run);
  }
  if (event.horizon) durable.horizon = std::max(durable.horizon, *event.horizon);
  cursor.forget_exceptions_if_none();
}

}  // namespace millrace

#include "queues/cursor_machine.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"

namespace millrace {

void CursorMachine::start(const MachineContext&) {
  if (started_) return;
  started_ = true;
  for (auto& [id, cursor] : cursors_) cursor.start();
}

Outcome<CursorReply> CursorMachine::decide(const MachineContext& context, RequestId request,
                                           CursorCommand command) {
  start(context);
  Turn turn{.context = context, .request = request, .outcome = {}};
  std::visit([&](auto& verb) { handle(turn, verb); }, command);
  ASSERT(turn.outcome.replies.size() == 1);
  return std::move(turn.outcome);
}

void CursorMachine::handle(Turn& turn, CreateCursor& command) {
  if (find(command.cursor) != nullptr) {
    return turn.refuse(ErrorCode::invalid_request, "there is a cursor with this id");
  }
  if (command.log_start < Offset(0) || command.log_start >= kOffsetMax) {
    return turn.refuse(ErrorCode::invalid_request, "the log can't begin there");
  }
  turn.record(write_cursor_event(CursorCreated{
      .cursor = command.cursor, .log_start = command.log_start, .policy = command.policy}));
  turn.answer(CursorAnswer{});
}

void CursorMachine::handle(Turn& turn, DeleteCursor& command) {
  if (find_or_refuse(turn, command.cursor) == nullptr) return;
  turn.record(write_cursor_event(CursorDeleted{command.cursor}));
  turn.answer(CursorAnswer{});
}

void CursorMachine::handle(Turn& turn, ConfigureCursor& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  if (cursor->policy() != command.policy) {
    turn.record(write_cursor_event(CursorConfigured{command.cursor, command.policy}));
  }
  turn.answer(CursorAnswer{});
}

void CursorMachine::handle(Turn& turn, RaiseHorizon& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  CursorChanged change{.cursor = command.cursor};
  raise_horizon(*cursor, command.horizon, change);
  record_change(turn, *cursor, std::move(change));
  turn.answer(CursorAnswer{});
}

void CursorMachine::raise_horizon(const Cursor& cursor, Offset horizon, CursorChanged& change) {
  horizon = std::min(horizon, cursor.end_ + kHorizonAheadMax);
  if (horizon > cursor.durable_.horizon) change.horizon = horizon;
}

void CursorMachine::handle(Turn& turn, SetProducerId& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  ProducerId known = cursor->durable_.producer_id;
  if (command.producer_id.value() < 0 || (known != kNoProducer && known != command.producer_id)) {
    return turn.refuse(ErrorCode::invalid_request,
                       "a cursor has one producer id, not below 0, for all its transfers");
  }
  if (known == kNoProducer) {
    turn.record(write_cursor_event(ProducerIdSet{command.cursor, command.producer_id}));
  }
  turn.answer(CursorAnswer{});
}

void CursorMachine::apply(WallMs time, ByteView bytes) {
  std::optional<CursorEvent> event = read_cursor_event(bytes);
  ASSERT(event.has_value());
  std::visit([&](const auto& of) { apply_event(time, of); }, *event);
}

void CursorMachine::apply_event(WallMs, const CursorCreated& event) {
  auto [found, is_new] =
      cursors_.try_emplace(event.cursor, event.cursor, CursorState(event.log_start, event.policy));
  ASSERT(is_new);
  if (started_) found->second.start();
}

void CursorMachine::apply_event(WallMs, const CursorDeleted& event) {
  std::size_t erased = cursors_.erase(event.cursor);
  ASSERT(erased == 1);
}

void CursorMachine::apply_event(WallMs, const CursorConfigured& event) {
  Cursor& cursor = get(event.cursor);
  cursor.durable_.policy = event.policy;
  cursor.reconfigured();
}

void CursorMachine::apply_event(WallMs, const ProducerIdSet& event) {
  get(event.cursor).durable_.producer_id = event.producer_id;
}

Cursor* CursorMachine::find(CursorId id) {
  auto found = cursors_.find(id);
  return found == cursors_.end() ? nullptr : &found->second;
}

const Cursor* CursorMachine::find(CursorId id) const {
  auto found = cursors_.find(id);
  return found == cursors_.end() ? nullptr : &found->second;
}

Cursor& CursorMachine::get(CursorId id) {
  Cursor* cursor = find(id);
  ASSERT(cursor != nullptr);
  return *cursor;
}

Cursor* CursorMachine::find_or_refuse(Turn& turn, CursorId id) {
  Cursor* cursor = find(id);
  if (cursor == nullptr) turn.refuse(ErrorCode::not_found, "there is no such cursor");
  return cursor;
}

std::vector<CursorId> CursorMachine::cursor_ids() const {
  std::vector<CursorId> ids;
  ids.reserve(cursors_.size());
  for (const auto& [id, cursor] : cursors_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace millrace

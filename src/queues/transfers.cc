// Dead letters: a message moves to other partitions, exactly once (STORAGE.md rule 2).
#include <algorithm>
#include <map>
#include <utility>

#include "base/assert.h"
#include "queues/cursor_machine.h"

namespace millrace {
namespace {

bool are_targets(std::vector<PartitionId> targets) {
  std::sort(targets.begin(), targets.end());
  return !targets.empty() && std::adjacent_find(targets.begin(), targets.end()) == targets.end();
}

}  // namespace

void CursorMachine::handle(Turn& turn, BeginTransfer& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  if (cursor->durable_.producer_id == kNoProducer) {
    return turn.refuse(ErrorCode::invalid_request, "the cursor has no producer id yet");
  }
  for (const BeginTransfer::Entry& entry : command.entries) {
    if (!are_targets(entry.targets)) {
      return turn.refuse(ErrorCode::invalid_request,
                         "a transfer has at least one target, and each once");
    }
  }
  BeginTransferReply reply;
  TransfersBegun begun{.cursor = command.cursor, .reason = command.reason};
  std::map<PartitionId, std::int32_t> next;
  for (const BeginTransfer::Entry& entry : command.entries) {
    bool was_there =
        entry.holder == kNoHolder
            ? cursor->make_exceptions().exhausted.erase(OffsetRange::of(entry.offset)) == 1
            : cursor->in_flight_.remove(entry.offset, entry.holder);
    if (!was_there) {
      reply.mismatched.push_back(entry.offset);
      continue;
    }
    std::vector<TransferTarget> targets;
    for (PartitionId target : entry.targets) {
      auto [sequence, is_first] = next.try_emplace(target, 0);
      if (is_first) sequence->second = cursor->durable_.next_sequence(target);
      targets.push_back({target, sequence->second});
      sequence->second = sequence_after(sequence->second);
    }
    Transfer transfer{.number = cursor->durable_.transfers_begun + begun.entries.size(),
                      .reason = command.reason,
                      .time = turn.context.time,
                      .targets = targets};
    begun.entries.push_back({entry.offset, std::move(targets)});
    reply.begun.push_back(
        {entry.offset, cursor->durable_.counts.find(entry.offset), std::move(transfer)});
  }
  if (!begun.entries.empty()) turn.record(write_cursor_event(std::move(begun)));
  turn.answer(std::move(reply));
}

void CursorMachine::apply_event(WallMs time, const TransfersBegun& event) {
  Cursor& cursor = get(event.cursor);
  for (const TransfersBegun::Entry& entry : event.entries) {
    cursor.durable_.begin_transfer(
        entry.offset, Transfer{.reason = event.reason, .time = time, .targets = entry.targets});
    cursor.forget_ready(OffsetRange::of(entry.offset));
  }
}

void CursorMachine::handle(Turn& turn, EndTransfer& command) {
  Cursor* cursor = find_or_refuse(turn, command.cursor);
  if (cursor == nullptr) return;
  EndTransferReply reply;
  CursorChanged change{.cursor = command.cursor};
  std::sort(command.offsets.begin(), command.offsets.end());
  std::optional<Offset> before;
  for (Offset offset : command.offsets) {
    if (cursor->durable_.transfers.contains(offset) && before != offset) {
      append_run(change.transferred, OffsetRange::of(offset));
    } else {
      reply.mismatched.push_back(offset);
    }
    before = offset;
  }
  record_change(turn, *cursor, std::move(change));
  turn.answer(std::move(reply));
}

}  // namespace millrace

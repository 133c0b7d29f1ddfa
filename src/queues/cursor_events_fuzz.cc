// Random bytes as events, as snapshots and as runs of offsets. The first byte chooses which.
//
//   scripts/test --only fuzz/cursor_events
#include <cstdlib>

#include "queues/cursor_machine.h"

namespace {

using namespace millrace;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_runs(ByteView bytes) {
  OffsetRuns runs;
  if (!read_runs(bytes, runs)) return;
  OffsetRuns ordered = runs;
  put_in_order(ordered);
  require(ordered == runs);
  OffsetRuns again;
  require(read_runs(write_runs(runs), again) && again == runs);
}

void check_event(ByteView bytes) {
  auto event = read_cursor_event(bytes);
  if (event) require(read_cursor_event(write_cursor_event(*event)) == event);
}

std::vector<std::uint8_t> snapshot_of(const CursorMachine& machine) {
  FieldWriter writer;
  machine.snapshot(writer);
  return writer.take();
}

// What was accepted can be written, read again, and worked with.
void check_snapshot(ByteView bytes) {
  CursorMachine machine;
  if (!machine.restore(bytes)) return;
  std::vector<std::uint8_t> written = snapshot_of(machine);
  CursorMachine again;
  require(again.restore(written));
  require(snapshot_of(again) == written);

  MachineContext context{.time = WallMs(1), .now = MonotonicTime(1), .random = 1};
  machine.start(context);
  auto send = [&](CursorCommand command) {
    auto outcome = machine.decide(context, RequestId(1), std::move(command));
    for (const Event& event : outcome.events) machine.apply(context.time, event);
  };
  HolderId holder(1);
  for (CursorId id : machine.cursor_ids()) {
    Cursor& cursor = *machine.find(id);
    cursor.set_end(cursor.end() + 5);
    std::vector<Offset> announced = cursor.peek(10);
    for (Offset expected : announced) {
      Offset offset = cursor.take(holder).offset;
      require(offset == expected && !cursor.durable().is_done(offset));
      Settlement settlement{.range = OffsetRange::of(offset), .holder = holder};
      if (offset.value() % 2 == 0) send(Settle{.cursor = id, .settlements = {settlement}});
    }
    send(ReleaseHolder{.cursor = id, .holder = holder, .failed = true});
    require(cursor.in_flight_count() == 0 && cursor.ready_count() >= 0);
    send(Purge{.cursor = id});
    require(!cursor.next_ready());
    EndTransfer end{.cursor = id};
    for (const OpenTransfer& open : cursor.open_transfers()) end.offsets.push_back(open.offset);
    send(std::move(end));
    require(cursor.counters().done() == cursor.durable().done_count());
  }
  CursorMachine later;
  require(later.restore(snapshot_of(machine)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] % 3 == 0) check_event(rest);
  if (data[0] % 3 == 1) check_snapshot(rest);
  if (data[0] % 3 == 2) check_runs(rest);
  return 0;
}

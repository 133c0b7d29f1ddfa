// Machine: everything durable that is not a message is a deterministic machine over an internal
// log.
//
//   decide(context, command) -> Outcome{events, replies}      look, refuse or name the events
//   the host appends the events to the machine's log
//   apply(event)                                              the only place where durable state
//   changes the replies go out when the events are durable
//
// Recovery is restore(newest snapshot) and apply() of every event after it, so replay equals life.
// A machine never suspends, never reads a clock, never draws a random number: they come with the
// context.
//
// Durable state is what apply() and restore() build; snapshot() writes it and tests compare it.
// Volatile state (parked joins, session deadlines, what is in flight) may be changed by decide()
// and on_timer() and is absent after a restart: apply() must tolerate that (STORAGE.md rule 17).
//
// A type M is a machine when it has
//   using Command = ...;   using Reply = ...;                 // plain structs, usually variants
//   Outcome<Reply> decide(const MachineContext&, RequestId, Command);
//   Outcome<Reply> on_timer(const MachineContext&);           // called when next_timer() has come
//   std::optional<MonotonicTime> next_timer() const;
//   void apply(WallMs time, ByteView event);                  // an event it does not know is
//   corruption: assert void snapshot(FieldWriter&) const; bool restore(ByteView); // false: the
//   bytes are damaged
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/fields.h"
#include "base/ids.h"
#include "runtime/core.h"

namespace millrace {

// What a machine may know of the world, given with each command.
struct MachineContext {
  WallMs time;        // broker time: never goes back, survives restarts; stamps what is durable
  MonotonicTime now;  // for time-outs inside this run
  std::uint64_t random;
};

// Names a request whose reply may come with a later decision (a parked JoinGroup). Given by the
// host, never reused.
using RequestId = StrongNumber<struct RequestIdTag, std::uint64_t>;

// One durable change, encoded with numbered fields; field 1 is the kind.
using Event = std::vector<std::uint8_t>;

template <class Reply>
struct Outcome {
  std::vector<Event> events;  // appended and applied in order, atomically
  // Sent when `events` (and all earlier ones of this machine) are durable. A request is answered
  // exactly once, by this decision or a later one.
  std::vector<std::pair<RequestId, Reply>> replies;
};

}  // namespace millrace

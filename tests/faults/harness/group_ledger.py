"""Checks what the members of a group wrote down: its progress never goes back, nothing is skipped, and
what was read is what is stored.

    problems = check(group, events, stored)

`events` are those of harness/member.py as read by `parse`, `stored` is {partition: [values]} from offset 0
on. Returns sentences; an empty list is what we want.
"""

import itertools
import zlib
from collections import defaultdict, namedtuple

Event = namedtuple("Event", "what member when partition numbers")
SHOWN = 5


def parse(lines):
    """The events among the lines of a log, in the order of each member."""
    events = []
    for line in lines:
        what, *rest = line.split()
        if what in ("g", "r", "t", "c", "l"):
            member, when, partition, *numbers = rest
            events.append(Event(what, member, int(when), int(partition), [int(n) for n in numbers]))
    return events


def check(group, events, stored):
    by_partition = defaultdict(list)
    for event in events:
        by_partition[event.partition].append(event)
    problems = []
    for partition, values in stored.items():
        mine = by_partition[partition]
        found = list(
            itertools.chain(
                steps_back(mine), holes(mine), wrong_reads(mine, values), commits_by_others(mine)
            )
        )
        if (end := read_through(mine)) < len(values):
            found.append(f"offset {end} was never read, of {len(values)}")
        head = f"group {group}, partition {partition}: "
        problems += [head + problem for problem in found[:SHOWN]]
        problems += [head + f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return problems


def steps_back(events):
    """Where somebody began before what had been committed, or where nobody had asked for."""
    asked = {0} | {event.numbers[0] for event in events if event.what == "t"}
    committed = [(event.when, event.numbers[0]) for event in events if event.what == "c"]
    for event in events:
        if event.what != "g":
            continue
        begun = event.numbers[0]
        known = max((offset for when, offset in committed if when < event.when), default=0)
        if begun < known:
            yield f"{event.member} began at {begun}, though {known} had been committed"
        if begun not in asked:
            yield f"{event.member} began at {begun}, which nobody committed"


def holes(events):
    """Where a member went on elsewhere than it had been."""
    expected = {}
    for event in events:
        if event.what == "g":
            expected[event.member] = event.numbers[0]
        elif event.what == "l":
            expected.pop(event.member, None)
        elif event.what == "r":
            first, count, _ = event.numbers
            if event.member not in expected:
                yield f"{event.member} read {first} without having the partition"
            elif first != expected[event.member]:
                yield f"{event.member} read {first} after {expected[event.member]}"
            expected[event.member] = first + count


def wrong_reads(events, values):
    for event in events:
        if event.what == "r":
            first, count, crc = event.numbers
            is_now = 0
            for value in values[first : first + count]:
                is_now = zlib.crc32(value, is_now)
            if first + count > len(values) or crc != is_now:
                yield f"{event.member} read {count} records from {first} on that are different now"


def commits_by_others(events):
    """Commits that were answered though the partition was somebody else's before they were asked for."""
    given = sorted((event.when, event.member) for event in events if event.what == "g")
    asked = {}
    for event in events:
        if event.what == "t":
            asked[event.member] = event.when
        elif event.what == "c":
            before = [member for when, member in given if when < asked[event.member]]
            if before and before[-1] != event.member:
                yield f"{event.member} committed {event.numbers[0]}, and {before[-1]} had the partition"


def read_through(events):
    """The first offset that no member read."""
    end = 0
    for first, count in sorted(tuple(event.numbers[:2]) for event in events if event.what == "r"):
        if first > end:
            break
        end = max(end, first + count)
    return end

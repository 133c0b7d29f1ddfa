"""The checkers refuse what is wrong: each harm below is done to what a faultless run wrote down."""

import zlib

import pytest
from harness import group_ledger, queue_ledger
from harness.workload import PRODUCERS
from support.ledger import check
from support.load import MODES, payload


@pytest.mark.parametrize(
    "harm, complaint",
    [
        (lambda log: log.pop(7), "lost"),
        (lambda log: log.__setitem__(3, (3, b"i1 0 99 ")), "invented"),
        (
            lambda log: log.__setitem__(slice(4, 6), [(4, log[5][1]), (5, log[4][1])]),
            "out of order",
        ),
        (lambda log: log.append((20, log[19][1])), "not once each"),
        (lambda log: log.__setitem__(0, (20, log[0][1])), "lost"),
    ],
    ids=[
        "a record is missing",
        "a record is wrong",
        "two changed places",
        "one came twice",
        "one moved",
    ],
)
def test_the_checker_of_producers_notices(harm, complaint):
    log = [(number, payload("i1", 0, number)) for number in range(20)]
    answers = {number: number for number in range(20)}
    assert check("i1", "idempotent", 0, answers, 20, log) == []
    harm(log)
    assert complaint in " ".join(check("i1", "idempotent", 0, answers, 20, log))


@pytest.mark.parametrize("mode, may", [("idempotent", False), ("acks=all", True), ("acks=1", True)])
def test_only_who_was_refused_may_change_the_order(mode, may):
    log = [(number, payload("x", 0, number)) for number in (0, 2, 1, 3)]
    answers = {0: 0, 2: 1, 1: 2, 3: 3}
    stored = [(offset, value) for offset, (_, value) in enumerate(log)]
    check_again = lambda **more: check("x", mode, 0, answers, 4, stored, **more)
    assert "out of order: 2 came too early" in " ".join(check_again())
    assert (check_again(refused=True) == []) == may


def test_every_mode_is_loaded():
    assert {mode for _, mode in PRODUCERS} == set(MODES)


VALUES = [b"value %d" % number for number in range(30)]


def crc(first, count):
    found = 0
    for value in VALUES[first : first + count]:
        found = zlib.crc32(value, found)
    return found


def history():
    """Lines of two members: the first reads 0-9 and 10-19, commits both; the second goes on."""
    return [
        "g a 100 0 0",
        f"r a 110 0 0 10 {crc(0, 10)}",
        "t a 120 0 10",
        "c a 130 0 10",
        f"r a 140 0 10 10 {crc(10, 10)}",
        "t a 150 0 20",
        "c a 160 0 20",
        "l a 170 0",
        "g b 200 0 20",
        f"r b 210 0 20 10 {crc(20, 10)}",
        "t b 220 0 30",
        "c b 230 0 30",
    ]


def replace(old, new):
    return lambda lines: lines.__setitem__(lines.index(old), new)


@pytest.mark.parametrize(
    "harm, complaint",
    [
        (
            lambda lines: lines.__setitem__(
                slice(8, 10), ["g b 200 0 10", f"r b 210 0 10 20 {crc(10, 20)}"]
            ),
            "b began at 10, though 20 had been committed",
        ),
        (
            lambda lines: lines.__setitem__(
                slice(8, 10), ["g b 200 0 25", f"r b 210 0 25 5 {crc(25, 5)}"]
            ),
            "b began at 25, which nobody committed",
        ),
        (lambda lines: lines.pop(4), "offset 10 was never read"),
        (lambda lines: lines.pop(9), "offset 20 was never read, of 30"),
        (
            replace(f"r a 140 0 10 10 {crc(10, 10)}", f"r a 140 0 12 8 {crc(12, 8)}"),
            "a read 12 after 10",
        ),
        (
            replace(f"r a 110 0 0 10 {crc(0, 10)}", f"r a 110 0 0 10 {crc(1, 10)}"),
            "different now",
        ),
        (
            lambda lines: lines.extend(["t a 240 0 20", "c a 250 0 20"]),
            "a committed 20, and b had the partition",
        ),
        (lambda lines: lines.pop(8), "b read 20 without having the partition"),
    ],
    ids=[
        "progress went back",
        "progress from nowhere",
        "a run is missing",
        "the end is missing",
        "records were skipped",
        "other values",
        "a commit of who lost the partition",
        "nobody gave it",
    ],
)
def test_the_checker_of_groups_notices(harm, complaint):
    lines = history()
    assert group_ledger.check("group", group_ledger.parse(lines), {0: VALUES}) == []
    harm(lines)
    assert complaint in " ".join(group_ledger.check("group", group_ledger.parse(lines), {0: VALUES}))


def test_an_unanswered_commit_may_count_or_not():
    """The broker died with the answer: the next member may begin at either."""
    for begun in (10, 20):
        lines = history()
        del lines[6]
        lines[7:9] = [f"g b 200 0 {begun}", f"r b 210 0 {begun} {30 - begun} {crc(begun, 30)}"]
        assert group_ledger.check("group", group_ledger.parse(lines), {0: VALUES}) == []


# Queues. Each history is told as lines: who, what, and more.

QUEUES = {
    "q": queue_ledger.Rule(),
    "fan": queue_ledger.Rule(),
    "r": queue_ledger.Rule(("dead", "dead-2"), "rejected"),
    "t": queue_ledger.Rule(("old",), "expired"),
    "l": queue_ledger.Rule(("poison",), "delivery_limit", 1),
    "m": queue_ledger.Rule(("old",), "maxlen"),
    "c": queue_ledger.Rule((), "rejected", waits_in="w"),
    **{queue: queue_ledger.Rule() for queue in ("dead", "dead-2", "old", "poison")},
}


def told(text):
    """The events of a history: `publish a q fan` with the number in its order, `get SESSION TAG QUEUE
    MESSAGE [again] [died IN] [round N]`, `ack|reject|requeue|fail SESSION TAG`, `durable|end|rollback SESSION`,
    `kill`, `later` (a minute), and `yes|never MESSAGE`."""
    events, life, now, numbers = [], 0, 0.0, {}
    for line in filter(None, map(str.strip, text.splitlines())):
        what, *rest = line.split()
        now += 0.001
        if what == "later":
            now += 60
        elif what == "kill":
            events.append(queue_ledger.Event("killed", life, now, ""))
            life += 1
        elif what == "publish":
            number = numbers[rest[0]] = numbers.get(rest[0], -1) + 1
            events.append(
                queue_ledger.Event("publish", life, now, rest[0], number, queues=tuple(rest[1:]))
            )
        elif what in ("yes", "never"):
            kind = "confirmed" if what == "yes" else "withdrawn"
            events.append(queue_ledger.Event(kind, life, now, rest[0][0], int(rest[0][1:])))
        elif what == "get":
            session, tag, queue, message, *more = rest
            deaths = ()
            if "died" in more:
                source = more[more.index("died") + 1]
                deaths = ((source, QUEUES[source].reason, 1),)
            if "round" in more:
                rounds = int(more[more.index("round") + 1])
                deaths = (("w", "expired", rounds), ("c", "rejected", rounds))
            events.append(
                queue_ledger.Event(
                    "deliver",
                    int(session[1:]),
                    now,
                    session,
                    int(tag),
                    queue=queue,
                    message=f"{message[0]} {message[1:]}",
                    marked="again" in more,
                    deaths=deaths,
                )
            )
        elif what in ("durable", "end", "rollback"):
            events.append(queue_ledger.Event(what, int(rest[0][1:]), now, rest[0]))
        else:
            settled = queue_ledger.Event("settle", int(rest[0][1:]), now, rest[0], int(rest[1]))
            events.append(settled._replace(outcome=what))
    return events


# A session's digit is its life: s0, w0 and x0 are of the first, s1 and w1 of the one behind the kill.
FAULTLESS = """
    publish a q fan
    publish a q
    publish a r
    publish a r
    publish a t
    publish a t
    publish a l
    publish a q
    publish a q
    yes a0
    yes a1
    yes a2
    yes a3
    yes a4
    yes a5
    yes a6
    never a8
    get s0 1 q a0
    get s0 2 q a1
    ack s0 1
    end s0
    durable s0
    get w0 1 q a1 again
    requeue w0 1
    get x0 1 fan a0
    ack x0 1
    get x0 2 r a2
    reject x0 2
    get x0 3 r a3
    ack x0 3
    get x0 4 t a5
    ack x0 4
    get x0 5 l a6
    fail x0 5
    durable x0
    get w0 2 l a6 again
    fail w0 2
    later
    kill
    get s1 1 q a1 again
    ack s1 1
    get s1 2 dead a2 died r
    ack s1 2
    get s1 6 dead-2 a2 died r
    ack s1 6
    get s1 3 old a4 died t
    ack s1 3
    get s1 4 poison a6 died l
    ack s1 4
    get s1 5 q a7
    ack s1 5
    durable s1
"""


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("get s1 1 q a1 again\n    ack s1 1\n", "", "lost: a 1 of q was not removed (requeue)"),
        ("ack s1 1\n", "", "lost: a 1 of q was not removed (held)"),
        ("get x0 1 fan a0\n    ack x0 1\n", "", "lost: a 0 of fan, which was confirmed, never came"),
        ("get s1 2 dead a2 died r\n    ack s1 2\n", "", "lost: a 2 of r was rejected, and is not in dead"),
        ("get s1 6 dead-2 a2 died r\n    ack s1 6\n", "", "a 2 of r was rejected, and is not in dead-2"),
        ("get s1 3 old a4 died t\n    ack s1 3\n", "", "lost: a 4 of t, which was confirmed, never came"),
        ("get s1 4 poison a6 died l\n    ack s1 4\n", "", "lost: a 6 of l was not removed (fail)"),
        ("get s1 5 q a7\n", "get s1 5 q b7\n", "invented: 'b 7' in q"),
        ("get s1 5 q a7\n", "get s1 5 q a6\n", "invented: 'a 6' in q"),
        ("get s1 5 q a7\n", "get s1 5 q a8\n", "its transaction was never committed"),
        ("get s1 5 q a7\n", "get s1 5 dead a7 died r\n", "where it can't have died"),
        ("get s1 5 q a7\n", "get s1 5 q a0 again\n", "a 0 of q came back after its ack was durable"),
        ("get s1 5 q a7\n", "get s1 5 r a2 again\n", "came back after its reject was durable"),
        ("get s1 5 q a7\n", "get s1 5 dead a2 died r\n", "was given to s1, and s1 had it"),
        ("get s1 5 q a7\n", "get s1 5 old a5 died t\n", "acknowledged, which was durable, and is in old"),
        ("get s1 5 q a7\n", "get s1 5 dead a3 died r\n", "a 3 of r was acknowledged, which was durable"),
        ("reject x0 2\n", "requeue x0 2\n", "a 2 of r was not rejected, and is in dead"),
        ("dead a2 died r\n", "dead a2\n", "a 2 in dead tells the deaths ()"),
        ("dead a2 died r\n", "dead a2 died t\n", "a 2 in dead tells the deaths"),
        ("get w0 1 q a1 again\n", "get w0 1 q a1\n", "a 1 of q came again without its mark"),
        ("get s1 1 q a1 again\n", "get s1 1 q a1\n", "without its mark, long after it came first"),
        ("get s1 1 q a1 again\n", "get s1 1 q a7\n    get s1 9 q a1\n", "a 1 of q came after a 7"),
        ("end s0\n", "", "a 1 of q was given to w0, and s0 had it"),
        ("durable s0\n    get w0 1 q", "get w0 7 q a0 again\n durable s0\n get w0 1 q", "which was good"),
        ("get x0 5 l a6\n    fail x0 5\n", "", "a 6 of l came 1 times only, and is in poison"),
        (
            "later\n",
            "durable w0\n    get w0 3 l a6 again\n",
            "a 6 of l circles: 2 failures, and the limit is 1",
        ),
    ],
)
def test_the_checker_of_queues_notices(old, new, complaint):
    assert queue_ledger.check(told(FAULTLESS), QUEUES) == []
    assert FAULTLESS.count(old) == 1, "this harm harms nothing"
    assert complaint in " ".join(queue_ledger.check(told(FAULTLESS.replace(old, new)), QUEUES))


def test_what_is_left_in_a_queue_is_a_problem():
    assert queue_ledger.check([], QUEUES, {"q": 0}) == []
    assert "2 are left in q" in " ".join(queue_ledger.check([], QUEUES, {"q": 2}))


@pytest.mark.parametrize(
    "rest",
    [
        "get s1 1 q a0 again\n ack s1 1\n durable s1",  # the acknowledgement was not durable
        "get s1 1 q a0\n ack s1 1\n durable s1",  # nor was its mark
        "",
    ],
)
def test_what_was_not_told_to_be_durable_may_be_so_or_not(rest):
    history = f"publish a q\n yes a0\n get s0 1 q a0\n ack s0 1\n kill\n {rest}"
    assert queue_ledger.check(told(history), QUEUES) == []


def test_what_a_client_reads_late_is_of_the_life_before():
    """It was in the socket of a session whose broker is gone, and meanwhile somebody else had it."""
    history = """
        publish a q
        yes a0
        kill
        get w1 1 q a0
        ack w1 1
        durable w1
        get s0 1 q a0
    """
    assert queue_ledger.check(told(history), QUEUES) == []


CIRCLE = """
    publish a c
    yes a0
    get s0 1 c a0
    reject s0 1
    get s0 2 c a0 round 1
    requeue s0 2
    get s0 3 c a0 again round 1
    reject s0 3
    kill
    get s1 1 c a0 again round 1
    reject s1 1
    durable s1
    get s1 2 c a0 round 2
    ack s1 2
    durable s1
"""


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("get s1 2 c a0 round 2\n    ack s1 2\n", "", "was rejected, and did not come again"),
        ("c a0 round 2", "c a0 round 3", "a 0 of c tells the deaths"),
        ("c a0 round 2", "c a0 again round 1", "a 0 of c came back after its reject was durable"),
        ("ack s1 2\n", "get s1 3 c a0 round 2\n ack s1 2\n", "was given to s1, and s1 had it"),
        ("requeue s0 2\n", "", "a 0 of c was given to s0, and s0 had it"),
        ("requeue s0 2\n", "ack s0 2\n durable s0\n", "came back after its ack was durable"),
    ],
)
def test_what_waits_and_comes_again_is_checked_by_its_deaths(old, new, complaint):
    assert queue_ledger.check(told(CIRCLE), QUEUES) == []
    assert CIRCLE.count(old) == 1, "this harm harms nothing"
    assert complaint in " ".join(queue_ledger.check(told(CIRCLE.replace(old, new)), QUEUES))


def test_a_rejection_before_a_kill_may_count_or_not():
    """The last one of the first life was not durable: the next rounds may be 1 and 2, or 2 and 3."""
    counted = CIRCLE.replace("a0 round 2", "a0 round 3")
    counted = counted.replace("s1 1 c a0 again round 1", "s1 1 c a0 round 2")
    assert counted != CIRCLE
    assert queue_ledger.check(told(counted), QUEUES) == []


def test_a_rolled_back_acknowledgement_is_none():
    history = "publish a q\n yes a0\n get s0 1 q a0\n ack s0 1\n rollback s0\n durable s0\n end s0\n"
    assert "not removed (held)" in " ".join(queue_ledger.check(told(history), QUEUES))
    again = "get w0 1 q a0 again\n ack w0 1\n durable w0\n"
    assert queue_ledger.check(told(history + again), QUEUES) == []


@pytest.mark.parametrize(
    "log, complaint",
    [
        (["a 0", "a 1", "b 0", "a 2"], ""),
        (["a 0", "b 0", "a 2"], "lost: a 1 is not in the log"),
        (["a 0", "a 1", "b 0", "a 1", "a 2"], "a 1 is 2 times"),
        (["a 0", "a 1", "b 0", "a 2", "b 1"], "invented: 'b 1'"),
        (["a 1", "a 0", "b 0", "a 2"], "a 0 stands behind a 1"),
    ],
)
def test_the_checker_of_logs_notices(log, complaint):
    events = told("publish a q\n publish a q\n publish a q\n publish b q\n yes a0\n yes a1")
    problems = queue_ledger.check_log(events, "q", log)
    assert complaint in " ".join(problems)
    assert bool(problems) == bool(complaint)

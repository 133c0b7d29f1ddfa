"""The checkers refuse what is wrong: each harm below is done to what a faultless run wrote down."""

import zlib

import pytest
from harness import group_ledger
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

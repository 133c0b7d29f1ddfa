"""kill -9 under load: whatever was answered is there, where the answer said, and nothing else is.

acks=1 is held to the same: it may be lost with the power, not with the process.
"""

import os
import random
import time

import pytest

from support.clients import create_topic, read_all
from support.ledger import check
from support.load import MODES, payload
from support.under_load import PARTITIONS, TOPIC, Follower, Load, assert_ledger_holds, progress

CYCLES = int(os.environ.get("MILLRACE_KILL_CYCLES", "6"))
PRODUCERS = [("i1", "idempotent"), ("i2", "idempotent"), ("p1", "acks=all"), ("o1", "acks=1")]


@pytest.mark.timeout(300)
def test_nothing_answered_is_lost(make_broker, tmp_path, seed):
    choose = random.Random(seed)
    broker = make_broker().start()
    create_topic(broker.address, TOPIC, partitions=PARTITIONS)
    loads = [Load(broker.address, name, mode, tmp_path) for name, mode in PRODUCERS]
    follower = Follower(broker.address)
    try:
        for cycle in range(CYCLES):
            run_until_killed(broker, loads, follower, choose)
            if choose.random() < 0.4:  # and once more while it recovers
                broker.launch()
                time.sleep(choose.uniform(0, 0.3))  # not a wait: the random point of the kill
                if broker.alive():
                    broker.kill()
            broker.start()
            follower.assert_commits_kept()
        progress(loads, follower, 100)
        for load in loads:
            load.finish()
    finally:
        for load in loads:
            load.process.kill()
            load.process.wait()
        follower.reader.close()
    stored = read_all(broker.address, TOPIC, partitions=PARTITIONS)
    assert_ledger_holds(loads, stored)
    last = {
        (message.partition(), message.offset()): message.value()
        for messages in stored.values()
        for message in messages
    }
    changed = [where for where, value in follower.seen.items() if last.get(where) != value]
    assert not changed, f"read once, different now: {changed[:5]}"


def run_until_killed(broker, loads, follower, choose):
    """The kill comes at a random number of answers, and often right behind a commit."""
    progress(
        loads,
        follower,
        choose.randint(50, 2500),
        lambda: choose.random() < 0.3 and follower.commit(),
    )
    if choose.random() < 0.5:
        follower.commit()
    broker.kill()


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
def test_the_checker_notices(harm, complaint):
    log = [(number, payload("i1", 0, number)) for number in range(20)]
    answers = {number: number for number in range(20)}
    assert check("i1", "idempotent", 0, answers, 20, log) == []
    harm(log)
    assert complaint in " ".join(check("i1", "idempotent", 0, answers, 20, log))


def test_every_mode_is_loaded():
    assert {mode for _, mode in PRODUCERS} == set(MODES)

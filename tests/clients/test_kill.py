"""kill -9 under load: whatever was answered is there, where the answer said, and nothing else is.

acks=1 is held to the same: it may be lost with the power, not with the process.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from support.clients import consumer, create_topic, read_all
from support.ledger import check
from support.load import MODES, payload
from support.waiting import wait_until

TOPIC = "ledger"
PARTITIONS = 3
CYCLES = int(os.environ.get("MILLRACE_KILL_CYCLES", "6"))
PRODUCERS = [("i1", "idempotent"), ("i2", "idempotent"), ("p1", "acks=all"), ("o1", "acks=1")]


class Load:
    """One producing subprocess and what it wrote down."""

    def __init__(self, address, name, mode, folder):
        self.name, self.mode, self.log = name, mode, folder / f"{name}.log"
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "support.load",
                address,
                TOPIC,
                str(PARTITIONS),
                name,
                mode,
                str(self.log),
            ],
            cwd=Path(__file__).parent,
        )

    def answered_bytes(self):
        return self.log.stat().st_size if self.log.exists() else 0

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(90) == 0, f"{self.name}: records without any answer"

    def read_log(self):
        """(answers {partition: {number: offset}}, sent {partition: count}, failures)"""
        answers, sent, failures = {index: {} for index in range(PARTITIONS)}, {}, []
        for line in self.log.read_text().splitlines():
            kind, partition, *rest = line.split()
            if kind == "a":
                answers[int(partition)][int(rest[0])] = int(rest[1])
            elif kind == "s":
                sent[int(partition)] = int(rest[0])
            else:
                failures.append(line)
        return answers, sent, failures


class Follower:
    """Reads the topic while it grows, remembers what it saw, and commits as member of no group."""

    def __init__(self, address):
        self.address = address
        self.seen = {}  # (partition, offset) -> value
        self.next = {index: 0 for index in range(PARTITIONS)}
        self.committed = {}  # what the broker said yes to
        self.attempted = {}
        self.reader = consumer(address, "follower", auto_offset_reset="error")
        self.reader.assign(
            [TopicPartition(TOPIC, index, OFFSET_BEGINNING) for index in range(PARTITIONS)]
        )

    def read(self):
        for message in self.reader.consume(2000, timeout=0.05):
            if message.error():
                assert message.error().retriable() or message.error().code() < 0, message.error()
                continue
            assert message.offset() == self.next[message.partition()], "a hole or a step back"
            self.next[message.partition()] += 1
            self.seen[message.partition(), message.offset()] = message.value()

    def commit(self):
        self.attempted = dict(self.next)
        try:
            self.reader.commit(
                offsets=[TopicPartition(TOPIC, *item) for item in self.attempted.items()],
                asynchronous=False,
            )
            self.committed = self.attempted
        except KafkaException as error:
            assert error.args[0].retriable() or error.args[0].code() < 0, error

    def assert_commits_kept(self):
        asker = consumer(self.address, "follower")

        def ask():
            try:
                return asker.committed(
                    [TopicPartition(TOPIC, index) for index in range(PARTITIONS)], timeout=10
                )
            except KafkaException:
                return None

        for item in wait_until(ask, "the committed offsets"):
            known = self.committed.get(item.partition)
            if known is not None:
                assert (
                    known <= item.offset <= self.attempted[item.partition]
                ), "the committed offset moved"
        asker.close()


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


def progress(loads, follower, answers, between=lambda: None):
    """Follows the topic until each producer got about so many more answers."""
    goals = [(load, load.answered_bytes() + answers * 10) for load in loads]

    def reached():
        follower.read()
        between()
        assert all(load.process.poll() is None for load in loads), "a producer ended"
        return all(load.answered_bytes() >= goal for load, goal in goals)

    wait_until(reached, "answers for every producer", 60)


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


def assert_ledger_holds(loads, stored):
    by_producer = {}
    for partition, messages in stored.items():
        for message in messages:
            name = message.value().split(b" ")[0].decode()
            by_producer.setdefault((name, partition), []).append(
                (message.offset(), message.value())
            )
    known = {(load.name, partition) for load in loads for partition in range(PARTITIONS)}
    problems = [f"invented: records of {key}" for key in by_producer if key not in known]
    counts = {}
    for load in loads:
        answers, sent, failures = load.read_log()
        problems += [f"{load.name}: refused: {line}" for line in failures[:5]]
        for partition in range(PARTITIONS):
            found = by_producer.get((load.name, partition), [])
            problems += check(
                load.name, load.mode, partition, answers[partition], sent[partition], found
            )
            counts[load.name] = counts.get(load.name, 0) + len(answers[partition])
    print(f"answered: {counts}, stored: {sum(map(len, stored.values()))}")
    assert all(count > 100 for count in counts.values()), "hardly any load"
    assert not problems, "\n".join(problems)


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

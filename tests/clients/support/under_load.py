"""What tests share that harm a broker under load: producers that write down their answers, a reader
that follows them, and the comparison of both with what is stored.
"""

import signal
import subprocess
import sys
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from support.clients import consumer
from support.ledger import check
from support.waiting import wait_until

TOPIC = "ledger"
PARTITIONS = 3


class Load:
    """One producing subprocess and what it wrote down."""

    def __init__(self, address, name, mode, folder, settings=()):
        self.name, self.mode, self.log = name, mode, folder / f"{name}.log"
        self.process = subprocess.Popen(
            self.command(address, settings), cwd=Path(__file__).parents[1], **self.streams()
        )

    def command(self, address, settings):
        where = [address, TOPIC, str(PARTITIONS), self.name, self.mode, str(self.log)]
        return [sys.executable, "-m", "support.load", *where, *settings]

    def streams(self):
        return {}

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
            elif kind == "f":
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


def progress(loads, follower, answers, between=lambda: None):
    """Follows the topic until each producer got about so many more answers."""
    goals = [(load, load.answered_bytes() + answers * 10) for load in loads]

    def reached():
        follower.read()
        between()
        assert all(load.process.poll() is None for load in loads), "a producer ended"
        return all(load.answered_bytes() >= goal for load, goal in goals)

    wait_until(reached, "answers for every producer", 60)


def assert_ledger_holds(loads, stored, refused=False):
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
                load.name, load.mode, partition, answers[partition], sent[partition], found, refused
            )
            counts[load.name] = counts.get(load.name, 0) + len(answers[partition])
    print(f"answered: {counts}, stored: {sum(map(len, stored.values()))}")
    assert all(count > 100 for count in counts.values()), "hardly any load"
    assert not problems, "\n".join(problems)

"""A broker under the load of real clients, all of which write down what they were told.

    with Workload(broker, folder) as work:
        work.progress(500)              # so many more answers for each producer
        broker.kill(); broker.start()
        work.assert_commits_kept()
        work.finish()                   # ends the clients, then compares everything with what is stored

Producers of librdkafka (idempotent, acks=all, acks=1) and of Java (idempotent), a reader that follows the
topic, a group of librdkafka whose members come and go, and a group of Java.
"""

import signal
import subprocess
import sys
from pathlib import Path

from confluent_kafka import KafkaException, TopicPartition

from harness import group_ledger
from harness.java import JavaLoad
from support import wire
from support.clients import consumer, create_topic, read_all, values_of
from support.under_load import PARTITIONS, TOPIC, Follower, Load, assert_ledger_holds, progress
from support.waiting import wait_until

PRODUCERS = [("i1", "idempotent"), ("p1", "acks=all"), ("o1", "acks=1")]
# Less than the broker is made to wait at times: what it was asked then is asked again. And no more than
# the groups read at leisure.
SETTINGS = ["socket.timeout.ms=2000", "records.per.second=1000"]


class Group:
    """A group whose members run elsewhere: what they wrote down, and what the broker says of it."""

    def __init__(self, address, name, log):
        self.name, self.log = name, log
        self.asker = consumer(address, name)
        self.observed = {}  # partition -> the highest offset that the broker told

    def events(self):
        """What is written down so far; the last line may be cut."""
        text = self.log.read_text() if self.log.exists() else ""
        return group_ledger.parse(text[: text.rfind("\n") + 1].splitlines())

    def answered(self):
        """{partition: offset} of the highest commit that was answered."""
        highest = {}
        for event in self.events():
            if event.what == "c":
                known = highest.get(event.partition, 0)
                highest[event.partition] = max(known, event.numbers[0])
        return highest

    def committed(self):
        """{partition: offset} as the broker says."""
        where = [TopicPartition(TOPIC, index) for index in range(PARTITIONS)]

        def ask():
            try:
                return self.asker.committed(where, timeout=10)
            except KafkaException:
                return None

        found = wait_until(ask, f"the committed offsets of {self.name}")
        return {item.partition: max(item.offset, 0) for item in found}

    def assert_commits_kept(self):
        """What was answered or seen before is still there, or more."""
        known = self.answered()
        told = self.committed()
        for partition, offset in told.items():
            least = max(known.get(partition, 0), self.observed.get(partition, 0))
            assert (
                offset >= least
            ), f"{self.name}, partition {partition}: committed {offset}, and it was {least}"
        self.observed = told

    def problems(self, stored):
        events = self.events()
        for what in "grtc":
            assert (
                sum(event.what == what for event in events) >= PARTITIONS
            ), f"{self.name}: hardly any '{what}'"
        return group_ledger.check(self.name, events, stored)


class MemberLoad:
    """The members of a group of librdkafka as one process: harness/member.py."""

    def __init__(self, address, group, folder, members, records):
        self.log = folder / f"{group}.log"
        with open(self.log, "wb") as output:
            where = [address, TOPIC, group, str(members), str(records)]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harness.member", *where],
                cwd=Path(__file__).parents[2] / "clients",
                stdout=output,
            )

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(90) == 0, "a member failed"


class Workload:
    """`refused`: the broker is made to refuse producers (support/ledger.py)."""

    def __init__(
        self, broker, folder, producers=PRODUCERS, records_per_member=8000, refused=False
    ):
        self.broker = broker
        self.folder = folder
        self.producers = producers
        self.refused = refused
        self.records_per_member = records_per_member

    def __enter__(self):
        address = self.broker.address
        create_topic(address, TOPIC, partitions=PARTITIONS)
        java = JavaLoad(address, "j1", self.folder, "java-group")
        self.loads = [java]
        for name, mode in self.producers:
            self.loads.append(Load(address, name, mode, self.folder, SETTINGS))
        self.members = MemberLoad(
            address, "rdkafka-group", self.folder, members=2, records=self.records_per_member
        )
        self.groups = [
            Group(address, "java-group", java.group_log),
            Group(address, "rdkafka-group", self.members.log),
        ]
        self.follower = Follower(address)
        return self

    def __exit__(self, *_):
        for load in [*self.loads, self.members]:
            load.process.kill()
            load.process.wait()
        self.follower.reader.close()
        for group in self.groups:
            group.asker.close()

    def progress(self, answers, between=lambda: None):
        assert self.members.process.poll() is None, "a member ended"
        progress(self.loads, self.follower, answers, between)

    def assert_commits_kept(self):
        self.follower.assert_commits_kept()
        for group in self.groups:
            group.assert_commits_kept()

    def await_groups_moving(self):
        """Each group gets commits through that are newer than now."""
        for group in self.groups:
            before = sum(group.answered().values())
            wait_until(
                lambda: (self.follower.read(), sum(group.answered().values()))[1] > before,
                f"{group.name} to commit",
                60,
            )

    def departures(self):
        """The times that a member of either group lost a partition."""
        return [event for group in self.groups for event in group.events() if event.what == "l"]

    def await_groups_done(self):
        with wire.Connection(self.broker.address) as connection:
            found = {
                index: wire.list_offset(connection, TOPIC, index, wire.LATEST)
                for index in range(PARTITIONS)
            }
        ends = {index: offset for index, (error, offset) in found.items() if error == 0}
        assert len(ends) == PARTITIONS, found
        for group in self.groups:
            wait_until(lambda: group.committed() == ends, f"{group.name} to commit {ends}", 60)

    def finish(self):
        """Ends the clients once the groups have read everything; then check()."""
        for load in self.loads[1:]:
            load.finish()
        java = self.loads[0]
        java.stop_producing()
        self.await_groups_done()
        self.members.finish()
        java.finish()
        return self.check()

    def check(self):
        """Everything that was written down against what is stored now. Returns how many records are
        there again: those of producers that are not idempotent may be."""
        stored = read_all(self.broker.address, TOPIC, partitions=PARTITIONS)
        assert_ledger_holds(self.loads, stored, self.refused)
        values = {partition: values_of(messages) for partition, messages in stored.items()}
        for partition, messages in stored.items():
            assert [message.offset() for message in messages] == list(range(len(messages)))
        problems = [problem for group in self.groups for problem in group.problems(values)]
        changed = [
            where
            for where, value in self.follower.seen.items()
            if where[1] >= len(values[where[0]]) or values[where[0]][where[1]] != value
        ]
        if changed:
            problems.append(f"read once, different now: {changed[:5]}")
        assert not problems, "\n".join(problems)
        sent = sum(sum(load.read_log()[1].values()) for load in self.loads)
        return sum(map(len, values.values())) - sent

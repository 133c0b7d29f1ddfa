"""Members of a consumer group that remember what they were given and what they read.

    with Members(broker.address, "group", ["topic"]) as members:
        members.add("a"); members.add("b")
        members.poll_until(lambda: members.shares() == [3, 3], "an even split")

Everything runs on the test's own thread: each round polls every member once. A member commits what it
has read when partitions are taken from it, so that after orderly rebalances each record was read once.
"""

from confluent_kafka import TopicPartition

from support.clients import checked, consumer
from support.waiting import Deadline

SESSION_MS = 6000


class Member:
    def __init__(self, address, group, topics, name, **settings):
        self.name = name
        self.assigned = set()  # (topic, partition)
        self.assignments = 0  # how often it was told of one
        self.revocations = 0
        self.records = []
        self.consumer = consumer(
            address,
            group,
            client_id=name,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=200,
            **settings,
        )
        self.consumer.subscribe(
            topics, on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_lost
        )

    def on_assign(self, _, partitions):
        self.assignments += 1
        self.assigned |= {(item.topic, item.partition) for item in partitions}

    def on_revoke(self, _, partitions):
        self.revocations += 1
        taken = {(item.topic, item.partition) for item in partitions}
        self.commit(taken)
        self.assigned -= taken

    def on_lost(self, _, partitions):
        self.revocations += 1
        self.assigned -= {(item.topic, item.partition) for item in partitions}

    def commit(self, only=None):
        """Commits the position after the last record read of each partition (that is in `only`)."""
        offsets = {(m.topic(), m.partition()): m.offset() + 1 for m in self.records}
        offsets = {
            where: offset
            for where, offset in offsets.items()
            if where in self.assigned and (only is None or where in only)
        }
        if offsets:
            self.consumer.commit(
                offsets=[TopicPartition(*where, offset) for where, offset in offsets.items()],
                asynchronous=False,
            )

    def poll(self, timeout_s=0.02):
        message = self.consumer.poll(timeout_s)
        while message is not None:
            if not (message.error() and message.error().retriable()):
                self.records.append(checked(message))
            message = self.consumer.poll(0)


class Members:
    def __init__(self, address, group, topics, **settings):
        self.make = lambda name, more: Member(address, group, topics, name, **{**settings, **more})
        self.members = []
        self.departed = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.consumer.close()

    def add(self, name, **settings):
        self.members.append(self.make(name, settings))
        return self.members[-1]

    def remove(self, member):
        member.consumer.close()
        self.members.remove(member)
        self.departed.append(member)

    def poll_until(self, condition, what, deadline_s=40.0):
        deadline = Deadline(what, deadline_s)
        while not condition():
            for member in self.members:
                member.poll()
            deadline.check(lambda: f"shares {self.shares()}, {len(self.records())} records")

    def shares(self):
        """How many partitions each member has, most first."""
        return sorted((len(member.assigned) for member in self.members), reverse=True)

    def records(self):
        return [record for member in self.departed + self.members for record in member.records]

    def values(self):
        return sorted(record.value() for record in self.records())

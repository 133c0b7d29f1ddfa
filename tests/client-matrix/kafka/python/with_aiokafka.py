"""aiokafka: runs one scenario and prints what it saw as JSON."""

import asyncio
import contextlib
import json

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocol

import shared

ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}
POLL_S = 0.01


class Cell:
    def __init__(self, bootstrap, name, variant):
        self.bootstrap, self.name, self.variant = bootstrap, name, variant

    @contextlib.asynccontextmanager
    async def admin(self):
        client = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    def consumer(self, **more):
        settings = {
            "bootstrap_servers": self.bootstrap,
            "group_id": self.name,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "session_timeout_ms": 10_000,
            "heartbeat_interval_ms": 200,
        }
        return aiokafka.AIOKafkaConsumer(**(settings | more))

    def member(self, **more):
        """A consumer that is to be a member of the group."""
        consumer = self.consumer(**more)
        consumer.subscribe([self.name])
        return consumer

    def reader(self, partitions):
        """A consumer of these partitions, of no group."""
        consumer = self.consumer(group_id=None)
        consumer.assign([self.partition(index) for index in range(partitions)])
        return consumer

    def partition(self, index):
        return aiokafka.TopicPartition(self.name, index)

    async def create_topic(self, partitions):
        """The error code of the answer, 0 when it was created."""
        async with self.admin() as admin:
            wanted = NewTopic(self.name, partitions, 1, topic_configs=shared.KEPT)
            answer = await admin.create_topics([wanted])
        return answer.topic_errors[0][1]

    async def send(self, records, **settings):
        """Sends all of them and waits for the answers; returns their offsets."""
        async with aiokafka.AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, acks="all", **settings
        ) as producer:
            answers = [
                await producer.send(
                    self.name, value, key, partition, timestamp_ms=timestamp, headers=headers
                )
                for partition, timestamp, key, value, headers in records
            ]
            return [(await answer).offset for answer in answers]


async def poll(consumer, at_least):
    found = []
    deadline = shared.Deadline(f"{at_least} records")
    while len(found) < at_least:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            found += records
        deadline.check()
    return found


async def codec(cell):
    await cell.create_topic(2)
    compression = None if cell.variant == "none" else cell.variant
    await cell.send(shared.codec_records(), compression_type=compression, linger_ms=50)
    async with cell.reader(2) as consumer:
        return {"records": [shared.described(record) for record in await poll(consumer, 100)]}


async def idempotent(cell):
    await cell.create_topic(1)
    records = shared.filling(500)
    offsets = await cell.send(records, enable_idempotence=True, max_batch_size=512)
    async with cell.reader(1) as consumer:
        values = [record.value.decode() for record in await poll(consumer, 500)]
    return {"offsets": offsets, "values": values}


class Member(aiokafka.ConsumerRebalanceListener):
    """A member with what it was given and what it read; commits by itself, as by default."""

    def __init__(self, cell, read):
        self.read = read
        self.revoked = 0
        self.consumer = cell.consumer(
            enable_auto_commit=True, partition_assignment_strategy=[ASSIGNORS[cell.variant]]
        )
        self.consumer.subscribe([cell.name], listener=self)

    async def start(self):
        await self.consumer.start()
        self.reading = asyncio.create_task(self.read_on())
        return self

    async def read_on(self):
        async for record in self.consumer:
            self.read.append(record.value.decode())

    async def leave(self):
        self.reading.cancel()
        await asyncio.gather(self.reading, return_exceptions=True)
        await self.consumer.stop()

    def on_partitions_revoked(self, revoked):
        self.revoked += len(revoked)

    def on_partitions_assigned(self, assigned):
        pass

    def share(self):
        return len(self.consumer.assignment())


async def until(what, condition, members):
    deadline = shared.Deadline(what)
    while not condition():
        for member in members:
            if member.reading.done():
                member.reading.result()  # raises what ended it
        deadline.check()
        await asyncio.sleep(POLL_S)


async def group(cell):
    await cell.create_topic(shared.PARTITIONS)
    read, shares = [], []

    async def work_on(label, members):
        shares.append(sorted((member.share() for member in members), reverse=True))
        records = list(shared.labelled(label))
        await cell.send(records)
        expected = {value.decode() for _, _, _, value, _ in records}
        await until(f"the records of {label}", lambda: expected <= set(read), members)

    first = await Member(cell, read).start()
    await until("everything with one", lambda: first.share() == shared.PARTITIONS, [first])
    await work_on("alone", [first])

    before = first.revoked
    second = await Member(cell, read).start()
    both = [first, second]
    await until("an even split", lambda: [m.share() for m in both] == [3, 3], both)
    revoked = first.revoked - before
    await work_on("two", both)

    await second.leave()
    await until("what the other had", lambda: first.share() == shared.PARTITIONS, [first])
    await work_on("again", [first])
    await first.leave()

    async with cell.consumer() as asker:
        parts = range(shared.PARTITIONS)
        committed = [await asker.committed(cell.partition(index)) for index in parts]
    return {
        "shares": shares,
        "revoked": revoked,
        "values": sorted(set(read)),
        "duplicates": len(read) - len(set(read)),
        "committed": committed,
    }


async def resume(cell):
    await cell.create_topic(1)
    await cell.send(shared.filling(20))
    where = cell.partition(0)
    async with cell.member() as consumer:
        await poll(consumer, 8)
        await consumer.commit({where: aiokafka.OffsetAndMetadata(8, "a note")})
    async with cell.member() as consumer:
        offsets = [record.offset for record in await poll(consumer, 12)]
    async with cell.admin() as admin:
        committed = (await admin.list_consumer_group_offsets(cell.name))[where]
    return {"offsets": offsets, "committed": committed.offset, "note": committed.metadata}


async def seek_offset(cell):
    await cell.create_topic(1)
    await cell.send(shared.filling(50))
    found = []
    async with cell.reader(1) as consumer:
        for offset in (42, 7):
            consumer.seek(cell.partition(0), offset)
            first = await consumer.getone()
            found.append([first.offset, first.value.decode()])
    return {"found": found}


async def seek_time(cell):
    await cell.create_topic(1)
    await cell.send(shared.filling(50))
    where = cell.partition(0)
    async with cell.reader(1) as consumer:
        times = [shared.FIRST_TIME + after for after in (30_000, 30_001, -1, 1_000_000_000)]
        answers = [(await consumer.offsets_for_times({where: when}))[where] for when in times]
        offsets = [answer and answer.offset for answer in answers]
        consumer.seek(where, offsets[0])
        return {"offsets": offsets, "first": (await consumer.getone()).value.decode()}


async def list_offsets(cell):
    await cell.create_topic(2)
    await cell.send(shared.filling(50))
    both = [cell.partition(0), cell.partition(1)]
    async with cell.reader(2) as consumer:
        earliest = await consumer.beginning_offsets(both)
        latest = await consumer.end_offsets(both)
    return {
        "earliest": [earliest[where] for where in both],
        "latest": [latest[where] for where in both],
    }


async def admin_topics(cell):
    await cell.create_topic(3)
    again = await cell.create_topic(3)
    async with cell.admin() as admin:
        (found,) = await admin.describe_topics([cell.name])
        # (describing a topic that there isn't would create it: its Metadata request says so)
        listed = await admin.list_topics()
    return {
        "again": again,
        "partitions": [
            [part["partition"], part["leader"], part["replicas"]]
            for part in sorted(found["partitions"], key=lambda part: part["partition"])
        ],
        "listed": cell.name in listed,
    }


async def admin_cluster(cell):
    async with cell.admin() as admin:
        found = await admin.describe_cluster()
    return {
        "nodes": [[node["node_id"], f"{node['host']}:{node['port']}"] for node in found["brokers"]],
        "controller": found["controller_id"],
        "cluster": found["cluster_id"],
    }


async def admin_groups(cell):
    await cell.create_topic(2)
    await cell.send(shared.filling(5))
    result = {}

    async def described():
        (answer,) = await admin.describe_consumer_groups([cell.name])
        (found,) = answer.groups
        error, _group, state, _type, assignor, members = found[:6]
        assert error == 0, f"DescribeGroups answers {error}"
        return {
            "state": state,
            "assignor": assignor,
            "members": [[member[1], assigned(member[4])] for member in members],
        }

    def assigned(data):
        assignment = ConsumerProtocol.ASSIGNMENT.decode(data)
        return sorted(part for _topic, parts in assignment.assignment for part in parts)

    async with cell.admin() as admin:
        async with cell.member(
            client_id="the-member", partition_assignment_strategy=[RangePartitionAssignor]
        ) as member:
            await poll(member, 5)
            await member.commit()
            result["live"] = await described()
        result["empty"] = await described()
        committed = await admin.list_consumer_group_offsets(cell.name)
        result["committed"] = committed[cell.partition(0)].offset
    return result


async def admin_list_groups(cell):
    await cell.create_topic(1)
    await cell.send(shared.filling(5))
    async with cell.admin() as admin, cell.member() as member:
        await poll(member, 5)
        groups = await admin.list_consumer_groups()
    return {"found": [list(group[:2]) for group in groups if group[0] == cell.name]}


async def admin_configs(cell):
    await cell.create_topic(1)
    kind = ConfigResourceType.TOPIC
    async with cell.admin() as admin:
        wanted = ConfigResource(kind, cell.name, {"retention.ms": "7200000"})
        (changed,) = await admin.alter_configs([wanted])
        assert changed.resources[0][0] == 0, f"AlterConfigs answers {changed.resources}"
        asked = ConfigResource(kind, cell.name, {"retention.ms": None})
        (answer,) = await admin.describe_configs([asked])
    ((error, _message, _kind, _name, entries),) = answer.resources
    assert error == 0, f"DescribeConfigs answers {error}"
    return {"value": {entry[0]: entry[1] for entry in entries}["retention.ms"]}


async def admin_partitions(cell):
    await cell.create_topic(1)
    async with cell.admin() as admin:
        await admin.create_partitions({cell.name: NewPartitions(3)})
        (found,) = await admin.describe_topics([cell.name])
    return {"partitions": len(found["partitions"])}


async def admin_delete_records(cell):
    await cell.create_topic(1)
    await cell.send(shared.filling(50))
    where = cell.partition(0)
    async with cell.admin() as admin:
        await admin.delete_records({where: RecordsToDelete(20)})
    async with cell.reader(1) as consumer:
        earliest = await consumer.beginning_offsets([where])
        latest = await consumer.end_offsets([where])
    return {"earliest": earliest[where], "latest": latest[where]}


async def admin_delete_topic(cell):
    await cell.create_topic(1)
    async with cell.admin() as admin:
        before = cell.name in await admin.list_topics()
        await admin.delete_topics([cell.name])
        return {"before": before, "after": cell.name in await admin.list_topics()}


if __name__ == "__main__":
    given = shared.command_line()
    cell = Cell(given.bootstrap, given.name, given.variant)
    print(json.dumps(asyncio.run(globals()[given.function](cell))))

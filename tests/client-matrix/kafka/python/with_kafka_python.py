"""kafka-python: runs one scenario and prints what it saw as JSON."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import kafka
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from kafka.structs import OffsetAndMetadata, TopicPartition

import shared

ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}


class Cell:
    def __init__(self, bootstrap, name, variant):
        self.bootstrap, self.name, self.variant = bootstrap, name, variant

    def admin(self):
        return kafka.KafkaAdminClient(bootstrap_servers=self.bootstrap)

    def consumer(self, **more):
        settings = {
            "bootstrap_servers": self.bootstrap,
            "group_id": self.name,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "session_timeout_ms": 10_000,
            "heartbeat_interval_ms": 200,
        }
        return kafka.KafkaConsumer(**(settings | more))

    def partition(self, index):
        return TopicPartition(self.name, index)

    def create_topic(self, partitions):
        with self.admin() as admin:
            wanted = {
                "num_partitions": partitions,
                "replication_factor": 1,
                "configs": shared.KEPT,
            }
            admin.create_topics({self.name: wanted}, wait_for_metadata=True)

    def send(self, records, **settings):
        """Sends all of them and waits for the answers; returns their offsets."""
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap, **settings)
        answers = [
            producer.send(
                self.name, value, key, headers, partition=partition, timestamp_ms=timestamp
            )
            for partition, timestamp, key, value, headers in records
        ]
        producer.flush(30)
        offsets = [answer.get(30).offset for answer in answers]
        producer.close()
        return offsets


def poll(consumer, at_least):
    found = []
    deadline = shared.Deadline(f"{at_least} records")
    while len(found) < at_least:
        for records in consumer.poll(timeout_ms=1000).values():
            found += records
        deadline.check()
    return found


def assigned(cell, partitions):
    consumer = cell.consumer()
    consumer.assign([cell.partition(index) for index in range(partitions)])
    return consumer


def codec(cell):
    cell.create_topic(2)
    compression = None if cell.variant == "none" else cell.variant
    cell.send(shared.codec_records(), compression_type=compression, linger_ms=50)
    with assigned(cell, 2) as consumer:
        return {"records": [shared.described(record) for record in poll(consumer, 100)]}


def idempotent(cell):
    cell.create_topic(1)
    offsets = cell.send(shared.filling(500), enable_idempotence=True, batch_size=512)
    with assigned(cell, 1) as consumer:
        return {"offsets": offsets, "values": [r.value.decode() for r in poll(consumer, 500)]}


class Member(kafka.ConsumerRebalanceListener):
    """A member with what it was given and what it read; commits by itself, as by default."""

    def __init__(self, cell, read, threads):
        self.read = read
        self.revoked = 0
        self.consumer = cell.consumer(
            enable_auto_commit=True, partition_assignment_strategy=[ASSIGNORS[cell.variant]]
        )
        self.consumer.subscribe([cell.name], listener=self)
        self.leaving = threading.Event()
        self.working = threads.submit(self.work)

    def on_partitions_revoked(self, revoked):
        self.revoked += len(revoked)

    def on_partitions_assigned(self, assigned):
        pass

    def share(self):
        return len(self.consumer.assignment())

    def work(self):
        # A poll that ends in the middle of a join can lose it, so it is given time.
        while not self.leaving.is_set():
            for records in self.consumer.poll(timeout_ms=1000).values():
                self.read += [record.value.decode() for record in records]
        self.consumer.close()

    def leave(self):
        self.leaving.set()
        self.working.result()


def group(cell):
    cell.create_topic(shared.PARTITIONS)
    with ThreadPoolExecutor() as threads:
        members = []
        try:
            return share(cell, members, threads)
        finally:
            for member in members:
                member.leaving.set()


def share(cell, members, threads):
    read, shares = [], []

    def add():
        members.append(Member(cell, read, threads))
        return members[-1]

    def until(what, condition):
        deadline = shared.Deadline(what)
        while not condition():
            for member in members:
                if member.working.done() and not member.leaving.is_set():
                    member.working.result()  # raises what ended it
            deadline.check()
            time.sleep(0.01)

    def work_on(label):
        records = list(shared.labelled(label))
        cell.send(records)
        expected = {value.decode() for _, _, _, value, _ in records}
        until(f"the records of {label}", lambda: expected <= set(read))

    first = add()
    until("everything with one", lambda: first.share() == shared.PARTITIONS)
    shares.append([first.share()])
    work_on("alone")

    before = first.revoked
    second = add()
    until("an even split", lambda: [first.share(), second.share()] == [3, 3])
    shares.append([first.share(), second.share()])
    revoked = first.revoked - before
    work_on("two")

    second.leave()
    until("what the other had", lambda: first.share() == shared.PARTITIONS)
    shares.append([first.share()])
    work_on("again")
    first.leave()

    with cell.consumer() as asker:
        committed = [asker.committed(cell.partition(index)) for index in range(shared.PARTITIONS)]
    return {
        "shares": shares,
        "revoked": revoked,
        "values": sorted(set(read)),
        "duplicates": len(read) - len(set(read)),
        "committed": committed,
    }


def resume(cell):
    cell.create_topic(1)
    cell.send(shared.filling(20))
    where = cell.partition(0)
    with cell.consumer() as consumer:
        consumer.subscribe([cell.name])
        poll(consumer, 8)
        consumer.commit({where: OffsetAndMetadata(8, "a note")})
    with cell.consumer() as consumer:
        consumer.subscribe([cell.name])
        offsets = [record.offset for record in poll(consumer, 12)]
        committed = consumer.committed(where, metadata=True)
        return {"offsets": offsets, "committed": committed.offset, "note": committed.metadata}


def seek_offset(cell):
    cell.create_topic(1)
    cell.send(shared.filling(50))
    found = []
    with assigned(cell, 1) as consumer:
        for offset in (42, 7):
            consumer.seek(cell.partition(0), offset)
            first = poll(consumer, 1)[0]
            found.append([first.offset, first.value.decode()])
    return {"found": found}


def seek_time(cell):
    cell.create_topic(1)
    cell.send(shared.filling(50))
    where = cell.partition(0)
    with assigned(cell, 1) as consumer:
        times = [shared.FIRST_TIME + after for after in (30_000, 30_001, -1, 1_000_000_000)]
        answers = [consumer.offsets_for_times({where: when})[where] for when in times]
        offsets = [answer and answer.offset for answer in answers]
        consumer.seek(where, offsets[0])
        return {"offsets": offsets, "first": poll(consumer, 1)[0].value.decode()}


def list_offsets(cell):
    cell.create_topic(2)
    cell.send(shared.filling(50))
    both = [cell.partition(0), cell.partition(1)]
    with cell.consumer() as consumer:
        earliest, latest = consumer.beginning_offsets(both), consumer.end_offsets(both)
    return {
        "earliest": [earliest[where] for where in both],
        "latest": [latest[where] for where in both],
    }


def admin_topics(cell):
    cell.create_topic(3)
    again = 0
    try:
        cell.create_topic(3)
    except kafka.errors.BrokerResponseError as error:
        again = error.errno
    with cell.admin() as admin:
        (found,) = admin.describe_topics([cell.name])
        (unknown,) = admin.describe_topics([cell.name + "-not"])
        return {
            "again": again,
            "unknown": unknown["error_code"],
            "partitions": [
                [part["partition_index"], part["leader_id"], part["replica_nodes"]]
                for part in sorted(found["partitions"], key=lambda part: part["partition_index"])
            ],
            "listed": cell.name in admin.list_topics(),
        }


def admin_cluster(cell):
    with cell.admin() as admin:
        found = admin.describe_cluster()
    return {
        "nodes": [
            [node["broker_id"], f"{node['host']}:{node['port']}"] for node in found["brokers"]
        ],
        "controller": found["controller_id"],
        "cluster": found["cluster_id"],
    }


def admin_groups(cell):
    cell.create_topic(2)
    cell.send(shared.filling(5))
    result = {}

    def described():
        found = admin.describe_groups([cell.name])[cell.name]
        return {
            "state": found["group_state"],
            "assignor": found["protocol_data"],
            "members": [
                [
                    member["client_id"],
                    sorted(
                        index
                        for topic in member["member_assignment"]["assigned_partitions"]
                        for index in topic["partitions"]
                    ),
                ]
                for member in found["members"]
            ],
        }

    def deleted():
        answer = admin.delete_groups([cell.name])[cell.name]
        return 0 if answer == "OK" else getattr(kafka.errors, answer).errno

    def committed():
        found = admin.list_group_offsets({cell.name: [cell.partition(0)]})[cell.name]
        offset = found[cell.partition(0)].offset if found else -1
        return None if offset < 0 else offset

    with cell.admin() as admin:
        with cell.consumer(
            client_id="the-member", partition_assignment_strategy=[RangePartitionAssignor]
        ) as member:
            member.subscribe([cell.name])
            poll(member, 5)
            member.commit()
            result["live"] = described()
            result["delete_live"] = deleted()
        result["empty"] = described()
        result["committed"] = committed()
        result["delete_empty"] = deleted()
        result["committed_after"] = committed()
    return result


def admin_list_groups(cell):
    cell.create_topic(1)
    cell.send(shared.filling(5))
    with cell.admin() as admin, cell.consumer() as member:
        member.subscribe([cell.name])
        poll(member, 5)
        found = [
            [group["group_id"], group["protocol_type"]]
            for group in admin.list_groups()
            if group["group_id"] == cell.name
        ]
    return {"found": found}


def admin_configs(cell):
    cell.create_topic(1)
    kind = ConfigResourceType.TOPIC
    with cell.admin() as admin:
        admin.alter_configs([ConfigResource(kind, cell.name, {"retention.ms": "7200000"})])
        asked = ConfigResource(kind, cell.name, {"retention.ms": None})
        found = admin.describe_configs([asked], config_filter="all")
    return {"value": found["topic"][cell.name]["retention.ms"]["value"]}


def admin_partitions(cell):
    cell.create_topic(1)
    with cell.admin() as admin:
        admin.create_partitions({cell.name: 3})
        (found,) = admin.describe_topics([cell.name])
    return {"partitions": len(found["partitions"])}


def admin_delete_records(cell):
    cell.create_topic(1)
    cell.send(shared.filling(50))
    where = cell.partition(0)
    with cell.admin() as admin:
        admin.delete_records({where: 20})
    with cell.consumer() as consumer:
        earliest, latest = consumer.beginning_offsets([where]), consumer.end_offsets([where])
    return {"earliest": earliest[where], "latest": latest[where]}


def admin_delete_topic(cell):
    cell.create_topic(1)
    with cell.admin() as admin:
        before = cell.name in admin.list_topics()
        admin.delete_topics([cell.name])
        return {"before": before, "after": cell.name in admin.list_topics()}


if __name__ == "__main__":
    given = shared.command_line()
    print(json.dumps(globals()[given.function](Cell(given.bootstrap, given.name, given.variant))))

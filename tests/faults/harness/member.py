"""Members of a consumer group as a program of its own (librdkafka), until SIGTERM.

    python -m harness.member BOOTSTRAP TOPIC GROUP MEMBERS RECORDS

Each member is a thread. All but the first leave after RECORDS records and come back at once as somebody
new, so that partitions change hands; with 0 they stay. Lines on standard output, the same as those of
java/Member.java:

    g MEMBER NS PARTITION OFFSET               was given the partition at NS, and the first it read was OFFSET
    r MEMBER NS PARTITION FIRST COUNT CRC      read COUNT records from FIRST on; CRC is that of their values
    t MEMBER NS PARTITION OFFSET               asks to commit
    c MEMBER NS PARTITION OFFSET               that was answered
    l MEMBER NS PARTITION                      the partition was taken away

NS is the monotonic clock of the machine, in nanoseconds.
"""

import signal
import sys
import threading
import time
import traceback
import zlib

from confluent_kafka import KafkaException, TopicPartition
from support.clients import checked, consumer

RECORDS_PER_COMMIT = 500
stopping = threading.Event()
output = threading.Lock()


class Member:
    def __init__(self, address, topic, group, name, records_max):
        self.topic, self.name, self.records_max = topic, name, records_max
        self.given = {}  # partition -> when; nothing was read of it yet
        self.runs = {}  # partition -> [first, count, crc] since the last commit
        self.next = {}  # partition -> what is not committed yet
        self.records = self.since_commit = 0
        self.consumer = consumer(
            address,
            group,
            client_id=name,
            session_timeout_ms=6000,
            heartbeat_interval_ms=200,
            fetch_wait_max_ms=100,
        )
        self.consumer.subscribe(
            [topic], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_revoke
        )

    def say(self, what, when, partition, *rest):
        with output:
            print(what, self.name, when, partition, *rest)

    def on_assign(self, _, partitions):
        self.given.update({item.partition: time.monotonic_ns() for item in partitions})

    def on_revoke(self, _, partitions):
        self.tell_runs()
        for item in partitions:
            self.given.pop(item.partition, None)
            self.next.pop(item.partition, None)
            self.say("l", time.monotonic_ns(), item.partition)

    def run(self):
        while not stopping.is_set() and not 0 < self.records_max <= self.records:
            message = self.consumer.poll(0.05)
            while message is not None:
                self.read(message)
                if self.since_commit >= RECORDS_PER_COMMIT:
                    break
                message = self.consumer.poll(0)
            self.tell_runs()
            if self.since_commit >= RECORDS_PER_COMMIT or message is None:
                self.commit()
        self.commit()
        self.consumer.close()

    def read(self, message):
        if message.error() and (message.error().retriable() or message.error().code() < 0):
            return
        partition, offset = checked(message).partition(), message.offset()
        when = self.given.pop(partition, None)
        if when is not None:
            self.say("g", when, partition, offset)
        run = self.runs.setdefault(partition, [offset, 0, 0])
        assert offset == run[0] + run[1], f"{offset} instead of {run[0] + run[1]}"
        run[1:] = run[1] + 1, zlib.crc32(message.value(), run[2])
        self.next[partition] = offset + 1
        self.records += 1
        self.since_commit += 1

    def tell_runs(self):
        for partition, run in self.runs.items():
            self.say("r", time.monotonic_ns(), partition, *run)
        self.runs = {}

    def commit(self):
        offsets = dict(self.next)
        if not offsets:
            return
        self.since_commit = 0
        for partition, offset in offsets.items():
            self.say("t", time.monotonic_ns(), partition, offset)
        sys.stdout.flush()  # before the broker can have it
        try:
            self.consumer.commit(
                offsets=[TopicPartition(self.topic, *item) for item in offsets.items()],
                asynchronous=False,
            )
        except KafkaException:
            return  # it may have been done; what comes later is committed later
        for partition, offset in offsets.items():
            self.say("c", time.monotonic_ns(), partition, offset)
            if self.next.get(partition) == offset:
                del self.next[partition]
        sys.stdout.flush()


def live(address, topic, group, index, records_max, failures):
    try:
        lives = 0
        while not stopping.is_set():
            lives += 1
            Member(address, topic, group, f"{group}-{index}.{lives}", records_max).run()
    except Exception as failure:
        traceback.print_exc()
        failures.append(failure)


def main(address, topic, group, members, records):
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    failures = []
    threads = [
        threading.Thread(
            target=live,
            args=(address, topic, group, index, records if index > 1 else 0, failures),
        )
        for index in range(1, members + 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.flush()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:6]))

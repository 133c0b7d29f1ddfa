"""A Kafka client of requests about many partitions at a time, and producers that know what they were
answered.

with Producers(address, layout, threads=2) as load:      # until the end of the block
    ...
load.answered                                            # {(topic, partition): {offset: value}}
"""

import contextlib
import random
import threading
import time
from collections import defaultdict

import places  # noqa: F401  pylint: disable=unused-import  (it says where `support` is)
from support import batches, wire
from support.wire import Reader, array, blob, i8, i16, i32, i64, string

AT_ONCE = 500  # partitions in one request of who looks
FETCH_BYTES = 16 << 10  # of one partition: whole batches, the first of them whatever its size


def by_topic(wanted):
    """{topic: [(partition, value)]} of {(topic, partition): value}."""
    topics = defaultdict(list)
    for (topic, partition), value in wanted.items():
        topics[topic].append((partition, value))
    return topics


def topics_array(wanted, encode):
    return array(
        [
            string(topic) + array([i32(partition) + encode(value) for partition, value in found])
            for topic, found in by_topic(wanted).items()
        ]
    )


def read_topics(reader, read):
    """{(topic, partition): what `read` gives behind the partition's number}."""
    found = {}

    def of_topic():
        topic = reader.string()

        def of_partition():
            partition = reader.i32()
            found[topic, partition] = read()

        reader.array(of_partition)

    reader.array(of_topic)
    return found


def parts(wanted, size=AT_ONCE):
    keys = list(wanted)
    for begin in range(0, len(keys), size):
        yield {key: wanted[key] for key in keys[begin : begin + size]}


def produce(connection, wanted):
    """{(topic, partition): (error, base offset)} of a Produce v7 with acks=all; `wanted` are batches."""
    body = string(None) + i16(-1) + i32(10_000) + topics_array(wanted, blob)
    reader = connection.request(wire.PRODUCE, 7, body)

    def answer():
        error, base_offset = reader.i16(), reader.i64()
        _append_time, _start = reader.i64(), reader.i64()
        return error, base_offset

    return read_topics(reader, answer)


def fetch(connection, wanted):
    """{(topic, partition): (error, high watermark, records)} of Fetches v4; `wanted` are offsets."""
    found = {}
    for part in parts(wanted):
        head = i32(-1) + i32(0) + i32(1) + i32(64 << 20) + i8(0)
        body = head + topics_array(part, lambda offset: i64(offset) + i32(FETCH_BYTES))
        reader = connection.request(wire.FETCH, 4, body)
        _throttle = reader.i32()

        def answer(reader=reader):
            error, high_watermark, _stable = reader.i16(), reader.i64(), reader.i64()
            reader.array(lambda: (reader.i64(), reader.i64()))
            return error, high_watermark, reader.blob() or b""

        found.update(read_topics(reader, answer))
    return found


def ends(connection, keys):
    """{(topic, partition): (error, offset)}: where the logs end, by ListOffsets v1."""
    found = {}
    for part in parts(dict.fromkeys(keys)):
        body = i32(-1) + topics_array(part, lambda _: i64(wire.LATEST))
        reader = connection.request(wire.LIST_OFFSETS, 1, body)

        def answer(reader=reader):
            error, _time, offset = reader.i16(), reader.i64(), reader.i64()
            return error, offset

        found.update(read_topics(reader, answer))
    return found


def commit(connection, group, wanted):
    """Commits offsets for a group without members; the errors, by OffsetCommits v2."""
    errors = []
    for part in parts(wanted):
        head = string(group) + i32(-1) + string("") + i64(-1)
        body = head + topics_array(part, lambda offset: i64(offset) + string(""))
        reader = connection.request(wire.OFFSET_COMMIT, 2, body)
        errors += [error for error in read_topics(reader, reader.i16).values() if error != 0]
    return errors


def committed(connection, group, keys):
    """{(topic, partition): offset} by OffsetFetches v1; -1 where there is none."""
    found = {}
    for part in parts(dict.fromkeys(keys)):
        body = string(group) + topics_array(part, lambda _: b"")
        reader = connection.request(wire.OFFSET_FETCH, 1, body)

        def answer(reader=reader):
            offset, _note, error = reader.i64(), reader.string(), reader.i16()
            return offset if error == 0 else None

        found.update(read_topics(reader, answer))
    return found


def metadata_seconds(connection):
    """(seconds, bytes) of a Metadata v7 about all topics, from the request to its last byte."""
    begun = time.perf_counter()
    sent = connection.send(wire.METADATA, 7, i32(-1) + i8(0))
    received, reader = connection.receive()
    assert sent == received
    return time.perf_counter() - begun, len(reader.data)


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at


def values(stored):
    """{offset: value} of the whole batches of a fetch, their checksums verified."""
    found = {}
    for header in batches.headers(stored):
        size = 12 + Reader(stored[8:12]).i32()
        at = batches.RECORDS
        for _ in range(header.count):
            length, at = varint(stored, at)
            end, at = at + length, at + 1
            _time, at = varint(stored, at)
            delta, at = varint(stored, at)
            key, at = varint(stored, at)
            at += max(key, 0)
            length, at = varint(stored, at)
            found[header.base_offset + delta] = bytes(stored[at : at + length])
            at = end
        stored = stored[size:]
    return found


class Producers:
    """Threads that write small batches to many partitions each, one request after the other, and keep
    what was answered. They end with the block, or when the broker does."""

    PARTITIONS_AT_ONCE = 20

    def __init__(self, address, layout, threads=2, name=""):
        self.address = address
        self.answered = defaultdict(dict)
        self.refused = []
        self.failures = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        shares = [layout[number::threads] for number in range(threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(f"{name}{number}", share), daemon=True)
            for number, share in enumerate(shares)
            if share
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def records(self):
        with self._lock:
            return sum(len(offsets) for offsets in self.answered.values())

    def _run(self, name, share):
        chosen = random.Random(name)
        number = 0
        with contextlib.suppress(OSError):  # the broker was killed
            with wire.Connection(self.address) as connection:
                while not self._stopping.is_set():
                    keys = chosen.sample(share, min(len(share), self.PARTITIONS_AT_ONCE))
                    wanted = {}
                    for key in keys:
                        number += 1
                        wanted[key] = f"producer {name} record {number}".encode()
                    self._produce(connection, wanted)

    def _produce(self, connection, wanted):
        answers = produce(connection, {key: batches.build([wanted[key]]) for key in wanted})
        with self._lock:
            for key, (error, offset) in answers.items():
                if error == 0:
                    self.answered[key][offset] = wanted[key]
                else:
                    self.refused.append((key, error))


def missing(address, answered):
    """Sentences about what was answered and is not there, or is something else."""
    problems = []
    with wire.Connection(address, timeout_s=120) as connection:
        left = {key: sorted(offsets) for key, offsets in answered.items() if offsets}
        while left:
            found = fetch(connection, {key: offsets[0] for key, offsets in left.items()})
            following = {}
            for key, offsets in left.items():
                error, _end, stored = found[key]
                there = values(stored) if error == 0 else {}
                if there.get(offsets[0]) != answered[key][offsets[0]]:
                    problems.append(
                        f"{key} offset {offsets[0]}: error {error}, {there.get(offsets[0])!r} "
                        f"instead of {answered[key][offsets[0]]!r}"
                    )
                # What one fetch brought need not be asked for again.
                rest = [
                    offset
                    for offset in offsets[1:]
                    if there.get(offset) != answered[key][offset]
                ]
                if rest:
                    following[key] = rest
            left = following
    return problems

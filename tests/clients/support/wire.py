"""A Kafka client of a few old, non-flexible requests, for what real clients refuse to send.

with Connection(broker.address) as connection:
    error, base_offset = produce(connection, "topic", 0, batches.build([b"value"]))
"""

import itertools
import socket
import struct
from types import SimpleNamespace

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 8, 9, 10
API_VERSIONS, CREATE_TOPICS, INIT_PRODUCER_ID, OFFSET_FOR_LEADER_EPOCH = 18, 19, 22, 23

EARLIEST, LATEST = -2, -1


class Closed(OSError):
    """The broker closed the connection."""


def i8(number):
    return struct.pack(">b", number)


def i16(number):
    return struct.pack(">h", number)


def i32(number):
    return struct.pack(">i", number)


def i64(number):
    return struct.pack(">q", number)


def string(text):
    return i16(-1) if text is None else i16(len(text.encode())) + text.encode()


def blob(data):
    return i32(-1) if data is None else i32(len(data)) + data


def array(items):
    return i32(len(items)) + b"".join(items)


class Reader:
    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.position)
        self.position += struct.calcsize(">" + form)
        return values[0]

    def i8(self):
        return self.take("b")

    def i16(self):
        return self.take("h")

    def i32(self):
        return self.take("i")

    def i64(self):
        return self.take("q")

    def string(self):
        return self.sized(self.i16(), bytes.decode)

    def blob(self):
        return self.sized(self.i32(), bytes)

    def array(self, read):
        return [read() for _ in range(self.i32())]

    def sized(self, length, convert):
        if length < 0:
            return None
        self.position += length
        return convert(bytes(self.data[self.position - length : self.position]))

    def at_end(self):
        return self.position == len(self.data)


def frame(api_key, version, correlation, body, client_id="by-hand"):
    request = i16(api_key) + i16(version) + i32(correlation) + string(client_id) + body
    return i32(len(request)) + request


class Connection:
    def __init__(self, address, timeout_s=20.0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        self.correlations = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, api_key, version, body, correlation=None):
        correlation = next(self.correlations) if correlation is None else correlation
        self.send_bytes(frame(api_key, version, correlation, body))
        return correlation

    def receive(self):
        """(correlation id, reader of the body) of the next answer."""
        (size,) = struct.unpack(">i", self.receive_bytes(4))
        reader = Reader(self.receive_bytes(size))
        return reader.i32(), reader

    def receive_bytes(self, count):
        data = b""
        while len(data) < count:
            try:
                chunk = self.socket.recv(count - len(data))
            except ConnectionError as error:
                raise Closed(str(error)) from error
            if not chunk:
                raise Closed("closed by the broker")
            data += chunk
        return data

    def request(self, api_key, version, body, correlation=None):
        sent = self.send(api_key, version, body, correlation)
        received, reader = self.receive()
        assert received == sent, f"asked {sent}, answered {received}"
        return reader

    def is_answered_or_closed(self):
        """True when an answer or the end of the connection arrives before the time-out."""
        try:
            self.receive()
        except Closed:
            pass
        except TimeoutError:
            return False
        return True

    def is_closed(self):
        """True when the broker closes the connection before the time-out, whatever it answers first."""
        try:
            while True:
                self.receive_bytes(1)
        except Closed:
            return True
        except TimeoutError:
            return False


def version_ranges(reader):
    """(error, {api key: (lowest, highest version)}) of an ApiVersions answer of version 0."""
    error = reader.i16()
    ranges = reader.array(lambda: (reader.i16(), (reader.i16(), reader.i16())))
    assert reader.at_end(), "more than a version 0 body"
    return error, dict(ranges)


def api_versions(connection):
    error, ranges = version_ranges(connection.request(API_VERSIONS, 0, b""))
    assert error == 0
    return ranges


def metadata(connection, topics, auto_create=False):
    """Metadata v7: .brokers {id: address}, .topics {name: (error, {partition: (error, leader, epoch, replicas)})}."""
    body = array([string(topic) for topic in topics]) + i8(auto_create)
    reader = connection.request(METADATA, 7, body)

    def broker():
        node, host, port, _rack = reader.i32(), reader.string(), reader.i32(), reader.string()
        return node, f"{host}:{port}"

    def partition():
        error, index, leader, epoch = reader.i16(), reader.i32(), reader.i32(), reader.i32()
        replicas, _in_sync, _offline = (reader.array(reader.i32) for _ in range(3))
        return index, (error, leader, epoch, replicas)

    def topic():
        error, name, _internal = reader.i16(), reader.string(), reader.i8()
        return name, (error, dict(reader.array(partition)))

    _throttle = reader.i32()
    brokers = dict(reader.array(broker))
    _cluster, _controller = reader.string(), reader.i32()
    return SimpleNamespace(brokers=brokers, topics=dict(reader.array(topic)))


def leader_epoch(connection, topic, partition=0):
    error, partitions = metadata(connection, [topic]).topics[topic]
    return partitions[partition][2] if error == 0 and partitions[partition][0] == 0 else None


def produce_body(topic, partition, batch, acks=-1, timeout_ms=10000):
    return (
        string(None)
        + i16(acks)
        + i32(timeout_ms)
        + array([string(topic) + array([i32(partition) + blob(batch)])])
    )


def produce_answer(reader):
    def partition():
        _index, error, base_offset = reader.i32(), reader.i16(), reader.i64()
        _append_time, _start = reader.i64(), reader.i64()
        return error, base_offset

    ((_topic, (answer,)),) = reader.array(lambda: (reader.string(), reader.array(partition)))
    return answer


def produce(connection, topic, partition, batch, acks=-1, correlation=None):
    """(error, base offset) of a Produce v7."""
    return produce_answer(
        connection.request(PRODUCE, 7, produce_body(topic, partition, batch, acks), correlation)
    )


def fetch(connection, topic, partition, offset, max_wait_ms=1000):
    """.error, .high_watermark and .records (bytes) of a Fetch v4."""
    body = (
        i32(-1)
        + i32(max_wait_ms)
        + i32(1)
        + i32(50_000_000)
        + i8(0)
        + array([string(topic) + array([i32(partition) + i64(offset) + i32(50_000_000)])])
    )
    reader = connection.request(FETCH, 4, body)

    def answer():
        _index, error, high_watermark, _last_stable = (
            reader.i32(),
            reader.i16(),
            reader.i64(),
            reader.i64(),
        )
        _aborted = reader.array(lambda: (reader.i64(), reader.i64()))
        return SimpleNamespace(
            error=error, high_watermark=high_watermark, records=reader.blob() or b""
        )

    _throttle = reader.i32()
    ((_topic, (only,)),) = reader.array(lambda: (reader.string(), reader.array(answer)))
    return only


def session_fetch(
    connection,
    offsets=(),
    session=0,
    epoch=0,
    forget=(),
    max_wait_ms=0,
    max_bytes=50_000_000,
):
    """A Fetch v7 with its fetch session: `offsets` is {topic: {partition: offset}}, `forget` {topic: [partition]}.

    .error and .session of the answer, and .partitions {(topic, partition): (error, high watermark, records)}
    in the order of the answer.
    """

    def partition(index, offset):
        return i32(index) + i64(offset) + i64(-1) + i32(1_000_000)

    body = (
        i32(-1)
        + i32(max_wait_ms)
        + i32(1)
        + i32(max_bytes)
        + i8(0)
        + i32(session)
        + i32(epoch)
        + array(
            [
                string(topic) + array([partition(*one) for one in wanted.items()])
                for topic, wanted in dict(offsets).items()
            ]
        )
        + array(
            [string(topic) + array([i32(one) for one in gone]) for topic, gone in dict(forget).items()]
        )
    )
    reader = connection.request(FETCH, 7, body)

    def answer():
        index, error, high_watermark = reader.i32(), reader.i16(), reader.i64()
        _last_stable, _log_start = reader.i64(), reader.i64()
        _aborted = reader.array(lambda: (reader.i64(), reader.i64()))
        return index, (error, high_watermark, reader.blob() or b"")

    _throttle, error, session = reader.i32(), reader.i16(), reader.i32()
    topics = reader.array(lambda: (reader.string(), reader.array(answer)))
    assert reader.at_end()
    partitions = {(topic, index): rest for topic, found in topics for index, rest in found}
    return SimpleNamespace(error=error, session=session, partitions=partitions)


def list_offset(connection, topic, partition, timestamp):
    """(error, offset) of a ListOffsets v1 at EARLIEST, LATEST or a time."""
    body = i32(-1) + array([string(topic) + array([i32(partition) + i64(timestamp)])])
    reader = connection.request(LIST_OFFSETS, 1, body)

    def answer():
        _index, error, _timestamp, offset = reader.i32(), reader.i16(), reader.i64(), reader.i64()
        return error, offset

    ((_topic, (only,)),) = reader.array(lambda: (reader.string(), reader.array(answer)))
    return only


def init_producer_id(connection, transactional_id=None):
    """(error, producer id, epoch) of an InitProducerId v0."""
    reader = connection.request(INIT_PRODUCER_ID, 0, string(transactional_id) + i32(60000))
    _throttle = reader.i32()
    return reader.i16(), reader.i64(), reader.i16()


def create_topic(connection, name, partitions=1, replication=1, configs=(), validate_only=False):
    """(error, message) of a CreateTopics v2."""
    topic = (
        string(name)
        + i32(partitions)
        + i16(replication)
        + array([])
        + array([string(key) + string(value) for key, value in configs])
    )
    reader = connection.request(CREATE_TOPICS, 2, array([topic]) + i32(15000) + i8(validate_only))
    _throttle = reader.i32()
    ((_name, error, message),) = reader.array(
        lambda: (reader.string(), reader.i16(), reader.string())
    )
    return error, message


def find_coordinator(connection, key):
    """(error, address) of a FindCoordinator v0 for a group."""
    reader = connection.request(FIND_COORDINATOR, 0, string(key))
    error, _node, host, port = reader.i16(), reader.i32(), reader.string(), reader.i32()
    return error, f"{host}:{port}"


def offset_commit(connection, group, topic, partition, offset, note="", correlation=None):
    """The error of an OffsetCommit v2 of no member."""
    body = (
        string(group)
        + i32(-1)
        + string("")
        + i64(-1)
        + array([string(topic) + array([i32(partition) + i64(offset) + string(note)])])
    )
    reader = connection.request(OFFSET_COMMIT, 2, body, correlation)
    ((_topic, (error,)),) = reader.array(
        lambda: (reader.string(), reader.array(lambda: (reader.i32(), reader.i16())[1]))
    )
    return error


def epoch_end(connection, topic, partition, epoch):
    """(error, epoch, end offset) of an OffsetForLeaderEpoch v2."""
    body = array([string(topic) + array([i32(partition) + i32(-1) + i32(epoch)])])
    reader = connection.request(OFFSET_FOR_LEADER_EPOCH, 2, body)

    def answer():
        error, _index, found, end = reader.i16(), reader.i32(), reader.i32(), reader.i64()
        return error, found, end

    _throttle = reader.i32()
    ((_topic, (only,)),) = reader.array(lambda: (reader.string(), reader.array(answer)))
    return only

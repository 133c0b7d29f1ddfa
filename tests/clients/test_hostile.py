"""Garbage, lies and floods: a clear error or a closed connection, never a crash, and nobody else notices.

Every test ends with the same question to the same broker: does it still serve others, in bounded memory?
"""

import gzip
import random
import socket
import struct
import time

import pytest

from support import batches, wire
from support.batches import RECORDS, build, change, record, seal, varint
from support.bombs import BOMBS
from support.broker import peer_is_apache
from support.clients import create_topic, producer, send
from support.waiting import wait_until

MEMORY_ALLOWED = 256 * 1024 * 1024  # more than before the first of these tests
API_KEYS = range(0, 93)


@pytest.fixture(scope="module")
def bystander(broker):
    """A connection and a producer that were there before the trouble, and must not notice it."""
    create_topic(broker.address, "bystander")
    writer = producer(broker.address)
    send(writer, "bystander", [b"x" * 1000] * 1000)
    with wire.Connection(broker.address) as connection:
        yield connection, writer, broker.status_bytes("VmRSS")


@pytest.fixture(autouse=True)
def others_do_not_notice(broker, bystander):
    connection, writer, memory_before = bystander
    yield
    broker.assert_alive()
    assert wire.api_versions(connection), "a connection of another client"
    send(writer, "bystander", [b"still here"])
    with wire.Connection(broker.address) as new:
        assert wire.metadata(new, ["bystander"]).topics["bystander"][0] == 0
    if not peer_is_apache():
        grown = broker.status_bytes("VmHWM") - memory_before
        assert grown < MEMORY_ALLOWED, f"memory grew by {grown >> 20} MiB"


@pytest.fixture
def stranger(broker):
    with wire.Connection(broker.address, timeout_s=10) as connection:
        yield connection


# ---- bytes that are no requests

GARBAGE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(160),
    "negative length": wire.i32(-1) + b"abc",
    "most negative length": wire.i32(-2147483648) + bytes(100),
    "length zero": wire.i32(0) + bytes(100),
    "shorter than a header": wire.i32(3) + b"abc",
    "length 2 GiB": wire.i32(2147483647) + bytes(100),
    "length 1 GiB": wire.i32(1 << 30) + bytes(1000),
    "client id longer than the frame": wire.i32(10) + struct.pack(">hhih", 18, 0, 1, 32767),
    "client id of negative length": wire.i32(10) + struct.pack(">hhih", 18, 0, 1, -2),
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_request_ends_the_connection(stranger, data):
    try:
        stranger.send_bytes(data)
        stranger.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # closed while we were talking: just as good
    assert stranger.is_closed()


def test_lengths_that_can_not_be_are_refused_while_we_wait(broker):
    """The connection ends although the client keeps its side open."""
    for length in (-1, 2147483647):
        with wire.Connection(broker.address, timeout_s=10) as connection:
            connection.send_bytes(wire.i32(length) + b"abc")
            assert connection.is_closed(), f"length {length}"


def test_random_bytes(broker, seed):
    choose = random.Random(seed)
    for _ in range(50):
        with wire.Connection(broker.address, timeout_s=10) as connection:
            try:
                connection.send_bytes(choose.randbytes(choose.randint(1, 5000)))
                connection.socket.shutdown(socket.SHUT_WR)
            except OSError:
                continue
            assert connection.is_closed()


def test_a_request_that_breaks_off(broker, topic_name):
    create_topic(broker.address, topic_name)
    frame = wire.frame(wire.PRODUCE, 7, 1, wire.produce_body(topic_name, 0, build([b"value"])))
    for length in range(1, len(frame)):
        with wire.Connection(broker.address) as connection:
            connection.send_bytes(frame[:length])
    with wire.Connection(broker.address) as connection:
        assert wire.list_offset(connection, topic_name, 0, wire.LATEST) == (0, 0)


def test_a_request_byte_by_byte(broker, stranger, topic_name):
    create_topic(broker.address, topic_name)
    stranger.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in wire.frame(
        wire.PRODUCE, 7, 77, wire.produce_body(topic_name, 0, build([b"value"]))
    ):
        stranger.send_bytes(bytes([byte]))
    correlation, reader = stranger.receive()
    assert correlation == 77 and wire.produce_answer(reader) == (0, 0)


def test_half_requests_that_wait_forever(broker):
    waiting = [wire.Connection(broker.address) for _ in range(50)]
    for connection in waiting:
        connection.send_bytes(wire.i32(100_000) + bytes(5000))
    with wire.Connection(broker.address) as other:
        assert wire.api_versions(other)
    for connection in waiting:
        connection.socket.close()


def test_promised_large_requests_take_no_memory(broker):
    waiting = [wire.Connection(broker.address) for _ in range(4)]
    for connection in waiting:
        connection.send_bytes(wire.i32(99_000_000) + bytes(100))
    with wire.Connection(broker.address) as other:
        assert wire.api_versions(other)
    for connection in waiting:
        connection.socket.close()


def test_slow_and_half_open_clients_delay_nobody(broker, topic_name):
    """A neighbour's produces, each with a byte from every slow client before it."""
    create_topic(broker.address, topic_name)
    frame = wire.frame(wire.PRODUCE, 7, 1, wire.produce_body(topic_name, 0, build([b"v" * 2000])))
    promised = wire.i32(90_000_000)
    before = broker.status_bytes("VmRSS")
    slow = [wire.Connection(broker.address) for _ in range(60)]
    half_open = [wire.Connection(broker.address) for _ in range(60)]
    large = [wire.Connection(broker.address) for _ in range(60)]
    for connection in half_open:  # nothing more will come, and no end either
        connection.send_bytes(frame[: len(frame) // 2])
    for connection in large:
        connection.send_bytes(promised + bytes(60_000))
    longest = 0.0
    with wire.Connection(broker.address) as neighbour:
        for number in range(200):
            for connection in slow:
                connection.send_bytes(frame[number : number + 1])
            began = time.monotonic()
            assert wire.produce(neighbour, topic_name, 0, build([b"neighbour"])) == (0, number)
            longest = max(longest, time.monotonic() - began)
        grown = broker.status_bytes("VmRSS") - before
        # A buffer of 64 KiB each, and what was sent: not the gigabytes that were promised.
        assert peer_is_apache() or grown < 180 * 200_000, f"memory grew by {grown >> 10} KiB"
        assert longest < 2, f"a produce took {longest:.3f} s"
        for connection in slow:  # each of them is still served
            connection.send_bytes(frame[200:])
            assert wire.produce_answer(connection.receive()[1])[0] == 0
        assert wire.list_offset(neighbour, topic_name, 0, wire.LATEST) == (0, 260)
    for connection in slow + half_open + large:
        connection.socket.close()


# ---- connections


def test_many_connections_that_come_and_go(broker):
    before = broker.open_files()
    for abrupt in (False, True):
        connections = [wire.Connection(broker.address) for _ in range(200)]
        for number, connection in enumerate(connections):
            if number % 2:
                connection.send(wire.API_VERSIONS, 0, b"")
            if abrupt:  # a reset instead of an orderly end
                connection.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            connection.socket.close()
    wait_until(lambda: broker.open_files() <= before + 5, "closed connections to be forgotten")


def test_answers_come_in_the_order_of_the_requests(broker, stranger, topic_name):
    create_topic(broker.address, topic_name)
    requests = []
    for number in range(100):
        if number % 3 == 0:
            requests.append(
                (wire.PRODUCE, 7, wire.produce_body(topic_name, 0, build([b"%d" % number])))
            )
        elif number % 3 == 1:
            requests.append((wire.METADATA, 7, wire.array([wire.string(topic_name)]) + wire.i8(0)))
        else:
            requests.append((wire.API_VERSIONS, 0, b""))
    stranger.send_bytes(
        b"".join(
            wire.frame(key, version, 500 + number, body)
            for number, (key, version, body) in enumerate(requests)
        )
    )
    assert [stranger.receive()[0] for _ in requests] == list(range(500, 600))
    assert wire.list_offset(stranger, topic_name, 0, wire.LATEST) == (0, 34)


def test_a_client_that_asks_and_never_reads(broker, topic_name):
    create_topic(broker.address, topic_name)
    send(producer(broker.address), topic_name, [b"x" * 500_000] * 40)
    body = (
        wire.i32(-1)
        + wire.i32(0)
        + wire.i32(1)
        + wire.i32(20_000_000)
        + wire.i8(0)
        + wire.array(
            [
                wire.string(topic_name)
                + wire.array([wire.i32(0) + wire.i64(0) + wire.i32(20_000_000)])
            ]
        )
    )
    deaf = wire.Connection(broker.address, timeout_s=2)
    try:
        for number in range(200):  # up to 4 GB of answers, if anyone were to keep them
            deaf.send(wire.FETCH, 4, body)
    except TimeoutError:
        pass  # the broker stopped reading: just as good
    with wire.Connection(broker.address) as other:
        assert wire.fetch(other, topic_name, 0, 39).error == 0
    deaf.socket.close()


# ---- requests whose body is wrong


def test_every_api_with_a_body_that_is_too_short(broker):
    with wire.Connection(broker.address) as connection:
        served = wire.api_versions(connection)
    for api_key in API_KEYS:
        for version in sorted(set(served.get(api_key, (0,)))):
            with wire.Connection(broker.address, timeout_s=10) as connection:
                connection.send(api_key, version, b"\1")
                assert connection.is_answered_or_closed(), f"api {api_key} version {version} hangs"


@pytest.mark.parametrize("kind", ["random", "ones", "zeros", "huge counts"])
def test_every_api_with_a_body_of_garbage(broker, seed, kind):
    choose = random.Random(seed)
    body = {
        "random": lambda: choose.randbytes(choose.randint(1, 300)),
        "ones": lambda: b"\xff" * 64,
        "zeros": lambda: bytes(64),
        "huge counts": lambda: b"\x7f\xff\xff\xff" * 16,
    }[kind]
    with wire.Connection(broker.address) as connection:
        served = wire.api_versions(connection)
    for api_key in API_KEYS:
        low, high = served.get(api_key, (0, 0))
        for version in range(low, high + 1):
            with wire.Connection(broker.address, timeout_s=10) as connection:
                connection.send(api_key, version, body())
                connection.socket.shutdown(socket.SHUT_WR)
                # garbage may happen to be a request that waits; what counts is what others see
                connection.socket.settimeout(0.02)
                connection.is_answered_or_closed()


def test_unknown_versions(broker):
    with wire.Connection(broker.address) as connection:
        served = wire.api_versions(connection)
    for api_key, (low, high) in served.items():
        if api_key == wire.API_VERSIONS:
            continue
        for version in {high + 1, 32767, -1} | ({low - 1} if low else set()):
            with wire.Connection(broker.address, timeout_s=10) as connection:
                connection.send(api_key, version, bytes(64))
                assert connection.is_answered_or_closed(), f"api {api_key} version {version} hangs"


# ---- batches that are wrong


def bad_record(body):
    """A batch of one record whose bytes are these."""
    return build([b""], records=body)


GOOD = build([b"one", b"two", b"three"])
BAD_BATCHES = {
    "checksum": change(GOOD, batches.CRC, "I", 12345, seal=False),
    "flipped bit": GOOD[:-3] + bytes([GOOD[-3] ^ 1]) + GOOD[-2:],
    "magic 0": change(GOOD, batches.MAGIC, "b", 0),
    "magic 1": change(GOOD, batches.MAGIC, "b", 1),
    "magic 3": change(GOOD, batches.MAGIC, "b", 3),
    "magic -1": change(GOOD, batches.MAGIC, "b", -1),
    "length longer than the data": change(GOOD, batches.LENGTH, "i", len(GOOD)),
    "length huge": change(GOOD, batches.LENGTH, "i", 2147483647),
    "length negative": change(GOOD, batches.LENGTH, "i", -1),
    "length zero": change(GOOD, batches.LENGTH, "i", 0),
    "length shorter than a header": change(GOOD, batches.LENGTH, "i", 40),
    "cut in the header": GOOD[:30],
    "cut in the records": GOOD[:-4],
    "records cut, length right": seal(change(GOOD[:-4], batches.LENGTH, "i", len(GOOD) - 4 - 12)),
    "bytes after the records": seal(
        change(GOOD + b"junk", batches.LENGTH, "i", len(GOOD) + 4 - 12)
    ),
    "two batches": GOOD + GOOD,
    "more records than said": change(GOOD, batches.COUNT, "i", 2),
    "fewer records than said": change(GOOD, batches.COUNT, "i", 4),
    "record count negative": change(GOOD, batches.COUNT, "i", -1),
    "record count huge": change(GOOD, batches.COUNT, "i", 2147483647),
    "no records": build([], count=0),
    "last offset delta": change(GOOD, batches.LAST_OFFSET_DELTA, "i", 7),
    "last offset delta negative": change(GOOD, batches.LAST_OFFSET_DELTA, "i", -3),
    "offsets not rising": build(
        [b"a", b"b"],
        attributes=batches.GZIP,
        records=gzip.compress(record(0, b"a") + record(0, b"b")),
    ),
    "control batch": build([b"x"], attributes=batches.CONTROL),
    "record of negative length": bad_record(varint(-5) + bytes(10)),
    "record longer than the batch": bad_record(varint(1000) + bytes(10)),
    "record of length zero": bad_record(varint(0)),
    "key longer than the record": bad_record(
        varint(8) + b"\0" + varint(0) + varint(0) + varint(5000) + bytes(3)
    ),
    "value longer than the record": bad_record(
        varint(8) + b"\0" + varint(0) + varint(0) + varint(-1) + varint(900) + bytes(2)
    ),
    "header count huge": bad_record(
        varint(11)
        + b"\0"
        + varint(0)
        + varint(0)
        + varint(-1)
        + varint(0)
        + varint(2147483647)[:5]
        + bytes(1)
    ),
    "header count negative": bad_record(
        varint(6) + b"\0" + varint(0) + varint(0) + varint(-1) + varint(0) + varint(-1)
    ),
    "number that never ends": bad_record(b"\xff" * 30),
    **{
        f"random bytes as {name}": build([b"x"], attributes=codec, records=bytes(range(7, 250, 3)))
        for name, codec in batches.CODECS.items()
        if codec
    },
    **{
        f"nothing as {name}": build([b"x"], attributes=codec, records=b"")
        for name, codec in batches.CODECS.items()
    },
    "codec 5": build([b"x"], attributes=5),
    "codec 7": build([b"x"], attributes=7),
}


@pytest.mark.parametrize("batch", BAD_BATCHES.values(), ids=BAD_BATCHES.keys())
def test_bad_batches_are_refused(broker, stranger, topic_name, batch):
    create_topic(broker.address, topic_name)
    try:
        error, _ = wire.produce(stranger, topic_name, 0, batch)
        assert error != 0, "accepted"
        assert peer_is_apache() or error != -1, "an unexplained error"
    except wire.Closed:
        pass
    with wire.Connection(broker.address) as other:
        assert wire.list_offset(other, topic_name, 0, wire.LATEST) == (
            0,
            0,
        ), "something was appended"
        assert wire.produce(other, topic_name, 0, GOOD) == (0, 0), "the partition is still good"


@pytest.mark.parametrize("name", BOMBS)
def test_compressed_bombs(broker, topic_name, name):
    """Refused or kept as it came: either way without unpacking it into memory, and soon."""
    create_topic(broker.address, topic_name)
    codec, make = BOMBS[name]
    batch = build([b"x"], attributes=codec, records=make())
    before = time.monotonic()
    with wire.Connection(broker.address, timeout_s=30) as connection:
        connection.send(wire.PRODUCE, 7, wire.produce_body(topic_name, 0, batch))
        assert connection.is_answered_or_closed(), "hangs"
    assert time.monotonic() - before < 20

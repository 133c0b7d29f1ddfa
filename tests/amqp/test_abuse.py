"""Clients that ask for more than is good: the broker's memory stays within its limits, nothing is
lost, and others are served meanwhile. The full sizes: MILLRACE_TEST_ALL=1.
"""

import struct
import time

import pytest

from abuse import ALL, KIB, MIB, assert_in_memory, size, until_memory_rests
from amqp_clients import await_ready, confirming, ready
from bulk import (
    FRAME_BODY,
    Frames,
    Taker,
    fill_quickly,
    fill_quickly_large,
    send_until_stuck,
)
from support.waiting import Deadline
from wire_by_hand import (
    BODY,
    HEADER,
    HEADERS_FLAG,
    Wire,
    frame_of,
    long_text,
    method_of,
    publish_of,
    short_text,
)

pytestmark = pytest.mark.timeout(900 if ALL else 120)


def test_a_consumer_that_never_acknowledges(small, connect_to, neighbour):
    count = size(100_000, 1_000_000)
    channel = connect_to(small).channel()
    channel.queue_declare("held", durable=True)
    fill_quickly(small, "held", count, b"x" * 100)
    before = small.status_bytes("VmRSS")
    with Taker(small, "held") as taker:
        while len(taker.bodies) < count:
            taker.read_some()
            if len(taker.bodies) % 50 == 0:
                neighbour.goes_on()
        neighbour.goes_on(20)
        each = (small.status_bytes("VmRSS") - before) / count
        print(f"{each:.0f} bytes for each message that is held")
        assert each < 300
        assert ready(channel, "held") == 0
    await_ready(channel, "held", count)
    with Taker(small, "held", auto_ack=True) as taker:
        taker.take(count)
        assert all(taker.redelivered)
    await_ready(channel, "held", 0)
    assert_in_memory(small)


@pytest.mark.parametrize("what", ["bodies", "properties"])
def test_channels_that_each_begin_a_message(small, neighbour, what):
    """Half of what is in memory may not be used by anybody else for as long as they like."""
    part = b"x" * (100 * KIB)
    begun = method_of(1, 60, 40, b"\0\0\0" + short_text(b"neighbour") + b"\0")
    if what == "bodies":
        begun += frame_of(HEADER, 1, struct.pack(">HHQH", 60, 0, 16 * MIB, 0))
        begun += frame_of(BODY, 1, part) * size(1, 10)
    else:
        headers = b"\x01kS" + struct.pack(">I", len(part)) + part
        properties = HEADERS_FLAG + long_text(headers)
        begun += frame_of(HEADER, 1, struct.pack(">HHQ", 60, 0, 100) + properties)
    with Wire(small) as wire:
        wire.log_in()
        wire.socket.settimeout(10)
        try:
            for number in range(1, 2048):
                wire.open_channel(number)
                wire.send(on_channel(number, begun))
                if number % 100 == 0:
                    neighbour.goes_on()
        except (OSError, AssertionError) as gone:
            # It was closed, or nothing more is read of it: either is well.
            print(f"refused at channel {number}: {str(gone)[:200]}")
        neighbour.goes_on(20)
        assert_in_memory(small)
    neighbour.goes_on()


def on_channel(number, frames):
    """The same frames for another channel."""
    moved, at = bytearray(frames), 0
    while at < len(moved):
        struct.pack_into(">H", moved, at + 1, number)
        at += 8 + struct.unpack_from(">I", moved, at + 3)[0]
    return bytes(moved)


def test_channels_that_each_hold_a_transaction(small, neighbour):
    channels = size(250, 2047)
    message = publish_of(1, b"x" * 100 * KIB, to="neighbour")
    with Wire(small) as wire:
        wire.log_in()
        try:
            for number in range(1, channels + 1):
                wire.open_channel(number)
                wire.send_method(number, 90, 10)
                wire.method(90, 11)
                wire.send(publish_of(number, b"x" * 100 * KIB, to="neighbour") * 10)
                if number % 20 == 0:
                    neighbour.goes_on()
        except (OSError, AssertionError) as gone:
            print(f"refused at channel {number}: {gone}")
        neighbour.goes_on(20)
        assert_in_memory(small)
    neighbour.goes_on()


@pytest.mark.parametrize("auto_ack", [True, False], ids=["auto-ack", "unlimited"])
def test_consumers_that_stop_reading(small, connect_to, neighbour, auto_ack):
    """Each could be sent 300 messages of 1 MB."""
    channel = connect_to(small).channel()
    channel.queue_declare("large", durable=True)
    count = size(300, 1000)
    fill_quickly_large(small, "large", count, 1 * MIB)
    print(f"RSS {small.status_bytes('VmRSS') / MIB:.0f} MiB before")
    with Taker(small, "large", auto_ack=auto_ack, receive_bytes=64 * KIB) as taker:
        taker.take(1)
        until_memory_rests(small, neighbour)
        assert_in_memory(small)
    neighbour.goes_on(5)
    if not auto_ack:
        await_ready(channel, "large", count)


def test_many_gets_at_once(small, connect_to, neighbour):
    """They fit into one read, and their answers do not fit into memory."""
    channel = connect_to(small).channel()
    channel.queue_declare("large", durable=True)
    count = size(300, 1000)
    fill_quickly_large(small, "large", count, 1 * MIB)
    with Wire(small, receive_bytes=64 * KIB) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send(method_of(1, 60, 70, b"\0\0" + short_text(b"large") + b"\0") * count)
        wire.frame()
        until_memory_rests(small, neighbour)
        assert_in_memory(small)
    await_ready(channel, "large", count)


@pytest.mark.parametrize(
    "bytes_each, count", [(100, size(50_000, 500_000)), (MIB, size(300, 1000))], ids=["small", "large"]
)
def test_many_are_rejected_at_once(small, connect_to, neighbour, bytes_each, count):
    """One nack makes dead letters of all."""
    channel = connect_to(small).channel()
    channel.queue_declare("dead", durable=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("rejected", durable=True, arguments=arguments)
    if bytes_each < KIB:
        fill_quickly(small, "rejected", count, b"x" * bytes_each)
    else:
        fill_quickly_large(small, "rejected", count, bytes_each)
    with Taker(small, "rejected") as taker:
        taker.take(count)
        taker.bodies.clear()
        neighbour.goes_on(5)
        neighbour.slowest, began = 0.0, time.monotonic()
        taker.wire.send_method(1, 60, 120, struct.pack(">QB", 0, 1))  # nack multiple
        deadline = Deadline("all dead letters", size(60, 600))
        while (arrived := ready(channel, "dead")) < count:
            neighbour.goes_on()
            deadline.check(lambda: f"{arrived} of {count}")
    took = time.monotonic() - began
    print(f"{took:.2f} s, the neighbour waited {neighbour.slowest:.2f} s at most")
    assert arrived == count
    assert ready(channel, "rejected") == 0
    assert_in_memory(small)


def test_many_expire_at_once(small, connect_to, neighbour):
    count = size(50_000, 500_000)
    channel = connect_to(small).channel()
    channel.queue_declare("dead", durable=True)
    arguments = {
        "x-message-ttl": size(3000, 20_000),
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "dead",
    }
    channel.queue_declare("expired", durable=True, arguments=arguments)
    fill_quickly(small, "expired", count, b"x" * 100)
    neighbour.slowest = 0.0
    deadline = Deadline("all dead letters", size(60, 600))
    while (arrived := ready(channel, "dead")) < count:
        neighbour.goes_on()
        deadline.check(lambda: f"{arrived} of {count}")
    print(f"the neighbour waited {neighbour.slowest:.2f} s at most")
    assert arrived == count
    assert ready(channel, "expired") == 0
    assert_in_memory(small)


@pytest.mark.parametrize("what", ["confirms", "returns"])
def test_publishers_that_never_read(small, neighbour, what):
    publishers = size(10, 100)
    body = b"" if what == "confirms" else b"x" * 100 * KIB
    to = "neighbour-of-nobody" if what == "returns" else "deaf"
    neighbour.channel.queue_declare("deaf", durable=True)
    message = publish_of(1, body, to=to, mandatory=True)
    many = message * max(1, MIB // len(message))
    wires = []
    try:
        for _ in range(publishers):
            wires.append(Wire(small, receive_bytes=64 * KIB))
            wire = wires[-1]
            wire.log_in()
            wire.open_channel(1)
            wire.send_method(1, 85, 10, b"\0")
            wire.method(85, 11)
            sent = send_until_stuck(wire, many, size(8, 64) * MIB, stuck_s=0.3)
            neighbour.goes_on()
        print(f"the last could send {sent / MIB:.1f} MiB")
        neighbour.goes_on(20)
        assert_in_memory(small)
    finally:
        for wire in wires:
            wire.socket.close()
    neighbour.goes_on()


def test_many_connections_that_take_nothing(small, neighbour):
    """Each holds what a connection may hold: together it is more than the budget of all."""
    message = publish_of(1, b"x" * 100 * KIB, to="nobody", mandatory=True)
    wires, sent = [], 0
    try:
        for number in range(size(200, 1000)):
            wires.append(Wire(small, receive_bytes=32 * KIB))
            wires[-1].log_in()
            wires[-1].open_channel(1)
            sent += send_until_stuck(wires[-1], message * 10, 4 * MIB, stuck_s=0.05)
            if number % 10 == 0:
                neighbour.goes_on()
        print(f"each could send {sent / len(wires) / MIB:.1f} MiB")
        print(f"the neighbour waited {neighbour.slowest:.2f} s at most")
        until_memory_rests(small, neighbour)
        assert_in_memory(small)
    finally:
        for wire in wires:
            wire.socket.close()
    neighbour.goes_on()


def test_large_messages_to_many_queues(small, connect_to, neighbour):
    queues, messages = size(300, 1000), size(2, 5)
    channel = confirming(connect_to(small))
    channel.exchange_declare("wide", "fanout", durable=True)
    for number in range(queues):
        channel.queue_declare(f"wide-{number}", durable=True)
        channel.queue_bind(f"wide-{number}", "wide")
    with Wire(small) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 85, 10, b"\0")
        wire.method(85, 11)
        part = b"x" * FRAME_BODY
        message = method_of(1, 60, 40, b"\0\0" + short_text(b"wide") + b"\0\0")
        message += frame_of(HEADER, 1, struct.pack(">HHQH", 60, 0, 8 * len(part), 0))
        message += frame_of(BODY, 1, part) * 8
        wire.send(message * messages)
        frames, confirmed, worst = Frames(wire), 0, 0.0
        deadline = Deadline("confirms", size(60, 600))
        while confirmed < messages:
            neighbour.goes_on()
            try:
                for _kind, _channel, payload in frames.read(within_s=0.05):
                    assert struct.unpack_from(">HH", payload) == (60, 80), "no confirm"
                    confirmed = struct.unpack_from(">Q", payload, 4)[0]
            except TimeoutError:
                deadline.check()
    print(f"the neighbour waited {neighbour.slowest:.2f} s at most")
    assert {ready(channel, f"wide-{number}") for number in range(queues)} == {messages}
    assert_in_memory(small)

"""Bytes that mean no good: refused in the words of the protocol, or served in bounded time."""

import struct
import time

import pytest

from abuse import ALL, MIB, Neighbour, size
from amqp_clients import Inbox, await_ready, confirming, fill, get, publish, ready, take
from wire_by_hand import (
    BODY,
    HEADER,
    HEADERS_FLAG,
    Wire,
    frame_of,
    long_text,
    method_of,
    short_text,
)

pytestmark = pytest.mark.timeout(900 if ALL else 120)


def nested(kind, depth):
    """A table that holds a table (or an array an array) and so on."""
    inner = b""
    for _ in range(depth):
        if kind == b"F":
            inner = b"\x01k" + b"F" + struct.pack(">I", len(inner)) + inner
        else:
            inner = b"A" + struct.pack(">I", len(inner)) + inner
    return inner if kind == b"F" else b"\x01k" + inner


def declare_with(arguments):
    return method_of(1, 50, 10, b"\0\0" + short_text(b"hostile") + b"\0" + arguments)


def header_with(flags_and_list, body_bytes=0):
    publish_method = method_of(1, 60, 40, b"\0\0" + short_text(b"amq.headers") + b"\0\0")
    return publish_method + frame_of(
        HEADER, 1, struct.pack(">HHQ", 60, 0, body_bytes) + flags_and_list
    )


HOSTILE = {
    "a frame of 4 GiB": (struct.pack(">BHI", 1, 1, 0xFFFFFFFF) + b"x" * 100, {501}),
    "a frame of an unknown type": (frame_of(9, 1, b"x"), {501, 505}),
    "a method without its numbers": (frame_of(1, 1, b"\0"), {501, 502}),
    "a method that nobody knows": (method_of(1, 60, 999), {540, 503, 502}),
    "a table of 4 GiB": (declare_with(b"\xff\xff\xff\xff"), {501, 502}),
    "a table that ends in a name": (declare_with(long_text(b"\x0aabc")), {501, 502}),
    "a field of an unknown kind": (declare_with(long_text(b"\x01kZabc")), {501, 502}),
    "a text that is longer than its table": (
        declare_with(long_text(b"\x01kS\x7f\xff\xff\xffabc")),
        {501, 502},
    ),
    "tables 1,000 deep": (declare_with(long_text(nested(b"F", 1000))), {501, 502, 406}),
    "tables 15,000 deep": (declare_with(long_text(nested(b"F", 15_000))), {501, 502, 406}),
    "arrays 20,000 deep": (declare_with(long_text(nested(b"A", 20_000))), {501, 502, 406}),
    "headers 15,000 deep": (
        header_with(HEADERS_FLAG + long_text(nested(b"F", 15_000))),
        {501, 502, 406},
    ),
    "properties that are not there": (header_with(b"\xff\xfe"), {501, 502}),
    "properties without an end of flags": (header_with(b"\xff\xff" * 1000), {501, 502}),
    "a body of 2^63 bytes": (header_with(b"\0\0", 1 << 63), {406, 501, 502}),
    "more body than was said": (header_with(b"\0\0", 3) + frame_of(BODY, 1, b"four"), {501, 505}),
}


@pytest.mark.parametrize("data, codes", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_refused_and_hurt_nobody(server, connect, data, codes):
    other = connect().channel()
    queue = other.queue_declare("", exclusive=True).method.queue
    other.queue_bind(queue, "amq.headers", arguments={"x-match": "any", "k": "v"})
    peak = server.status_bytes("VmHWM")
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send(data)
        _kind, _channel, payload = wire.frame()
        closed = struct.unpack(">HHH", payload[:6])
        assert closed[:2] in ((10, 50), (20, 40)), closed
        print(closed[2])
        assert closed[2] in codes
    server.assert_alive()
    fill(other, queue, "a", exclusive=True)
    assert take(other, queue).text == "a"
    assert server.status_bytes("VmHWM") < peak + 16 * MIB


def test_long_keys_and_many_wildcards_take_bounded_time(connect, name):
    """128 words against patterns in which everything can begin everywhere."""
    connection = connect()
    channel = confirming(connection)
    patterns = [".".join(["#"] * 128), ".".join(["#", "a"] * 63) + ".b", ".".join(["#", "*"] * 64)]
    patterns += [".".join(["*", "#"] * 63) + f".x{number}" for number in range(20)]
    patterns += [".".join(["#", "a", "*"] * 20) + f".#.y{number}" for number in range(20)]
    patterns += ["#.a" * 50 + f".#.{number}.#" for number in range(50)]
    assert all(len(pattern) <= 255 for pattern in patterns)
    for number, pattern in enumerate(patterns):
        channel.queue_declare(f"{name}-{number}", exclusive=True)
        channel.queue_bind(f"{name}-{number}", "amq.topic", pattern)
    neighbour = Neighbour(connect(), f"{name}-neighbour")
    keys = [".".join(["a"] * 128), "." * 127, ".".join(["a"] * 127) + ".b", "." * 255]
    began = time.monotonic()
    count = size(25, 250)
    for _ in range(count):
        for key in keys:
            publish(channel, "a", exchange="amq.topic", to=key)
        neighbour.goes_on()
    each = (time.monotonic() - began) / (count * len(keys))
    print(f"{each * 1000:.2f} ms for each publish, the neighbour waited {neighbour.slowest:.3f} s")
    assert each < 0.05
    assert neighbour.slowest < 0.5
    words = lambda key: len(key.split("."))
    assert ready(channel, f"{name}-0") == count * len(keys)
    assert ready(channel, f"{name}-1") == count  # that ends in b
    assert ready(channel, f"{name}-2") == count * sum(words(key) >= 64 for key in keys)


def test_large_headers(connect, name):
    """100 KB of them are matched, kept, delivered, and told again by a dead letter."""
    dead = f"{name}-dead"
    channel = confirming(connect())
    channel.queue_declare(dead)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(name, durable=True, arguments=arguments)
    channel.queue_bind(name, "amq.headers", arguments={"x-match": "all", "key-4999": "v"})
    for number in range(100):
        mismatch = {"x-match": "any", f"key-{number}": "w"}
        channel.queue_bind(name, "amq.headers", arguments=mismatch)
    headers = {f"key-{number}": "v" for number in range(5000)}
    headers["large"] = "x" * 40_000
    count = size(50, 500)
    began = time.monotonic()
    for _ in range(count):
        publish(channel, "a", exchange="amq.headers", headers=headers)
    print(f"{(time.monotonic() - began) / count * 1000:.2f} ms for each")
    inbox = Inbox(channel, name)
    for message in inbox.wait_for(count):
        assert message.headers == headers
    channel.basic_nack(inbox.messages[-1].tag, multiple=True, requeue=False)
    await_ready(channel, dead, count)
    letters = Inbox(channel, dead, auto_ack=True).wait_for(count)
    for letter in letters:
        assert {key: letter.headers[key] for key in headers} == headers
        assert letter.headers["x-death"][0]["count"] == 1


@pytest.mark.parametrize("frame_max", [0, 8192], ids=["as-offered", "small-frames"])
def test_headers_that_no_longer_fit_into_a_frame(connect, name, frame_max):
    """They filled one; a dead letter has more, and another client asked for smaller ones."""
    dead = f"{name}-dead"
    channel = confirming(connect())
    channel.queue_declare(dead)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(name, durable=True, arguments=arguments)
    headers = {"large": "x" * (131072 - 8 - 14 - 4 - 6 - 5)}
    publish(channel, "a", to=name, headers=headers)
    channel.basic_reject(get(channel, name).tag, requeue=False)
    await_ready(channel, dead, 1)
    reader = connect(**({"frame_max": frame_max} if frame_max else {})).channel()
    letter = take(reader, dead)
    assert letter.headers["large"] == headers["large"]
    assert letter.headers["x-death"][0]["count"] == 1

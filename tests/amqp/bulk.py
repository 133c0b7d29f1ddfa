"""Many messages quickly, by hand: what pika would need minutes for.

    fill_quickly(server, "orders", 100_000, b"x" * 100)      # and each is confirmed
    with Taker(server, "orders") as taker:                   # a consumer without a prefetch
        taker.take(100_000)
        taker.bodies, taker.redelivered
"""

import select
import struct
import time

from wire_by_hand import BODY, HEADER, METHOD, Wire, frame_of, method_of, publish_of, short_text

DEADLINE_S = 60
FRAME_BODY = (128 << 10) - 8


class Frames:
    """The frames that a connection gets, read in large pieces."""

    def __init__(self, wire):
        self.socket = wire.socket
        self.data = bytearray()

    def read(self, within_s=DEADLINE_S):
        """[(type, channel, payload)] of at least one frame."""
        self.socket.settimeout(within_s)
        while True:
            found, at = [], 0
            while len(self.data) - at >= 8:
                kind, channel, size = struct.unpack_from(">BHI", self.data, at)
                if len(self.data) - at < size + 8:
                    break
                found.append((kind, channel, bytes(self.data[at + 7 : at + 7 + size])))
                at += size + 8
            del self.data[:at]
            if found:
                return found
            chunk = self.socket.recv(1 << 20)
            assert chunk, "the broker closed"
            self.data += chunk


def fill_quickly(server, queue, count, body):
    """Publishes so many with confirms; the queue must be there."""
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 85, 10, b"\0")
        wire.method(85, 11)
        frames = Frames(wire)
        one = publish_of(1, body, to=queue)
        at_once = max(1, min(count, (1 << 20) // len(one)))
        sent = confirmed = 0
        while confirmed < count:
            while sent < count and sent - confirmed < 4 * at_once:
                more = min(at_once, count - sent)
                wire.send(one * more)
                sent += more
            for kind, _channel, payload in frames.read():
                if kind == METHOD:
                    what = struct.unpack_from(">HH", payload)
                    assert what == (60, 80), f"{what} instead of a confirm"
                    confirmed = struct.unpack_from(">Q", payload, 4)[0]


def fill_quickly_large(server, queue, count, bytes_each):
    """Messages of several frames."""
    part = b"x" * FRAME_BODY
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 85, 10, b"\0")
        wire.method(85, 11)
        frames = Frames(wire)
        where = b"\0\0\0" + short_text(queue.encode()) + b"\0"
        parts, rest = divmod(bytes_each, len(part))
        message = method_of(1, 60, 40, where)
        message += frame_of(HEADER, 1, struct.pack(">HHQH", 60, 0, bytes_each, 0))
        message += frame_of(BODY, 1, part) * parts + frame_of(BODY, 1, part[:rest])
        confirmed = 0
        for sent in range(1, count + 1):
            wire.send(message)
            while confirmed < sent - 8 or (sent == count and confirmed < count):
                for _kind, _channel, payload in frames.read():
                    assert struct.unpack_from(">HH", payload) == (60, 80)
                    confirmed = struct.unpack_from(">Q", payload, 4)[0]


class Taker:
    """A consumer by hand with as much as there is; it acknowledges nothing unless told."""

    def __init__(self, server, queue, auto_ack=False, prefetch=0, receive_bytes=None):
        self.wire = Wire(server, receive_bytes)
        self.wire.log_in()
        self.wire.open_channel(1)
        self.wire.send_method(1, 60, 10, struct.pack(">IHB", 0, prefetch, 0))
        self.wire.method(60, 11)
        self.frames = Frames(self.wire)
        self.bodies = []
        self.redelivered = []
        arguments = b"\0\0" + short_text(queue.encode()) + short_text(b"t")
        self.wire.send_method(1, 60, 20, arguments + bytes([2 if auto_ack else 0]) + b"\0\0\0\0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.socket.close()

    def take(self, count):
        """Reads until it has so many in all."""
        while len(self.bodies) < count:
            self.read_some()

    def read_some(self):
        for kind, _channel, payload in self.frames.read():
            if kind == METHOD and payload[:4] == b"\x00\x3c\x00\x3c":
                # consumer tag, delivery tag, redelivered
                self.redelivered.append(bool(payload[4 + 1 + payload[4] + 8]))
            elif kind == HEADER:
                left = struct.unpack_from(">Q", payload, 4)[0]
                self.bodies.append(b"")
                assert left > 0, "an empty message"
            elif kind == BODY:
                self.bodies[-1] += payload

    def acknowledge_all(self):
        self.wire.send_method(1, 60, 80, struct.pack(">QB", 0, 1))


def send_until_stuck(wire, data, bytes_max, stuck_s=0.5):
    """Sends again and again without ever reading, until the broker takes nothing for a while or so
    much is sent. Returns how much was."""
    wire.socket.setblocking(False)
    sent, at, last = 0, 0, time.monotonic()
    while sent < bytes_max and time.monotonic() - last < stuck_s:
        _, writable, _ = select.select([], [wire.socket], [], 0.05)
        if not writable:
            continue
        try:
            count = wire.socket.send(data[at : at + (1 << 20)])
        except (BlockingIOError, InterruptedError):
            continue
        except OSError:
            break  # it was closed
        at = (at + count) % len(data)
        sent += count
        last = time.monotonic()
    return sent

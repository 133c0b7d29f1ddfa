"""AMQP 0-9-1 by hand, for what real clients refuse to send.

    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 60, 10, ...)
        payload = wire.method(60, 11)
"""

import socket
import struct

GREETING = b"AMQP\x00\x00\x09\x01"
METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
HEADERS_FLAG = b"\x20\x00"  # of a content header's properties: headers alone follow
ANSWER_WITHIN_S = 15


def short_text(text):
    return bytes([len(text)]) + text


def long_text(text):
    return struct.pack(">I", len(text)) + text


def frame_of(kind, channel, payload):
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method_of(channel, class_id, method_id, arguments=b""):
    return frame_of(METHOD, channel, struct.pack(">HH", class_id, method_id) + arguments)


def publish_of(channel, body, to="", exchange="", mandatory=False, properties=b"\0\0"):
    """The frames of a publish whose body goes into one frame."""
    where = short_text(exchange.encode()) + short_text(to.encode())
    header = struct.pack(">HHQ", 60, 0, len(body)) + properties
    return (
        method_of(channel, 60, 40, b"\0\0" + where + bytes([mandatory]))
        + frame_of(HEADER, channel, header)
        + (frame_of(BODY, channel, body) if body else b"")
    )


class Wire:
    def __init__(self, server, receive_bytes=None):
        """`receive_bytes`: what the kernel takes before anybody reads."""
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(ANSWER_WITHIN_S)
        self.socket.connect(("127.0.0.1", server.amqp_port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_frame(self, kind, channel, payload):
        self.send(frame_of(kind, channel, payload))

    def send_method(self, channel, class_id, method_id, arguments=b""):
        self.send(method_of(channel, class_id, method_id, arguments))

    def read(self, count):
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            assert chunk, f"the broker closed after {data!r}"
            data += chunk
        return data

    def frame(self):
        """(type, channel, payload) of the next frame."""
        kind, channel, size = struct.unpack(">BHI", self.read(7))
        payload = self.read(size)
        assert self.read(1) == b"\xce"
        return kind, channel, payload

    def method(self, class_id, method_id):
        """The arguments of the next method, which must be this one; heartbeats are passed over."""
        while True:
            kind, _channel, payload = self.frame()
            if kind == HEARTBEAT:
                continue
            assert kind == METHOD, f"a frame of type {kind} came"
            assert struct.unpack(">HH", payload[:4]) == (class_id, method_id), payload
            return payload[4:]

    def close_reason(self):
        """(code, text) of the connection.close that comes next."""
        arguments = self.method(10, 50)
        code, size = struct.unpack(">HB", arguments[:3])
        return code, arguments[3 : 3 + size].decode()

    def close_code(self):
        return self.close_reason()[0]

    def read_to_the_end(self, within_s=ANSWER_WITHIN_S):
        """Everything until the broker closes."""
        self.socket.settimeout(within_s)
        data = b""
        while chunk := self.socket.recv(65536):
            data += chunk
        return data

    @staticmethod
    def frames(data):
        """The frames of what was read."""
        while data:
            kind, channel, size = struct.unpack(">BHI", data[:7])
            yield kind, channel, data[7 : 7 + size]
            data = data[8 + size :]

    def start_ok(self, mechanism, response, polite=False):
        capabilities = b""
        if polite:
            flag = short_text(b"authentication_failure_close") + b"t\x01"
            capabilities = short_text(b"capabilities") + b"F" + long_text(flag)
        arguments = long_text(capabilities) + short_text(mechanism)
        self.send_method(0, 10, 11, arguments + long_text(response) + short_text(b"en_US"))

    def tune_ok(self, channels, frame_max, heartbeat):
        self.send_method(0, 10, 31, struct.pack(">HIH", channels, frame_max, heartbeat))

    def log_in_until_tune(self):
        self.send(GREETING)
        self.method(10, 10)
        self.start_ok(b"PLAIN", b"\0guest\0guest", polite=True)
        self.method(10, 30)

    def log_in(self, channels=0, frame_max=0, heartbeat=0):
        self.log_in_until_tune()
        self.tune_ok(channels, frame_max, heartbeat)
        self.send_method(0, 10, 40, short_text(b"/") + b"\0\0")
        self.method(10, 41)

    def open_channel(self, number):
        self.send_method(number, 20, 10, b"\0")
        self.method(20, 11)

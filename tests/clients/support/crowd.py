"""Clients that a broker could do without, by the hundred and in one cheap process:

    python -m support.crowd KIND ADDRESS COUNT [--topic TOPIC] [--partitions N] [--per-second N]

    idle     asked for the versions once, and nothing since
    deaf     ask for all of the topic again and again, and never read an answer
    half     promise a request of 90 MB, send 60 kB of it and stop
    trickle  the same, and a byte each a second
    churn    open, ask for the versions or not, end or reset, so many a second

When the broker ends a connection another takes its place. Prints "there" when every connection has been
made once, and at SIGTERM a JSON object: how many were opened, refused, and ended by the broker.
"""

import argparse
import errno
import json
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from support import wire

PER_ADDRESS = 10_000  # connections from one of the addresses 127.0.0.2, 127.0.0.3, ...
AT_ONCE = 100  # connections that are being made
PROMISED = wire.i32(90_000_000) + wire.i16(wire.PRODUCE) + bytes(60_000)
AGAIN_AFTER_S = 0.2


def fetch_everything(topic, partitions):
    """Fetch v4 of all partitions from the beginning, as much as there may be."""
    wanted = [wire.i32(index) + wire.i64(0) + wire.i32(50_000_000) for index in range(partitions)]
    head = wire.i32(-1) + wire.i32(0) + wire.i32(1) + wire.i32(50_000_000) + wire.i8(0)
    return wire.frame(wire.FETCH, 4, 1, head + wire.array([wire.string(topic) + wire.array(wanted)]))


VERSIONS = wire.frame(wire.API_VERSIONS, 0, 1, b"")


class Member:
    """One connection: what it has to send, and what it does with what comes."""

    def __init__(self, crowd, number):
        self.crowd, self.number = crowd, number
        self.socket, self.unsent, self.there = None, b"", False
        self.due = 0.0

    def open(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        if self.crowd.kind in ("deaf", "half", "trickle"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind((f"127.0.0.{2 + self.number // PER_ADDRESS}", 0))
        done = self.socket.connect_ex(self.crowd.address)
        if done not in (0, errno.EINPROGRESS):
            return self.lost(refused=True)
        self.unsent = self.crowd.greeting
        self.crowd.opened += 1
        self.crowd.selector.register(self.socket, selectors.EVENT_WRITE, self)

    def lost(self, refused=False):
        self.crowd.refused += refused
        self.crowd.ended += not refused
        self.close()
        self.due = time.monotonic() + AGAIN_AFTER_S
        self.crowd.waiting.append(self)

    def close(self):
        if self.socket.fileno() >= 0 and self.socket.fileno() in self.crowd.selector.get_map():
            self.crowd.selector.unregister(self.socket)
        self.socket.close()

    def can_write(self):
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            return self.lost(refused=True)
        except OSError:
            return self.lost()
        self.crowd.now_there(self)
        if self.crowd.kind == "churn":
            return self.crowd.churned(self)
        # The end of the connection is to be seen; a deaf one looks for nothing else.
        self.crowd.selector.modify(self.socket, selectors.EVENT_READ, self)

    def can_read(self):
        if self.crowd.kind == "deaf":
            # Bytes are there and stay there: only the kernel is asked how the connection is.
            return self.crowd.go_deaf(self)
        try:
            if not self.socket.recv(65536):
                self.lost()
        except BlockingIOError:
            pass
        except OSError:
            self.lost()

    def nudge(self):
        """Once a second: another byte, another request; or the news that nobody is there any more."""
        try:
            if self.crowd.kind == "trickle":
                self.socket.send(b"\0")
            elif self.crowd.kind == "deaf":
                state = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
                if state != 1:  # TCP_ESTABLISHED
                    return self.lost()
                self.socket.send(self.crowd.greeting)
        except BlockingIOError:
            pass
        except OSError:
            self.lost()


class Crowd:
    def __init__(self, options):
        host, port = options.address.rsplit(":", 1)
        self.address = (host, int(port))
        self.kind, self.count = options.kind, options.count
        self.per_second = options.per_second
        self.greeting = {
            "idle": VERSIONS,
            "deaf": fetch_everything(options.topic, options.partitions),
            "half": PROMISED,
            "trickle": PROMISED,
            "churn": VERSIONS,
        }[self.kind]
        self.selector = selectors.DefaultSelector()
        self.opened = self.refused = self.ended = self.churns = 0
        self.members = [Member(self, number) for number in range(self.count)]
        self.waiting = list(self.members)
        self.deaf = set()
        self.told = False
        self.stopping = False

    def now_there(self, member):
        member.there = True
        if not self.told and all(one.there for one in self.members):
            self.told = True
            print("there", flush=True)

    def go_deaf(self, member):
        self.selector.unregister(member.socket)
        self.deaf.add(member)

    def churned(self, member):
        self.churns += 1
        if self.churns % 2:  # a reset instead of an orderly end
            member.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        member.close()
        member.due = time.monotonic() + self.count / self.per_second
        self.waiting.append(member)

    def open_some(self, now):
        due = [one for one in self.waiting if one.due <= now][:AT_ONCE]
        for member in due:
            self.waiting.remove(member)
            member.open()

    def run(self):
        next_nudge = time.monotonic()
        while not self.stopping:
            now = time.monotonic()
            self.open_some(now)
            for key, events in self.selector.select(0.05):
                if events & selectors.EVENT_WRITE:
                    key.data.can_write()
                else:
                    key.data.can_read()
            if now >= next_nudge:
                next_nudge = now + 1
                self.nudge()
        print(json.dumps({"opened": self.opened, "refused": self.refused, "ended": self.ended}))

    def nudge(self):
        if self.kind == "deaf":
            deaf, self.deaf = self.deaf, set()
            for member in deaf:
                member.nudge()
                if member.socket.fileno() >= 0:
                    self.deaf.add(member)
        elif self.kind == "trickle":
            for key in list(self.selector.get_map().values()):
                if key.events == selectors.EVENT_READ:
                    key.data.nudge()


class Running:
    """A crowd as a process, for who tests or measures.

    with Running("deaf", broker.address, 500, "--topic", "big") as crowd: ...
    crowd.found          # after the block
    """

    def __init__(self, kind, address, count, *options):
        command = [sys.executable, "-m", "support.crowd", kind, address, str(count)]
        command += [str(option) for option in options]
        self.command, self.found = command, None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if line != "there\n":
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{' '.join(self.command)} said {line!r}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.found = json.loads(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("idle", "deaf", "half", "trickle", "churn"))
    parser.add_argument("address")
    parser.add_argument("count", type=int)
    parser.add_argument("--topic", default="")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=200)
    crowd = Crowd(parser.parse_args())

    def stop(*_):
        crowd.stopping = True

    signal.signal(signal.SIGTERM, stop)
    crowd.run()


if __name__ == "__main__":
    main()

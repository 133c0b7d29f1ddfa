"""What the tests of abuse share, as a pytest plugin: `small`, a broker with little memory, and
`neighbour`, somebody who uses it as he should and must not notice.

    size(100, 10_000)              # the full size with MILLRACE_TEST_ALL=1
    assert_in_memory(small)        # its memory has never been above its limit
"""

import logging
import os
import time

import pytest

from amqp_clients import confirming, publish, take

ALL = os.environ.get("MILLRACE_TEST_ALL") == "1"
logging.getLogger("pika").setLevel(logging.CRITICAL)  # that a connection is lost is no news here

KIB, MIB = 1 << 10, 1 << 20
# 64 MiB for the process, 24 for storage; 72 for all connections.
BUDGET = 160 * MIB
SETTINGS = f"""
[server]
memory_bytes_max = "{BUDGET // MIB}MiB"
[kafka]
request_bytes_max = "32MiB"
[storage]
tail_bytes_max = "8MiB"
segment_cache_bytes_max = "8MiB"
pending_bytes_max = "8MiB"
"""
# What the allocator keeps of what was freed, above the budget.
SLACK = 32 * MIB


def size(short, full):
    return full if ALL else short


@pytest.fixture
def small(make_broker, tmp_path):
    """A broker of its own with little memory."""
    settings = tmp_path / "small.toml"
    settings.write_text(SETTINGS)
    return make_broker(flags=["--config", str(settings)], amqp=True).start()


def assert_in_memory(broker):
    broker.assert_alive()
    peak = broker.status_bytes("VmHWM")
    print(f"peak RSS {peak / MIB:.0f} MiB of {BUDGET // MIB}")
    assert peak < BUDGET + SLACK, f"{peak / MIB:.0f} MiB"


class Neighbour:
    """Somebody who minds his own queue: publishes with confirms, consumes, acknowledges."""

    def __init__(self, connection, queue="neighbour"):
        self.channel = confirming(connection)
        self.channel.queue_declare(queue, durable=True)
        self.queue = queue
        self.count = 0
        self.slowest = 0.0

    def goes_on(self, times=1):
        for _ in range(times):
            began = time.monotonic()
            self.count += 1
            publish(self.channel, self.count, to=self.queue)
            assert take(self.channel, self.queue).text == str(self.count)
            self.slowest = max(self.slowest, time.monotonic() - began)


def until_memory_rests(broker, neighbour):
    """The neighbour goes on until the broker's memory has not grown for a second."""
    peak, since = 0, time.monotonic()
    while time.monotonic() - since < 1:
        neighbour.goes_on()
        if broker.status_bytes("VmHWM") > peak:
            peak, since = broker.status_bytes("VmHWM"), time.monotonic()


@pytest.fixture
def neighbour(small, connect_to):
    found = Neighbour(connect_to(small))
    found.goes_on(5)
    found.slowest = 0.0
    return found

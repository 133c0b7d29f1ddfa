"""More than there is room for, in a small form: the broker stays within its memory, closes those who hold
it up, and neighbours go on without losing anything. The large form, with latencies: bench/overload.
"""

import contextlib
import time

import pytest

from support import metrics, wire
from support.batches import build
from support.clients import create_topic, producer, read_all, send
from support.crowd import Running
from support.under_load import (
    PARTITIONS,
    TOPIC,
    Follower,
    Load,
    assert_ledger_holds,
    progress,
)
from support.waiting import wait_until

pytestmark = [pytest.mark.millrace, pytest.mark.timeout(180)]

MIB = 1 << 20
# 64 MiB for the process, 24 for storage; 72 for all connections.
BUDGET = 160 * MIB
CONNECTIONS_BUDGET = 72 * MIB
SETTINGS = f"""
[server]
memory_bytes_max = "{BUDGET >> 20}MiB"
[kafka]
request_bytes_max = "32MiB"
stalled_ms_max = "2s"
[storage]
tail_bytes_max = "8MiB"
segment_cache_bytes_max = "8MiB"
pending_bytes_max = "8MiB"
"""
# What the allocator keeps of what was freed, above the budget.
SLACK = 32 * MIB
SANITIZED_FACTOR = 1


@pytest.fixture
def small_broker(make_broker, tmp_path):
    settings = tmp_path / "small.toml"
    settings.write_text(SETTINGS)
    return make_broker(flags=["--config", str(settings)], http=True).start()


def fill(address, topic, megabytes):
    create_topic(address, topic)
    send(producer(address, compression_type="none"), topic, [b"x" * 100_000] * (megabytes * 10))


def held(broker):
    return metrics.scrape(broker)["millrace_memory_bytes", ("part", "connections")]


def closed(broker):
    return metrics.scrape(broker).get(("millrace_kafka_connections_closed_for_memory_total",), 0)


def assert_in_memory(broker):
    peak = broker.status_bytes("VmHWM")
    print(f"peak RSS {peak / MIB:.0f} MiB of {BUDGET // MIB}")
    assert peak < BUDGET + SLACK, f"{peak / MIB:.0f} MiB"


class Watch:
    """The most that connections ever held, as far as one looked."""

    def __init__(self, broker):
        self.broker, self.most = broker, 0

    def look(self):
        self.most = max(self.most, held(self.broker))
        return self.most


def test_metrics_have_the_budget_and_its_parts(small_broker):
    samples = metrics.scrape(small_broker)
    limits = {
        dict(key[1:])["part"]: value
        for key, value in samples.items()
        if key[0] == "millrace_memory_limit_bytes"
    }
    assert sum(limits.values()) == BUDGET
    assert limits["connections"] == CONNECTIONS_BUDGET
    assert samples[("millrace_memory_waiting_requests",)] == 0


def test_deaf_readers_do_not_take_all_memory(small_broker):
    """Each could hold 50 MB of answers."""
    broker = small_broker
    fill(broker.address, "big", 60)
    create_topic(broker.address, "neighbour")
    watch = Watch(broker)
    with Running("deaf", broker.address, 60, "--topic", "big"):
        with wire.Connection(broker.address) as neighbour:

            def goes_on():
                error, offset = wire.produce(neighbour, "neighbour", 0, build([b"still here"]))
                assert error == 0
                fetched = wire.fetch(neighbour, "neighbour", 0, offset)
                assert fetched.error == 0 and fetched.records
                watch.look()
                return closed(broker) > 0

            wait_until(goes_on, "deaf readers are closed", 60)
            for _ in range(20):
                goes_on()
    # One batch for each reader that is served at the time may be above.
    assert watch.most < CONNECTIONS_BUDGET + 8 * MIB
    wait_until(lambda: held(broker) < 8 * MIB, "what they held is given back")
    assert_in_memory(broker)


@pytest.mark.parametrize("kind", ["half", "trickle"])
def test_requests_that_never_end_do_not_keep_others_waiting(make_broker, tmp_path, kind):
    settings = tmp_path / "small.toml"
    text = SETTINGS.replace('"32MiB"', '"96MiB"').replace(f"{BUDGET >> 20}MiB", "288MiB")
    settings.write_text(text)
    broker = make_broker(flags=["--config", str(settings)], http=True).start()
    create_topic(broker.address, "neighbour")
    with Running(kind, broker.address, 30):
        with wire.Connection(broker.address, timeout_s=30) as neighbour:
            for number in range(3):
                assert wire.produce(neighbour, "neighbour", 0, build([b"x" * 900_000])) == (0, number)
            wait_until(lambda: closed(broker) > 0, "some of them are closed", 30)
            assert wire.produce(neighbour, "neighbour", 0, build([b"x" * 900_000])) == (0, 3)
    assert_in_memory(broker)


def test_idle_connections_cost_little(small_broker):
    broker = small_broker
    with contextlib.ExitStack() as stack:
        with Running("idle", broker.address, 50):  # what the first ones need once
            pass
        before = broker.status_bytes("VmRSS")
        stack.enter_context(Running("idle", broker.address, 400))
        cost = (broker.status_bytes("VmRSS") - before) / 400
        print(f"{cost:.0f} bytes for each idle connection")
        assert cost < 16_000
        assert held(broker) < 450 * 4096 + 2 * MIB


def test_everything_at_once_loses_nothing(small_broker, tmp_path):
    """Idle, deaf, half-sent and churning connections, and producers with a ledger beside them."""
    broker = small_broker
    fill(broker.address, "big", 30)
    create_topic(broker.address, TOPIC, partitions=PARTITIONS)
    loads = [
        Load(broker.address, name, mode, tmp_path)
        for name, mode in (("i1", "idempotent"), ("o1", "acks=1"))
    ]
    follower = Follower(broker.address)
    try:
        with contextlib.ExitStack() as stack:
            for kind, count, *options in (
                ("idle", 300),
                ("deaf", 40, "--topic", "big"),
                ("churn", 20, "--per-second", 100),
            ):
                stack.enter_context(Running(kind, broker.address, count, *options))
            begun = time.monotonic()
            progress(loads, follower, 1000)
            while closed(broker) == 0:
                assert time.monotonic() < begun + 60, "nobody was closed"
                progress(loads, follower, 100)
            progress(loads, follower, 500)
        for load in loads:
            load.finish()
    finally:
        for load in loads:
            load.process.kill()
            load.process.wait()
        follower.reader.close()
    broker.restart(clean=False)
    assert_ledger_holds(loads, read_all(broker.address, TOPIC, partitions=PARTITIONS))
    broker.assert_alive()


def test_parts_that_do_not_fit_keep_the_broker_from_starting(make_broker):
    broker = make_broker(flags=["--config", "/dev/null"])
    broker.flags = []
    import os  # the environment of one process

    os.environ["MILLRACE_SERVER_MEMORY_BYTES_MAX"] = "200MiB"
    try:
        with pytest.raises(AssertionError, match="ended before it was ready"):
            broker.start()
    finally:
        del os.environ["MILLRACE_SERVER_MEMORY_BYTES_MAX"]
    broker.process.wait()
    assert "200MiB" in broker.log_tail() and "at least 424MiB would do" in broker.log_tail()
    broker.discard()

"""Memory that is refused: the broker ends and says why, and nothing that it answered is lost."""

import resource

import pytest
from harness.workload import Workload

from support.clients import create_topic, producer
from support.waiting import wait_until

pytestmark = pytest.mark.millrace
ROOM = 24 << 20


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "limit, figure", [(resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")]
)
def test_no_memory_under_load(make_broker, tmp_path, limit, figure):
    broker = make_broker().start()
    create_topic(broker.address, "bulk", partitions=8)
    with Workload(broker, tmp_path) as work:
        work.progress(300)
        most = broker.status_bytes(figure) + ROOM
        resource.prlimit(broker.pid, limit, (most, most))
        press(broker)
        _, code = broker.collect()
        assert code == 1, f"it ended with {code}"
        assert "out of memory" in broker.log_tail(20)
        broker.start()  # without a limit
        work.assert_commits_kept()
        work.progress(300)
        work.await_groups_moving()
        work.finish()


def press(broker):
    """Large records into many partitions, which wait for the disk, until the process has ended."""
    writer = producer(broker.address, acks="all", message_max_bytes=2_000_000, linger_ms=0)

    def ended():
        if len(writer) < 100:
            for partition in range(8):
                writer.produce("bulk", b"b" * 900_000, partition=partition)
        writer.poll(0)
        return not broker.alive()

    wait_until(ended, "the broker to need more than it may have", 60)
    writer.purge()
    writer.flush(10)


@pytest.mark.parametrize("limit", ["--as=100000000", "--data=8000000"])
def test_a_start_with_too_little(make_broker, limit):
    broker = make_broker(wrapper=["prlimit", limit])
    broker.launch()
    assert broker.collect() == (b"", 1)
    assert "out of memory" in broker.log_tail(10)

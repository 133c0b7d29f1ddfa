"""Too few file descriptors: connections take all there are, partitions want files of their own. Who is
connected goes on, nothing is lost, and when connections go others are let in.
"""

import socket

import pytest
from harness.workload import Workload

from support import wire
from support.clients import create_topic, producer, read_all
from support.waiting import wait_until

pytestmark = pytest.mark.millrace
DESCRIPTORS = 128
PARTITIONS = 60


class Crowd:
    """Connections that say nothing."""

    def __init__(self, address, count):
        self.address, self.count, self.sockets = address, count, []

    def __enter__(self):
        host, port = self.address.rsplit(":", 1)
        for _ in range(self.count):  # the kernel takes what the broker does not, up to a point
            self.sockets.append(socket.create_connection((host, int(port)), timeout=10))
        return self

    def __exit__(self, *_):
        for connection in self.sockets:
            connection.close()


def send_to_all(writer, topic, text, sent):
    for index in range(PARTITIONS):
        sent[index].append(text)
        writer.produce(topic, text, partition=index)
    assert writer.flush(60) == 0


@pytest.mark.timeout(240)
def test_connections_take_all_descriptors_under_load(make_broker, tmp_path):
    settings = ["MILLRACE_STORAGE_JOURNAL_FILE_BYTES=16MiB", "MILLRACE_STORAGE_CHECKPOINT_BYTES=6MiB"]
    limit = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"]
    broker = make_broker(wrapper=["env", *settings, *limit], http=True).start()
    wide = create_topic(broker.address, "wide", partitions=PARTITIONS)
    sent = {index: [] for index in range(PARTITIONS)}
    writer = producer(broker.address, acks="all")
    send_to_all(writer, wide, b"w" * 20_000, sent)
    with Workload(broker, tmp_path) as work:
        work.progress(200)
        with Crowd(broker.address, 2 * DESCRIPTORS):
            # Each of these has more than a checkpoint waits for, and so wants files.
            assert segments(broker) < PARTITIONS
            for _ in range(3):
                send_to_all(writer, wide, b"w" * 50_000, sent)
                work.progress(100)
            work.await_groups_moving()
            assert broker.open_files() > DESCRIPTORS / 2, "there is no crowd"
            wait_until(
                lambda: (work.follower.read(), segments(broker))[1] >= PARTITIONS,
                "a checkpoint to find descriptors",
            )
        work.assert_commits_kept()  # by new connections
        with wire.Connection(broker.address) as connection:
            assert wire.list_offset(connection, wide, 0, wire.LATEST) == (0, 4)
        broker.assert_alive()
        # And killed while it has none left.
        with Crowd(broker.address, 2 * DESCRIPTORS):
            work.progress(100)
            broker.kill()
        broker.start()
        work.assert_commits_kept()
        work.progress(100)
        work.finish()
    assert_stored(broker, wide, sent)
    # Now that all of them were read: files make room for connections.
    with wire.Connection(broker.address) as connection:
        assert wire.list_offset(connection, wide, 0, wire.LATEST) == (0, 4)


def segments(broker):
    return len(list((broker.data_dir / "segments").glob("*.log")))


def assert_stored(broker, topic, sent):
    stored = read_all(broker.address, topic, partitions=PARTITIONS)
    assert {
        index: [message.value() for message in messages] for index, messages in stored.items()
    } == sent

"""A full disk under load, as a size-limited tmpfs: producing is refused, reading goes on; when there is
room it goes on by itself, whoever made the room; what was answered stays, over kill -9 too.
"""

import random

import pytest
from confluent_kafka import KafkaError, TopicPartition
from harness.asking import Trying, assert_readable
from harness.mounts import MountNamespace
from harness.workload import Workload

from support.clients import admin, create_topic, producer, read_all, send, values_of

pytestmark = pytest.mark.millrace
DISK_MB = 192
SETTINGS = [
    "MILLRACE_STORAGE_JOURNAL_FILE_BYTES=16MiB",
    "MILLRACE_STORAGE_JOURNAL_BYTES_MAX=64MiB",
    "MILLRACE_STORAGE_CHECKPOINT_BYTES=8MiB",
    "MILLRACE_STORAGE_DISK_RESERVE_BYTES=32MiB",
]


class SmallDisk:
    """A disk for the broker's data alone, and somebody else who may fill it."""

    def __init__(self, mounts, path):
        self.mounts, self.path = mounts, path
        mounts.tmpfs(path, DISK_MB)

    def fill(self):
        # Ends with an error, as it should: no space is left.
        self.mounts.run("sh", "-c", f"cat /dev/zero >{self.path}/filler 2>/dev/null || true")
        self.mounts.run("test", "-s", f"{self.path}/filler")

    def empty(self):
        self.mounts.run("rm", f"{self.path}/filler")


@pytest.fixture
def mounts():
    with MountNamespace() as namespace:
        yield namespace


@pytest.fixture
def small_disk(mounts, tmp_path):
    return SmallDisk(mounts, tmp_path / "disk")


@pytest.fixture
def small_broker(mounts, small_disk, make_broker):  # in this order, so that the broker ends first
    broker = make_broker(wrapper=[*mounts.wrapper, "env", *SETTINGS])
    broker.data_dir = small_disk.path / "data"
    return broker.start()


@pytest.mark.timeout(240)
def test_full_under_load_and_killed_while_full(small_disk, small_broker, tmp_path, seed):
    choose = random.Random(seed)
    broker = small_broker
    steady = create_topic(broker.address, "steady")
    wanted = [b"steady %d" % number for number in range(50)]
    send(producer(broker.address), steady, wanted)
    create_topic(broker.address, "tries")
    trying = Trying(broker.address, "tries")
    with Workload(broker, tmp_path, refused=True) as work:
        for is_killed in (False, True):
            work.progress(choose.randint(100, 500))
            small_disk.fill()
            trying.await_refused()
            assert_readable(broker, steady, wanted)
            if is_killed:
                broker.kill()
                broker.start()
                assert_readable(broker, steady, wanted)
                assert trying.answer() is not None, "there is no room for it"
            work.assert_commits_kept()
            small_disk.empty()
            trying.await_taken()
        work.progress(200)
        work.await_groups_moving()
        broker.assert_alive()
        work.finish()
        broker.kill()
        broker.start()
        work.check()


def delete_topic(broker, mounts, disk):
    admin(broker.address).delete_topics(["bulk"])["bulk"].result(timeout=30)


def delete_records(broker, mounts, disk):
    everything = TopicPartition("bulk", 0, -1)  # -1: the end
    admin(broker.address).delete_records([everything])[everything].result(timeout=30)


def enlarge(broker, mounts, disk):
    mounts.resize(disk.path, 2 * DISK_MB)


@pytest.mark.parametrize("make_room", [delete_topic, delete_records, enlarge])
def test_filled_by_producing_and_room_is_made(mounts, small_disk, small_broker, make_room):
    broker = small_broker
    create_topic(broker.address, "bulk")
    kept = create_topic(broker.address, "kept")
    wanted = [b"kept %d" % number for number in range(50)]
    send(producer(broker.address), kept, wanted)
    fill_with_records(broker, "bulk")
    refused = Trying(broker.address, create_topic(broker.address, "tries"))
    refused.await_refused()
    assert_readable(broker, kept, wanted)
    make_room(broker, mounts, small_disk)
    refused.await_taken()
    send(producer(broker.address), kept, [b"after"])
    broker.kill()
    broker.start()
    assert values_of(read_all(broker.address, kept)[0]) == [*wanted, b"after"]


def fill_with_records(broker, topic):
    """Until the broker has nothing left but its reserve; what it took is there."""
    taken, refused = [], []

    def report(error, message):
        taken.append(message.offset()) if error is None else refused.append(error.code())

    writer = producer(broker.address, retries=0, acks="all", message_max_bytes=2_000_000)
    while "MiB are left on the disk" not in broker.log_path.read_text():
        assert len(taken) < 4 * DISK_MB, "four times its size went onto the disk"
        writer.produce(topic, b"b" * 900_000, on_delivery=report)
        assert writer.flush(40) == 0
    assert set(refused) <= {KafkaError.KAFKA_STORAGE_ERROR}
    assert len(taken) > 20
    assert len(read_all(broker.address, topic)[0]) == len(taken)

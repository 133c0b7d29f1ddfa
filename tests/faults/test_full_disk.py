"""A full disk under load, as a size-limited tmpfs: producing is refused, reading goes on; when there is
room it goes on by itself, whoever made the room; what was answered stays, over kill -9 too.
"""

import random
import threading

import pika
import pytest
from confluent_kafka import KafkaError, TopicPartition
from harness.asking import Trying, assert_readable
from harness.mounts import MountNamespace
from harness.workload import Workload

from support.clients import admin, create_topic, producer, read_all, send, values_of
from support.waiting import wait_until

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


def amqp_connection(broker, told):
    """It writes down what it is told of being blocked."""
    connection = pika.BlockingConnection(
        pika.ConnectionParameters(
            "127.0.0.1", broker.amqp_port, heartbeat=0, blocked_connection_timeout=60
        )
    )
    connection.add_on_connection_blocked_callback(lambda *_: told.append("blocked"))
    connection.add_on_connection_unblocked_callback(lambda *_: told.append("unblocked"))
    return connection


def test_who_publishes_to_queues_is_blocked_until_there_is_room(mounts, small_disk, make_broker):
    broker = make_broker(wrapper=[*mounts.wrapper, "env", *SETTINGS], amqp=True)
    broker.data_dir = small_disk.path / "data"
    broker.start()
    told = []
    connection = amqp_connection(broker, told)
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("orders", durable=True)
    channel.basic_publish("", "orders", b"before")
    small_disk.fill()

    def is_blocked():
        # Without confirms, so that nothing waits here: these are kept too, but for those that were
        # under way when it became full.
        if not told:
            unconfirmed.basic_publish("", "filler", b"x" * 10_000)
            filling.process_data_events(0.05)
        return told

    filling = amqp_connection(broker, told)
    unconfirmed = filling.channel()
    wait_until(is_blocked, "the broker blocks who publishes", 60)
    assert told == ["blocked"]
    # Who takes messages goes on.
    reading = amqp_connection(broker, told)
    assert reading.channel().basic_get("orders", auto_ack=True)[2] == b"before"
    waiting = amqp_connection(broker, told)
    late = waiting.channel()
    late.confirm_delivery()
    threading.Timer(0.5, small_disk.empty).start()
    late.basic_publish("", "orders", b"after")  # confirmed when there is room
    assert channel.basic_get("orders", auto_ack=True)[2] == b"after"
    wait_until(lambda: filling.process_data_events(0.05) or "unblocked" in told, "the unblocking")
    broker.assert_alive()


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

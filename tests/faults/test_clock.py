"""The wall clock jumps by hours, forwards and backwards, at a start and while the broker runs.

Sessions and time-outs go by the monotonic clock. What is stamped and what is kept for a time goes by broker
time: the wall clock, but it never goes back, over restarts neither.
"""

import pytest
from confluent_kafka import TopicPartition
from harness.clock import Clock
from harness.workload import Workload

from support import wire
from support.clients import consumer, create_topic, producer, read_all, send, values_of
from support.waiting import wait_until

pytestmark = pytest.mark.millrace
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
QUICK_CHECKS = [
    "MILLRACE_STORAGE_CHECKPOINT_INTERVAL_MS=1s",  # retention looks at segments
    "MILLRACE_TOPICS_RETENTION_CHECK_MS=100ms",
    "MILLRACE_GROUPS_OFFSETS_RETENTION_CHECK_MS=1s",
    "MILLRACE_GROUPS_OFFSETS_RETENTION_MS=5h",
]


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


class Stamps:
    """Records that the broker stamps; what it stamps never goes back."""

    def __init__(self, address):
        self.topic = create_topic(
            address, "stamped", message_timestamp_type="LogAppendTime", retention_ms=-1
        )
        self.writer = producer(address)
        self.newest = 0

    def stamp(self):
        (message,) = send(self.writer, self.topic, [b"stamped"])
        _, stamp = message.timestamp()
        assert stamp >= self.newest, f"{stamp} after {self.newest}"
        self.newest = stamp
        return stamp


@pytest.mark.timeout(240)
def test_jumps_under_load(make_broker, clock, tmp_path):
    broker = make_broker(wrapper=clock.wrapper).start()
    stamps = Stamps(broker.address)
    quiet = wire.Connection(broker.address)
    assert wire.list_offset(quiet, stamps.topic, 0, wire.LATEST) == (0, 0)
    with Workload(broker, tmp_path, records_per_member=0) as work:
        work.progress(200)
        work.await_groups_moving()
        for hours in (3, -3, 0, 5):
            clock.jump(hours)
            stamp = stamps.stamp()
            if hours > 0:
                assert abs(stamp - clock.now_ms()) < MINUTE_MS, "the broker's clock did not jump"
            work.progress(200, work.follower.commit)
            work.await_groups_moving()
            work.assert_commits_kept()
        assert wire.list_offset(quiet, stamps.topic, 0, wire.LATEST) == (0, 4), "still connected"
        quiet.socket.close()
        assert not work.departures(), "somebody lost a partition"
        # And starts with a clock that went back meanwhile.
        for end in (broker.kill, broker.stop):
            end()
            clock.jump(-3)
            broker.start()
            assert stamps.stamp() < clock.now_ms() + 9 * HOUR_MS
            work.assert_commits_kept()
            work.progress(200)
            work.await_groups_moving()
        work.finish()


def commit(address, group, topic):
    member = consumer(address, group)
    member.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    member.close()


def has_committed(address, group, topic):
    member = consumer(address, group)
    try:
        (item,) = member.committed([TopicPartition(topic, 0)], timeout=20)
        return item.offset == 1
    finally:
        member.close()


def first_offset(address, topic):
    with wire.Connection(address) as connection:
        error, offset = wire.list_offset(connection, topic, 0, wire.EARLIEST)
        assert error == 0
        return offset


def await_retention(address, clock, topic):
    """A whole round of retention after a checkpoint: the second record came after the first one's round."""
    for _ in range(2):
        old = int(clock.now_ms() - 9 * HOUR_MS)
        (message,) = send(producer(address), topic, [b"old"], timestamp=old)
        wait_until(lambda: first_offset(address, topic) > message.offset(), "a round of retention")


def test_what_is_kept_for_a_time_is_kept_by_broker_time(make_broker, clock):
    broker = make_broker(wrapper=["env", *QUICK_CHECKS, *clock.wrapper]).start()
    address = broker.address
    control = create_topic(address, "control", retention_ms=str(6 * HOUR_MS))
    topic = create_topic(
        address, "hours", retention_ms=str(2 * HOUR_MS), message_timestamp_type="LogAppendTime"
    )
    writer = producer(address)
    send(writer, topic, [b"first"])
    commit(address, "first", topic)
    clock.jump(3)
    wait_until(lambda: first_offset(address, topic) == 1, "what is three hours old to go")
    send(writer, topic, [b"second"])
    commit(address, "second", topic)
    await_retention(address, clock, control)
    assert values_of(read_all(address, topic)[0]) == [b"second"]
    assert has_committed(address, "first", topic)

    for restart in (lambda: None, broker.stop, broker.kill):
        restart()
        clock.jump(-3)
        if not broker.alive():
            broker.start()
        send(writer, topic, [b"later"])
        await_retention(address, clock, control)
        assert values_of(read_all(address, topic)[0])[0] == b"second"
        assert has_committed(address, "first", topic) and has_committed(address, "second", topic)

    # Six hours after the first commit, three after the second one: the check runs, by the same clock.
    clock.jump(6)
    wait_until(lambda: not has_committed(address, "first", topic), "the first group to expire")
    assert has_committed(address, "second", topic)

"""Everything that a broker does, at once and on two cores: producers of each kind, a follower, groups
whose members come and go, topics made, changed and deleted, scrapes, checkpoints, a clean restart and
a kill. What was answered is checked as ever.

`scripts/test` runs this under the thread sanitizer too (the suite tsan-clients): its report ends the
broker, and the test with it.
"""

import itertools
import threading

import pytest

from support.clients import admin, consumer, create_topic, producer, read_all
from support.metrics import scrape
from support.under_load import PARTITIONS, TOPIC, Follower, Load, assert_ledger_holds, progress
from support.waiting import wait_until

pytestmark = pytest.mark.millrace

PRODUCERS = [("i1", "idempotent"), ("p1", "acks=all"), ("o1", "acks=1")]


class Beside(threading.Thread):
    """Does something again and again until it is told to stop; `done` counts how often it succeeded.

    While the broker is down clients fail: only `step` knows which failures are none.
    """

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.done, self.failure = step, 0, None
        self.ends = threading.Event()

    def run(self):
        for number in itertools.count():
            if self.ends.is_set():
                return
            try:
                self.done += bool(self.step(number))
            except Exception as error:  # told by the test
                self.failure = error
                return

    def finish(self):
        self.ends.set()
        self.join(60)
        assert not self.is_alive(), "it hangs"
        if self.failure:
            raise self.failure


def group_member(address):
    """Joins, reads a little, commits, leaves."""

    def step(_number):
        reader = consumer(address, "comers-and-goers", session_timeout_ms=6000)
        try:
            reader.subscribe([TOPIC])
            messages = [m for m in reader.consume(500, timeout=2) if not m.error()]
            if not messages:
                return False
            reader.commit(asynchronous=True)
            return True
        finally:
            reader.close()

    return step


def topic_keeper(address):
    """Makes topics, changes and deletes them."""

    def step(number):
        client = admin(address)
        name = f"passing-{number}"
        try:
            create_topic(address, name, partitions=4, retention_ms="1000")
            producer(address).produce(name, b"x")
            client.delete_topics([name])[name].result(timeout=30)
            return True
        except Exception as error:  # the broker is down, or the answer came too late
            assert "KafkaError" in repr(error), error
            return False

    return step


def scraper(broker):
    def step(_number):
        try:
            return "millrace_topics" in {key[0] for key in scrape(broker)}
        except OSError:
            return False

    return step


def write_bulk(address, megabytes):
    writer = producer(address)
    for _ in range(megabytes):
        writer.produce("bulk", b"b" * 900_000)
        writer.poll(0)
    assert writer.flush(60) == 0


def checkpoints(broker):
    return scrape(broker)["millrace_checkpoints_total", ("outcome", "done")]


@pytest.mark.timeout(170)
def test_everything_at_once(make_broker, tmp_path):
    broker = make_broker(flags=["--cores", "2"], http=True).start()
    create_topic(broker.address, TOPIC, partitions=PARTITIONS)
    create_topic(broker.address, "bulk", partitions=2, message_timestamp_type="LogAppendTime")
    loads = [Load(broker.address, name, mode, tmp_path) for name, mode in PRODUCERS]
    follower = Follower(broker.address)
    beside = [
        Beside(step)
        for step in (
            group_member(broker.address),
            group_member(broker.address),
            topic_keeper(broker.address),
            scraper(broker),
        )
    ]
    try:
        for thread in beside:
            thread.start()
        for ends_clean in (True, False):
            progress(loads, follower, 200, follower.commit)
            before = checkpoints(broker)
            write_bulk(broker.address, 55)  # more than a checkpoint waits for
            wait_until(lambda: checkpoints(broker) > before, "a checkpoint under load")
            broker.restart(clean=ends_clean)
            follower.assert_commits_kept()
        progress(loads, follower, 200)
        wait_until(lambda: all(thread.done for thread in beside), "each of them to get through")
        for thread in beside:
            thread.finish()
        for load in loads:
            load.finish()
    finally:
        for thread in beside:
            thread.ends.set()
        for load in loads:
            load.process.kill()
            load.process.wait()
        follower.reader.close()
    stored = read_all(broker.address, TOPIC, partitions=PARTITIONS)
    assert_ledger_holds(loads, stored)

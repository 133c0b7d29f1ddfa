"""A disk that fails while the broker runs: what was answered stays, reads go on, and the broker goes
on by itself when the disk does. The same process, the same port.
"""

import time

import pytest
from confluent_kafka import KafkaError

from support import wire
from support.batches import build
from support.clients import create_topic, producer, read_all
from support.under_load import PARTITIONS, TOPIC, Follower, Load, assert_ledger_holds, progress
from support.waiting import wait_until

REQUEST_TIMED_OUT = 7

# Not acks=1: that one is answered before the flush, and so it is lost with it.
PRODUCERS = [("i1", "idempotent"), ("i2", "idempotent"), ("p1", "acks=all")]


def fail_a_group(broker, disk, follower):
    """Fails flushes until it is a group's: it may be that of a new file, which does no harm."""

    def failures():
        return broker.log_path.read_text().count("the journal failed")

    def failed():
        follower.read()
        if disk.has_failed():
            if failures() > before:
                return True
            disk.fail_once()
        return failures() > before

    before = failures()
    disk.fail_once()
    wait_until(failed, "a group whose flush failed")
    disk.mend()


@pytest.mark.millrace
@pytest.mark.timeout(180)
def test_failed_flushes_under_load_lose_nothing(make_broker, disk, tmp_path):
    broker = make_broker(wrapper=disk.wrapper).start()
    create_topic(broker.address, TOPIC, partitions=PARTITIONS)
    loads = [Load(broker.address, name, mode, tmp_path) for name, mode in PRODUCERS]
    follower = Follower(broker.address)
    try:
        for times in range(1, 4):
            progress(loads, follower, 300)
            follower.commit()
            fail_a_group(broker, disk, follower)
            wait_until(
                lambda: broker.log_path.read_text().count("server: goes on") == times,
                "the broker goes on",
            )
            follower.assert_commits_kept()
        progress(loads, follower, 300)
        for load in loads:
            load.finish()
    finally:
        for load in loads:
            load.process.kill()
            load.process.wait()
        follower.reader.close()
    broker.assert_alive()
    stored = read_all(broker.address, TOPIC, partitions=PARTITIONS)
    assert_ledger_holds(loads, stored)
    # And it is on the disk, not only in the process.
    broker.kill()
    broker.start()
    assert_ledger_holds(loads, read_all(broker.address, TOPIC, partitions=PARTITIONS))


@pytest.mark.millrace
def test_while_the_disk_fails_reading_goes_on_and_producing_is_refused(
    make_broker, disk, topic_name
):
    broker = make_broker(wrapper=disk.wrapper).start()
    create_topic(broker.address, topic_name)
    answers = []
    # No retries: the first answer is what the broker says.
    plain = producer(broker.address, retries=0, acks="all")

    def send(text):
        plain.produce(topic_name, text, on_delivery=lambda error, _: answers.append(error))
        assert plain.flush(30) == 0
        return answers[-1]

    assert send("before") is None
    disk.fail()
    for _ in range(3):
        error = send("while it fails")
        assert error is not None and error.code() == KafkaError.KAFKA_STORAGE_ERROR, error
        values = [message.value() for message in read_all(broker.address, topic_name)[0]]
        assert values == [b"before"]
    disk.mend()
    wait_until(lambda: send("after") is None, "producing goes on", 30)
    values = [message.value() for message in read_all(broker.address, topic_name)[0]]
    assert values == [b"before", b"after"]
    broker.assert_alive()


@pytest.mark.millrace
def test_a_disk_that_stalls_is_told_in_time(make_broker, disk, topic_name):
    """A produce hears of it in the time it gave; tried again it is not written twice."""
    broker = make_broker(wrapper=disk.wrapper).start()
    create_topic(broker.address, topic_name)
    with wire.Connection(broker.address) as connection, wire.Connection(broker.address) as other:
        _, producer_id, epoch = wire.init_producer_id(connection)
        assert wire.produce(connection, topic_name, 0, build([b"before"])) == (0, 0)
        batch = build([b"late"], producer_id=producer_id, epoch=epoch, sequence=0)

        def produce(timeout_s):
            """The answer, and what it took."""
            body = wire.produce_body(topic_name, 0, batch, timeout_ms=1000 * timeout_s)
            began = time.monotonic()
            answer = wire.produce_answer(connection.request(wire.PRODUCE, 7, body))
            return answer, time.monotonic() - began

        disk.stall()
        for timeout_s in (4, 2):
            answer, took = produce(timeout_s)
            assert answer == (REQUEST_TIMED_OUT, -1)
            assert timeout_s - 1.1 < took < timeout_s + 1, took
            assert wire.list_offset(other, topic_name, 0, wire.LATEST) == (0, 1), "reading goes on"
        disk.mend()
        assert produce(30)[0] == (0, 1)
        assert produce(30)[0] == (0, 1)
        assert wire.list_offset(other, topic_name, 0, wire.LATEST) == (0, 2)
    values = [message.value() for message in read_all(broker.address, topic_name)[0]]
    assert values == [b"before", b"late"]
    broker.assert_alive()


@pytest.mark.millrace
def test_too_few_descriptors_for_all_segments(make_broker, topic_name):
    """Each partition has files; the process may open 64 descriptors, connections included."""
    broker = make_broker(wrapper=["prlimit", "--nofile=64:64"]).start()
    partitions = 40
    create_topic(broker.address, topic_name, partitions=partitions)
    sent = {index: [] for index in range(partitions)}
    for round_number in range(3):
        load = producer(broker.address)
        for index in range(partitions):
            text = f"{round_number} of {index} ".encode() + b"x" * 2000
            sent[index].append(text)
            load.produce(topic_name, text, partition=index)
        assert load.flush(30) == 0
        # A stop writes everything to segments.
        broker.stop()
        broker.start()
        stored = read_all(broker.address, topic_name, partitions=partitions)
        assert {
            index: [message.value() for message in messages] for index, messages in stored.items()
        } == sent

"""Fetch sessions (KIP-227): what a client reads is kept by the broker, which tells only what is new."""

import threading
import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from support import wire
from support.batches import build
from support.clients import consumer, create_topic, kcat, poll_count, producer, send, values_of
from support.waiting import Deadline

UNKNOWN_TOPIC, OUT_OF_RANGE = 3, 1
SESSION_NOT_FOUND, INVALID_EPOCH = 70, 71
PARTITIONS = 4


@pytest.fixture
def connection(broker):
    with wire.Connection(broker.address) as open_connection:
        yield open_connection


@pytest.fixture
def topic(broker, topic_name):
    return create_topic(broker.address, topic_name, PARTITIONS)


def write(broker, topic, partition, *values):
    with wire.Connection(broker.address) as writer:
        for value in values:
            assert wire.produce(writer, topic, partition, build([value]))[0] == 0


def everything(topic, offset=0):
    return {topic: {index: offset for index in range(PARTITIONS)}}


def with_records(answer):
    return [index for (_, index), (_, _, records) in answer.partitions.items() if records]


def opened(connection, offsets):
    answer = wire.session_fetch(connection, offsets)
    assert answer.error == 0 and answer.session > 0
    assert len(answer.partitions) == sum(len(wanted) for wanted in offsets.values())
    return answer.session


def test_quiet_partitions_are_not_told(broker, connection, topic):
    session = opened(connection, everything(topic))
    for epoch in range(1, 4):
        answer = wire.session_fetch(connection, session=session, epoch=epoch)
        assert (answer.error, answer.session, answer.partitions) == (0, session, {})


def test_only_the_partition_with_records_is_told(broker, connection, topic):
    session = opened(connection, everything(topic))
    write(broker, topic, 2, b"one")
    answer = wire.session_fetch(connection, session=session, epoch=1)
    assert list(answer.partitions) == [(topic, 2)] and with_records(answer) == [2]
    # again, until the client says that it has it
    assert with_records(wire.session_fetch(connection, session=session, epoch=2)) == [2]
    answer = wire.session_fetch(connection, {topic: {2: 1}}, session, epoch=3)
    assert answer.partitions == {}


def test_a_moved_high_watermark_is_told_once(broker, connection, topic):
    session = opened(connection, everything(topic))
    write(broker, topic, 1, b"one", b"two")
    answer = wire.session_fetch(connection, {topic: {1: 2}}, session, epoch=1)
    assert answer.partitions == {(topic, 1): (0, 2, b"")}
    assert wire.session_fetch(connection, session=session, epoch=2).partitions == {}


def test_partitions_are_added_and_forgotten(broker, connection, topic):
    for index in range(PARTITIONS):
        write(broker, topic, index, b"value")
    session = opened(connection, {topic: {0: 0}})
    answer = wire.session_fetch(connection, {topic: {3: 0}}, session, epoch=1)
    assert sorted(with_records(answer)) == [0, 3]
    answer = wire.session_fetch(connection, session=session, epoch=2, forget={topic: [0]})
    assert with_records(answer) == [3]
    # named and forgotten at once: forgotten
    answer = wire.session_fetch(connection, {topic: {1: 0}}, session, epoch=3, forget={topic: [1]})
    assert with_records(answer) == [3]


def test_a_session_without_partitions_is_over(broker, connection, topic):
    session = opened(connection, everything(topic))
    gone = {topic: list(range(PARTITIONS))}
    answer = wire.session_fetch(connection, session=session, epoch=1, forget=gone)
    assert (answer.error, answer.session, answer.partitions) == (0, 0, {})
    answer = wire.session_fetch(connection, session=session, epoch=2)
    assert (answer.error, answer.session) == (SESSION_NOT_FOUND, 0)


def test_a_wrong_epoch_is_refused_and_changes_nothing(broker, connection, topic):
    session = opened(connection, everything(topic))
    for epoch in (2, 7, 2147483647, -2):
        answer = wire.session_fetch(connection, everything(topic), session, epoch)
        assert (answer.error, answer.session, answer.partitions) == (INVALID_EPOCH, 0, {})
    assert wire.session_fetch(connection, session=session, epoch=1).error == 0
    assert wire.session_fetch(connection, session=session, epoch=1).error == INVALID_EPOCH
    assert wire.session_fetch(connection, session=session, epoch=2).error == 0


def test_an_unknown_session_is_not_found(broker, connection, topic):
    session = opened(connection, everything(topic))
    for unknown in (session - 1 or 2, 0, -1):
        answer = wire.session_fetch(connection, everything(topic), unknown, epoch=1)
        assert (answer.error, answer.session, answer.partitions) == (SESSION_NOT_FOUND, 0, {})


@pytest.mark.parametrize("epoch", [0, -1])
def test_a_full_fetch_closes_the_session_it_names(broker, connection, topic, epoch):
    write(broker, topic, 3, b"value")
    session = opened(connection, everything(topic))
    answer = wire.session_fetch(connection, everything(topic), session, epoch)
    assert answer.error == 0 and with_records(answer) == [3]
    assert len(answer.partitions) == PARTITIONS
    assert answer.session != session and (answer.session == 0) == (epoch == -1)
    assert wire.session_fetch(connection, session=session, epoch=1).error == SESSION_NOT_FOUND


def test_leaving_is_answered_at_once(broker, connection, topic):
    session = opened(connection, everything(topic))
    before = time.monotonic()
    assert wire.session_fetch(connection, {}, session, -1, max_wait_ms=15000).error == 0
    assert time.monotonic() - before < 5


def test_two_sessions_do_not_mix(broker, connection, topic):
    first = opened(connection, {topic: {0: 0}})
    second = opened(connection, {topic: {1: 0}})
    assert first != second
    write(broker, topic, 1, b"value")
    assert wire.session_fetch(connection, session=first, epoch=1).partitions == {}
    assert with_records(wire.session_fetch(connection, session=second, epoch=1)) == [1]


@pytest.mark.millrace  # Kafka lets any connection go on with it
def test_a_session_ends_with_its_connection(broker, connection, topic):
    with wire.Connection(broker.address) as other:
        session = opened(other, everything(topic))
        answer = wire.session_fetch(connection, session=session, epoch=1)
        assert answer.error == SESSION_NOT_FOUND
        assert wire.session_fetch(other, session=session, epoch=1).error == 0
    assert wire.session_fetch(connection, session=session, epoch=2).error == SESSION_NOT_FOUND


def test_errors_are_told_until_they_are_gone(broker, connection, topic):
    session = opened(connection, everything(topic))
    answer = wire.session_fetch(connection, {topic: {0: 99}, "no-such-topic": {0: 0}}, session, 1)
    errors = {key: error for key, (error, _, _) in answer.partitions.items()}
    assert errors == {(topic, 0): OUT_OF_RANGE, ("no-such-topic", 0): UNKNOWN_TOPIC}
    again = wire.session_fetch(connection, session=session, epoch=2)
    assert {key: error for key, (error, _, _) in again.partitions.items()} == errors
    answer = wire.session_fetch(
        connection, {topic: {0: 0}}, session, 3, forget={"no-such-topic": [0]}
    )
    assert answer.partitions == {(topic, 0): (0, 0, b"")}
    assert wire.session_fetch(connection, session=session, epoch=4).partitions == {}


def test_an_incremental_fetch_waits_for_records(broker, connection, topic):
    session = opened(connection, everything(topic))
    writing = threading.Timer(0.3, write, (broker, topic, 1, b"late"))
    writing.start()
    try:
        answer = wire.session_fetch(connection, session=session, epoch=1, max_wait_ms=15000)
    finally:
        writing.join()
    assert with_records(answer) == [1]


def test_full_answers_take_turns(broker, connection, topic):
    """Each partition has more than an answer may hold, for ever: each of them comes to its turn."""
    for index in range(PARTITIONS):
        write(broker, topic, index, b"x" * 20_000)
    session = opened(connection, everything(topic))
    served = []
    for epoch in range(1, 5 * PARTITIONS):
        answer = wire.session_fetch(connection, session=session, epoch=epoch, max_bytes=25_000)
        served += with_records(answer)
    assert {served.count(index) > 1 for index in range(PARTITIONS)} == {True}, served


def test_clients_that_open_sessions_and_use_none(make_broker, topic_name):
    """More of them than a broker keeps: whoever gets none is served without one."""
    broker = make_broker().start()
    topic = create_topic(broker.address, topic_name, PARTITIONS)
    write(broker, topic, 0, b"value")
    connections = [wire.Connection(broker.address) for _ in range(20)]
    try:
        for connection in connections:
            for _ in range(120):
                answer = wire.session_fetch(connection, everything(topic))
                assert answer.error == 0 and with_records(answer) == [0]
    finally:
        for connection in connections:
            connection.socket.close()


def test_a_client_that_restarts_its_session_loses_and_repeats_nothing(broker, topic):
    """A consumer by the book over a session, whose connection is lost now and then."""
    total = 60
    wanted = {index: 0 for index in range(PARTITIONS)}
    for number in range(total):
        write(broker, topic, number % PARTITIONS, b"%d" % number)
    deadline = Deadline("all records")
    sessions = 0
    while sum(wanted.values()) < total:
        with wire.Connection(broker.address) as reader:
            answer = wire.session_fetch(reader, {topic: wanted}, max_bytes=100)
            session, epoch = answer.session, 0
            sessions += 1
            while True:
                read = {}
                for (_, index), (error, _, records) in answer.partitions.items():
                    assert error == 0
                    if records:  # one record a batch
                        base = int.from_bytes(records[:8], "big")
                        assert base == wanted[index], "lost or repeated"
                        wanted[index] = base + 1
                        read[index] = base + 1
                deadline.check(lambda: f"have {wanted}")
                epoch += 1
                if epoch == 7 or sum(wanted.values()) == total:
                    break
                answer = wire.session_fetch(reader, {topic: read}, session, epoch, max_bytes=100)
                assert answer.error == 0
    assert wanted == {index: total // PARTITIONS for index in range(PARTITIONS)}
    assert sessions > 1


def test_real_consumers_read_as_before(broker, topic):
    """librdkafka and kcat open no sessions; those of others do not concern them."""
    with wire.Connection(broker.address) as other:
        session = opened(other, everything(topic))
        values = [b"%d" % number for number in range(200)]
        send(producer(broker.address), topic, values)
        reader = consumer(broker.address)
        reader.assign([TopicPartition(topic, index, OFFSET_BEGINNING) for index in range(PARTITIONS)])
        assert sorted(values_of(poll_count(reader, len(values)))) == sorted(values)
        reader.close()
        lines = kcat(broker.address, "-C", "-t", topic, "-o", "beginning", "-e", "-q").splitlines()
        assert sorted(lines) == sorted(values)
        assert with_records(wire.session_fetch(other, session=session, epoch=1))

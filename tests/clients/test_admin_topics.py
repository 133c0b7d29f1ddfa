"""What becomes of topics: deleted, widened, emptied from the front, and described."""

import shutil
import threading
import time

import pytest
from confluent_kafka import OFFSET_END, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import NewPartitions, OffsetSpec

from support import admin_wire, batches, wire
from support.broker import peer_is_apache
from support.clients import (
    admin,
    consumer,
    create_topic,
    fresh_name,
    partition_counts,
    poll_count,
    producer,
    read_all,
    send,
    values_of,
)
from support.waiting import wait_until

OUT_OF_RANGE, UNKNOWN_TOPIC, INVALID_TOPIC, INVALID_PARTITIONS = 1, 3, 17, 37
INVALID_ASSIGNMENT, INVALID_REQUEST, ELECTION_NOT_NEEDED, UNKNOWN_ID = 39, 42, 84, 100

WAYS = pytest.mark.parametrize("clean", [True, False], ids=["clean stop", "kill -9"])


@pytest.fixture
def connection(broker):
    with wire.Connection(broker.address) as open_connection:
        yield open_connection


def metadata_error(address, topic):
    with wire.Connection(address) as asker:
        return wire.metadata(asker, [topic]).topics[topic][0]


def delete_topic(address, *topics):
    futures = admin(address).delete_topics(list(topics), operation_timeout=20)
    for topic in topics:
        assert futures[topic].result(timeout=30) is None
    if peer_is_apache():  # which may say yes before this broker knows; ours knows at once
        for topic in topics:
            wait_until(lambda: metadata_error(address, topic) == UNKNOWN_TOPIC, "the deletion")


def refusal(future):
    with pytest.raises(KafkaException) as raised:
        future.result(timeout=30)
    return raised.value.args[0].code()


def described(connection, topic):
    (found,), _ = admin_wire.describe_topic_partitions(connection, [topic])
    return found


def test_a_deleted_topic_is_unknown_to_everybody(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=3)
    send(producer(broker.address), topic_name, [b"one"], partition=1)
    delete_topic(broker.address, topic_name)
    assert metadata_error(broker.address, topic_name) == UNKNOWN_TOPIC
    assert topic_name not in admin(broker.address).list_topics(timeout=20).topics
    assert wire.fetch(connection, topic_name, 1, 0).error == UNKNOWN_TOPIC
    assert wire.list_offset(connection, topic_name, 1, wire.EARLIEST)[0] == UNKNOWN_TOPIC
    assert wire.produce(connection, topic_name, 1, batches.build([b"two"]))[0] == UNKNOWN_TOPIC
    assert wire.offset_commit(connection, "group", topic_name, 1, 1) == UNKNOWN_TOPIC


def test_a_topic_made_again_is_another_one(broker, connection, topic_name):
    for life in range(3):
        create_topic(broker.address, topic_name, partitions=2)
        assert wire.list_offset(connection, topic_name, 0, wire.LATEST) == (0, 0)
        values = [b"%d.%d" % (life, number) for number in range(50)]
        sent = send(producer(broker.address), topic_name, values, partition=0)
        assert [message.offset() for message in sent] == list(range(50))
        found = read_all(broker.address, topic_name, partitions=2)
        assert values_of(found[0]) == values and not found[1]
        before = described(connection, topic_name).id
        delete_topic(broker.address, topic_name)
        create_topic(broker.address, topic_name)
        assert described(connection, topic_name).id not in (before, admin_wire.NO_ID)
        delete_topic(broker.address, topic_name)


def test_who_waits_for_records_hears_of_the_deletion(broker, topic_name):
    create_topic(broker.address, topic_name)
    answers = []

    def wait_for_records():
        with wire.Connection(broker.address, timeout_s=60) as reader:
            answers.append(wire.fetch(reader, topic_name, 0, 0, max_wait_ms=50_000).error)

    waiting = threading.Thread(target=wait_for_records)
    waiting.start()
    with wire.Connection(broker.address) as asker:  # answered behind it, on one core at least
        assert wire.list_offset(asker, topic_name, 0, wire.LATEST) == (0, 0)
    began = time.monotonic()
    delete_topic(broker.address, topic_name)
    waiting.join(60)
    assert answers == [UNKNOWN_TOPIC] and time.monotonic() - began < 30


@pytest.mark.millrace  # Kafka has more ways to say that it is busy with the topic
def test_deleting_what_is_being_written_and_read(broker, topic_name):
    """Whoever is in the middle of it is told, and gets nothing of another life of the topic."""
    done, faults = threading.Event(), []

    def work(turn):
        with wire.Connection(broker.address) as own:
            while not done.is_set():
                try:
                    turn(own)
                except Exception as fault:  # told by the test's own thread
                    faults.append(fault)
                    return

    def write(own):
        error, _ = wire.produce(own, topic_name, 0, batches.build([bytes(500)] * 3))
        assert error in (0, UNKNOWN_TOPIC), error

    def read(own):
        answer = wire.fetch(own, topic_name, 0, 0, max_wait_ms=100)
        assert answer.error in (0, UNKNOWN_TOPIC), answer.error
        if answer.records:
            assert batches.headers(answer.records)[0].base_offset == 0

    def cut(own):
        error, _ = admin_wire.delete_records(own, topic_name, 0, 0)
        assert error in (0, UNKNOWN_TOPIC), error
        admin_wire.describe_log_dirs(own, {topic_name: [0]})

    workers = [threading.Thread(target=work, args=(turn,)) for turn in (write, write, read, cut)]
    for worker in workers:
        worker.start()
    try:
        with wire.Connection(broker.address) as own:
            for _ in range(20):
                assert wire.create_topic(own, topic_name)[0] == 0
                arrived = lambda: wire.list_offset(own, topic_name, 0, wire.LATEST)[1] >= 6
                wait_until(arrived, "records of this life")
                assert admin_wire.delete_topics(own, topic_name) == [(topic_name, 0)]
                assert wire.list_offset(own, topic_name, 0, wire.LATEST)[0] == UNKNOWN_TOPIC
    finally:
        done.set()
        for worker in workers:
            worker.join(30)
    assert not faults, faults
    broker.assert_alive()


def test_a_consumer_learns_that_its_topic_is_gone(broker, topic_name):
    create_topic(broker.address, topic_name)
    send(producer(broker.address), topic_name, [b"one"])
    reader = consumer(
        broker.address,
        topic_metadata_refresh_interval_ms=100,
        topic_metadata_propagation_max_ms=100,
    )
    reader.subscribe([topic_name])
    poll_count(reader, 1)
    delete_topic(broker.address, topic_name)

    def is_told():
        message = reader.poll(0.2)
        return message is not None and message.error() and message.error().code() == UNKNOWN_TOPIC

    wait_until(is_told, "the error")
    reader.close()


def test_deleting_what_is_not_there(broker, connection, topic_name):
    missing, there = topic_name + "-missing", create_topic(broker.address, topic_name)
    futures = admin(broker.address).delete_topics([missing, there])
    assert refusal(futures[missing]) == UNKNOWN_TOPIC
    assert futures[there].result(timeout=30) is None
    assert admin_wire.delete_topics(connection) == []


def test_a_topic_named_twice_is_not_deleted(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    answers = admin_wire.delete_topics(connection, topic_name, topic_name)
    assert set(answers) == {(topic_name, INVALID_REQUEST)}
    assert metadata_error(broker.address, topic_name) == 0


def test_deleting_by_id(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    other = create_topic(broker.address, topic_name + "-other")
    ids = [described(connection, name).id for name in (topic_name, other)]
    ask = lambda *topics: admin_wire.delete_topics_by(connection, *topics)
    assert [answer[2] for answer in ask((topic_name, ids[0]))] == [INVALID_REQUEST]
    assert [answer[2] for answer in ask((None, admin_wire.NO_ID))] == [INVALID_REQUEST]
    assert {answer[2] for answer in ask((None, ids[0]), (None, ids[0]))} == {INVALID_REQUEST}
    assert {answer[2] for answer in ask((None, ids[0]), (topic_name, admin_wire.NO_ID))} == {
        INVALID_REQUEST
    }
    assert ask((None, b"x" * 16)) == [(None, b"x" * 16, UNKNOWN_ID)]
    assert metadata_error(broker.address, topic_name) == 0
    answers = ask((None, ids[0]), (other, admin_wire.NO_ID))
    assert sorted(answers) == sorted([(topic_name, ids[0], 0), (other, ids[1], 0)])
    for name in (topic_name, other):
        wait_until(lambda: metadata_error(broker.address, name) == UNKNOWN_TOPIC, "the deletion")
    assert ask((None, ids[0])) == [(None, ids[0], UNKNOWN_ID)]


def test_groups_forget_a_deleted_topic(broker, topic_name):
    kept = create_topic(broker.address, topic_name + "-kept")
    groups = [fresh_name("group") for _ in range(5)]

    def committed(group):
        asker = consumer(broker.address, group)
        wanted = [TopicPartition(topic_name, 0), TopicPartition(kept, 0)]
        found = [item.offset for item in asker.committed(wanted, timeout=20)]
        asker.close()
        return found

    create_topic(broker.address, topic_name)
    for group in groups:
        writer = consumer(broker.address, group)
        offsets = [TopicPartition(topic_name, 0, 7), TopicPartition(kept, 0, 8)]
        writer.commit(offsets=offsets, asynchronous=False)
        writer.close()
        assert committed(group) == [7, 8]
    delete_topic(broker.address, topic_name)
    create_topic(broker.address, topic_name)
    for group in groups:
        # Kafka forgets them soon after; Millrace before it says yes
        forgotten = lambda: committed(group)[0] < 0
        assert wait_until(forgotten, "forgetting") if peer_is_apache() else forgotten()
        assert committed(group)[1] == 8


@WAYS
def test_deleted_stays_deleted(make_broker, clean):
    broker = make_broker().start()
    for name in ("gone", "again", "kept"):
        create_topic(broker.address, name, partitions=3)
        for partition in range(3):
            send(producer(broker.address), name, [b"old"] * 100, partition=partition)
    delete_topic(broker.address, "gone", "again")
    create_topic(broker.address, "again", partitions=2)
    send(producer(broker.address), "again", [b"new"] * 10, partition=1)
    for _ in range(2):
        broker.restart(clean)
        assert partition_counts(broker.address, "again", "kept") == [2, 3]
        assert metadata_error(broker.address, "gone") == UNKNOWN_TOPIC
        found = read_all(broker.address, "again", partitions=2)
        assert values_of(found[1]) == [b"new"] * 10 and not found[0]
        found = read_all(broker.address, "kept", partitions=3)
        assert [values_of(messages) for messages in found.values()] == [[b"old"] * 100] * 3
    create_topic(broker.address, "gone", partitions=3)
    assert read_all(broker.address, "gone", partitions=3) == {0: [], 1: [], 2: []}
    sent = send(producer(broker.address), "gone", [b"first"], partition=2)
    assert sent[0].offset() == 0


@pytest.mark.millrace  # Kafka forgets them some time after it said yes
@WAYS
def test_offsets_of_a_deleted_topic_stay_forgotten(make_broker, clean):
    broker = make_broker().start()
    create_topic(broker.address, "orders")
    writer = consumer(broker.address, "billing")
    writer.commit(offsets=[TopicPartition("orders", 0, 40)], asynchronous=False)
    writer.close()
    delete_topic(broker.address, "orders")
    broker.restart(clean)
    create_topic(broker.address, "orders")
    asker = consumer(broker.address, "billing")
    assert asker.committed([TopicPartition("orders", 0)], timeout=20)[0].offset < 0
    asker.close()


def test_partitions_are_added(broker, topic_name):
    create_topic(broker.address, topic_name, partitions=2)
    send(producer(broker.address), topic_name, [b"old"] * 5, partition=1)
    wider = NewPartitions(topic_name, 5)
    only_asked = admin(broker.address).create_partitions([wider], validate_only=True)
    assert only_asked[topic_name].result(timeout=30) is None
    assert partition_counts(broker.address, topic_name) == [2]
    done = admin(broker.address).create_partitions([wider], operation_timeout=20)
    assert done[topic_name].result(timeout=30) is None
    wait_until(lambda: partition_counts(broker.address, topic_name) == [5], "the new partitions")
    with wire.Connection(broker.address) as asker:
        for index in range(5):
            led = lambda: wire.list_offset(asker, topic_name, index, wire.LATEST)[0] == 0
            assert wait_until(led, "a leader") if peer_is_apache() else led()
    send(producer(broker.address), topic_name, [b"new"], partition=4)
    found = read_all(broker.address, topic_name, partitions=5)
    assert [len(messages) for messages in found.values()] == [0, 5, 0, 0, 1]


def test_a_group_reads_the_new_partitions_too(broker, topic_name):
    create_topic(broker.address, topic_name)
    reader = consumer(broker.address, topic_metadata_refresh_interval_ms=100)
    reader.subscribe([topic_name])
    send(producer(broker.address), topic_name, [b"old"])
    assert values_of(poll_count(reader, 1)) == [b"old"]
    reader.commit(asynchronous=False)
    wider = admin(broker.address).create_partitions([NewPartitions(topic_name, 3)])
    assert wider[topic_name].result(timeout=30) is None
    send(producer(broker.address), topic_name, [b"new"], partition=2)
    assert values_of(poll_count(reader, 1)) == [b"new"]
    reader.close()


def test_a_topic_does_not_lose_partitions(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=3)
    for count in (3, 2, 0, -1):
        error, message = admin_wire.create_partitions(connection, topic_name, count)
        assert error == INVALID_PARTITIONS and message
    assert admin_wire.create_partitions(connection, "nobody-made-it", 3)[0] == UNKNOWN_TOPIC
    assert admin_wire.create_partitions(connection, topic_name, 4, times=2)[0] == INVALID_REQUEST
    assert partition_counts(broker.address, topic_name) == [3]


def test_an_absurd_number_of_partitions_is_not_added(broker, connection, topic_name):
    if not peer_is_apache():  # which tries
        create_topic(broker.address, topic_name)
        assert admin_wire.create_partitions(connection, topic_name, 2147483647)[0] != 0
        assert partition_counts(broker.address, topic_name) == [1]


def test_new_partitions_can_be_assigned_to_this_broker(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    ask = lambda *assignments: admin_wire.create_partitions(
        connection, topic_name, 3, assignments=assignments
    )[0]
    assert ask([1]) == INVALID_ASSIGNMENT
    assert ask([1], [1], [1]) == INVALID_ASSIGNMENT
    assert ask([1], [2]) == INVALID_ASSIGNMENT
    assert ask([1], []) == INVALID_ASSIGNMENT
    assert ask([1], [1, 1]) == INVALID_ASSIGNMENT
    assert partition_counts(broker.address, topic_name) == [1]
    assert ask([1], [1]) == 0
    wait_until(lambda: partition_counts(broker.address, topic_name) == [3], "the new partitions")


@WAYS
def test_added_partitions_survive(make_broker, clean):
    broker = make_broker().start()
    create_topic(broker.address, "wide", partitions=2)
    send(producer(broker.address), "wide", [b"a"] * 10, partition=1)
    wider = admin(broker.address).create_partitions([NewPartitions("wide", 6)])
    assert wider["wide"].result(timeout=30) is None
    send(producer(broker.address), "wide", [b"b"] * 10, partition=5)
    broker.restart(clean)
    assert partition_counts(broker.address, "wide") == [6]
    found = read_all(broker.address, "wide", partitions=6)
    assert [len(messages) for messages in found.values()] == [0, 10, 0, 0, 0, 10]


def delete_before(address, topic, offset, partition=0):
    """The low watermark after everything before `offset` was deleted."""
    where = TopicPartition(topic, partition, offset)
    (future,) = admin(address).delete_records([where]).values()
    return future.result(timeout=30).low_watermark


def first_offset(address, topic, partition=0):
    with wire.Connection(address) as asker:
        ask = lambda: wire.list_offset(asker, topic, partition, wire.EARLIEST)
        if peer_is_apache():  # whose partition may not be led yet after a start
            wait_until(lambda: ask()[0] == 0, "a leader")
        error, offset = ask()
    assert error == 0
    return offset


def test_deleted_records_are_not_read(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=2)
    values = [b"%d" % number for number in range(100)]
    for start in range(0, 100, 10):
        send(producer(broker.address), topic_name, values[start : start + 10], partition=0)
    send(producer(broker.address), topic_name, [b"other"], partition=1)
    assert delete_before(broker.address, topic_name, 37) == 37
    assert first_offset(broker.address, topic_name) == 37
    where = TopicPartition(topic_name, 0)
    asked = admin(broker.address).list_offsets({where: OffsetSpec.earliest()})
    assert asked[where].result(timeout=30).offset == 37
    found = read_all(broker.address, topic_name, partitions=2)
    assert values_of(found[0]) == values[37:] and found[0][0].offset() == 37
    assert values_of(found[1]) == [b"other"]
    assert wire.fetch(connection, topic_name, 0, 36).error == OUT_OF_RANGE
    assert delete_before(broker.address, topic_name, 20) == 37, "it never moves back"
    assert delete_before(broker.address, topic_name, OFFSET_END) == 100
    assert read_all(broker.address, topic_name, partitions=2)[0] == []
    sent = send(producer(broker.address), topic_name, [b"next"], partition=0)
    assert sent[0].offset() == 100
    assert values_of(read_all(broker.address, topic_name)[0]) == [b"next"]


def test_only_what_is_there_can_be_deleted(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    send(producer(broker.address), topic_name, [b"x"] * 10)
    ask = lambda *arguments: admin_wire.delete_records(connection, *arguments)
    assert ask(topic_name, 0, 11) == (OUT_OF_RANGE, -1)
    assert ask(topic_name, 0, -2) == (OUT_OF_RANGE, -1)
    assert ask(topic_name, 1, 0) == (UNKNOWN_TOPIC, -1)
    assert ask(topic_name, -1, 0) == (UNKNOWN_TOPIC, -1)
    assert ask("nobody-made-it", 0, 0) == (UNKNOWN_TOPIC, -1)
    assert ask(topic_name, 0, 0) == (0, 0)
    assert len(read_all(broker.address, topic_name)[0]) == 10
    assert ask(topic_name, 0, 10) == (0, 10)


# Kafka writes down now and then where its logs begin, and forgets in a crash what came since.
@pytest.mark.parametrize(
    "clean",
    [True, pytest.param(False, marks=pytest.mark.millrace)],
    ids=["clean stop", "kill -9"],
)
def test_deleted_records_stay_deleted(make_broker, clean):
    broker = make_broker().start()
    create_topic(broker.address, "cut", partitions=2)
    values = [b"%d" % number for number in range(1000)]
    for partition in range(2):
        for start in range(0, 1000, 100):
            send(producer(broker.address), "cut", values[start : start + 100], partition=partition)
    assert delete_before(broker.address, "cut", 555) == 555
    assert delete_before(broker.address, "cut", OFFSET_END, partition=1) == 1000
    for _ in range(2):
        broker.restart(clean)
        assert first_offset(broker.address, "cut") == 555
        assert first_offset(broker.address, "cut", partition=1) == 1000
        found = read_all(broker.address, "cut", partitions=2)
        assert values_of(found[0]) == values[555:] and not found[1]
    assert send(producer(broker.address), "cut", [b"x"], partition=1)[0].offset() == 1000


def test_topics_are_described(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=3)
    asked = TopicCollection([topic_name, topic_name + "-missing"])
    futures = admin(broker.address).describe_topics(asked, include_authorized_operations=True)
    found = futures[topic_name].result(timeout=30)
    assert found.name == topic_name and not found.is_internal and found.authorized_operations
    assert [part.id for part in found.partitions] == [0, 1, 2]
    for part in found.partitions:
        assert f"{part.leader.host}:{part.leader.port}" == broker.address
        assert [node.id for node in part.isr] == [node.id for node in part.replicas] == [part.leader.id]
    assert refusal(futures[topic_name + "-missing"]) == UNKNOWN_TOPIC
    by_hand = described(connection, topic_name)
    assert (by_hand.error, by_hand.partitions) == (0, [0, 1, 2]) and any(by_hand.id)


def test_topics_are_described_page_by_page(broker, connection, topic_name):
    names = [f"{topic_name}-{letter}" for letter in "cab"]
    for name, count in zip(names, (4, 2, 3)):
        create_topic(broker.address, name, partitions=count)
    pages, cursor = [], None
    while True:
        topics, cursor = admin_wire.describe_topic_partitions(connection, names, 3, cursor)
        pages.append([(topic.name[-1], topic.partitions) for topic in topics])
        if cursor is None:
            break
        assert len(pages) < 10
    assert pages == [
        [("a", [0, 1]), ("b", [0])],
        [("b", [1, 2]), ("c", [0])],
        [("c", [1, 2, 3])],
    ]
    topics, cursor = admin_wire.describe_topic_partitions(connection, names, 5)
    assert cursor == (names[0], 0), "a full page ends before the next topic"


def test_all_topics_are_described_from_a_cursor_on(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=2)
    topics, cursor = admin_wire.describe_topic_partitions(connection, [], cursor=(topic_name, 1))
    assert cursor is None
    names = [topic.name for topic in topics]
    assert names == sorted(names) and names[0] == topic_name and topics[0].partitions == [1]
    everything, _ = admin_wire.describe_topic_partitions(connection, [])
    assert set(names) <= {topic.name for topic in everything}


def test_what_cannot_be_described(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    errors = lambda *arguments, **more: {
        topic.name: topic.error
        for topic in admin_wire.describe_topic_partitions(connection, *arguments, **more)[0]
    }
    assert errors([topic_name, "missing", "bad name!"]) == {
        topic_name: 0,
        "missing": UNKNOWN_TOPIC,
        "bad name!": INVALID_TOPIC,
    }
    assert errors([topic_name], cursor=("zzz", 0)) == {topic_name: INVALID_REQUEST}
    assert errors([topic_name], cursor=(topic_name, -1)) == {topic_name: INVALID_REQUEST}
    assert errors([topic_name], limit=-5) == {topic_name: 0}


def test_there_is_nothing_to_elect(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=2)
    for election_type in (0, 1):
        error, found = admin_wire.elect_leaders(
            connection, {topic_name: [0, 1, 2], "missing": [0]}, election_type
        )
        assert error == 0
        assert found == {
            (topic_name, 0): ELECTION_NOT_NEEDED,
            (topic_name, 1): ELECTION_NOT_NEEDED,
            (topic_name, 2): UNKNOWN_TOPIC,
            ("missing", 0): UNKNOWN_TOPIC,
        }
    assert admin_wire.elect_leaders(connection, None) == (0, {})


def test_log_dirs_tell_how_much_is_kept(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=3)
    sizes = lambda: admin_wire.describe_log_dirs(connection, {topic_name: [0, 1], "missing": [0]})
    assert sizes() == {topic_name: {0: 0, 1: 0}}
    send(producer(broker.address), topic_name, [bytes(1000)] * 100, partition=1)
    assert sizes()[topic_name][0] == 0
    assert 100_000 < sizes()[topic_name][1] < 120_000
    everything = admin_wire.describe_log_dirs(connection)
    assert everything[topic_name] == {2: 0} | sizes()[topic_name]
    assert admin_wire.describe_log_dirs(connection, {}) == {}


def test_log_dirs_tell_the_room_of_the_disk(broker, connection):
    wait_until(lambda: admin_wire.disk_space(connection)[0] > 0, "the first look at the disk")
    total, usable = admin_wire.disk_space(connection)
    disk = shutil.disk_usage(broker.directory)
    assert total == disk.total
    assert abs(usable - disk.free) < disk.total // 10


def test_producers_of_a_partition(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=2)
    send(producer(broker.address, enable_idempotence=False), topic_name, [b"plain"], partition=0)
    assert admin_wire.describe_producers(connection, topic_name, 0) == (0, {})
    writer = producer(broker.address, enable_idempotence=True)
    now = int(time.time() * 1000)
    send(writer, topic_name, [b"x"] * 7, partition=0, timestamp=now)
    error, found = admin_wire.describe_producers(connection, topic_name, 0)
    ((producer_id, state),) = found.items()
    assert error == 0 and producer_id >= 0
    assert (state.epoch, state.last_sequence) == (0, 6)
    assert state.last_timestamp == now
    assert admin_wire.describe_producers(connection, topic_name, 1) == (0, {})
    assert admin_wire.describe_producers(connection, topic_name, 2)[0] == UNKNOWN_TOPIC
    assert admin_wire.describe_producers(connection, "missing", 0)[0] == UNKNOWN_TOPIC

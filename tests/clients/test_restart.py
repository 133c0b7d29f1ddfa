"""A broker that comes back: the data is there, offsets continue, epochs tell the lives apart."""

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, TopicPartition

from support import batches, wire
from support.broker import peer_is_apache
from support.clients import (
    Deliveries,
    consumer,
    create_topic,
    partition_counts,
    producer,
    read_all,
    send,
    values_of,
)
from support.waiting import wait_until

WAYS = pytest.mark.parametrize("clean", [True, False], ids=["clean stop", "kill -9"])


@WAYS
def test_data_survives_and_offsets_continue(make_broker, clean):
    broker = make_broker().start()
    create_topic(broker.address, "kept", partitions=3)
    expected = {partition: [] for partition in range(3)}
    for life in range(4):
        writer = producer(broker.address, compression_type=["none", "zstd", "lz4", "gzip"][life])
        for partition in expected:
            values = [b"life %d value %d" % (life, number) for number in range(200)]
            sent = send(writer, "kept", values, partition=partition)
            assert [m.offset() for m in sent] == list(
                range(len(expected[partition]), len(expected[partition]) + 200)
            )
            expected[partition] += values
        broker.restart(clean)
        found = read_all(broker.address, "kept", partitions=3)
        assert {partition: values_of(messages) for partition, messages in found.items()} == expected


@WAYS
def test_large_values_survive(make_broker, clean):
    broker = make_broker().start()
    values = [bytes([number]) * 900_000 for number in range(60)]
    send(producer(broker.address), "large", values)
    broker.restart(clean)
    assert values_of(read_all(broker.address, "large")[0]) == values


@WAYS
def test_topics_survive(make_broker, clean):
    broker = make_broker().start()
    for number in range(20):
        create_topic(broker.address, f"topic-{number}", partitions=number % 5 + 1)
    names = [f"topic-{number}" for number in range(20)]
    expected = [number % 5 + 1 for number in range(20)]
    assert partition_counts(broker.address, *names) == expected
    broker.restart(clean)
    assert partition_counts(broker.address, *names) == expected


@WAYS
def test_topic_configs_survive(make_broker, clean):
    broker = make_broker().start()
    create_topic(broker.address, "small", max_message_bytes="5000")
    create_topic(broker.address, "stamped", message_timestamp_type="LogAppendTime")
    broker.restart(clean)
    reports = Deliveries()
    writer = producer(broker.address)
    writer.produce("small", bytes(6000), on_delivery=reports)
    assert writer.flush(30) == 0
    assert [error.code() for error in reports.errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
    send(writer, "stamped", [b"x"], timestamp=1_600_000_000_000)
    kind, _ = read_all(broker.address, "stamped")[0][0].timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME


@pytest.mark.millrace
@WAYS
def test_relaxed_topics_survive_the_process(make_broker, clean):
    """durability=relaxed may lose an answered record with the power, never with the process."""
    broker = make_broker().start()
    create_topic(broker.address, "relaxed", durability="relaxed")
    values = [b"%d" % number for number in range(5000)]
    send(producer(broker.address, acks="all"), "relaxed", values)
    broker.restart(clean)
    assert values_of(read_all(broker.address, "relaxed")[0]) == values


@WAYS
def test_clients_go_on_over_the_restart(make_broker, clean):
    """The same producer and the same consumer objects; a jump of the reader would be an error."""
    broker = make_broker().start()
    create_topic(broker.address, "living")
    writer = producer(broker.address, enable_idempotence=True)
    reader = consumer(broker.address, auto_offset_reset="error")
    reader.assign([TopicPartition("living", 0, 0)])
    for life in range(3):
        values = [b"%d.%d" % (life, number) for number in range(300)]
        send(writer, "living", values)
        got = []

        def all_here():
            got.extend(
                m
                for m in reader.consume(300, timeout=0.1)
                if not (m.error() and m.error().retriable())
            )
            return len(got) >= 300

        wait_until(all_here, "the records of this life")
        assert values_of(got) == values
        broker.restart(clean)
    reader.close()


def epoch_of(broker, topic):
    with wire.Connection(broker.address) as connection:
        wait_until(lambda: wire.leader_epoch(connection, topic) is not None, "a leader")
        return wire.leader_epoch(connection, topic)


def test_leader_epochs_tell_the_lives_apart(make_broker):
    broker = make_broker().start()
    create_topic(broker.address, "epochs")
    send(producer(broker.address), "epochs", [b"x"] * 10)
    first = epoch_of(broker, "epochs")
    broker.restart(clean=False)
    second = epoch_of(broker, "epochs")
    assert second > first, "the epoch rises at every start that did not end cleanly"
    send(producer(broker.address), "epochs", [b"y"] * 5)
    with wire.Connection(broker.address) as connection:
        assert wire.epoch_end(connection, "epochs", 0, first) == (0, first, 10)
        assert wire.epoch_end(connection, "epochs", 0, second) == (0, second, 15)
        error, epoch, end = wire.epoch_end(connection, "epochs", 0, second + 100)
        assert (error, epoch, end) == (0, -1, -1), "an epoch that never was"
        # One answer may hold as little as one batch.
        stored = batches.headers(wire.fetch(connection, "epochs", 0, 0).records)
        if stored[-1].base_offset < 10:
            stored += batches.headers(wire.fetch(connection, "epochs", 0, 10).records)
    written = {(header.leader_epoch, header.base_offset >= 10) for header in stored}
    assert written == {
        (first, False),
        (second, True),
    }, "each batch carries the epoch it was written in"


def test_epochs_survive_further_restarts(make_broker):
    broker = make_broker().start()
    create_topic(broker.address, "epochs")
    ends = {}
    for life in range(3):
        send(producer(broker.address), "epochs", [b"x"] * 4)
        ends[epoch_of(broker, "epochs")] = (life + 1) * 4
        broker.restart(clean=life == 1)
    assert list(ends) == sorted(ends)
    with wire.Connection(broker.address) as connection:
        wait_until(lambda: wire.epoch_end(connection, "epochs", 0, min(ends))[0] == 0, "a leader")
        for epoch, end in ends.items():
            assert wire.epoch_end(connection, "epochs", 0, epoch)[2] == end


@WAYS
def test_ready_again_within_seconds(make_broker, record_property, clean):
    broker = make_broker().start()
    send(producer(broker.address), "some", [b"x" * 100] * 10_000)
    broker.restart(clean)
    record_property("seconds_to_ready", broker.seconds_to_ready)
    print(f"ready {broker.seconds_to_ready:.3f} s after the restart")
    assert broker.seconds_to_ready < (60 if peer_is_apache() else 5)
    assert len(read_all(broker.address, "some")[0]) == 10_000

"""What goes in comes out: every codec, by librdkafka and by kcat, with all parts of a record intact."""

import os
import subprocess
import time

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaError,
    TopicPartition,
)

from support import batches, clients, wire
from support.clients import (
    consumer,
    create_topic,
    kcat,
    partition_counts,
    poll_count,
    producer,
    read_all,
    send,
    values_of,
)
from support.waiting import wait_until

CODECS = list(batches.CODECS)
TEXTS = [f"line {number} ".encode() + b"compressible " * 10 for number in range(500)]


def stored_codecs(broker, topic):
    """The codecs of the batches as the broker keeps and returns them."""
    with wire.Connection(broker.address) as connection:
        answer = wire.fetch(connection, topic, 0, 0)
    assert answer.error == 0
    return {header.codec for header in batches.headers(answer.records)}


@pytest.mark.parametrize("codec", CODECS)
def test_librdkafka_round_trip(broker, topic_name, codec):
    create_topic(broker.address, topic_name)
    send(producer(broker.address, compression_type=codec, linger_ms=50), topic_name, TEXTS)
    assert values_of(read_all(broker.address, topic_name)[0]) == TEXTS
    assert stored_codecs(broker, topic_name) == {batches.CODECS[codec]}


@pytest.mark.parametrize("codec", CODECS)
def test_kcat_round_trip(broker, topic_name, codec):
    create_topic(broker.address, topic_name)
    kcat(broker.address, "-P", "-t", topic_name, "-z", codec, stdin=b"\n".join(TEXTS) + b"\n")
    assert (
        kcat(broker.address, "-C", "-t", topic_name, "-o", "beginning", "-e", "-q").splitlines()
        == TEXTS
    )
    assert stored_codecs(broker, topic_name) == {batches.CODECS[codec]}


@pytest.mark.parametrize("codec", CODECS)
def test_written_by_one_client_read_by_the_other(broker, topic_name, codec):
    create_topic(broker.address, topic_name)
    kcat(broker.address, "-P", "-t", topic_name, "-z", codec, stdin=b"from kcat\n")
    send(producer(broker.address, compression_type=codec), topic_name, [b"from python"])
    both = [b"from kcat", b"from python"]
    assert values_of(read_all(broker.address, topic_name)[0]) == both
    assert (
        kcat(broker.address, "-C", "-t", topic_name, "-o", "beginning", "-e", "-q").splitlines()
        == both
    )


@pytest.mark.parametrize("codec", CODECS)
def test_keys_values_headers_and_timestamps_are_intact(broker, topic_name, codec):
    create_topic(broker.address, topic_name)
    sent = [
        dict(key=b"key", value=b"value", headers=[("h", b"1")], timestamp=1_600_000_000_000),
        dict(key=None, value=b"no key", headers=None, timestamp=1_600_000_000_001),
        dict(key=b"no value", value=None, headers=None, timestamp=1_600_000_000_500),
        dict(
            key=b"",
            value=b"",
            headers=[("empty", b""), ("null", None)],
            timestamp=1_599_999_999_999,
        ),
        dict(
            key=bytes(range(256)),
            value=bytes(range(256)) * 4,
            headers=[("same", b"first"), ("same", b"second"), ("Ünïcode ☃", bytes(range(256)))],
            timestamp=1_700_000_000_000,
        ),
    ]
    reports = clients.Deliveries()
    writer = producer(broker.address, compression_type=codec, linger_ms=100)
    for fields in sent:
        writer.produce(topic_name, on_delivery=reports, **fields)
    assert writer.flush(30) == 0 and not reports.errors

    received = read_all(broker.address, topic_name)[0]
    assert [
        dict(key=m.key(), value=m.value(), headers=m.headers(), timestamp=m.timestamp()[1])
        for m in received
    ] == sent
    assert {m.timestamp()[0] for m in received} == {TIMESTAMP_CREATE_TIME}
    assert [m.offset() for m in received] == list(range(len(sent)))
    assert [m.offset() for m in reports.messages] == list(range(len(sent)))


@pytest.mark.parametrize("codec", CODECS)
def test_values_near_one_megabyte(broker, topic_name, codec):
    create_topic(broker.address, topic_name)
    values = [os.urandom(1_040_000) for _ in range(5)] + [b"a" * 1_040_000, b"", b"small"]
    send(
        producer(broker.address, compression_type=codec, message_max_bytes=1_048_588),
        topic_name,
        values,
    )
    assert values_of(read_all(broker.address, topic_name)[0]) == values


@pytest.mark.parametrize("acks", ["all", "1", "0"])
def test_a_value_above_the_limit_is_refused_by_the_broker(broker, topic_name, acks):
    create_topic(broker.address, topic_name)
    writer = producer(broker.address, message_max_bytes=20_000_000, acks=acks)
    reports = clients.Deliveries()
    writer.produce(topic_name, os.urandom(2_000_000), on_delivery=reports)
    assert writer.flush(30) == 0
    if acks != "0":
        assert [error.code() for error in reports.errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
    send(producer(broker.address), topic_name, [b"after"])
    assert values_of(read_all(broker.address, topic_name)[0]) == [b"after"]


def test_the_limit_is_the_topics_own(broker, topic_name):
    small = create_topic(broker.address, topic_name + "-small", max_message_bytes="5000")
    large = create_topic(broker.address, topic_name + "-large", max_message_bytes="5000000")
    reports = clients.Deliveries()
    writer = producer(broker.address, message_max_bytes=20_000_000)
    writer.produce(small, os.urandom(6000), on_delivery=reports)
    assert writer.flush(30) == 0
    assert [error.code() for error in reports.errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
    value = os.urandom(4_000_000)
    send(writer, large, [value])
    assert values_of(read_all(broker.address, large)[0]) == [value]


@pytest.mark.parametrize("codec", CODECS)
def test_log_append_time(broker, topic_name, codec):
    """The time of the broker in the place of the client's; the checksum is right all the same."""
    create_topic(broker.address, topic_name, message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000)
    writer = producer(broker.address, compression_type=codec, linger_ms=50)
    send(writer, topic_name, TEXTS, timestamp=1_600_000_000_000)
    after = int(time.time() * 1000)
    messages = read_all(broker.address, topic_name, check_crcs=True)[0]
    assert values_of(messages) == TEXTS
    assert {message.timestamp()[0] for message in messages} == {TIMESTAMP_LOG_APPEND_TIME}
    assert all(before <= message.timestamp()[1] <= after for message in messages)
    assert stored_codecs(broker, topic_name) == {batches.CODECS[codec]}


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks(broker, topic_name, acks):
    create_topic(broker.address, topic_name)
    values = [b"%d" % number for number in range(1000)]
    delivered = send(producer(broker.address, acks=acks), topic_name, values)
    if acks != "0":
        assert [message.offset() for message in delivered] == list(range(1000))
    # acks=0 promises nothing about when; without a fault all of it still arrives
    wait_until(lambda: values_of(read_all(broker.address, topic_name)[0]) == values, "all values")


def test_producing_creates_the_topic(broker, topic_name):
    send(producer(broker.address), topic_name, [b"first"])
    assert values_of(read_all(broker.address, topic_name)[0]) == [b"first"]
    assert partition_counts(broker.address, topic_name) == [1]


def test_kcat_creates_the_topic(broker, topic_name):
    kcat(broker.address, "-P", "-t", topic_name, stdin=b"first\n")
    assert kcat(broker.address, "-C", "-t", topic_name, "-o", "beginning", "-e", "-q") == b"first\n"


def test_many_partitions_keep_their_own_order(broker, topic_name):
    create_topic(broker.address, topic_name, partitions=64)
    writer = producer(broker.address)
    reports = clients.Deliveries()
    for number in range(30):
        for partition in range(64):
            writer.produce(
                topic_name, b"%d/%d" % (partition, number), partition=partition, on_delivery=reports
            )
    assert writer.flush(30) == 0 and not reports.errors
    found = read_all(broker.address, topic_name, partitions=64)
    for partition, messages in found.items():
        assert values_of(messages) == [b"%d/%d" % (partition, number) for number in range(30)]
        assert [message.offset() for message in messages] == list(range(30))


def test_equal_keys_share_a_partition(broker, topic_name):
    create_topic(broker.address, topic_name, partitions=8)
    writer = producer(broker.address)
    for number in range(400):
        writer.produce(topic_name, b"%d" % number, key=b"key %d" % (number % 40))
    assert writer.flush(30) == 0
    found = read_all(broker.address, topic_name, partitions=8)
    homes = {}
    for partition, messages in found.items():
        for message in messages:
            homes.setdefault(message.key(), set()).add(partition)
    assert sum(len(messages) for messages in found.values()) == 400
    assert len(homes) == 40 and all(len(partitions) == 1 for partitions in homes.values())


def test_a_waiting_reader_is_woken_by_the_record(broker, topic_name):
    """A long poll ends with the record, not with its time-out."""
    create_topic(broker.address, topic_name)
    reader = consumer(broker.address, fetch_wait_max_ms=60000, socket_timeout_ms=90000)
    reader.assign([TopicPartition(topic_name, 0, 0)])
    writer = producer(broker.address)
    for number in range(5):
        send(writer, topic_name, [b"%d" % number])
        before = time.monotonic()
        assert values_of(poll_count(reader, 1)) == [b"%d" % number]
        assert time.monotonic() - before < 20
    reader.close()


def test_many_readers_see_the_same(broker, topic_name):
    create_topic(broker.address, topic_name)
    values = [b"%d" % number for number in range(2000)]
    readers = [consumer(broker.address) for _ in range(5)]
    for reader in readers:
        reader.assign([TopicPartition(topic_name, 0, 0)])
    send(producer(broker.address), topic_name, values)
    for reader in readers:
        assert values_of(poll_count(reader, 2000)) == values
        reader.close()


def test_kcat_lists_the_topics(broker, topic_name):
    create_topic(broker.address, topic_name, partitions=3)
    text = kcat(broker.address, "-L").decode()
    assert f'topic "{topic_name}" with 3 partitions' in text
    assert f"at {broker.address}" in text
    one = kcat(broker.address, "-L", "-t", topic_name).decode()
    assert all(f"partition {index}, leader " in one for index in range(3))


def test_kcat_offsets(broker, topic_name):
    create_topic(broker.address, topic_name)
    kcat(broker.address, "-P", "-t", topic_name, stdin=b"0\n1\n2\n3\n4\n")
    read = lambda *where: kcat(
        broker.address, "-C", "-t", topic_name, "-p", "0", "-q", *where
    ).split()
    assert read("-o", "beginning", "-e") == [b"0", b"1", b"2", b"3", b"4"]
    assert read("-o", "3", "-e") == [b"3", b"4"]
    assert read("-o", "-2", "-e") == [b"3", b"4"]
    assert read("-o", "end", "-e") == []
    assert read("-o", "1", "-c", "2") == [b"1", b"2"]


def test_kcat_queries_offsets_by_time(broker, topic_name):
    create_topic(broker.address, topic_name)
    writer = producer(broker.address)
    for index in range(5):
        writer.produce(topic_name, b"%d" % index, timestamp=1_600_000_000_000 + index * 1000)
        assert writer.flush(30) == 0

    def query(timestamp):
        line = kcat(broker.address, "-Q", "-t", f"{topic_name}:0:{timestamp}").decode().split()
        return int(line[-1])

    assert query(1_599_000_000_000) == 0
    assert query(1_600_000_002_000) == 2
    assert query(1_600_000_002_001) == 3
    assert query(1_700_000_000_000) == -1
    assert query(-2) == 0
    assert query(-1) == 5
    read = kcat(
        broker.address,
        "-C",
        "-t",
        topic_name,
        "-p",
        "0",
        "-q",
        "-o",
        "s@1600000001000",
        "-o",
        "e@1600000003000",
        "-e",
    )
    assert read.split() == [b"1", b"2"]


def test_kcat_keys_and_headers(broker, topic_name):
    create_topic(broker.address, topic_name)
    kcat(
        broker.address,
        "-P",
        "-t",
        topic_name,
        "-K",
        ":",
        "-H",
        "colour=blue",
        stdin=b"k1:v1\nk2:v2\n",
    )
    shown = kcat(
        broker.address,
        "-C",
        "-t",
        topic_name,
        "-o",
        "beginning",
        "-e",
        "-q",
        "-f",
        "%k=%s %h %o\\n",
    )
    assert shown == b"k1=v1 colour=blue 0\nk2=v2 colour=blue 1\n"


def test_kcat_follows_a_topic(broker, topic_name):
    create_topic(broker.address, topic_name)
    follower = subprocess.Popen(
        [
            "kcat",
            "-b",
            broker.address,
            "-C",
            "-t",
            topic_name,
            "-o",
            "beginning",
            "-c",
            "3",
            "-q",
            "-u",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        for value in (b"a", b"b", b"c"):
            send(producer(broker.address), topic_name, [value])
        output, _ = follower.communicate(timeout=30)
        assert output == b"a\nb\nc\n"
    finally:
        follower.kill()


def test_reading_past_the_end_resets_or_fails(broker, topic_name):
    create_topic(broker.address, topic_name)
    send(producer(broker.address), topic_name, [b"only"])
    reader = consumer(broker.address, auto_offset_reset="error")
    reader.assign([TopicPartition(topic_name, 0, 1000)])

    def refused():
        message = reader.poll(0.1)
        return message is not None and message.error()

    assert wait_until(refused, "the error").code() == KafkaError._AUTO_OFFSET_RESET
    reader.close()
    resetting = consumer(broker.address, auto_offset_reset="earliest")
    resetting.assign([TopicPartition(topic_name, 0, 1000)])
    assert values_of(poll_count(resetting, 1)) == [b"only"]
    resetting.close()


def test_watermarks(broker, topic_name):
    create_topic(broker.address, topic_name)
    reader = consumer(broker.address)
    where = TopicPartition(topic_name, 0)
    assert reader.get_watermark_offsets(where, timeout=20) == (0, 0)
    send(producer(broker.address), topic_name, [b"x"] * 7)
    assert reader.get_watermark_offsets(where, timeout=20) == (0, 7)
    reader.close()

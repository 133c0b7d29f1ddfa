"""Topics and what clients ask about them; and the first thing every client asks, the versions."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import NewTopic, OffsetSpec

from support import admin_wire, clients, wire
from support.broker import peer_is_apache
from support.clients import admin, create_topic, partition_counts, producer, send
from support.waiting import wait_until

UNKNOWN_TOPIC, INVALID_TOPIC, UNSUPPORTED_VERSION = 3, 17, 35
TOPIC_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_CONFIG = 36, 37, 38, 40

# What a client needs to produce, to consume in groups and to be idempotent; and administration.
FIRST_APIS = [
    wire.PRODUCE,
    wire.FETCH,
    wire.LIST_OFFSETS,
    wire.METADATA,
    wire.OFFSET_COMMIT,
    wire.OFFSET_FETCH,
    wire.FIND_COORDINATOR,
    11,
    12,
    13,
    14,
    15,
    16,
    wire.API_VERSIONS,
    wire.CREATE_TOPICS,
    admin_wire.DELETE_TOPICS,
    admin_wire.DELETE_RECORDS,
    wire.INIT_PRODUCER_ID,
    wire.OFFSET_FOR_LEADER_EPOCH,
    admin_wire.DESCRIBE_CONFIGS,
    admin_wire.ALTER_CONFIGS,
    admin_wire.DESCRIBE_LOG_DIRS,
    admin_wire.CREATE_PARTITIONS,
    42,
    admin_wire.ELECT_LEADERS,
    admin_wire.INCREMENTAL_ALTER_CONFIGS,
    47,
    60,
    admin_wire.DESCRIBE_PRODUCERS,
    admin_wire.LIST_CONFIG_RESOURCES,
    admin_wire.DESCRIBE_TOPIC_PARTITIONS,
]


@pytest.fixture
def connection(broker):
    with wire.Connection(broker.address) as open_connection:
        yield open_connection


def created_error(future):
    with pytest.raises(KafkaException) as raised:
        future.result(timeout=30)
    return raised.value.args[0].code()


def test_create_topics_with_partitions_and_configs(broker):
    names = [clients.fresh_name("made") for _ in range(3)]
    topics = [
        NewTopic(names[0], num_partitions=1),
        NewTopic(names[1], num_partitions=7),
        NewTopic(
            names[2],
            num_partitions=2,
            replication_factor=1,
            config={"max.message.bytes": "2000000", "cleanup.policy": "delete"},
        ),
    ]
    for future in admin(broker.address).create_topics(topics).values():
        assert future.result(timeout=30) is None
    assert partition_counts(broker.address, *names) == [1, 7, 2]


def test_create_topic_by_default_partitions(broker, topic_name):
    topic = NewTopic(topic_name, num_partitions=-1, replication_factor=-1)
    assert admin(broker.address).create_topics([topic])[topic_name].result(timeout=30) is None
    assert partition_counts(broker.address, topic_name) == [1]


def test_existing_topic_is_an_error(broker, topic_name):
    create_topic(broker.address, topic_name)
    again = admin(broker.address).create_topics([NewTopic(topic_name, num_partitions=5)])[
        topic_name
    ]
    assert created_error(again) == KafkaError.TOPIC_ALREADY_EXISTS
    assert partition_counts(broker.address, topic_name) == [1]


def test_one_bad_topic_does_not_fail_the_others(broker, topic_name):
    good, bad = NewTopic(topic_name, num_partitions=1), NewTopic("bad name!", num_partitions=1)
    futures = admin(broker.address).create_topics([bad, good])
    assert created_error(futures["bad name!"]) == KafkaError.TOPIC_EXCEPTION
    assert futures[topic_name].result(timeout=30) is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a\n", "ünï", "x" * 250])
def test_invalid_names_are_refused(connection, name):
    assert wire.create_topic(connection, name)[0] == INVALID_TOPIC
    error, partitions = wire.metadata(connection, [name], auto_create=True).topics[name]
    assert error == INVALID_TOPIC and not partitions


def test_the_longest_name_is_accepted(connection):
    assert wire.create_topic(connection, "y" * 249)[0] == 0


@pytest.mark.parametrize("partitions", [0, -2, -2147483648])
def test_invalid_partition_counts_are_refused(connection, topic_name, partitions):
    error, message = wire.create_topic(connection, topic_name, partitions=partitions)
    assert error == INVALID_PARTITIONS and message


def test_an_absurd_partition_count_is_refused(broker, connection, topic_name):
    assert wire.create_topic(connection, topic_name, partitions=2147483647)[0] != 0
    assert wire.metadata(connection, [topic_name]).topics[topic_name][0] == UNKNOWN_TOPIC
    broker.assert_alive()


@pytest.mark.parametrize("factor", [0, -2])
def test_invalid_replication_factors_are_refused(connection, topic_name, factor):
    assert wire.create_topic(connection, topic_name, replication=factor)[0] == INVALID_REPLICATION


def test_replication_factor_three(connection, topic_name):
    """One machine is one copy: Millrace accepts the wish and reports what is; one Kafka broker refuses."""
    error, _ = wire.create_topic(connection, topic_name, replication=3)
    if peer_is_apache():
        assert error == INVALID_REPLICATION
        return
    assert error == 0
    error, partitions = wire.metadata(connection, [topic_name]).topics[topic_name]
    assert error == 0 and len(partitions[0][3]) == 1


def test_unknown_configs_are_refused(connection, topic_name):
    assert (
        wire.create_topic(connection, topic_name, configs=[("no.such.config", "1")])[0]
        == INVALID_CONFIG
    )
    assert wire.metadata(connection, [topic_name]).topics[topic_name][0] == UNKNOWN_TOPIC


def test_values_a_config_does_not_take_are_refused(connection, topic_name):
    for config in [("max.message.bytes", "many"), ("message.timestamp.type", "Tomorrow")]:
        error, message = wire.create_topic(connection, topic_name, configs=[config])
        assert error == INVALID_CONFIG and config[0] in message
    assert wire.metadata(connection, [topic_name]).topics[topic_name][0] == UNKNOWN_TOPIC


def test_validate_only_creates_nothing(broker, topic_name):
    topic = NewTopic(topic_name, num_partitions=2)
    assert (
        admin(broker.address)
        .create_topics([topic], validate_only=True)[topic_name]
        .result(timeout=30)
        is None
    )
    assert topic_name not in admin(broker.address).list_topics(timeout=20).topics


def test_unknown_topics_are_named_unknown(connection, topic_name):
    assert wire.metadata(connection, [topic_name]).topics[topic_name][0] == UNKNOWN_TOPIC
    assert wire.fetch(connection, topic_name, 0, 0).error == UNKNOWN_TOPIC
    assert wire.list_offset(connection, topic_name, 0, wire.LATEST)[0] == UNKNOWN_TOPIC
    assert wire.offset_commit(connection, "group", topic_name, 0, 1) == UNKNOWN_TOPIC


def test_asking_for_a_topic_creates_it_only_when_allowed(connection, topic_name):
    ask = lambda allowed: wire.metadata(connection, [topic_name], auto_create=allowed).topics[
        topic_name
    ][0]
    assert ask(False) == UNKNOWN_TOPIC
    wait_until(lambda: ask(True) == 0, "the topic")
    assert ask(False) == 0


def test_unknown_partitions_are_named_unknown(broker, connection, topic_name):
    create_topic(broker.address, topic_name, partitions=2)
    assert wire.fetch(connection, topic_name, 2, 0).error == UNKNOWN_TOPIC
    assert wire.list_offset(connection, topic_name, -1, wire.LATEST)[0] == UNKNOWN_TOPIC
    assert wire.epoch_end(connection, topic_name, 7, 0)[0] == UNKNOWN_TOPIC


def test_list_offsets(broker, topic_name):
    create_topic(broker.address, topic_name)
    for step in (0, 1, 2):
        send(
            producer(broker.address), topic_name, [b"x"], timestamp=1_600_000_000_000 + step * 1000
        )
    where = TopicPartition(topic_name, 0)

    def offset(spec):
        return admin(broker.address).list_offsets({where: spec})[where].result(timeout=30).offset

    assert offset(OffsetSpec.earliest()) == 0
    assert offset(OffsetSpec.latest()) == 3
    assert offset(OffsetSpec.for_timestamp(1_600_000_001_000)) == 1
    assert offset(OffsetSpec.for_timestamp(1_600_000_000_001)) == 1
    assert offset(OffsetSpec.max_timestamp()) == 2


def test_versions_cover_what_clients_need(connection):
    ranges = wire.api_versions(connection)
    missing = [key for key in FIRST_APIS if key not in ranges]
    assert not missing
    assert all(0 <= low <= high for low, high in ranges.values())
    # librdkafka reads a Produce minimum of 0 as the sign of message format support
    assert ranges[wire.PRODUCE][0] == 0


def test_an_unknown_version_of_api_versions_gets_a_version_0_body(connection):
    for version in (99, 32767):
        error, ranges = wire.version_ranges(
            connection.request(wire.API_VERSIONS, version, b"\1\1\0")
        )
        assert error == UNSUPPORTED_VERSION
        low, high = ranges[wire.API_VERSIONS]
        assert low == 0 and 3 <= high < 99
    assert wire.api_versions(connection), "the connection goes on"


@pytest.mark.parametrize("api_key", [4, 999, 32767, -1])
def test_an_unknown_api_is_an_error_or_the_end_of_the_connection(broker, api_key):
    with wire.Connection(broker.address, timeout_s=10) as stranger:
        stranger.send(api_key, 0, b"")
        assert stranger.is_answered_or_closed()
    with wire.Connection(broker.address) as other:
        assert wire.api_versions(other)


@pytest.mark.parametrize("version", [-1, 1000])
def test_an_unknown_version_of_an_api_is_an_error_or_the_end_of_the_connection(broker, version):
    for api_key in FIRST_APIS:
        if api_key == wire.API_VERSIONS:
            continue
        with wire.Connection(broker.address, timeout_s=10) as stranger:
            stranger.send(api_key, version, b"\0" * 40)
            assert stranger.is_answered_or_closed(), f"api {api_key}"
    with wire.Connection(broker.address) as other:
        assert wire.api_versions(other)

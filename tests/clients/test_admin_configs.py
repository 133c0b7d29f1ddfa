"""Configs: read with where they come from, changed one by one or all at once, in force at once."""

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
)

from support import admin_wire, wire
from support.admin_wire import APPEND, BROKER, DELETE, SET, SUBTRACT, TOPIC
from support.batches import build, record
from support.broker import peer_is_apache
from support.clients import Deliveries, admin, create_topic, producer, read_all, send
from support.waiting import wait_until

UNKNOWN_TOPIC, INVALID_TOPIC, UNSUPPORTED_VERSION, INVALID_CONFIG, INVALID_REQUEST = 3, 17, 35, 40, 42
POLICY_VIOLATION, INVALID_RECORD = 44, 87

WAYS = pytest.mark.parametrize("clean", [True, False], ids=["clean stop", "kill -9"])


@pytest.fixture
def connection(broker):
    with wire.Connection(broker.address) as open_connection:
        yield open_connection


def described(address, topic):
    """{name: ConfigEntry} of a topic, by the real client."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    return admin(address).describe_configs([resource])[resource].result(timeout=30)


def value(address, topic, name):
    return described(address, topic)[name].value


def change(address, topic, **settings):
    """Sets configs by the real client, and deletes those that are None; returns when it is so."""
    entries = []
    for name, wanted in settings.items():
        kind = AlterConfigOpType.DELETE if wanted is None else AlterConfigOpType.SET
        entries.append(
            ConfigEntry(name.replace("_", "."), wanted, incremental_operation=kind)
        )
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    done = admin(address).incremental_alter_configs([resource])
    assert done[resource].result(timeout=30) is None


def too_large(address, topic, size):
    """Whether a record of this size is refused for its size."""
    reports = Deliveries()
    writer = producer(address)
    writer.produce(topic, bytes(size), on_delivery=reports)
    assert writer.flush(30) == 0
    assert len(reports.messages) + len(reports.errors) == 1
    if reports.errors:
        assert [error.code() for error in reports.errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
    return bool(reports.errors)


def test_configs_of_a_topic(broker, connection, topic_name):
    create_topic(broker.address, topic_name, max_message_bytes="5000")
    found = described(broker.address, topic_name)
    assert found["max.message.bytes"].value == "5000"
    assert found["max.message.bytes"].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    assert found["cleanup.policy"].value == "delete"
    assert found["cleanup.policy"].source == ConfigSource.DEFAULT_CONFIG.value
    assert found["cleanup.policy"].is_default and not found["max.message.bytes"].is_default
    assert {"retention.ms", "retention.bytes", "message.timestamp.type"} <= set(found)
    assert not any(entry.is_read_only or entry.is_sensitive for entry in found.values())


def test_some_configs_of_a_topic(connection, broker, topic_name):
    create_topic(broker.address, topic_name, max_message_bytes="5000")
    ask = lambda keys, **more: admin_wire.describe_configs(
        connection, TOPIC, topic_name, keys, **more
    )[1]
    assert set(ask(["cleanup.policy", "no.such.config"])) == {"cleanup.policy"}
    assert set(ask([])) == set(ask(None)) > {"cleanup.policy"}, "an empty list asks for all"
    assert ask(None)["max.message.bytes"].synonyms == []
    (set_here, default) = ask(None, synonyms=True)["max.message.bytes"].synonyms
    assert set_here == ("max.message.bytes", "5000", 1)
    assert default == ("message.max.bytes", "1048588", 5)


def test_configs_of_topics_that_are_not_there(connection):
    assert admin_wire.describe_configs(connection, TOPIC, "missing") == (UNKNOWN_TOPIC, {})
    assert admin_wire.describe_configs(connection, TOPIC, "bad name!") == (INVALID_TOPIC, {})
    for ask in (admin_wire.alter_configs, admin_wire.incremental_alter_configs):
        assert ask(connection, TOPIC, "missing", [])[0] == UNKNOWN_TOPIC


def test_configs_of_the_broker(broker, connection):
    resource = ConfigResource(ConfigResource.Type.BROKER, "1")
    found = admin(broker.address).describe_configs([resource])[resource].result(timeout=30)
    assert found["num.partitions"].value == "1"
    assert found["message.max.bytes"].value == "1048588"
    assert found["auto.create.topics.enable"].value == "true"
    assert broker.address in found["advertised.listeners"].value
    assert found["num.partitions"].is_read_only
    error, everything = admin_wire.describe_configs(connection, BROKER, "1")
    assert error == 0 and set(everything) == set(found)
    assert set(admin_wire.describe_configs(connection, BROKER, "1", ["node.id"])[1]) == {"node.id"}
    error, of_all_brokers = admin_wire.describe_configs(connection, BROKER, "")
    assert error == 0 and not set(of_all_brokers) - {"min.insync.replicas"}  # which Kafka sets
    assert admin_wire.describe_configs(connection, BROKER, "77") == (INVALID_REQUEST, {})


def test_configs_of_the_broker_stay(connection):
    before = admin_wire.describe_configs(connection, BROKER, "1")[1]["num.partitions"].value
    ask = admin_wire.incremental_alter_configs
    error, message = ask(connection, BROKER, "1", [("num.partitions", SET, "7")])
    assert error in (INVALID_REQUEST, INVALID_CONFIG) and message
    after = admin_wire.describe_configs(connection, BROKER, "1")[1]["num.partitions"].value
    assert (before, after) == ("1", "1")


@pytest.mark.millrace  # Kafka has loggers to describe
def test_other_resources_have_no_configs(connection):
    for kind in (admin_wire.BROKER_LOGGER, admin_wire.CLIENT_METRICS, admin_wire.GROUP, 99):
        assert admin_wire.describe_configs(connection, kind, "1") == (INVALID_REQUEST, {})
        for ask in (admin_wire.alter_configs, admin_wire.incremental_alter_configs):
            assert ask(connection, kind, "1", [])[0] == INVALID_REQUEST


def test_a_change_is_in_force_at_once(broker, topic_name):
    create_topic(broker.address, topic_name)
    assert not too_large(broker.address, topic_name, 6000)
    change(broker.address, topic_name, max_message_bytes="5000")
    wait_until(lambda: too_large(broker.address, topic_name, 6000), "the limit")
    assert not too_large(broker.address, topic_name, 1000)
    change(broker.address, topic_name, message_timestamp_type="LogAppendTime")
    send(producer(broker.address), topic_name, [b"x"], timestamp=1_600_000_000_000)
    kind, _ = read_all(broker.address, topic_name)[0][-1].timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert value(broker.address, topic_name, "max.message.bytes") == "5000", "the other one stays"
    change(broker.address, topic_name, max_message_bytes=None)
    wait_until(lambda: not too_large(broker.address, topic_name, 6000), "no limit")
    entry = described(broker.address, topic_name)["max.message.bytes"]
    assert (entry.value, entry.is_default) == ("1048588", True)


@WAYS
def test_changes_survive(make_broker, clean):
    broker = make_broker().start()
    create_topic(broker.address, "small")
    create_topic(broker.address, "large", max_message_bytes="5000")
    change(broker.address, "small", max_message_bytes="5000", retention_ms="3600000")
    change(broker.address, "large", max_message_bytes="2000000")
    broker.restart(clean)
    assert too_large(broker.address, "small", 6000)
    assert not too_large(broker.address, "large", 6000)
    assert value(broker.address, "small", "retention.ms") == "3600000"
    assert value(broker.address, "large", "max.message.bytes") == "2000000"


def test_altering_replaces_everything(broker, connection, topic_name):
    create_topic(broker.address, topic_name, max_message_bytes="5000", segment_ms="7000")
    ask = lambda *configs, **more: admin_wire.alter_configs(
        connection, TOPIC, topic_name, configs, **more
    )
    assert ask(("retention.ms", "9000"), validate_only=True)[0] == 0
    assert value(broker.address, topic_name, "max.message.bytes") == "5000"
    assert ask(("retention.ms", "9000"), ("segment.ms", "8000"))[0] == 0

    def is_replaced():
        found = described(broker.address, topic_name)
        names = {
            name
            for name, entry in found.items()
            if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        }
        return names == {"retention.ms", "segment.ms"} and found["segment.ms"].value == "8000"

    wait_until(is_replaced, "the new configs") if peer_is_apache() else None
    assert is_replaced()
    for bad in [("retention.ms", "soon"), ("no.such.config", "1")]:
        error, message = ask(bad)
        assert error == INVALID_CONFIG and bad[0] in message
    if not peer_is_apache():  # which stumbles over it and never answers
        assert ask(("retention.ms", "9000"), times=2)[0] == INVALID_REQUEST
    assert ask(("retention.ms", "1"), ("retention.ms", "2"))[0] == INVALID_REQUEST
    assert ask(("retention.ms", None))[0] == INVALID_REQUEST
    assert is_replaced()


def test_changes_that_are_refused(broker, connection, topic_name):
    create_topic(broker.address, topic_name, max_message_bytes="5000")
    before = value(broker.address, topic_name, "max.message.bytes")
    ask = lambda *changes, **more: admin_wire.incremental_alter_configs(
        connection, TOPIC, topic_name, changes, **more
    )
    name = "max.message.bytes"
    refused = {
        (name, SET, "many"): INVALID_CONFIG,
        ("no.such.config", SET, "1"): INVALID_CONFIG,
        (name, APPEND, "1"): INVALID_CONFIG,
        (name, SUBTRACT, "1"): INVALID_CONFIG,
        (name, SET, None): INVALID_REQUEST,
        ("cleanup.policy", APPEND, None): INVALID_REQUEST,
    }
    for refused_change, expected in refused.items():
        error, message = ask(refused_change)
        assert error == expected and message, refused_change
    assert ask((name, SET, "1"), (name, DELETE, None))[0] == INVALID_REQUEST
    assert ask((name, SET, "1"), times=2)[0] == INVALID_REQUEST
    # whole or not at all
    assert ask((name, SET, "6000"), ("retention.ms", SET, "soon"))[0] == INVALID_CONFIG
    assert ask((name, SET, "6000"), validate_only=True)[0] == 0
    assert value(broker.address, topic_name, name) == before == "5000"


@pytest.mark.millrace  # Kafka closes the connection
def test_an_operation_that_does_not_exist(connection, broker, topic_name):
    create_topic(broker.address, topic_name)
    changes = [("max.message.bytes", 9, "1")]
    error, _ = admin_wire.incremental_alter_configs(connection, TOPIC, topic_name, changes)
    assert error == INVALID_REQUEST


def test_lists_are_appended_to_and_subtracted_from(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    ask = lambda *changes: admin_wire.incremental_alter_configs(
        connection, TOPIC, topic_name, changes
    )[0]
    policy = lambda: value(broker.address, topic_name, "cleanup.policy")
    assert ask(("cleanup.policy", APPEND, "delete")) == 0
    assert policy() == "delete", "once in the list"
    assert ask(("cleanup.policy", SUBTRACT, "compact")) == 0
    assert policy() == "delete"
    assert ask(("cleanup.policy", APPEND, "nonsense")) == INVALID_CONFIG
    assert policy() == "delete"


def test_a_topic_becomes_compacted_and_back(broker, connection, topic_name):
    create_topic(broker.address, topic_name)
    ask = lambda *changes: admin_wire.incremental_alter_configs(
        connection, TOPIC, topic_name, changes
    )[0]
    policy = lambda: value(broker.address, topic_name, "cleanup.policy")
    for operation, item, after in [
        (APPEND, "compact", "delete,compact"),
        (SUBTRACT, "delete", "compact"),
        (SET, "compact,delete", "compact,delete"),
        (SUBTRACT, "compact", "delete"),
    ]:
        assert ask(("cleanup.policy", operation, item)) == 0
        wait_until(lambda: policy() == after, after)
    if not peer_is_apache():  # whose newest versions have topics without a policy
        assert ask(("cleanup.policy", SUBTRACT, "delete")) == INVALID_CONFIG
        assert policy() == "delete"


# As these programs make their topics; read in their sources.
MADE_BY_OTHERS = {
    "Streams, repartition": {
        "cleanup.policy": "delete",
        "message.timestamp.type": "CreateTime",
        "retention.ms": "-1",
        "segment.bytes": "52428800",
    },
    "Streams, changelog": {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime"},
    "Streams, windowed changelog": {
        "cleanup.policy": "compact,delete",
        "message.timestamp.type": "CreateTime",
        "retention.ms": "86700000",
    },
    "Streams, versioned changelog": {
        "cleanup.policy": "compact",
        "message.timestamp.type": "CreateTime",
        "min.compaction.lag.ms": "172800000",
    },
    "Connect and MirrorMaker": {"cleanup.policy": "compact"},
    "ksqlDB": {
        "cleanup.policy": "delete",
        "min.insync.replicas": "1",
        "retention.ms": "9223372036854775807",
        "unclean.leader.election.enable": "false",
    },
}


@pytest.mark.parametrize("configs", MADE_BY_OTHERS.values(), ids=MADE_BY_OTHERS.keys())
def test_topics_as_others_make_them(broker, topic_name, configs):
    create_topic(broker.address, topic_name, **configs)
    found = described(broker.address, topic_name)
    assert {name: found[name].value for name in configs} == configs
    for name in configs:
        assert found[name].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value


@pytest.mark.millrace  # where there is one copy, whatever was asked for
def test_copies_that_there_are_not(broker, topic_name):
    topic = NewTopic(
        topic_name, 1, replication_factor=3, config={"min.insync.replicas": "2"}
    )
    admin(broker.address).create_topics([topic])[topic_name].result(timeout=30)
    assert value(broker.address, topic_name, "min.insync.replicas") == "2"
    send(producer(broker.address, acks="all"), topic_name, [b"value"])
    assert len(read_all(broker.address, topic_name, 1)) == 1
    listed = admin(broker.address).list_topics(topic_name, timeout=20).topics[topic_name]
    assert len(listed.partitions[0].replicas) == 1


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_wants_keys(broker, connection, topic_name, policy):
    create_topic(broker.address, topic_name, cleanup_policy=policy)
    assert wire.produce(connection, topic_name, 0, build([b"v"]))[0] == INVALID_RECORD
    mixed = build([], records=record(0, b"v", b"k") + record(1, b"v"), count=2)
    assert wire.produce(connection, topic_name, 0, mixed)[0] == INVALID_RECORD
    for key in (b"k", b""):
        keyed = build([], records=record(0, b"v", key), count=1)
        assert wire.produce(connection, topic_name, 0, keyed)[0] == 0
    assert wire.list_offset(connection, topic_name, 0, wire.LATEST) == (0, 2)


def test_records_of_a_compacted_topic_are_not_deleted_by_clients(broker, connection, topic_name):
    create_topic(broker.address, topic_name, cleanup_policy="compact")
    for number in range(3):
        keyed = build([], records=record(0, b"v", b"k"), count=1)
        assert wire.produce(connection, topic_name, 0, keyed) == (0, number)
    assert admin_wire.delete_records(connection, topic_name, 0, 2)[0] == POLICY_VIOLATION
    assert wire.list_offset(connection, topic_name, 0, wire.EARLIEST) == (0, 0)
    change(broker.address, topic_name, cleanup_policy="compact,delete")
    deleted = lambda: admin_wire.delete_records(connection, topic_name, 0, 2) == (0, 2)
    wait_until(deleted, "the records to be deleted") if peer_is_apache() else None
    assert deleted()


@pytest.mark.millrace  # Kafka honours them
@pytest.mark.parametrize(
    "name, wanted, reason",
    [
        ("max.compaction.lag.ms", "1000", "compaction is not done yet"),
        ("min.cleanable.dirty.ratio", "0.1", "compaction is not done yet"),
        ("flush.ms", "1000", "durability"),
        ("compression.type", "zstd", "producer"),
        ("remote.storage.enable", "true", "tiered storage"),
    ],
)
def test_what_is_not_honoured_is_refused_with_the_reason(connection, topic_name, name, wanted, reason):
    error, message = wire.create_topic(connection, topic_name, configs=[(name, wanted)])
    assert error == INVALID_CONFIG and name in message and reason in message


def test_tools_that_copy_topics_set_the_rest_to_its_default(broker, connection, topic_name):
    """As MirrorMaker does: everything that Kafka has and the source topic does not set is deleted."""
    create_topic(broker.address, topic_name, retention_ms="3600000")
    changes = [("retention.ms", SET, "7200000")] + [
        (name, DELETE, None)
        for name in (
            "cleanup.policy",
            "delete.retention.ms",
            "flush.messages",
            "max.compaction.lag.ms",
            "message.timestamp.before.max.ms",
            "preallocate",
            "segment.jitter.ms",
        )
    ]
    assert admin_wire.incremental_alter_configs(connection, TOPIC, topic_name, changes)[0] == 0
    wait_until(lambda: value(broker.address, topic_name, "retention.ms") == "7200000", "the change")
    error, message = admin_wire.incremental_alter_configs(
        connection, TOPIC, topic_name, [("no.such.config", DELETE, None)]
    )
    if not peer_is_apache():  # which takes any name there
        assert error == INVALID_CONFIG and "no.such.config" in message


def test_one_bad_resource_does_not_fail_the_others(broker, topic_name):
    other = create_topic(broker.address, topic_name + "-other")
    create_topic(broker.address, topic_name)
    resources = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry("retention.ms", wanted, incremental_operation=AlterConfigOpType.SET)
            ],
        )
        for name, wanted in ((topic_name, "soon"), (other, "5000"))
    ]
    futures = admin(broker.address).incremental_alter_configs(resources)
    with pytest.raises(KafkaException) as raised:
        futures[resources[0]].result(timeout=30)
    assert raised.value.args[0].code() == INVALID_CONFIG
    assert futures[resources[1]].result(timeout=30) is None
    wait_until(lambda: value(broker.address, other, "retention.ms") == "5000", "the change")


def test_which_resources_have_configs(connection, broker, topic_name):
    create_topic(broker.address, topic_name)
    error, found = admin_wire.list_config_resources(connection)
    assert error == 0 and {(TOPIC, topic_name), (BROKER, "1")} <= found
    error, topics = admin_wire.list_config_resources(connection, [TOPIC])
    assert error == 0 and {kind for kind, _ in topics} == {TOPIC} and (TOPIC, topic_name) in topics
    assert admin_wire.list_config_resources(connection, [BROKER]) == (0, {(BROKER, "1")})
    assert admin_wire.list_config_resources(connection, [admin_wire.GROUP]) == (0, set())
    assert admin_wire.list_config_resources(connection, [99])[0] == UNSUPPORTED_VERSION

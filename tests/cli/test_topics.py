"""millrace topics: what it makes and changes, librdkafka sees, and the other way round."""

import re

from confluent_kafka import TopicPartition
from confluent_kafka.admin import ConfigResource, ResourceType

from support import clients


def configs_of(address, topic):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    described = clients.admin(address).describe_configs([resource], request_timeout=20)
    return described[resource].result(timeout=20)


def names(listed):
    return [topic["name"] for topic in listed["topics"]]


def test_a_created_topic_is_there_for_others(cli, broker, topic_name):
    said = cli(
        "topics",
        "create",
        topic_name,
        "--partitions",
        3,
        "-c",
        "retention.ms=86400000",
        "-c",
        "max.message.bytes=5000",
    )
    assert said == f"created {topic_name} with 3 partitions\n".encode()
    assert clients.partition_counts(broker.address, topic_name) == [3]
    assert configs_of(broker.address, topic_name)["retention.ms"].value == "86400000"
    assert configs_of(broker.address, topic_name)["max.message.bytes"].value == "5000"


def test_several_topics_at_once(cli, topic_name):
    created = cli.json("topics", "create", topic_name + "-a", topic_name + "-b", "-p", 2)
    assert [
        (topic["name"], topic["created"], topic["partitions"]) for topic in created["topics"]
    ] == [
        (topic_name + "-a", True, 2),
        (topic_name + "-b", True, 2),
    ]


def test_one_that_exists_is_told_and_the_others_are_made(cli, topic_name):
    cli("topics", "create", topic_name)
    done = cli.run("topics", "create", topic_name, topic_name + "-new")
    assert done.returncode == 1
    assert done.stdout == f"created {topic_name}-new with 1 partition\n".encode()
    assert f"cannot create {topic_name}: ".encode() in done.stderr and b"exists" in done.stderr
    created = cli.json("topics", "create", topic_name, code=1)
    assert created["topics"][0]["error"]["code"] == "topic_already_exists"


def test_if_not_exists_leaves_it_as_it_is(cli, topic_name):
    cli("topics", "create", topic_name, "-p", 2)
    again = cli.json("topics", "create", topic_name, "-p", 5, "--if-not-exists")
    assert again["topics"] == [{"name": topic_name, "created": False}]
    assert len(cli.json("topics", "describe", topic_name)["topics"][0]["partitions"]) == 2


def test_what_the_broker_refuses_is_told_in_its_words(cli, topic_name):
    assert "cleanup.policy" in cli.refused(
        "topics", "create", topic_name, "-c", "cleanup.policy=nonsense"
    )
    assert "name" in cli.refused("topics", "create", "not a name")
    assert topic_name not in names(cli.json("topics", "list"))


def test_list_is_sorted_and_knows_sizes(cli, broker, topic_name):
    first, second = topic_name + "-1", topic_name + "-2"
    clients.create_topic(broker.address, second, partitions=4)
    clients.create_topic(broker.address, first)
    clients.send(clients.producer(broker.address), first, [b"x" * 1000])
    listed = cli.json("topics", "list")
    assert names(listed) == sorted(names(listed))
    by_name = {topic["name"]: topic for topic in listed["topics"]}
    assert by_name[second]["partitions"] == 4 and by_name[second]["bytes"] == 0
    assert by_name[first]["bytes"] > 1000
    table = cli("topics", "list").decode().splitlines()
    assert table[0].split() == ["TOPIC", "PARTITIONS", "REPLICAS", "SIZE"]
    assert all(line == line.rstrip() for line in table)
    row = next(line for line in table if line.split()[0] == second)
    assert (
        row.split()[1] == "4"
        and row.index("4", len(second)) == table[0].index("PARTITIONS") + len("PARTITIONS") - 1
    )


def test_describe_shows_offsets_sizes_and_changed_configs(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=2, retention_ms="3600000")
    writer = clients.producer(broker.address)
    clients.send(writer, topic_name, [b"a", b"b", b"c"], partition=1)
    described = cli.json("topics", "describe", topic_name)["topics"][0]
    assert re.fullmatch(r"[\w-]{22}", described["id"])
    assert described["configs"] == [
        {"name": "retention.ms", "value": "3600000", "default": "604800000", "is_set": True}
    ]
    empty, used = described["partitions"]
    assert (empty["first_offset"], empty["next_offset"], empty["bytes"]) == (0, 0, 0)
    assert (used["partition"], used["next_offset"]) == (1, 3) and used["bytes"] > 0
    text = cli("topics", "describe", topic_name).decode()
    assert f"{topic_name}  (2 partitions, 1 replica, id {described['id']})" in text
    assert "  retention.ms = 3600000  (default 604800000)\n" in text


def test_describe_shows_where_the_log_begins(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    clients.send(clients.producer(broker.address), topic_name, [b"a", b"b", b"c"])
    for future in (
        clients.admin(broker.address).delete_records([TopicPartition(topic_name, 0, 2)]).values()
    ):
        future.result(timeout=20)
    partition = cli.json("topics", "describe", topic_name)["topics"][0]["partitions"][0]
    assert (partition["first_offset"], partition["next_offset"]) == (2, 3)


def test_all_configs_are_shown_when_asked_for(cli, topic_name):
    cli("topics", "create", topic_name)
    described = cli.json("topics", "describe", topic_name, "--all-configs")["topics"][0]
    shown = {config["name"]: config for config in described["configs"]}
    assert shown["segment.bytes"]["is_set"] is False
    assert set(shown) == set(configs_of(cli.address, topic_name))


def test_configure_sets_and_unsets(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    cli(
        "topics",
        "configure",
        topic_name,
        "--set",
        "retention.ms=1000",
        "--set",
        "retention.bytes=2000000",
    )
    assert configs_of(broker.address, topic_name)["retention.ms"].value == "1000"
    assert configs_of(broker.address, topic_name)["retention.bytes"].value == "2000000"
    changed = cli.json("topics", "alter", topic_name, "--unset", "retention.ms")
    assert changed == {"name": topic_name, "set": {}, "unset": ["retention.ms"], "partitions": 1}
    assert configs_of(broker.address, topic_name)["retention.ms"].value == "604800000"
    assert configs_of(broker.address, topic_name)["retention.bytes"].value == "2000000"


def test_configure_adds_partitions(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=2)
    said = cli("topics", "configure", topic_name, "--partitions", 5)
    assert said == f"{topic_name}: 5 partitions (was 2)\n".encode()
    assert len(cli.json("topics", "describe", topic_name)["topics"][0]["partitions"]) == 5
    assert "5" in cli.refused("topics", "configure", topic_name, "--partitions", 3)


def test_configure_says_what_is_wrong(cli, topic_name):
    cli("topics", "create", topic_name)
    assert "--set" in cli.refused("topics", "configure", topic_name, code=2)
    assert "nonsense" in cli.refused("topics", "configure", topic_name, "--set", "nonsense=1")
    assert "millrace topics list" in cli.refused(
        "topics", "configure", "absent", "--set", "retention.ms=1"
    )


def test_delete_needs_the_exact_name(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    assert "exactly this name" in cli.refused("topics", "delete", topic_name + "-absent")
    assert topic_name in names(cli.json("topics", "list"))
    assert cli("topics", "delete", topic_name) == f"deleted {topic_name}\n".encode()
    assert topic_name not in names(cli.json("topics", "list"))
    cli("topics", "delete", topic_name, code=1)
    assert cli.json("topics", "delete", topic_name, "--if-exists")["topics"] == [
        {"name": topic_name, "deleted": False}
    ]


def test_describing_what_is_not_there_says_what_to_do(cli):
    said = cli.refused("topics", "describe", "absent")
    assert "there is no topic 'absent'" in said and "millrace topics create absent" in said

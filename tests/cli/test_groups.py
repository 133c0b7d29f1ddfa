"""millrace groups: what it says of groups, and how it moves them."""

import json

import pytest
from confluent_kafka import TopicPartition

from support import clients
from support.groups import Members
from support.waiting import wait_until


@pytest.fixture
def group(topic_name):
    return topic_name + "-group"


def fill(broker, topic, count, partitions=1, **fields):
    clients.create_topic(broker.address, topic, partitions=partitions)
    writer = clients.producer(broker.address)
    for partition in range(partitions):
        clients.send(
            writer,
            topic,
            [b"%d" % number for number in range(count)],
            partition=partition,
            **fields,
        )


def commit(broker, group, topic, offsets):
    reader = clients.consumer(broker.address, group)
    places = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
    reader.commit(offsets=places, asynchronous=False)
    reader.close()


def committed(broker, group, topic, partitions):
    reader = clients.consumer(broker.address, group)
    try:
        places = [TopicPartition(topic, index) for index in range(partitions)]
        return [place.offset for place in reader.committed(places, timeout=20)]
    finally:
        reader.close()


def described(cli, group):
    return cli.json("groups", "describe", group)["groups"][0]


def test_list_knows_states(cli, broker, topic_name, group):
    fill(broker, topic_name, 1)
    commit(broker, group, topic_name, {0: 1})
    with Members(broker.address, group + "-live", [topic_name]) as members:
        members.add("a")
        members.poll_until(lambda: members.shares() == [1], "its partition")
        listed = {row["name"]: row for row in cli.json("groups", "list")["groups"]}
        assert listed[group]["state"] == "Empty"
        assert listed[group + "-live"] == {
            "name": group + "-live",
            "state": "Stable",
            "protocol": "consumer",
        }
        stable = [row["name"] for row in cli.json("groups", "list", "--state", "stable")["groups"]]
        assert group + "-live" in stable and group not in stable
    table = cli("groups", "list").decode().splitlines()
    assert table[0].split() == ["GROUP", "STATE", "PROTOCOL"]
    assert any(line.split()[:2] == [group, "Empty"] for line in table)


def test_describe_shows_lag_and_members(cli, broker, topic_name, group):
    fill(broker, topic_name, 10, partitions=2)
    commit(broker, group, topic_name, {0: 4})
    with Members(broker.address, group, [topic_name]) as members:
        members.add("reader-a")
        members.poll_until(lambda: members.shares() == [2], "both partitions")
        found = described(cli, group)
    (member,) = found["members"]
    assert member["client_id"] == "reader-a" and member["host"] == "127.0.0.1"
    assert (found["state"], found["lag"], found["assignor"]) == ("Stable", 6, "range")
    assert found["partitions"] == [
        {
            "topic": topic_name,
            "partition": 0,
            "committed": 4,
            "end": 10,
            "lag": 6,
            "member": member["id"],
        },
        {
            "topic": topic_name,
            "partition": 1,
            "committed": None,
            "end": 10,
            "lag": None,
            "member": member["id"],
        },
    ]


def test_describe_for_people(cli, broker, topic_name, group):
    fill(broker, topic_name, 1500)
    commit(broker, group, topic_name, {0: 200})
    text = cli("groups", "describe", group).decode().splitlines()
    assert text[0] == f"{group}  (Empty, 0 members, lag 1,300)"
    assert text[1].split() == ["TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "HOST"]
    assert text[2].split() == [topic_name, "0", "200", "1500", "1300", "-", "-"]


def test_a_deleted_topic_has_no_end(cli, broker, topic_name, group):
    other = topic_name + "-other"
    fill(broker, topic_name, 5)
    fill(broker, other, 5)
    commit(broker, group, topic_name, {0: 3})
    commit(broker, group, other, {0: 3})
    cli("topics", "delete", other)
    rows = {row["topic"]: row for row in described(cli, group)["partitions"]}
    assert rows[topic_name]["lag"] == 2
    assert other not in rows or (rows[other]["end"], rows[other]["lag"]) == (None, None)


def test_what_is_not_there(cli):
    for command in ("describe", "delete"):
        assert "millrace groups list" in cli.refused("groups", command, "absent")
    assert "millrace groups list" in cli.refused(
        "groups", "reset-offsets", "absent", "--to", "earliest"
    )


@pytest.mark.parametrize(
    "place, expected",
    [
        ("earliest", [0, 0]),
        ("latest", [10, 10]),
        ("7", [7, 7]),
        ("-2", [8, 8]),
        ("2025-11-21T12:00:00Z", [0, 0]),
    ],
)
def test_reset(cli, broker, topic_name, group, place, expected):
    fill(broker, topic_name, 10, partitions=2, timestamp=1_763_726_400_000)
    commit(broker, group, topic_name, {0: 4, 1: 5})
    moved = cli.json("groups", "reset-offsets", group, "--to", place)
    assert [(row["before"], row["after"]) for row in moved["partitions"]] == list(
        zip([4, 5], expected)
    )
    assert committed(broker, group, topic_name, 2) == expected


def test_a_dry_run_changes_nothing(cli, broker, topic_name, group):
    fill(broker, topic_name, 10)
    commit(broker, group, topic_name, {0: 4})
    shown = (
        cli("groups", "reset-offsets", group, "--to", "earliest", "--dry-run").decode().splitlines()
    )
    assert shown[1].split() == [topic_name, "0", "4", "0"] and "Nothing was changed" in shown[2]
    assert committed(broker, group, topic_name, 1) == [4]


def test_reset_of_one_topic_and_one_partition(cli, broker, topic_name, group):
    other = topic_name + "-other"
    fill(broker, topic_name, 10, partitions=2)
    fill(broker, other, 10)
    commit(broker, group, topic_name, {0: 4, 1: 5})
    commit(broker, group, other, {0: 6})
    cli("groups", "reset-offsets", group, "--to", "latest", "--topic", topic_name, "--partition", 1)
    assert committed(broker, group, topic_name, 2) == [4, 10]
    assert committed(broker, group, other, 1) == [6]
    cli.refused("groups", "reset-offsets", group, "--to", "latest", "--partition", 1, code=2)


def test_an_offset_outside_is_moved_and_told(cli, broker, topic_name, group):
    fill(broker, topic_name, 10)
    commit(broker, group, topic_name, {0: 4})
    done = cli.run("groups", "reset-offsets", group, "--to", 50)
    assert done.returncode == 0 and b"10 instead of 50" in done.stderr
    assert committed(broker, group, topic_name, 1) == [10]


def test_offsets_for_a_group_to_come(cli, broker, topic_name, group):
    fill(broker, topic_name, 10)
    cli("groups", "reset-offsets", group, "--to", 6, "--topic", topic_name)
    assert cli("consume", topic_name, "--group", group).split() == [b"6", b"7", b"8", b"9"]


def test_a_group_with_members_is_left_alone(cli, broker, topic_name, group):
    fill(broker, topic_name, 10)
    with Members(broker.address, group, [topic_name]) as members:
        members.add("a")
        members.poll_until(lambda: members.shares() == [1], "its partition")
        assert "stop its consumers first" in cli.refused(
            "groups", "reset-offsets", group, "--to", "earliest"
        )
        assert "stop its consumers first" in cli.refused("groups", "delete", group)
        assert described(cli, group)["state"] == "Stable"


def test_delete(cli, broker, topic_name, group):
    fill(broker, topic_name, 10)
    commit(broker, group, topic_name, {0: 4})
    assert cli("groups", "delete", group) == f"deleted {group} and its offsets\n".encode()
    assert group not in [row["name"] for row in cli.json("groups", "list")["groups"]]
    assert committed(broker, group, topic_name, 1) == [-1001]


def test_our_own_member_is_shown(cli, broker, topic_name, group):
    fill(broker, topic_name, 3)
    process = cli.start("consume", topic_name, "--group", group, "--follow")

    def member():
        done = cli.run("groups", "describe", group, "--json")
        return done.returncode == 0 and json.loads(done.stdout)["groups"][0]["members"]

    (shown,) = wait_until(member, "the member")
    assert shown["client_id"] == "millrace"
    process.terminate()
    assert process.wait(timeout=30) == 0

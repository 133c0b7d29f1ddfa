"""millrace consume: what others wrote, from where and in what form one wants it."""

import base64
import json
import os
import signal
import threading

import pytest
from confluent_kafka import TopicPartition

from cli import Cli
from support import clients
from support.waiting import wait_until

HOUR_MS = 3_600_000
NOON_MS = 1_763_726_400_000  # 2025-11-21T12:00:00Z


def fill(broker, topic, count, partitions=1, **fields):
    """`count` numbers in each partition."""
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


def numbers(output):
    return [int(line) for line in output.split()]


class Lines:
    """Lines of a process, as they come."""

    def __init__(self, process):
        self.lines = []
        self.thread = threading.Thread(target=self.read, args=(process.stdout,), daemon=True)
        self.thread.start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line.rstrip(b"\n"))

    def wait_for(self, count):
        wait_until(lambda: len(self.lines) >= count, f"{count} lines")
        return self.lines


def end(process):
    """Ctrl-C: a clean end."""
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0, process.stderr.read()


def test_what_kcat_wrote(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    clients.kcat(
        broker.address, "-P", "-t", topic_name, "-K", ":", "-H", "a=b", stdin=b"k:one\nl:two\n"
    )
    assert cli("consume", topic_name) == b"one\ntwo\n"
    assert cli("consume", topic_name, "--format", r"%t %p:%o %k=%v [%h] %K,%S%%\n") == (
        b"%(t)s 0:0 k=one [a=b] 1,3%%\n%(t)s 0:1 l=two [a=b] 1,3%%\n" % {b"t": topic_name.encode()}
    )


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_of_others(cli, broker, topic_name, codec):
    clients.create_topic(broker.address, topic_name)
    values = [b"value %d of many that look alike" % number for number in range(5000)]
    clients.send(clients.producer(broker.address, compression_type=codec), topic_name, values)
    assert cli("consume", topic_name).splitlines() == values


def test_what_produce_wrote_comes_back_byte_for_byte(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    text = "grüße\n".encode() + bytes(range(11, 256)) + b"\n\nlast\n"
    cli("produce", topic_name, "--partition", 0, stdin=text)
    assert cli("consume", topic_name) == text


def test_json_lines(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    writer = clients.producer(broker.address)
    clients.send(
        writer,
        topic_name,
        ["grüße"],
        key=b"\xff\x00",
        timestamp=NOON_MS,
        headers=[("h", b"\xfe"), ("n", None)],
    )
    clients.send(writer, topic_name, [None], key="k", timestamp=NOON_MS + 1)
    first, second = cli.json_lines("consume", topic_name)
    assert first == {
        "topic": topic_name,
        "partition": 0,
        "offset": 0,
        "timestamp": NOON_MS,
        "key_base64": base64.b64encode(b"\xff\x00").decode(),
        "value": "grüße",
        "headers": [
            {"name": "h", "value_base64": base64.b64encode(b"\xfe").decode()},
            {"name": "n", "value": None},
        ],
    }
    assert (second["key"], second["value"], second["headers"], second["offset"]) == (
        "k",
        None,
        [],
        1,
    )


def test_times_are_shown(cli, broker, topic_name):
    fill(broker, topic_name, 1, timestamp=NOON_MS + 7)
    assert cli("consume", topic_name, "-o", "%T %d") == b"%d 2025-11-21T12:00:00.007Z" % (
        NOON_MS + 7
    )


@pytest.mark.parametrize(
    "place, expected",
    [
        ("beginning", range(0, 20)),
        ("earliest", range(0, 20)),
        ("12", range(12, 20)),
        ("-3", range(17, 20)),
        ("-100", range(0, 20)),
        ("20", []),
    ],
)
def test_places_to_begin(cli, broker, topic_name, place, expected):
    fill(broker, topic_name, 20)
    assert numbers(cli("consume", topic_name, "--from", place)) == list(expected)


def test_an_offset_outside_is_moved_and_told(cli, broker, topic_name):
    fill(broker, topic_name, 5)
    for future in (
        clients.admin(broker.address).delete_records([TopicPartition(topic_name, 0, 2)]).values()
    ):
        future.result(timeout=20)
    done = cli.run("consume", topic_name, "--from", 1)
    assert numbers(done.stdout) == [2, 3, 4]
    assert (
        done.stderr
        == f"millrace: {topic_name} partition 0 holds offsets 2 to 4: 2 instead of 1\n".encode()
    )
    assert b"5 instead of 9" in cli.run("consume", topic_name, "--from", 9).stderr


@pytest.mark.parametrize(
    "place, first",
    [
        ("2025-11-21", 0),
        ("2025-11-21T12:00:00Z", 0),
        ("2025-11-21T13:30:00Z", 2),
        ("2025-11-21 14:00", 2),
        ("2025-11-21T15:00:00+01:00", 2),
        ("2025-11-21T14:00:00.001Z", 3),
        (f"@{NOON_MS + HOUR_MS}", 1),
        ("1h ago", 5),
        ("36500d", 0),
    ],
)
def test_times_to_begin(cli, broker, topic_name, place, first):
    """A record an hour, from noon on."""
    clients.create_topic(broker.address, topic_name)
    writer = clients.producer(broker.address)
    for number in range(5):
        clients.send(writer, topic_name, [b"%d" % number], timestamp=NOON_MS + number * HOUR_MS)
    assert numbers(cli("consume", topic_name, "--from", place)) == list(range(first, 5))


def test_a_range(cli, broker, topic_name):
    fill(broker, topic_name, 100)
    assert numbers(cli("consume", topic_name, "--from", 10, "--to", 15)) == [10, 11, 12, 13, 14]
    assert numbers(cli("consume", topic_name, "--from", -10, "--to", -7)) == [90, 91, 92]
    assert numbers(cli("consume", topic_name, "--from", 50, "--to", "beginning")) == []


def test_a_count(cli, broker, topic_name):
    fill(broker, topic_name, 10, partitions=2)
    assert numbers(cli("consume", topic_name, "-n", 3, "-p", 1)) == [0, 1, 2]
    assert len(numbers(cli("consume", topic_name, "--count", 15))) == 15
    assert len(numbers(cli("consume", topic_name, "--count", 100))) == 20


def test_partitions_and_topics(cli, broker, topic_name):
    fill(broker, topic_name, 4, partitions=3)
    other = topic_name + "-other"
    fill(broker, other, 2)
    read = cli.json_lines("consume", topic_name, "-p", 0, "-p", 2)
    assert sorted({record["partition"] for record in read}) == [0, 2] and len(read) == 8
    both = cli.json_lines("consume", topic_name, other)
    assert [record["value"] for record in both if record["topic"] == other] == ["0", "1"]
    assert len(both) == 14
    assert "it has 0 to 2" in cli.refused("consume", topic_name, "-p", 3)


def test_each_partition_is_in_order(cli, broker, topic_name):
    fill(broker, topic_name, 5000, partitions=4)
    by_partition = {}
    for record in cli.json_lines("consume", topic_name):
        by_partition.setdefault(record["partition"], []).append((record["offset"], record["value"]))
    assert by_partition == {
        index: [(number, str(number)) for number in range(5000)] for index in range(4)
    }


def test_an_empty_topic_ends_at_once(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    assert cli("consume", topic_name) == b""


def test_a_topic_that_is_not_there_is_not_made(cli, broker, topic_name):
    assert "there is no topic" in cli.refused("consume", topic_name)
    assert topic_name not in clients.admin(broker.address).list_topics(timeout=20).topics


def test_following(cli, broker, topic_name):
    fill(broker, topic_name, 3)
    process = cli.start("consume", topic_name, "--follow")
    lines = Lines(process)
    lines.wait_for(3)
    clients.send(clients.producer(broker.address), topic_name, [b"3", b"4"])
    assert lines.wait_for(5) == [b"0", b"1", b"2", b"3", b"4"]
    end(process)


def test_from_the_end_follows(cli, broker, topic_name):
    fill(broker, topic_name, 3)
    process = cli.start("consume", topic_name, "--from", "end", "-n", 2)
    writer = clients.producer(broker.address)
    # It may not have looked where the end is yet: what comes is numbered until it ended.
    wait_until(
        lambda: clients.send(writer, topic_name, [b"new"]) and process.poll() is not None,
        "two records",
    )
    assert process.stdout.read() == b"new\nnew\n" and process.returncode == 0


def test_following_over_a_restart_of_the_broker(make_broker):

    broker = make_broker().start()
    clients.create_topic(broker.address, "long")
    process = Cli(broker.address).start("consume", "long", "--follow", "--timeout", 30)
    lines = Lines(process)
    clients.send(clients.producer(broker.address), "long", [b"before"])
    lines.wait_for(1)
    broker.restart(clean=False)
    clients.send(clients.producer(broker.address), "long", [b"after"])
    assert lines.wait_for(2) == [b"before", b"after"]
    end(process)


def test_a_reader_that_goes_away_is_no_error(cli, broker, topic_name):
    fill(broker, topic_name, 50000)
    process = cli.start("consume", topic_name)
    assert process.stdout.readline() == b"0\n"
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""


def test_large_records(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, max_message_bytes="9000000")
    values = [bytes([65 + number]) * 8_000_000 for number in range(4)]
    writer = clients.producer(broker.address, message_max_bytes=9_000_000)
    clients.send(writer, topic_name, values)
    assert cli("consume", topic_name).splitlines() == values


# Groups


def committed(broker, group, topic, partitions=1):
    places = [TopicPartition(topic, index) for index in range(partitions)]
    reader = clients.consumer(broker.address, group)
    try:
        return [place.offset for place in reader.committed(places, timeout=20)]
    finally:
        reader.close()


def test_a_group_goes_on_where_it_was(cli, broker, topic_name):
    fill(broker, topic_name, 10)
    group = topic_name + "-group"
    assert numbers(cli("consume", topic_name, "--group", group, "-n", 4)) == [0, 1, 2, 3]
    assert committed(broker, group, topic_name) == [4]
    assert numbers(cli("consume", topic_name, "--group", group)) == [4, 5, 6, 7, 8, 9]
    assert numbers(cli("consume", topic_name, "--group", group)) == []
    assert committed(broker, group, topic_name) == [10]


def test_a_group_goes_on_where_librdkafka_left_it(cli, broker, topic_name):
    fill(broker, topic_name, 10)
    group = topic_name + "-group"
    reader = clients.consumer(broker.address, group)
    reader.subscribe([topic_name])
    clients.poll_count(reader, 6)
    reader.commit(offsets=[TopicPartition(topic_name, 0, 6)], asynchronous=False)
    reader.close()
    assert numbers(cli("consume", topic_name, "--group", group)) == [6, 7, 8, 9]


def test_a_new_group_begins_where_it_is_told(cli, broker, topic_name):
    fill(broker, topic_name, 10)
    assert numbers(cli("consume", topic_name, "--group", topic_name + "-group", "--from", -2)) == [
        8,
        9,
    ]


def test_a_group_is_shared_with_librdkafka(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=4)
    group = topic_name + "-group"
    process = cli.start("consume", topic_name, "--group", group, "--follow", "-o", r"%p %v\n")
    lines = Lines(process)
    writer = clients.producer(broker.address)

    def write(text):
        for partition in range(4):
            clients.send(writer, topic_name, [text], partition=partition)

    write(b"alone")
    assert sorted(lines.wait_for(4)) == [b"%d alone" % index for index in range(4)]

    other = clients.consumer(broker.address, group, partition_assignment_strategy="range")
    other.subscribe([topic_name])

    def halves():
        other.poll(0.05)
        return len(other.assignment()) == 2

    wait_until(halves, "half of the partitions")
    write(b"shared")
    theirs = {message.partition() for message in clients.poll_count(other, 2)}
    mine = {int(line.split()[0]) for line in lines.wait_for(6)[4:6]}
    assert len(theirs) == len(mine) == 2 and theirs | mine == {0, 1, 2, 3}
    other.commit(asynchronous=False)
    other.close()

    # The other's commits are honoured by who takes its partitions over.
    write(b"again")
    assert sorted(lines.wait_for(10)[6:]) == [b"%d again" % index for index in range(4)]
    end(process)
    assert committed(broker, group, topic_name, 4) == [3, 3, 3, 3]


def test_two_of_us_share_a_group(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=2)
    group = topic_name + "-group"
    processes = [
        cli.start("consume", topic_name, "--group", group, "--follow", "-o", r"%p\n")
        for _ in range(2)
    ]
    readers = [Lines(process) for process in processes]

    def both_have_members():
        described = cli.run("groups", "describe", group, "--json")
        if described.returncode != 0:
            return False
        return (
            len({row["member"] for row in json.loads(described.stdout)["groups"][0]["partitions"]})
            == 2
        )

    wait_until(both_have_members, "both to have a partition")
    writer = clients.producer(broker.address)
    for partition in range(2):
        clients.send(writer, topic_name, [b"x"], partition=partition)
    for reader in readers:
        reader.wait_for(1)
    assert {reader.lines[0] for reader in readers} == {b"0", b"1"}
    for process in processes:
        end(process)
    assert committed(broker, group, topic_name, 2) == [1, 1]


def test_an_interrupted_member_leaves_at_once(cli, broker, topic_name):
    """Its place is free without waiting for a session to run out."""
    fill(broker, topic_name, 3)
    group = topic_name + "-group"
    process = cli.start("consume", topic_name, "--group", group, "--follow")
    Lines(process).wait_for(3)
    end(process)
    assert cli.json("groups", "describe", group)["groups"][0]["members"] == []
    assert committed(broker, group, topic_name) == [3]


def test_a_group_without_a_reader_commits_nothing_that_was_not_taken(cli, broker, topic_name):
    fill(broker, topic_name, 50000)
    group = topic_name + "-group"
    end_of_pipe, pipe = os.pipe()
    process = cli.start("consume", topic_name, "--group", group, stdout=pipe)
    os.close(pipe)
    taken = os.read(end_of_pipe, 100)
    os.close(end_of_pipe)
    assert process.wait(timeout=30) == 0 and taken.startswith(b"0\n")
    assert committed(broker, group, topic_name)[0] < 50000


@pytest.mark.parametrize(
    "arguments",
    [("--group", "g", "-p", "0"), ("--group", "g", "--to", "5"), ("--follow", "--to", "5")],
)
def test_what_does_not_go_together(cli, broker, topic_name, arguments):
    cli.refused("consume", topic_name, *arguments, code=2)


def test_no_notes_for_programs(cli, broker, topic_name):
    fill(broker, topic_name, 3)
    done = cli.run("consume", topic_name)
    assert done.stderr == b""

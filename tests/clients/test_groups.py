"""Consumer groups: sharing the work, handing it over, and going on where the group had been."""

import signal
import subprocess

import pytest
from confluent_kafka import (
    OFFSET_END,
    OFFSET_INVALID,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from support.clients import (
    admin,
    consumer,
    create_topic,
    fresh_name,
    poll_count,
    producer,
    send,
    values_of,
)
from support.groups import SESSION_MS, Members
from support.waiting import wait_until

PARTITIONS = 6


@pytest.fixture
def topic(broker, topic_name):
    return create_topic(broker.address, topic_name, partitions=PARTITIONS)


@pytest.fixture
def group():
    return fresh_name("group")


def fill(address, topic, label, count=10):
    """`count` records to each partition; returns their values."""
    writer = producer(address)
    values = []
    for partition in range(PARTITIONS):
        values += values_of(
            send(
                writer,
                topic,
                [b"%s %d.%d" % (label, partition, n) for n in range(count)],
                partition=partition,
            )
        )
    return sorted(values)


def committed(address, group, topic, partitions=PARTITIONS):
    """The committed offsets of the group, asked by a client that is no member."""
    asker = consumer(address, group)

    def answer():
        try:
            return asker.committed(
                [TopicPartition(topic, index) for index in range(partitions)], timeout=20
            )
        except KafkaException as error:  # Kafka needs a moment after its start
            if not error.args[0].retriable():
                raise

    found = wait_until(answer, "the committed offsets")
    asker.close()
    return [item.offset for item in found]


@pytest.mark.parametrize("assignor", ["range", "roundrobin", "cooperative-sticky"])
def test_members_come_and_go(broker, topic, group, assignor):
    expected = fill(broker.address, topic, b"alone")
    with Members(broker.address, group, [topic], partition_assignment_strategy=assignor) as members:
        first = members.add("first")
        members.poll_until(lambda: members.values() == expected, "all records by one member")
        assert members.shares() == [6]

        second = members.add("second")
        members.poll_until(lambda: members.shares() == [3, 3], "an even split between two")
        expected = sorted(expected + fill(broker.address, topic, b"two"))
        members.poll_until(
            lambda: len(members.records()) >= len(expected), "all records by two members"
        )
        assert members.values() == expected
        assert len(second.records) == 30

        members.add("third")
        members.poll_until(lambda: members.shares() == [2, 2, 2], "an even split between three")
        expected = sorted(expected + fill(broker.address, topic, b"three"))
        members.poll_until(
            lambda: len(members.records()) >= len(expected), "all records by three members"
        )
        assert members.values() == expected

        members.remove(first)
        members.poll_until(
            lambda: members.shares() == [3, 3], "an even split of what the leaver had"
        )
        members.remove(second)
        members.poll_until(lambda: members.shares() == [6], "everything with the last")
        expected = sorted(expected + fill(broker.address, topic, b"last"))
        members.poll_until(
            lambda: len(members.records()) >= len(expected), "all records by the last member"
        )
        assert members.values() == expected


def test_cooperative_members_keep_what_they_have(broker, topic, group):
    with Members(
        broker.address, group, [topic], partition_assignment_strategy="cooperative-sticky"
    ) as members:
        first = members.add("first")
        members.poll_until(lambda: members.shares() == [6], "everything with one")
        before = set(first.assigned)
        members.add("second")
        members.poll_until(lambda: members.shares() == [3, 3], "an even split")
        assert first.assigned < before


def test_more_members_than_partitions(broker, topic_name, group):
    create_topic(broker.address, topic_name, partitions=2)
    with Members(broker.address, group, [topic_name]) as members:
        for name in "abc":
            members.add(name)
        members.poll_until(lambda: members.shares() == [1, 1, 0], "one idle member")
        holder = next(member for member in members.members if member.assigned)
        members.remove(holder)
        members.poll_until(lambda: members.shares() == [1, 1], "the idle one takes over")


def test_two_topics_and_a_pattern(broker, group):
    names = [create_topic(broker.address, fresh_name("pattern"), partitions=2) for _ in range(2)]
    for name in names:
        send(producer(broker.address), name, [name.encode()], partition=1)
    with Members(broker.address, group, ["^pattern-.*"]) as members:
        members.add("only")
        members.poll_until(
            lambda: members.values() == sorted(name.encode() for name in names), "both topics"
        )
        assert members.shares() == [4]


def test_a_dead_member_is_noticed(broker, topic, group):
    """A process that is killed says no goodbye: its partitions move when its session ends."""
    victim = subprocess.Popen(
        [
            "kcat",
            "-b",
            broker.address,
            "-G",
            group,
            topic,
            "-X",
            "auto.offset.reset=earliest",
            "-X",
            f"session.timeout.ms={SESSION_MS}",
            "-X",
            "heartbeat.interval.ms=200",
            "-X",
            "partition.assignment.strategy=range",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with Members(
            broker.address, group, [topic], partition_assignment_strategy="range"
        ) as members:
            members.add("survivor")
            members.poll_until(lambda: members.shares() == [3], "half of the partitions")
            victim.kill()
            members.poll_until(
                lambda: members.shares() == [6], "the partitions of the dead", deadline_s=40
            )
    finally:
        victim.kill()
        victim.wait()


def test_commit_and_resume(broker, topic, group):
    values = fill(broker.address, topic, b"x", count=20)
    with Members(broker.address, group, [topic]) as members:
        member = members.add("first")
        members.poll_until(lambda: members.values() == values, "all records")
        member.commit()
    assert committed(broker.address, group, topic) == [20] * PARTITIONS
    more = fill(broker.address, topic, b"y", count=5)
    with Members(broker.address, group, [topic]) as members:
        members.add("next")
        members.poll_until(lambda: len(members.records()) >= len(more), "the new records")
        assert members.values() == more


@pytest.mark.parametrize("clean", [True, False], ids=["clean stop", "kill -9"])
def test_resume_after_a_restart_of_the_broker(make_broker, group, clean):
    broker = make_broker().start()
    topic = create_topic(broker.address, "resumed", partitions=PARTITIONS)
    values = fill(broker.address, topic, b"x", count=20)
    with Members(broker.address, group, [topic]) as members:
        member = members.add("stays")
        members.poll_until(lambda: members.values() == values, "all records")
        for partition in range(PARTITIONS):
            member.consumer.commit(
                offsets=[TopicPartition(topic, partition, 10 + partition)], asynchronous=False
            )
        broker.restart(clean)
        # the member that was there goes on, without reading anything again and without a hole
        more = fill(broker.address, topic, b"y", count=5)
        members.poll_until(lambda: len(members.records()) >= len(values + more), "the new records")
        assert members.values() == sorted(values + more)
    # (leaving committed what it had read: the new records too)
    assert committed(broker.address, group, topic) == [25] * PARTITIONS
    asker = consumer(broker.address, group)
    asker.commit(
        offsets=[
            TopicPartition(topic, partition, 10 + partition) for partition in range(PARTITIONS)
        ],
        asynchronous=False,
    )
    broker.restart(clean)
    assert committed(broker.address, group, topic) == [
        10 + partition for partition in range(PARTITIONS)
    ]
    with Members(broker.address, group, [topic]) as members:
        members.add("new")
        rest = [10 - partition + 5 for partition in range(PARTITIONS)]
        members.poll_until(lambda: len(members.records()) >= sum(rest), "what was not committed")
        counts = [
            sum(m.partition() == partition for m in members.records())
            for partition in range(PARTITIONS)
        ]
        assert counts == rest
    asker.close()


def test_static_member_returns_without_a_rebalance(broker, topic, group):
    with Members(broker.address, group, [topic]) as members:
        stays = members.add("stays", group_instance_id="one")
        goes = members.add("goes", group_instance_id="two")
        members.poll_until(lambda: members.shares() == [3, 3], "an even split")
        told, had = stays.assignments, set(goes.assigned)
        goes.consumer.close()  # a static member does not say goodbye
        members.members.remove(goes)
        back = members.add("back", group_instance_id="two")
        members.poll_until(lambda: back.assigned, "the partitions of the one that was away")
        assert back.assigned == had
        expected = fill(broker.address, topic, b"x")
        members.poll_until(lambda: len(members.records()) >= len(expected), "all records")
        assert members.values() == expected
        assert (
            stays.assignments == told and stays.revocations == 0
        ), "the other member was disturbed"


def test_a_second_holder_of_a_static_id_fences_the_first(broker, topic, group):
    with Members(broker.address, group, [topic]) as members:
        first = members.add("first", group_instance_id="same")
        members.poll_until(lambda: members.shares() == [6], "the assignment")
        members.members.remove(first)
        second = members.add("second", group_instance_id="same")
        members.poll_until(lambda: second.assigned, "the second takes over")
        assert len(second.assigned) == 6

        def told():
            message = first.consumer.poll(0.05)
            return message is not None and message.error()

        error = wait_until(told, "the first is told")
        assert error.code() == KafkaError._FATAL and "fenced" in error.str()


def test_committed_offsets_by_partition(broker, topic, group):
    assert committed(broker.address, group, topic) == [OFFSET_INVALID] * PARTITIONS
    client = consumer(broker.address, group)
    client.commit(
        offsets=[TopicPartition(topic, 2, 42, "a note"), TopicPartition(topic, 4, 0)],
        asynchronous=False,
    )
    answer = client.committed([TopicPartition(topic, index) for index in (2, 4, 5)], timeout=20)
    assert [item.offset for item in answer] == [42, 0, OFFSET_INVALID]
    assert answer[0].metadata == "a note"
    client.commit(offsets=[TopicPartition(topic, 2, 7)], asynchronous=False)
    assert committed(broker.address, group, topic) == [
        OFFSET_INVALID,
        OFFSET_INVALID,
        7,
        OFFSET_INVALID,
        0,
        OFFSET_INVALID,
    ], "back is allowed when asked for"
    client.close()


def test_groups_do_not_see_each_others_offsets(broker, topic):
    groups = [fresh_name("group") for _ in range(3)]
    for number, group in enumerate(groups):
        client = consumer(broker.address, group)
        client.commit(offsets=[TopicPartition(topic, 0, 100 + number)], asynchronous=False)
        client.close()
    assert [committed(broker.address, group, topic)[0] for group in groups] == [100, 101, 102]


def test_admin_reads_group_offsets(broker, topic, group):
    client = consumer(broker.address, group)
    client.commit(offsets=[TopicPartition(topic, 3, 9)], asynchronous=False)
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 3)])
    answer = admin(broker.address).list_consumer_group_offsets([asked])[group].result(timeout=30)
    assert [(item.partition, item.offset) for item in answer.topic_partitions] == [(3, 9)]
    everything = admin(broker.address).list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)]
    )
    assert [
        (item.topic, item.partition, item.offset)
        for item in everything[group].result(timeout=30).topic_partitions
    ] == [(topic, 3, 9)]
    client.close()


def test_auto_commit(broker, topic, group):
    fill(broker.address, topic, b"x", count=10)
    reader = consumer(broker.address, group, enable_auto_commit=True, auto_commit_interval_ms=200)
    reader.subscribe([topic])
    poll_count(reader, 60)
    asker = consumer(broker.address, group)

    def all_committed():
        reader.poll(0)
        found = asker.committed(
            [TopicPartition(topic, index) for index in range(PARTITIONS)], timeout=20
        )
        return [item.offset for item in found] == [10] * PARTITIONS

    wait_until(all_committed, "the automatic commit")
    asker.close()
    reader.close()


def test_auto_commit_on_close(broker, topic, group):
    fill(broker.address, topic, b"x", count=10)
    reader = consumer(
        broker.address, group, enable_auto_commit=True, auto_commit_interval_ms=3_600_000
    )
    reader.subscribe([topic])
    poll_count(reader, 60)
    reader.close()
    assert committed(broker.address, group, topic) == [10] * PARTITIONS


def test_asynchronous_commit(broker, topic, group):
    answers = []
    client = consumer(
        broker.address,
        group,
        on_commit=lambda error, partitions: answers.append((error, partitions)),
    )
    client.subscribe([topic])
    client.commit(offsets=[TopicPartition(topic, 1, 5)], asynchronous=True)

    def answered():
        client.poll(0.05)
        return answers

    wait_until(answered, "the answer of the commit")
    assert answers[0][0] is None and answers[0][1][0].offset == 5
    client.close()


def test_position_and_seek(broker, topic_name, group):
    create_topic(broker.address, topic_name)
    send(producer(broker.address), topic_name, [b"%d" % number for number in range(100)])
    reader = consumer(broker.address, group)
    where = TopicPartition(topic_name, 0)
    reader.assign([TopicPartition(topic_name, 0, 0)])
    assert values_of(poll_count(reader, 10)) == [b"%d" % number for number in range(10)]
    assert reader.position([where])[0].offset == 10
    reader.seek(TopicPartition(topic_name, 0, 90))
    assert values_of(poll_count(reader, 10)) == [b"%d" % number for number in range(90, 100)]
    reader.seek(TopicPartition(topic_name, 0, 3))
    assert values_of(poll_count(reader, 1)) == [b"3"]
    assert reader.position([where])[0].offset == 4
    reader.close()


@pytest.mark.parametrize("reset, first", [("earliest", b"old"), ("latest", b"new")])
def test_where_a_new_group_begins(broker, topic_name, reset, first):
    create_topic(broker.address, topic_name)
    send(producer(broker.address), topic_name, [b"old"])
    with Members(
        broker.address,
        fresh_name("group"),
        [topic_name],
        auto_offset_reset=reset,
        enable_partition_eof=False,
    ) as members:
        member = members.add("only")
        members.poll_until(lambda: members.shares() == [1], "the assignment")
        if reset == "latest":
            # the position is known once the end of the log was asked for
            members.poll_until(
                lambda: member.consumer.position([TopicPartition(topic_name, 0)])[0].offset == 1
                or settled(member, topic_name),
                "the position",
            )
        send(producer(broker.address), topic_name, [b"new"])
        members.poll_until(lambda: members.records(), "a record")
        assert members.records()[0].value() == first


def settled(member, topic):
    """True once the member's fetches began, from the statistics of the client."""
    return member.consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=True)[1] == 1


def test_offsets_for_times(broker, topic, group):
    writer = producer(broker.address)
    for partition in (0, 1):
        for step in range(10):
            writer.produce(
                topic,
                b"x",
                partition=partition,
                timestamp=1_600_000_000_000 + step * 1000 + partition,
            )
    assert writer.flush(30) == 0
    reader = consumer(broker.address, group)
    ask = lambda *pairs: [
        item.offset
        for item in reader.offsets_for_times(
            [TopicPartition(topic, partition, when) for partition, when in pairs], timeout=20
        )
    ]
    assert ask((0, 1_600_000_004_000), (1, 1_600_000_004_000)) == [4, 4]
    assert ask((0, 1_600_000_004_001), (1, 1_600_000_004_001)) == [5, 4]
    assert ask((0, 0), (1, 1_700_000_000_000), (2, 0)) == [0, OFFSET_END, OFFSET_END]
    reader.close()


def kcat_member(address, group, topic, folder, name):
    """A kcat that shares the work of a group; returns the process and where it writes."""
    out, log = folder / f"{name}.out", folder / f"{name}.log"
    process = subprocess.Popen(
        [
            "kcat",
            "-b",
            address,
            "-G",
            group,
            topic,
            "-u",
            "-f",
            "%s\\n",
            "-X",
            "auto.offset.reset=earliest",
        ],
        stdout=open(out, "wb"),
        stderr=open(log, "wb"),
    )
    return process, out, log


def kcat_share(log):
    """The partitions of the last assignment that kcat wrote of."""
    lines = [line for line in log.read_text().splitlines() if "rebalanced" in line]
    return lines[-1].split("assigned:")[1].split(",") if lines and "assigned:" in lines[-1] else []


def test_kcat_members_share_the_work(broker, topic, group, tmp_path):
    kcats = [kcat_member(broker.address, group, topic, tmp_path, name) for name in ("a", "b")]
    try:
        wait_until(
            lambda: [len(kcat_share(log)) for _, _, log in kcats] == [3, 3], "an even split", 40
        )
        expected = fill(broker.address, topic, b"kcat", count=50)
        lines = lambda: sorted(
            line for _, out, _ in kcats for line in out.read_bytes().splitlines()
        )
        wait_until(lambda: len(lines()) >= len(expected), "all records")
        assert lines() == expected
        assert all(len(out.read_bytes().splitlines()) == 150 for _, out, _ in kcats)
        for process, _, _ in kcats:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process, _, _ in kcats] == [0, 0]
        assert committed(broker.address, group, topic) == [50] * PARTITIONS
    finally:
        for process, _, _ in kcats:
            process.kill()
            process.wait()


def test_kcat_group_resumes(broker, topic, group):
    run = lambda: subprocess.run(
        [
            "kcat",
            "-b",
            broker.address,
            "-G",
            group,
            topic,
            "-e",
            "-q",
            "-X",
            "auto.offset.reset=earliest",
        ],
        capture_output=True,
        timeout=60,
    )
    first = fill(broker.address, topic, b"x", count=5)
    assert sorted(run().stdout.splitlines()) == first
    second = fill(broker.address, topic, b"y", count=5)
    assert sorted(run().stdout.splitlines()) == second

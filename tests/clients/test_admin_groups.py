"""What tools ask about groups and the cluster, and what they may remove."""

import pytest
from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupType,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from support.broker import peer_is_apache
from support.clients import admin, consumer, create_topic, fresh_name, poll_count, producer, send
from support.waiting import wait_until


@pytest.fixture
def topic(broker, topic_name):
    return create_topic(broker.address, topic_name, partitions=2)


@pytest.fixture
def group():
    return fresh_name("group")


def commit(address, group, topic, offset):
    """A group without members that has committed this offset for partition 0."""
    asker = consumer(address, group)
    asker.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    asker.close()


def committed(address, group, topic):
    asker = consumer(address, group)
    found = asker.committed([TopicPartition(topic, 0)], timeout=20)[0].offset
    asker.close()
    return found


def described(address, group, **options):
    return admin(address).describe_consumer_groups([group], **options)[group].result(timeout=30)


def refusal(future):
    with pytest.raises(KafkaException) as raised:
        future.result(timeout=30)
    return raised.value.args[0].code()


def test_a_group_with_a_member_is_described(broker, topic, group):
    send(producer(broker.address), topic, [b"one"], partition=1)
    reader = consumer(broker.address, group, client_id="the-reader")
    reader.subscribe([topic])
    poll_count(reader, 1)
    found = described(broker.address, group, include_authorized_operations=True)
    assert found.group_id == group and found.state == ConsumerGroupState.STABLE
    assert found.partition_assignor and found.authorized_operations
    (member,) = found.members
    assert member.client_id == "the-reader" and member.host and member.member_id
    assigned = {(part.topic, part.partition) for part in member.assignment.topic_partitions}
    assert assigned == {(topic, 0), (topic, 1)}
    reader.close()
    left = described(broker.address, group)
    assert left.state == ConsumerGroupState.EMPTY and not left.members


def test_a_group_with_members_is_not_deleted(broker, topic, group):
    send(producer(broker.address), topic, [b"one"])
    reader = consumer(broker.address, group)
    reader.subscribe([topic])
    poll_count(reader, 1)
    deletion = admin(broker.address).delete_consumer_groups([group])[group]
    assert refusal(deletion) == KafkaError.NON_EMPTY_GROUP
    reader.close()


def test_a_deleted_group_has_no_offsets(broker, topic, group):
    commit(broker.address, group, topic, 17)
    assert committed(broker.address, group, topic) == 17
    admin(broker.address).delete_consumer_groups([group])[group].result(timeout=30)
    assert committed(broker.address, group, topic) < 0
    again = admin(broker.address).delete_consumer_groups([group])[group]
    assert refusal(again) == KafkaError.GROUP_ID_NOT_FOUND


def listed(address, **filters):
    ask = lambda: admin(address).list_consumer_groups(**filters).result(timeout=30)
    if peer_is_apache():  # which may still be reading its offsets after a start
        wait_until(lambda: not ask().errors, "the coordinator")
    found = ask()
    assert not found.errors
    return {group.group_id: group for group in found.valid}


def test_groups_are_listed(broker, topic, group):
    send(producer(broker.address), topic, [b"one"])
    reader = consumer(broker.address, group)
    reader.subscribe([topic])
    poll_count(reader, 1)
    # enough of them for several shards
    without_members = {fresh_name("group") for _ in range(20)}
    for name in without_members:
        commit(broker.address, name, topic, 1)
    found = listed(broker.address)
    assert without_members | {group} <= set(found)
    assert found[group].state == ConsumerGroupState.STABLE
    assert found[group].type == ConsumerGroupType.CLASSIC
    assert not found[group].is_simple_consumer_group
    assert {found[name].state for name in without_members} == {ConsumerGroupState.EMPTY}
    reader.close()
    assert listed(broker.address)[group].state == ConsumerGroupState.EMPTY
    admin(broker.address).delete_consumer_groups([group])[group].result(timeout=30)
    assert group not in listed(broker.address)


def test_groups_are_listed_by_state_and_type(broker, topic, group):
    idle = fresh_name("group")
    commit(broker.address, idle, topic, 1)
    send(producer(broker.address), topic, [b"one"])
    reader = consumer(broker.address, group)
    reader.subscribe([topic])
    poll_count(reader, 1)
    stable = listed(broker.address, states={ConsumerGroupState.STABLE})
    empty = listed(broker.address, states={ConsumerGroupState.EMPTY})
    both = {ConsumerGroupState.STABLE, ConsumerGroupState.EMPTY}
    assert group in stable and idle not in stable
    assert idle in empty and group not in empty
    assert {group, idle} <= set(listed(broker.address, states=both))
    assert {group, idle} <= set(listed(broker.address, types={ConsumerGroupType.CLASSIC}))
    assert listed(broker.address, types={ConsumerGroupType.CONSUMER}) == {}
    reader.close()


def test_listed_groups_survive(make_broker):
    own = make_broker().start()
    create_topic(own.address, "orders")
    names = {fresh_name("group") for _ in range(10)}
    for name in names:
        commit(own.address, name, "orders", 1)
    for clean in (True, False):
        own.restart(clean)
        assert set(listed(own.address)) == names


def test_the_cluster_is_this_broker(broker):
    cluster = admin(broker.address).describe_cluster(include_authorized_operations=True)
    found = cluster.result(timeout=30)
    (node,) = found.nodes
    assert f"{node.host}:{node.port}" == broker.address
    assert found.cluster_id and found.controller.id == node.id and found.authorized_operations

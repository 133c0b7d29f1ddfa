"""Transactions of a channel: publishes and acknowledgements that happen together, or not."""

import pytest

from amqp_clients import (
    Inbox,
    await_ready,
    break_off,
    closes_channel,
    confirming,
    fill,
    get,
    publish,
    ready,
    take,
    take_all,
)


@pytest.fixture
def tx(connect):
    channel = connect().channel()
    channel.tx_select()
    return channel


def test_what_is_published_is_there_after_the_commit(tx, connect, name):
    other = connect().channel()
    other.queue_declare(name)
    publish(tx, "a", "b", to=name)
    tx.queue_declare(name, passive=True)  # both have been read
    assert ready(other, name) == 0
    tx.tx_commit()
    assert take_all(other, name) == ["a", "b"]


def test_what_is_rolled_back_never_was(tx, name):
    tx.queue_declare(name)
    publish(tx, "a", to=name)
    tx.tx_rollback()
    publish(tx, "b", to=name)
    tx.tx_commit()
    assert take_all(tx, name) == ["b"]


def test_acknowledgements_are_part_of_it(tx, connect, name):
    fill(confirming(connect()), name, "a", "b")
    message = get(tx, name)
    tx.basic_ack(message.tag)
    tx.tx_rollback()
    tx.basic_ack(message.tag)  # it is the client's still
    tx.tx_commit()
    tx.connection.close()
    assert take_all(connect().channel(), name) == ["b"]


def test_what_was_acknowledged_and_not_committed_comes_again(tx, connect, name):
    fill(confirming(connect()), name, "a", "b", "c")
    for _ in range(2):
        tx.basic_ack(get(tx, name).tag)
    inbox = Inbox(tx, name)
    inbox.wait_for(1)
    inbox.ack()
    tx.basic_cancel(inbox.tag)
    tx.close()
    other = connect().channel()
    await_ready(other, name, 3)
    assert take_all(other, name) == ["a", "b", "c"]


def test_bug_recovering_is_not_part_of_it(tx, connect, name):
    fill(confirming(connect()), name, "a", "b")
    tx.basic_ack(get(tx, name).tag)
    tx.tx_rollback()
    tx.basic_recover(requeue=True)
    await_ready(tx, name, 2)
    message = get(tx, name)
    assert (message.text, message.redelivered) == ("a", True)


def test_a_lost_connection_rolls_back(tx, connect, name):
    other = confirming(connect())
    fill(other, name, "a")
    tx.basic_ack(get(tx, name).tag)
    publish(tx, "b", to=name)
    tx.queue_declare(name, passive=True)
    break_off(tx.connection)
    await_ready(other, name, 1)
    message = get(other, name)
    assert (message.text, message.redelivered) == ("a", True)


def test_moving_a_message_from_queue_to_queue(tx, connect, name):
    other = confirming(connect())
    target = f"{name}-target"
    fill(other, name, *range(10))
    other.queue_declare(target)
    inbox = Inbox(tx, name)
    for index in range(10):
        message = inbox.wait_for(10)[index]
        publish(tx, message.text, to=target)
        tx.basic_ack(message.tag)
    tx.tx_commit()
    tx.connection.close()
    assert take_all(other, target) == [str(number) for number in range(10)]
    assert ready(other, name) == 0


def test_an_unknown_exchange_in_it_closes_the_channel(tx, connect, name):
    connect().channel().queue_declare(name)
    publish(tx, "a", to=name)
    publish(tx, "b", exchange="missing")
    with closes_channel(404, "no exchange 'missing'"):
        tx.tx_commit()


def test_bug_what_a_failed_commit_acknowledged_comes_again(tx, connect, name):
    other = confirming(connect())
    fill(other, name, "a")
    tx.basic_ack(get(tx, name).tag)
    publish(tx, "b", exchange="missing")
    with closes_channel(404, "no exchange 'missing'"):
        tx.tx_commit()
    await_ready(other, name, 1)
    assert take(other, name).redelivered


def test_a_confirming_channel_cannot_have_one(connect):
    channel = confirming(connect())
    with closes_channel(406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode"):
        channel.tx_select()


def test_a_channel_with_one_cannot_confirm(tx):
    with closes_channel(406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode"):
        tx.confirm_delivery()


@pytest.mark.parametrize("method", ["tx_commit", "tx_rollback"])
def test_without_one_there_is_nothing_to_end(channel, method):
    with closes_channel(406, "PRECONDITION_FAILED - channel is not transactional"):
        getattr(channel, method)()


@pytest.mark.parametrize("clean", [True, False], ids=["stop", "kill"])
def test_what_was_committed_survives(server, connect_to, name, clean):
    channel = connect_to(server).channel()
    fill(channel, name, "a", "b", durable=True)
    channel.tx_select()
    channel.basic_ack(get(channel, name).tag)
    publish(channel, "c", to=name)
    channel.tx_commit()
    publish(channel, "d", to=name)
    server.restart(clean)
    assert take_all(connect_to(server).channel(), name) == ["b", "c"]

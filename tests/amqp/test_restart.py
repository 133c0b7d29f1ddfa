"""What is still there when the broker comes back, after SIGTERM and after kill -9."""

import pytest

from amqp_clients import (
    Inbox,
    closes_channel,
    confirming,
    fill,
    is_there,
    publish,
    ready,
    take,
    take_all,
    wait_for_all,
)
from support.broker import new_broker

HOWS = pytest.mark.parametrize("clean", [True, False], ids=["stop", "kill"])


@HOWS
def test_what_is_durable_is_there_again(server, connect_to, name, clean):
    channel = connect_to(server).channel()
    exchange = f"{name}-exchange"
    channel.exchange_declare(exchange, "headers", durable=True)
    channel.exchange_declare(f"{exchange}-next", "fanout", durable=True)
    channel.exchange_bind(f"{exchange}-next", exchange, arguments={"kind": "b"})
    arguments = {"x-max-length": 3, "x-dead-letter-exchange": exchange}
    channel.queue_declare(name, durable=True, arguments=arguments)
    channel.queue_bind(name, exchange, "key", arguments={"kind": "a", "x-match": "any"})
    channel.queue_bind(name, f"{exchange}-next")
    server.restart(clean)
    channel = connect_to(server).channel()
    channel.exchange_declare(exchange, "headers", durable=True)
    channel.queue_declare(name, durable=True, arguments=arguments)
    publish(channel, "one", exchange=exchange, headers={"kind": "a"})
    publish(channel, "two", exchange=exchange, headers={"kind": "b"})
    publish(channel, "three", exchange=exchange, headers={"kind": "c"})
    assert take_all(channel, name) == ["one", "two"]


@HOWS
def test_transient_exclusive_and_server_named_things_are_gone(server, connect_to, name, clean):
    channel = connect_to(server).channel()
    names = [f"{name}-transient", f"{name}-exclusive", f"{name}-both"]
    channel.queue_declare(names[0], durable=False)
    channel.queue_declare(names[1], exclusive=True)
    channel.queue_declare(names[2], exclusive=True, durable=True)
    names.append(channel.queue_declare("", exclusive=True).method.queue)
    channel.exchange_declare(name, durable=False)
    server.restart(clean)
    connection = connect_to(server)
    assert [queue for queue in names if is_there(connection, queue)] == []
    with closes_channel(404):
        connection.channel().exchange_declare(name, passive=True)
    for queue in names[:3]:
        fill(connection.channel(), queue, "a", durable=True)  # whatever it was before


@HOWS
def test_what_was_deleted_stays_deleted(server, connect_to, name, clean):
    channel = connect_to(server).channel()
    fill(channel, name, "a", durable=True)
    channel.exchange_declare(name, durable=True)
    channel.queue_delete(name)
    channel.exchange_delete(name)
    server.restart(clean)
    channel = connect_to(server).channel()
    channel.queue_declare(name, durable=True)
    assert ready(channel, name) == 0
    channel.exchange_declare(name, "fanout", durable=True)


@HOWS
def test_confirmed_messages_are_there_and_acknowledged_ones_are_not(
    server, connect_to, name, clean
):
    channel = confirming(connect_to(server))
    fill(channel, name, *range(20), durable=True)
    for _ in range(5):
        message = channel.basic_get(name)[0]
        channel.basic_ack(message.delivery_tag)
    channel.close()  # answered when the acknowledgements are durable
    server.restart(clean)
    channel = connect_to(server).channel()
    assert take_all(channel, name) == [str(number) for number in range(5, 20)]


@HOWS
def test_what_was_delivered_and_not_acknowledged_comes_again(server, connect_to, name, clean):
    channel = confirming(connect_to(server))
    fill(channel, name, "a", "b", "c", durable=True)
    Inbox(channel, name).wait_for(3)
    server.restart(clean)
    again = Inbox(connect_to(server).channel(), name).wait_for(3)
    assert [m.text for m in again] == ["a", "b", "c"]
    # A kill right after the delivery may come before the mark is on the disk.
    if clean:
        assert [m.redelivered for m in again] == [True, True, True]


@HOWS
def test_all_of_a_message_is_there_again(server, connect_to, name, clean):
    channel = confirming(connect_to(server))
    channel.queue_declare(name, durable=True)
    channel.queue_bind(name, "amq.topic", "a.#")
    publish(
        channel,
        b"\x00\xff body",
        exchange="amq.topic",
        to="a.b.c",
        content_type="text/plain",
        headers={"n": 7},
        delivery_mode=2,
        message_id="m-1",
    )
    server.restart(clean)
    message = take(connect_to(server).channel(), name)
    assert message.body == b"\x00\xff body"
    assert (message.method.exchange, message.method.routing_key) == ("amq.topic", "a.b.c")
    properties = message.properties
    assert (properties.content_type, properties.message_id) == ("text/plain", "m-1")
    assert (properties.headers, properties.delivery_mode) == ({"n": 7}, 2)


@HOWS
def test_a_message_expires_while_the_broker_is_away(server, connect_to, name, clean):
    channel = confirming(connect_to(server))
    fill(channel, name, "a", durable=True, arguments={"x-message-ttl": 1})
    server.restart(clean)
    assert take_all(connect_to(server).channel(), name) == []


@HOWS
def test_dead_letters_arrive_once(server, connect_to, name, clean):
    """Killed in the middle of many: none is lost, none is there twice."""
    channel = confirming(connect_to(server))
    dead = f"{name}-dead"
    channel.queue_declare(dead, durable=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    fill(channel, name, *range(50), durable=True, arguments=arguments)
    inbox = Inbox(channel, name)
    inbox.wait_for(50)
    channel.basic_nack(inbox.messages[-1].tag, multiple=True, requeue=False)
    ready(channel, dead)  # the nack has been read
    server.restart(clean)
    channel = connect_to(server).channel()
    inbox = Inbox(channel, dead, auto_ack=True)
    left = Inbox(channel, name)
    wait_for_all(50, inbox, left)
    texts = inbox.texts + left.texts
    assert sorted(map(int, texts)) == list(range(50))


def test_the_broker_starts_with_a_queue_that_never_had_a_message(tmp_path_factory, connect_to):
    server = new_broker(tmp_path_factory.mktemp("broker"), amqp=True).start()
    try:
        connect_to(server).channel().queue_declare("empty", durable=True)
        server.restart(clean=True)
        assert is_there(connect_to(server), "empty")
        server.stop()
    finally:
        server.discard()

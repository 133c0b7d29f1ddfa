"""Queues, exchanges and bindings: what may be declared, what is refused, and when things end."""

import pytest
from pika.compat import long
from pika.exceptions import ChannelClosedByBroker
from pika.exchange_type import ExchangeType

from amqp_clients import (
    Inbox,
    await_gone,
    break_off,
    closes_channel,
    closes_connection,
    fill,
    is_there,
    publish,
    ready,
    take,
    take_all,
)
from support.waiting import wait_until
from wire_by_hand import Wire, short_text

LOCKED = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{}' in vhost '/'"


def inequivalent(argument, kind, name, received, current):
    return (
        f"PRECONDITION_FAILED - inequivalent arg '{argument}' for {kind} '{name}' in vhost '/': "
        f"received {received} but current is {current}"
    )


# Queues


def test_declaring_the_same_again_is_no_change(channel, name):
    arguments = {"x-message-ttl": 60000, "x-max-length": 10}
    fill(channel, name, "a", durable=True, arguments=arguments)
    again = channel.queue_declare(name, durable=True, arguments=arguments).method
    assert (again.queue, again.message_count, again.consumer_count) == (name, 1, 0)


@pytest.mark.parametrize(
    "options, argument, received, current",
    [
        ({"durable": False}, "durable", "'false'", "'true'"),
        ({"auto_delete": True}, "auto_delete", "'true'", "'false'"),
        ({"arguments": {"x-message-ttl": 2000}}, "x-message-ttl", "'2000'", "'1000'"),
        ({"arguments": {}}, "x-message-ttl", "none", "'1000'"),
        (
            {"arguments": {"x-message-ttl": 1000, "x-max-length": 5}},
            "x-max-length",
            "'5'",
            "none",
        ),
    ],
    ids=["durable", "auto-delete", "another-value", "a-missing-one", "one-too-many"],
)
def test_declaring_it_otherwise_is_refused(channel, name, options, argument, received, current):
    there = {"durable": True, "arguments": {"x-message-ttl": 1000}}
    channel.queue_declare(name, **there)
    with closes_channel(406, inequivalent(argument, "queue", name, received, current)):
        channel.queue_declare(name, **(there | options))


def test_an_argument_that_nobody_knows_is_not_compared(channel, name):
    channel.queue_declare(name, arguments={"x-of-an-application": 1})
    channel.queue_declare(name, arguments={"x-of-an-application": 2})


def test_numbers_are_compared_by_value(channel, name):
    """Clients of other languages write them with other widths."""
    channel.queue_declare(name, arguments={"x-max-length": 5})  # 32 bits
    channel.queue_declare(name, arguments={"x-max-length": long(5)})  # 64 bits


@pytest.mark.parametrize(
    "arguments",
    [
        {"x-message-ttl": -1},
        {"x-message-ttl": "long"},
        {"x-expires": 0},
        {"x-max-length": -1},
        {"x-overflow": "explode"},
        {"x-queue-type": "heap"},
        {"x-single-active-consumer": "yes"},
        {"x-dead-letter-exchange": 7},
        {"x-dead-letter-routing-key": "key"},
    ],
    ids=lambda arguments: "-".join(map(str, next(iter(arguments.items())))),
)
def test_an_argument_of_the_wrong_kind_is_refused(channel, name, arguments):
    with closes_channel(406, "PRECONDITION_FAILED - invalid arg", next(iter(arguments))):
        channel.queue_declare(name, arguments=arguments)


def test_passive_tells_messages_and_consumers(channel, name):
    fill(channel, name, "a", "b", "c")
    found = channel.queue_declare(name, passive=True).method
    assert (found.message_count, found.consumer_count) == (3, 0)
    Inbox(channel, name).wait_for(3)
    found = channel.queue_declare(name, passive=True).method
    assert (found.message_count, found.consumer_count) == (0, 1)


def test_passive_asks_for_nothing_but_the_name(channel, name):
    channel.queue_declare(name, durable=True, arguments={"x-max-length": 5})
    channel.queue_declare(name, passive=True, durable=False, auto_delete=True)


def test_passive_of_a_missing_queue_is_404(channel, name):
    with closes_channel(404, f"NOT_FOUND - no queue '{name}' in vhost '/'"):
        channel.queue_declare(name, passive=True)


def test_the_broker_makes_up_a_name(channel):
    one = channel.queue_declare("").method.queue
    other = channel.queue_declare("").method.queue
    assert one.startswith("amq.gen-") and len(one) == len("amq.gen-") + 22
    assert one != other


def test_an_empty_name_is_the_queue_declared_last(channel):
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind("", "amq.direct", "")
    publish(channel, "a", exchange="amq.direct", to=queue)
    assert take(channel, "").text == "a"
    assert channel.queue_purge("").method.message_count == 0


def test_an_empty_name_with_none_declared_is_404(channel):
    with closes_channel(404):
        channel.queue_bind("", "amq.direct", "key")


def test_names_of_the_broker_are_reserved(channel):
    with closes_channel(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix"):
        channel.queue_declare("amq.mine")


def test_what_has_a_reserved_name_can_be_declared_again(channel):
    queue = channel.queue_declare("", exclusive=True).method.queue
    assert channel.queue_declare(queue, exclusive=True).method.queue == queue


def test_line_ends_are_no_part_of_a_name(server, name):
    """By hand: pika waits for the name that it sent."""
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 50, 10, b"\0\0" + short_text(f"{name}\r\n".encode()) + b"\0" * 5)
        assert wire.method(50, 11).startswith(short_text(name.encode()))


def test_a_name_of_255_bytes(channel):
    queue = "q" * 255
    fill(channel, queue, "a")
    assert take(channel, queue).text == "a"
    channel.queue_delete(queue)


# Exclusive queues


def test_an_exclusive_queue_is_closed_to_others(connect, name):
    connect().channel().queue_declare(name, exclusive=True)
    other = connect()
    for use in (
        lambda channel: channel.queue_declare(name, passive=True),
        lambda channel: channel.queue_declare(name, exclusive=True),
        lambda channel: channel.queue_declare(name),
        lambda channel: channel.basic_get(name),
        lambda channel: channel.basic_consume(name, print),
        lambda channel: channel.queue_purge(name),
        lambda channel: channel.queue_delete(name),
        lambda channel: channel.queue_bind(name, "amq.direct", "key"),
    ):
        with closes_channel(405, LOCKED.format(name)):
            use(other.channel())


def test_others_may_publish_to_it(connect, name):
    mine = connect().channel()
    mine.queue_declare(name, exclusive=True)
    theirs = connect().channel()
    theirs.confirm_delivery()
    publish(theirs, "a", to=name)
    assert take(mine, name).text == "a"


def test_it_cannot_be_made_exclusive_afterwards(channel, name):
    channel.queue_declare(name)
    with closes_channel(405, LOCKED.format(name)):
        channel.queue_declare(name, exclusive=True)


def test_all_channels_of_the_connection_see_it(connect, name):
    connection = connect()
    connection.channel().queue_declare(name, exclusive=True)
    connection.channel().queue_declare(name, exclusive=True)


def test_it_lives_as_long_as_the_connection_and_not_the_channel(connect, name):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(name, exclusive=True)
    channel.close()
    assert is_there(connection, name)
    connection.close()
    assert not is_there(connect(), name)


def test_a_reconnecting_client_can_declare_it_at_once(connect, name):
    for _ in range(10):
        connection = connect()
        channel = connection.channel()
        fill(channel, name, "a", exclusive=True)
        assert ready(channel, name) == 1, "nothing is left of the one before"
        connection.close()


def test_it_is_gone_when_the_connection_breaks(connect, name):
    connection, other = connect(), connect()
    connection.channel().queue_declare(name, exclusive=True)
    break_off(connection)

    def can_be_declared():
        try:
            other.channel().queue_declare(name, exclusive=True)
            return True
        except ChannelClosedByBroker as refused:
            assert refused.reply_code == 405
            return False

    wait_until(can_be_declared, f"the end of {name}")


# Auto-delete


def test_an_auto_delete_queue_ends_with_its_last_consumer(channel, name):
    channel.queue_declare(name, auto_delete=True)
    one, other = Inbox(channel, name), Inbox(channel, name)
    channel.basic_cancel(one.tag)
    assert is_there(channel.connection, name)
    channel.basic_cancel(other.tag)
    await_gone(channel.connection, name)


def test_it_ends_with_the_channel_of_its_consumer(connect, name):
    connection = connect()
    channel = connection.channel()
    channel.queue_declare(name, auto_delete=True)
    Inbox(channel, name)
    channel.close()
    await_gone(connection, name)


def test_without_a_consumer_ever_it_stays(connect, name):
    connection = connect()
    channel = connection.channel()
    fill(channel, name, "a", auto_delete=True)
    assert take(channel, name).text == "a"
    connection.close()
    assert is_there(connect(), name)


def test_an_auto_delete_exchange_ends_with_its_last_binding(channel, name):
    channel.exchange_declare(name, auto_delete=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, name, "one")
    channel.queue_bind(queue, name, "other")
    channel.queue_unbind(queue, name, "one")
    channel.exchange_declare(name, passive=True)
    channel.queue_unbind(queue, name, "other")
    with closes_channel(404, f"no exchange '{name}' in vhost '/'"):
        channel.exchange_declare(name, passive=True)


def test_it_ends_when_the_queue_is_deleted(connect, name):
    connection = connect()
    channel = connection.channel()
    channel.exchange_declare(name, auto_delete=True)
    channel.queue_declare(name)
    channel.queue_bind(name, name, "key")
    channel.queue_delete(name)
    with closes_channel(404):
        channel.exchange_declare(name, passive=True)


# Deleting


def test_delete_tells_how_many_messages_were_there(channel, name):
    fill(channel, name, "a", "b")
    assert channel.queue_delete(name).method.message_count == 2
    assert not is_there(channel.connection, name)


def test_deleting_what_is_not_there_is_fine(channel, name):
    assert channel.queue_delete(name).method.message_count == 0
    channel.exchange_delete(name)
    channel.queue_declare(name)
    channel.queue_unbind(name, "amq.direct", "never")
    channel.queue_unbind(name, f"{name}-exchange", "never")


def test_delete_if_empty(connect, name):
    connection = connect()
    channel = connection.channel()
    fill(channel, name, "a")
    with closes_channel(406, f"PRECONDITION_FAILED - queue '{name}' in vhost '/' is not empty"):
        channel.queue_delete(name, if_empty=True)
    channel = connection.channel()
    channel.queue_purge(name)
    channel.queue_delete(name, if_empty=True)
    assert not is_there(connection, name)


def test_delete_if_unused(connect, name):
    connection = connect()
    connection.channel().queue_declare(name)
    consuming, channel = connection.channel(), connection.channel()
    inbox = Inbox(consuming, name)
    with closes_channel(406, f"PRECONDITION_FAILED - queue '{name}' in vhost '/' in use"):
        channel.queue_delete(name, if_unused=True)
    consuming.basic_cancel(inbox.tag)
    connection.channel().queue_delete(name, if_unused=True)
    assert not is_there(connection, name)


def test_delete_an_exchange_if_unused(connect, name):
    connection = connect()
    channel = connection.channel()
    channel.exchange_declare(name)
    channel.queue_declare(name)
    channel.queue_bind(name, name, "key")
    with closes_channel(406, f"exchange '{name}' in vhost '/' in use"):
        channel.exchange_delete(name, if_unused=True)
    channel = connection.channel()
    channel.queue_unbind(name, name, "key")
    channel.exchange_delete(name, if_unused=True)


def test_a_deleted_queue_leaves_no_binding(channel, name):
    channel.queue_declare(name)
    channel.queue_bind(name, "amq.direct", name)
    channel.queue_delete(name)
    channel.queue_declare(name)
    publish(channel, "a", exchange="amq.direct", to=name)
    assert ready(channel, name) == 0


def test_purge_takes_what_is_ready_and_nothing_else(channel, name):
    fill(channel, name, "a", "b", "c")
    kept, _, _ = channel.basic_get(name)
    assert channel.queue_purge(name).method.message_count == 2
    channel.basic_nack(kept.delivery_tag, requeue=True)
    publish(channel, "d", to=name)
    assert take_all(channel, name) == ["a", "d"]


# Exchanges


def test_an_exchange_declared_otherwise_is_refused(connect, name):
    connection = connect()
    there = {"exchange_type": "topic", "durable": True}
    connection.channel().exchange_declare(name, **there)
    for options, argument, received, current in (
        ({"exchange_type": "fanout"}, "type", "'fanout'", "'topic'"),
        ({"durable": False}, "durable", "'false'", "'true'"),
        ({"auto_delete": True}, "auto_delete", "'true'", "'false'"),
        ({"internal": True}, "internal", "'true'", "'false'"),
        ({"arguments": {"alternate-exchange": "x"}}, "alternate-exchange", "'x'", "none"),
    ):
        text = inequivalent(argument, "exchange", name, received, current)
        with closes_channel(406, text):
            connection.channel().exchange_declare(name, **(there | options))
    connection.channel().exchange_declare(name, **there)


def test_the_exchanges_that_are_always_there(channel):
    for exchange in ("", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"):
        channel.exchange_declare(exchange, passive=True)
    channel.exchange_declare("amq.topic", "topic", durable=True)


def test_other_exchanges_with_reserved_names_are_refused(connect):
    connection = connect()
    with closes_channel(403, "contains reserved prefix 'amq.*'"):
        connection.channel().exchange_declare("amq.mine")
    with closes_channel(403):
        connection.channel().exchange_delete("amq.topic")


def test_nothing_can_be_done_to_the_default_exchange(connect, name):
    connection = connect()
    connection.channel().queue_declare(name)
    for use in (
        lambda channel: channel.queue_bind(name, "", "key"),
        lambda channel: channel.queue_unbind(name, "", "key"),
        lambda channel: channel.exchange_bind("", "amq.direct", "key"),
        lambda channel: channel.exchange_bind("amq.direct", "", "key"),
        lambda channel: channel.exchange_declare("", "direct"),
        lambda channel: channel.exchange_delete(""),
    ):
        text = "ACCESS_REFUSED - operation not permitted on the default exchange"
        with closes_channel(403, text):
            use(connection.channel())


def test_an_unknown_exchange_type_closes_the_connection(channel, name):
    with closes_connection(503, "COMMAND_INVALID - unknown exchange type 'x-none'"):
        channel.exchange_declare(name, "x-none")


def test_binding_what_is_not_there_is_404(connect, name):
    connection = connect()
    connection.channel().queue_declare(name)
    with closes_channel(404, "no exchange 'missing' in vhost '/'"):
        connection.channel().queue_bind(name, "missing", "key")
    with closes_channel(404, "no queue 'missing' in vhost '/'"):
        connection.channel().queue_bind("missing", "amq.direct", "key")
    with closes_channel(404, "no exchange 'missing' in vhost '/'"):
        connection.channel().exchange_bind("missing", "amq.direct", "key")


def test_binding_twice_is_binding_once(channel, name):
    channel.queue_declare(name)
    channel.queue_bind(name, "amq.direct", name)
    channel.queue_bind(name, "amq.direct", name)
    publish(channel, "a", exchange="amq.direct", to=name)
    assert take_all(channel, name) == ["a"]
    channel.queue_unbind(name, "amq.direct", name)
    publish(channel, "b", exchange="amq.direct", to=name)
    assert take_all(channel, name) == []


def test_an_unbound_exchange_goes_nowhere(channel, name):
    channel.queue_declare(name)
    channel.exchange_declare(name, ExchangeType.fanout)
    channel.queue_bind(name, name)
    channel.queue_unbind(name, name)
    publish(channel, "a", exchange=name)
    assert ready(channel, name) == 0


def test_exchanges_bound_to_exchanges(channel, name):
    front, back = f"{name}-front", f"{name}-back"
    channel.exchange_declare(front, ExchangeType.topic)
    channel.exchange_declare(back, ExchangeType.fanout)
    channel.queue_declare(name)
    channel.queue_bind(name, back)
    channel.exchange_bind(destination=back, source=front, routing_key="eu.#")
    publish(channel, "a", exchange=front, to="eu.fr")
    publish(channel, "b", exchange=front, to="us.ny")
    assert take_all(channel, name) == ["a"]
    channel.exchange_unbind(destination=back, source=front, routing_key="eu.#")
    publish(channel, "c", exchange=front, to="eu.fr")
    assert take_all(channel, name) == []


def test_a_circle_of_exchanges_delivers_once(channel, name):
    one, other = f"{name}-one", f"{name}-other"
    for exchange in (one, other):
        channel.exchange_declare(exchange, ExchangeType.fanout)
    channel.exchange_bind(one, other)
    channel.exchange_bind(other, one)
    channel.queue_declare(name)
    channel.queue_bind(name, one)
    channel.queue_bind(name, other)
    publish(channel, "a", exchange=one)
    assert take_all(channel, name) == ["a"]


def test_the_alternate_exchange_takes_what_has_no_route(channel, name):
    lost = f"{name}-lost"
    channel.exchange_declare(lost, ExchangeType.fanout)
    channel.exchange_declare(name, arguments={"alternate-exchange": lost})
    for queue in (name, lost):
        channel.queue_declare(queue)
    channel.queue_bind(name, name, "known")
    channel.queue_bind(lost, lost)
    channel.confirm_delivery()
    publish(channel, "a", exchange=name, to="known", mandatory=True)
    publish(channel, "b", exchange=name, to="unknown", mandatory=True)
    assert take_all(channel, name) == ["a"]
    assert take_all(channel, lost) == ["b"]


def test_declaring_without_an_answer(connect, name):
    """no-wait: pika waits for none when it has no callback to call."""
    connection = connect()
    channel = connection.channel()
    raw = channel._impl
    raw.queue_declare(name, callback=None)
    raw.queue_bind(name, "amq.direct", name, callback=None)
    publish(channel, "a", exchange="amq.direct", to=name)
    assert take(channel, name).text == "a"

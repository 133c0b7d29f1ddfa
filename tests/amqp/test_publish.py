"""Publishing: routes, confirms, returns, refusals, and bodies of every size."""

import struct

import pika
import pytest
from pika import exceptions
from pika.exchange_type import ExchangeType

from amqp_clients import (
    Inbox,
    closes_channel,
    confirming,
    fill,
    publish,
    ready,
    take,
    take_all,
)
from wire_by_hand import Wire, short_text

FRAME_MAX = 131072
MESSAGE_MAX = 16 << 20


# Confirms and returns


def test_what_is_confirmed_is_in_the_queue(connect, name):
    connection = connect()
    channel = confirming(connection)
    channel.queue_declare(name)
    publish(channel, "a", to=name)
    assert ready(connection.channel(), name) == 1


def test_many_publishes_are_confirmed_in_order(server, name):
    """By hand, because BlockingConnection waits for each."""
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 85, 10, b"\0")
        wire.method(85, 11)
        count = 500
        for _ in range(count):
            wire.send_method(1, 60, 40, b"\0\0" + short_text(b"") + short_text(b"nowhere") + b"\0")
            wire.send_frame(2, 1, struct.pack(">HHQH", 60, 0, 0, 0))
        confirmed = 0
        while confirmed < count:
            tag, multiple = struct.unpack(">QB", wire.method(60, 80))
            assert tag > confirmed
            assert multiple or tag == confirmed + 1
            confirmed = tag
        assert confirmed == count


def test_confirm_select_twice_is_fine(channel, name):
    channel.queue_declare(name)
    channel._impl.confirm_delivery(ack_nack_callback=lambda _: None)
    channel._impl.confirm_delivery(ack_nack_callback=lambda _: None)
    publish(channel, "a", to=name)
    assert take(channel, name).text == "a"


def test_what_has_no_route_is_confirmed_at_once(connect, name):
    publish(confirming(connect()), "a", to=name)


def test_what_has_no_route_and_must_have_comes_back(connect, name):
    channel = confirming(connect())
    with pytest.raises(exceptions.UnroutableError) as caught:
        publish(channel, "a", to=name, mandatory=True, message_id="m", headers={"k": 1})
    (returned,) = caught.value.messages
    assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
    assert (returned.method.exchange, returned.method.routing_key) == ("", name)
    assert (returned.body, returned.properties.message_id) == (b"a", "m")
    assert returned.properties.headers == {"k": 1}


def test_the_return_comes_before_the_confirm(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 85, 10, b"\0")
        wire.method(85, 11)
        mandatory = b"\x01"
        for _ in range(20):
            wire.send_method(1, 60, 40, b"\0\0" + short_text(b"") + short_text(b"nil") + mandatory)
            wire.send_frame(2, 1, struct.pack(">HHQH", 60, 0, 0, 0))
        returned = confirmed = 0
        while confirmed < 20:
            kind, _, payload = wire.frame()
            if kind == 2:
                continue
            method = struct.unpack(">HH", payload[:4])
            if method == (60, 50):
                returned += 1
            else:
                assert method == (60, 80)
                confirmed = struct.unpack(">Q", payload[4:12])[0]
                assert returned >= confirmed


def test_returns_without_confirms(connect, name):
    channel = connect().channel()
    returned = []
    channel.add_on_return_callback(lambda *parts: returned.append(parts[3]))
    publish(channel, "a", to=name, mandatory=True)
    channel.queue_declare(name)  # answered after what was published before
    channel.connection.process_data_events(0)
    assert returned == [b"a"]


def test_a_mandatory_message_with_a_route_does_not_come_back(connect, name):
    channel = confirming(connect())
    channel.queue_declare(name)
    publish(channel, "a", to=name, mandatory=True)
    assert take_all(channel, name) == ["a"]


# What is refused


def test_an_unknown_exchange_closes_the_channel_and_no_more(connect, name):
    connection = connect()
    channel, other = confirming(connection), connection.channel()
    with closes_channel(404, "NOT_FOUND - no exchange 'missing' in vhost '/'"):
        publish(channel, "a", exchange="missing", to="key")
    fill(other, name, "b")
    again = connection.channel(channel.channel_number)
    assert take(again, name).text == "b"


def test_what_follows_on_a_closed_channel_is_passed_over(server, connect, name):
    connect().channel().queue_declare(name)
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)

        def send(exchange):
            arguments = b"\0\0" + short_text(exchange) + short_text(name.encode()) + b"\0"
            wire.send_method(1, 60, 40, arguments)
            wire.send_frame(2, 1, struct.pack(">HHQH", 60, 0, 1, 0))
            wire.send_frame(3, 1, b"x")

        send(b"missing")
        send(b"")
        send(b"missing")
        closed = wire.method(20, 40)
        assert struct.unpack(">H", closed[:2]) == (404,)
        assert struct.unpack(">HH", closed[-4:]) == (60, 40), "the method at fault is named"
        wire.send_method(1, 20, 41)
        wire.open_channel(1)
        send(b"")
        wire.send_method(1, 20, 40, struct.pack(">HBHH", 200, 0, 0, 0))
        wire.method(20, 41)
    assert ready(connect().channel(), name) == 1


def test_publishing_to_an_internal_exchange_is_refused(connect, name):
    channel = confirming(connect())
    channel.exchange_declare(name, internal=True)
    with closes_channel(403, "ACCESS_REFUSED - cannot publish to internal exchange"):
        publish(channel, "a", exchange=name)


@pytest.mark.parametrize("expiration", ["soon", "-1", "1.5", "", "10 s"])
def test_an_expiration_that_is_no_number_is_refused(connect, name, expiration):
    channel = confirming(connect())
    with closes_channel(406, "PRECONDITION_FAILED - invalid expiration"):
        publish(channel, "a", to=name, expiration=expiration)


def test_the_user_id_must_be_that_of_the_login(connect, name):
    channel = confirming(connect())
    channel.queue_declare(name)
    publish(channel, "a", to=name, user_id="guest")
    assert take(channel, name).properties.user_id == "guest"
    with closes_channel(
        406,
        "PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'",
    ):
        publish(channel, "b", to=name, user_id="other")


def test_immediate_is_not_there(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 60, 40, b"\0\0" + short_text(b"") + short_text(b"key") + b"\x02")
        wire.send_frame(2, 1, struct.pack(">HHQH", 60, 0, 0, 0))
        assert wire.close_reason() == (540, "NOT_IMPLEMENTED - immediate=true")


# Routes


def bound(channel, exchange, kind, **queues):
    """An exchange with queues EXCHANGE-name, each bound by {name: (key, arguments)}."""
    channel.exchange_declare(exchange, kind)
    for queue, (key, arguments) in queues.items():
        channel.queue_declare(f"{exchange}-{queue}")
        channel.queue_bind(f"{exchange}-{queue}", exchange, key, arguments)


def reached(channel, exchange, *queues):
    """Which of the queues the last message is in; empties them."""
    return {queue for queue in queues if take_all(channel, f"{exchange}-{queue}")}


@pytest.mark.parametrize(
    "key, queues",
    [
        ("eu.de.berlin", {"all", "eu", "three"}),
        ("eu.de", {"all", "eu", "two"}),
        ("eu", {"all", "eu"}),
        ("us.ny.city", {"all", "three", "city"}),
        ("city", {"all", "city"}),
        ("", {"all"}),
        ("eu..x", {"all", "eu", "three"}),
        ("a.b", {"all", "two"}),
    ],
)
def test_topics_have_wildcards(channel, name, key, queues):
    patterns = {"all": "#", "eu": "eu.#", "two": "*.*", "three": "*.*.*", "city": "#.city"}
    bound(channel, name, ExchangeType.topic, **{q: (p, None) for q, p in patterns.items()})
    publish(channel, "a", exchange=name, to=key)
    assert reached(channel, name, *patterns) == queues


@pytest.mark.parametrize(
    "headers, queues",
    [
        ({"a": 1, "b": "x"}, {"all", "any", "all-with-x", "any-with-x"}),
        ({"a": 1}, {"any", "any-with-x"}),
        ({"b": "x", "more": 1}, {"any", "any-with-x"}),
        (
            {"a": 1, "b": "x", "x-c": True},
            {"all", "any", "all-with-x", "any-with-x", "strict", "strict-any"},
        ),
        ({"x-c": True}, {"strict-any"}),
        ({"a": 2, "b": "y"}, set()),
        (None, set()),
    ],
    ids=["both", "one", "other", "and-x", "only-x", "others", "none"],
)
def test_headers_exchange_in_four_modes(channel, name, headers, queues):
    both = {"a": 1, "b": "x"}
    bindings = {
        "all": both | {"x-match": "all", "x-c": True},
        "any": both | {"x-match": "any", "x-c": True},
        "all-with-x": both | {"x-match": "all-with-x"},
        "any-with-x": both | {"x-match": "any-with-x"},
        "strict": both | {"x-match": "all-with-x", "x-c": True},
        "strict-any": {"a": 5, "x-match": "any-with-x", "x-c": True},
    }
    bound(channel, name, ExchangeType.headers, **{q: ("", a) for q, a in bindings.items()})
    publish(channel, "a", exchange=name, headers=headers)
    assert reached(channel, name, *bindings) == queues


def test_direct_and_fanout(channel, name):
    queues = {"one": ("k", None), "same": ("k", None), "no": ("x", None)}
    bound(channel, f"{name}-d", ExchangeType.direct, **queues)
    publish(channel, "a", exchange=f"{name}-d", to="k")
    assert reached(channel, f"{name}-d", "one", "same", "no") == {"one", "same"}
    bound(channel, f"{name}-f", ExchangeType.fanout, one=("k", None), other=("", None))
    publish(channel, "a", exchange=f"{name}-f", to="whatever")
    assert reached(channel, f"{name}-f", "one", "other") == {"one", "other"}


def test_a_queue_that_is_reached_twice_gets_it_once(channel, name):
    bound(channel, name, ExchangeType.topic, q=("a.*", None))
    channel.queue_bind(f"{name}-q", name, "*.b")
    publish(channel, "x", exchange=name, to="a.b")
    assert take_all(channel, f"{name}-q") == ["x"]


def test_cc_and_bcc_are_more_routing_keys(channel, name):
    queues = {"to": ("to", None), "cc": ("cc", None), "bcc": ("bcc", None), "no": ("no", None)}
    bound(channel, name, ExchangeType.direct, **queues)
    publish(channel, "a", exchange=name, to="to", headers={"CC": ["cc", "to"], "BCC": ["bcc"]})
    for queue in ("to", "cc", "bcc"):
        message = take(channel, f"{name}-{queue}")
        assert message.headers == {"CC": ["cc", "to"]}, "nobody sees BCC"
        assert message.method.routing_key == "to"
        assert ready(channel, f"{name}-{queue}") == 0
    assert ready(channel, f"{name}-no") == 0


def test_a_cc_that_is_no_list_is_refused(connect, name):
    channel = confirming(connect())
    with closes_channel(406, "'CC'"):
        publish(channel, "a", to=name, headers={"CC": "key"})


# Bodies and properties


@pytest.mark.parametrize(
    "size",
    [0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, FRAME_MAX, 1 << 20, MESSAGE_MAX],
)
def test_bodies_of_many_sizes(connect, name, size):
    channel = confirming(connect())
    channel.queue_declare(name)
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    publish(channel, body, "next", to=name)
    assert take(channel, name).body == body
    assert take(channel, name).text == "next"
    channel.queue_delete(name)


def test_a_body_above_the_limit_is_refused(connect, name):
    connection = connect()
    channel = confirming(connection)
    with closes_channel(
        406,
        f"PRECONDITION_FAILED - message size {MESSAGE_MAX + 1} is larger than configured max size "
        f"{MESSAGE_MAX}",
    ):
        publish(channel, b"x" * (MESSAGE_MAX + 1), to=name)
    fill(connection.channel(), name, "a")


def test_bodies_of_two_channels_interleaved(server, connect, name):
    reader = connect().channel()
    reader.queue_declare(name)
    with Wire(server) as wire:
        wire.log_in()
        bodies = {1: b"1" * 30, 2: b"2" * 30}
        for number in bodies:
            wire.open_channel(number)
        for number, body in bodies.items():
            wire.send_method(number, 60, 40, b"\0\0\0" + short_text(name.encode()) + b"\0")
            wire.send_frame(2, number, struct.pack(">HHQH", 60, 0, len(body), 0))
        for at in range(30):
            for number, body in bodies.items():
                wire.send_frame(3, number, body[at : at + 1])
                wire.send_frame(8, 0, b"")
        wire.send_method(0, 10, 50, struct.pack(">HBHH", 200, 0, 0, 0))
        wire.method(10, 51)
    inbox = Inbox(reader, name, auto_ack=True)
    assert sorted(m.body for m in inbox.wait_for(2)) == sorted(bodies.values())


def test_frames_of_the_smallest_size(connect, name):
    channel = confirming(connect(frame_max=8192))
    channel.queue_declare(name)
    body = bytes(range(256)) * 300
    publish(channel, body, to=name)
    assert Inbox(channel, name, auto_ack=True).wait_for(1)[0].body == body


def test_all_properties_arrive_as_they_were_sent(channel, name):
    sent = pika.BasicProperties(
        content_type="application/json",
        content_encoding="gzip",
        headers={
            "bool": True,
            "small": 7,
            "large": 1 << 40,
            "text": "ü",
            "bytes": b"\x00\xff",
            "nothing": None,
            "list": [1, "two", [3]],
            "table": {"inner": {"deep": 1}},
        },
        delivery_mode=2,
        priority=5,
        correlation_id="c-1",
        reply_to="answers",
        expiration="60000",
        message_id="m-1",
        timestamp=1_700_000_000,
        type="order",
        user_id="guest",
        app_id="tests",
    )
    channel.queue_declare(name)
    channel.basic_publish("", name, b"{}", sent)
    received = take(channel, name).properties
    expected = {**sent.__dict__, "headers": dict(sent.headers)}
    got = {**received.__dict__, "headers": dict(received.headers)}
    assert got == expected


def test_no_properties_at_all(channel, name):
    channel.queue_declare(name)
    channel.basic_publish("", name, b"a")
    properties = take(channel, name).properties
    assert (properties.headers, properties.delivery_mode) == (None, None)


def test_another_connection_sees_it_in_the_order_of_publishing(connect, name):
    channel = connect().channel()
    fill(channel, name, *range(300))
    inbox = Inbox(connect().channel(), name, auto_ack=True)
    assert [message.text for message in inbox.wait_for(300)] == [str(n) for n in range(300)]


def test_a_publish_that_the_queue_refuses_is_a_nack(connect, name):
    channel = confirming(connect())
    channel.queue_declare(name, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    publish(channel, "a", to=name)
    with pytest.raises(exceptions.NackError):
        publish(channel, "b", to=name)
    assert take_all(channel, name) == ["a"]
    publish(channel, "c", to=name)
    assert take_all(channel, name) == ["c"]

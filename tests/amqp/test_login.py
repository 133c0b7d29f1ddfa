"""From the greeting to connection.open: who may log in, what is negotiated, and who is dropped."""

import socket
import struct
import time

import pika
import pytest
from pika import exceptions

from amqp_clients import closes_channel, parameters
from wire_by_hand import GREETING, Wire


def test_a_client_learns_what_the_broker_can_do(connect):
    connection = connect()
    assert connection.publisher_confirms_supported
    assert connection.basic_nack_supported
    assert connection.consumer_cancel_notify_supported
    assert connection.exchange_exchange_bindings_supported
    version = connection._impl.server_properties["version"]
    assert [int(part) for part in version.split(".")] >= [3, 8, 0]


def test_a_wrong_password_is_told_with_403(server):
    with pytest.raises(exceptions.ProbableAuthenticationError) as caught:
        pika.BlockingConnection(parameters(server, password="wrong"))
    assert "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN" in str(
        caught.value
    )


def test_an_unknown_user_is_told_the_same(server):
    with pytest.raises(exceptions.ProbableAuthenticationError) as caught:
        pika.BlockingConnection(parameters(server, user="nobody"))
    assert "ACCESS_REFUSED - Login was refused" in str(caught.value)


def test_an_unknown_vhost_is_told_with_530(server):
    with pytest.raises(exceptions.ProbableAccessDeniedError) as caught:
        pika.BlockingConnection(parameters(server, vhost="/missing"))
    assert "NOT_ALLOWED - access to vhost '/missing' refused for user 'guest'" in str(caught.value)


def test_amqplain(server):
    with Wire(server) as wire:
        wire.send(GREETING)
        assert b"PLAIN AMQPLAIN" in wire.method(10, 10)
        table = b"\x05LOGINS\x00\x00\x00\x05guest\x08PASSWORDS\x00\x00\x00\x05guest"
        wire.start_ok(b"AMQPLAIN", table)
        wire.method(10, 30)


def test_an_unknown_mechanism_is_refused(server):
    with Wire(server) as wire:
        wire.send(GREETING)
        wire.method(10, 10)
        wire.start_ok(b"KERBEROS", b"", polite=True)
        assert wire.close_code() == 403


def test_a_client_that_cannot_be_told_is_dropped(server):
    """Without the capability authentication_failure_close."""
    with Wire(server) as wire:
        wire.send(GREETING)
        wire.method(10, 10)
        wire.start_ok(b"PLAIN", b"\0guest\0wrong")
        assert wire.read_to_the_end() == b""


@pytest.mark.parametrize(
    "greeting",
    [b"AMQP\x00\x00\x09\x00", b"AMQP\x01\x01\x00\x0a", b"GET / HT", b"\x00" * 8],
    ids=["another-revision", "0-10", "http", "zeros"],
)
def test_another_greeting_is_answered_with_the_right_one(server, greeting):
    with Wire(server) as wire:
        wire.send(greeting)
        assert wire.read_to_the_end() == GREETING


def test_what_a_client_asks_for_within_the_limits_counts(connect):
    connection = connect(channel_max=3, frame_max=8192)
    tuned = connection._impl.params
    assert (tuned.channel_max, tuned.frame_max) == (3, 8192)
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"x" * 50_000)
    assert channel.basic_get(queue)[2] == b"x" * 50_000


@pytest.mark.parametrize(
    "asked, part",
    [
        ((65535, 131072, 0), "channel_max"),
        ((2047, 1 << 30, 0), "frame_max"),
        ((2047, 1000, 0), "frame_max"),
    ],
    ids=["channels", "larger-frames", "smaller-frames"],
)
def test_what_is_beyond_the_limits_is_refused_with_530(server, asked, part):
    with Wire(server) as wire:
        wire.log_in_until_tune()
        wire.tune_ok(*asked)
        code, text = wire.close_reason()
        assert code == 530
        assert text.startswith("NOT_ALLOWED") and part in text


def test_a_channel_above_the_negotiated_number_is_refused_with_530(server):
    with Wire(server) as wire:
        wire.log_in(channels=2)
        wire.open_channel(2)
        wire.send_method(3, 20, 10, b"\0")
        assert wire.close_code() == 530


def test_who_is_silent_is_dropped(server):
    """Two intervals of a second, and half a one to notice."""
    with Wire(server) as wire:
        wire.log_in(heartbeat=1)
        began = time.monotonic()
        rest = wire.read_to_the_end(within_s=8)
        assert 1.5 < time.monotonic() - began < 6
        assert set(frame[0] for frame in Wire.frames(rest)) == {8}, "heartbeats and nothing else"


def test_who_sends_heartbeats_stays(server):
    with Wire(server) as wire:
        wire.log_in(heartbeat=1)
        end = time.monotonic() + 3.5
        heartbeats = 0
        while time.monotonic() < end:
            kind, _, _ = wire.frame()  # the broker's beat is the clock
            assert kind == 8
            heartbeats += 1
            wire.send(struct.pack(">BHI", 8, 0, 0) + b"\xce")
        assert heartbeats >= 3
        wire.open_channel(1)


def test_a_wrong_end_of_a_frame_is_told_with_501(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.send(struct.pack(">BHI", 1, 1, 5) + b"\x00\x14\x00\x0a\x00" + b"\x00")
        assert wire.close_code() == 501


def test_a_frame_above_the_negotiated_size_is_told_with_501(server):
    with Wire(server) as wire:
        wire.log_in(frame_max=8192)
        wire.open_channel(1)
        wire.send(struct.pack(">BHI", 3, 1, 100_000))
        assert wire.close_code() == 501


def test_a_method_before_the_channel_is_open_is_told_with_504(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.send_method(7, 60, 10, struct.pack(">IHB", 0, 1, 0))
        assert wire.close_code() == 504


def test_opening_a_channel_twice_is_told_with_504(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 20, 10, b"\0")
        assert wire.close_code() == 504


def test_a_body_without_a_publish_is_told_with_505(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_frame(3, 1, b"body")
        assert wire.close_code() == 505


def test_the_connection_can_be_closed_in_the_middle_of_a_message(server):
    with Wire(server) as wire:
        wire.log_in()
        wire.open_channel(1)
        wire.send_method(1, 60, 40, struct.pack(">H", 0) + b"\0\0\0")
        wire.send_frame(2, 1, struct.pack(">HHQH", 60, 0, 1000, 0))
        wire.send_frame(3, 1, b"a part")
        wire.send_method(0, 10, 50, struct.pack(">HBHH", 200, 0, 0, 0))
        wire.method(10, 51)
        assert wire.read_to_the_end() == b""


def test_others_go_on_when_one_is_closed(server, connect):
    other = connect().channel()
    test_a_wrong_end_of_a_frame_is_told_with_501(server)
    other.queue_declare("", exclusive=True)


def test_a_channel_error_leaves_the_connection_and_its_other_channels(connect):
    connection = connect()
    one, other = connection.channel(), connection.channel()
    with closes_channel(404, "NOT_FOUND - no queue 'missing' in vhost '/'"):
        one.queue_declare("missing", passive=True)
    other.queue_declare("", exclusive=True)
    again = connection.channel(one.channel_number)
    again.queue_declare("", exclusive=True)


def test_a_client_that_never_answers_a_closed_channel_and_goes(server, connect):
    """The broker waits for the answer no longer than for the client."""
    for goes_politely in (True, False):
        with Wire(server) as wire:
            wire.log_in()
            wire.open_channel(1)
            wire.send_method(1, 60, 80, struct.pack(">QB", 7, 0))  # an unknown tag
            wire.method(20, 40)
            if goes_politely:
                wire.send_method(0, 10, 50, struct.pack(">HBHH", 200, 0, 0, 0))
                wire.method(10, 51)
    connect().channel()


def test_half_a_greeting_and_gone(server, connect):
    for part in (b"", b"A", b"AMQP\x00"):
        with socket.create_connection(("127.0.0.1", server.amqp_port)) as raw:
            raw.sendall(part)
    connect().channel()

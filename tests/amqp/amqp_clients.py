"""What the tests of AMQP share, as a pytest plugin: `server`, `connect`, `channel`, `name`.

    connection = connect()                       # closed when the test ends
    channel = connection.channel()
    with closes_channel(404, "no queue"):        # what the block does is refused with this
        channel.queue_declare("missing", passive=True)
    publish(channel, "a", to="orders")           # confirmed
    assert take(channel, "orders").text == "a"   # and acknowledged
    inbox = Inbox(channel, "orders")             # a consumer
    inbox.wait_for(1)
"""

import contextlib
import socket
from types import SimpleNamespace

import pika
import pytest
from pika import exceptions

from support import clients
from support.broker import new_broker
from support.waiting import Deadline

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One broker for all tests of a file. It must survive them and stop cleanly."""
    instance = new_broker(tmp_path_factory.mktemp("broker"), amqp=True, management=True).start()
    yield instance
    clients.admin.cache_clear()
    try:
        instance.stop()
    finally:
        instance.discard()


def parameters(server, user="guest", password="guest", vhost="/", **settings):
    return pika.ConnectionParameters(
        host="127.0.0.1",
        port=server.amqp_port,
        virtual_host=vhost,
        credentials=pika.PlainCredentials(user, password),
        **{"heartbeat": 0, "blocked_connection_timeout": PATIENCE_S, **settings},
    )


@pytest.fixture
def connect_to():
    """Connections to any broker; what is open still is closed at the end of the test."""
    made = []

    def open_one(server, **settings):
        made.append(pika.BlockingConnection(parameters(server, **settings)))
        return made[-1]

    yield open_one
    for connection in made:
        with contextlib.suppress(exceptions.AMQPError):
            if connection.is_open:
                connection.close()


@pytest.fixture
def connect(server, connect_to):
    return lambda **settings: connect_to(server, **settings)


@pytest.fixture
def channel(connect):
    return connect().channel()


@pytest.fixture
def name():
    return clients.fresh_name("amqp")


@contextlib.contextmanager
def closes_channel(code, *parts):
    """The channel is closed with this code, and a text that has these parts."""
    with pytest.raises(exceptions.ChannelClosedByBroker) as caught:
        yield
    assert caught.value.reply_code == code, caught.value
    for part in parts:
        assert part in caught.value.reply_text


@contextlib.contextmanager
def closes_connection(code, *parts):
    with pytest.raises(exceptions.ConnectionClosedByBroker) as caught:
        yield
    assert caught.value.reply_code == code, caught.value
    for part in parts:
        assert part in caught.value.reply_text


def break_off(connection):
    """The network is gone: no close is said."""
    connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)


def as_bytes(body):
    return body if isinstance(body, bytes) else str(body).encode()


def publish(channel, *bodies, to="", exchange="", mandatory=False, **properties):
    """Publishes; on a channel that confirms each is awaited."""
    for body in bodies:
        channel.basic_publish(
            exchange, to, as_bytes(body), pika.BasicProperties(**properties), mandatory
        )


def confirming(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    return channel


def fill(channel, queue, *bodies, arguments=None, **options):
    """Declares the queue and publishes to it."""
    channel.queue_declare(queue, arguments=arguments, **options)
    publish(channel, *bodies, to=queue)


def message_of(method, properties, body):
    return SimpleNamespace(
        method=method,
        tag=method.delivery_tag,
        redelivered=method.redelivered,
        properties=properties,
        headers=properties.headers or {},
        body=body,
        text=body.decode(errors="replace"),
    )


def get(channel, queue, auto_ack=False):
    """What basic.get answers, None when the queue is empty."""
    found = channel.basic_get(queue, auto_ack=auto_ack)
    return None if found[0] is None else message_of(*found)


def take(channel, queue):
    """The next message, which must be there, acknowledged."""
    message = get(channel, queue, auto_ack=True)
    assert message is not None, f"{queue} is empty"
    return message


def take_all(channel, queue):
    """The texts of everything that is ready."""
    texts = []
    while message := get(channel, queue, auto_ack=True):
        texts.append(message.text)
    return texts


def await_message(channel, queue):
    """The next message, which is on its way there; acknowledged."""
    deadline = Deadline(f"a message in {queue}", PATIENCE_S)
    while not (message := get(channel, queue, auto_ack=True)):
        deadline.check()
        channel.connection.process_data_events(0.01)
    return message


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def consumers(channel, queue):
    return channel.queue_declare(queue, passive=True).method.consumer_count


def await_ready(channel, queue, count):
    """Until so many messages are ready."""
    deadline = Deadline(f"{count} ready messages in {queue}", PATIENCE_S)
    while (found := ready(channel, queue)) != count:
        deadline.check(lambda: f"there are {found}")
        channel.connection.process_data_events(0.01)


def is_there(connection, queue):
    """Whether the queue exists."""
    channel = connection.channel()
    try:
        channel.queue_declare(queue, passive=True)
    except exceptions.ChannelClosedByBroker as closed:
        assert closed.reply_code == 404, closed
        return False
    channel.close()
    return True


def await_gone(connection, queue):
    deadline = Deadline(f"the end of {queue}", PATIENCE_S)
    while is_there(connection, queue):
        deadline.check()
        connection.process_data_events(0.01)


class Inbox:
    """A consumer and what it got."""

    def __init__(self, channel, queue, auto_ack=False, **options):
        self.channel = channel
        self.messages = []
        self.tag = channel.basic_consume(queue, self.receive, auto_ack=auto_ack, **options)

    def receive(self, _channel, method, properties, body):
        self.messages.append(message_of(method, properties, body))

    @property
    def texts(self):
        return [message.text for message in self.messages]

    def wait_for(self, count):
        """Waits until it has so many in all; returns them, and more is a failure."""
        wait_for_all(count, self)
        return self.messages

    def ack(self, index=-1, multiple=False):
        self.channel.basic_ack(self.messages[index].tag, multiple=multiple)


def wait_for_all(count, *inboxes):
    """Waits until the inboxes have so many messages together."""
    total = lambda: sum(len(inbox.messages) for inbox in inboxes)
    deadline = Deadline(f"{count} deliveries", PATIENCE_S)
    connections = {inbox.channel.connection for inbox in inboxes}
    while total() < count:
        for connection in connections:
            connection.process_data_events(0.02)
        deadline.check(lambda: f"got {[inbox.texts for inbox in inboxes]}")
    assert total() == count, [inbox.texts for inbox in inboxes]


def await_closed(connection_or_channel, connection=None):
    """Until the broker's close has come."""
    deadline = Deadline("the close of the broker", PATIENCE_S)
    events = connection or connection_or_channel
    while connection_or_channel.is_open:
        events.process_data_events(0.02)
        deadline.check()

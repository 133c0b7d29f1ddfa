"""Clients of queues (pika), each a thread that writes into a Ledger and comes back whenever the broker does.

    publisher = Publisher(broker, ledger, "p1", routes)         # confirms, a window of unanswered ones
    worker = Worker(broker, ledger, "plain", decide)            # sessions of random length
    worker.finish()

Whatever is refused in words of the protocol is a problem: `client.problem`.
"""

import contextlib
import functools
import itertools
import logging
import random
import socket
import threading
import zlib
from types import SimpleNamespace

import pika
from pika import exceptions

from support.clients import produce_when_room, producer

PERSISTENT, TRANSIENT = 2, 1
# What a client meets whose broker is killed.
GONE = (exceptions.AMQPConnectionError, exceptions.ChannelWrongStateError, OSError)
REFUSED = (exceptions.ChannelClosedByBroker, exceptions.ConnectionClosedByBroker)
sessions = itertools.count(1)
logging.getLogger("pika").setLevel(logging.CRITICAL)  # that a connection is lost is no news here


def body_of(who, number):
    """The message's name, and bytes that are its own; a few come in several frames."""
    name = b"%s %d|" % (who.encode(), number)
    size = 200_000 if number % 211 == 210 else zlib.crc32(name) % 300
    return name + (name * (size // len(name) + 1))[:size]


def name_of(body):
    """The message's name; None when the body is not the one that it was sent with."""
    name = bytes(body).split(b"|")[0].decode(errors="replace")
    who, _, number = name.rpartition(" ")
    return name if number.isdigit() and body == body_of(who, int(number)) else None


def parameters(broker):
    return pika.ConnectionParameters(
        host="127.0.0.1",
        port=broker.amqp_port,
        heartbeat=0,
        socket_timeout=5,
        blocked_connection_timeout=60,
    )


class Route(SimpleNamespace):
    """`queues` is where a message ends that is sent to `exchange` with `key`."""


class Client(threading.Thread):
    def __init__(self, broker, ledger, name, seed):
        super().__init__(name=name, daemon=True)
        self.broker, self.ledger = broker, ledger
        self.choose = random.Random(f"{seed} {name}")
        self.stopping = threading.Event()
        self.problem = None

    def run(self):
        try:
            while not self.done():
                life = self.ledger.life
                try:
                    self.live(life)
                except REFUSED as error:
                    self.problem = f"{self.name} was refused: {error!r}"
                    return
                except GONE:
                    self.stopping.wait(0.02)
        except Exception as error:  # of the test itself
            self.problem = f"{self.name} failed: {error!r}"
            raise

    def done(self):
        return self.stopping.is_set()

    def finish(self, within_s=60):
        self.stopping.set()
        self.join(within_s)
        assert not self.is_alive(), f"{self.name} does not end"
        assert self.problem is None, self.problem

    def connect(self, life):
        """A connection to this very life of the broker."""
        connection = pika.BlockingConnection(parameters(self.broker))
        if self.ledger.life != life:
            break_off(connection)
            raise exceptions.AMQPConnectionError("the broker of before")
        return connection


def break_off(connection):
    """The network is gone: no close is said."""
    with contextlib.suppress(OSError, AttributeError):
        connection._impl._transport._sock.shutdown(socket.SHUT_RDWR)


class Publisher(Client):
    """Publishes with confirms, and does not wait for one to send the next."""

    WINDOW, BURSTS, PAUSE_S = 200, (1, 4, 60), 0.0025

    def __init__(self, broker, ledger, name, seed, routes, mode=PERSISTENT):
        super().__init__(broker, ledger, name, seed)
        self.routes, self.mode = routes, mode
        self.number = 0
        self.waiting = {}  # delivery tag -> number

    def done(self):
        return self.stopping.is_set() and not self.waiting

    def live(self, life):
        self.waiting = {}  # what became of the rest is not known
        self.closed = None
        self.connection = pika.SelectConnection(
            parameters(self.broker),
            on_open_callback=self.opened,
            on_open_error_callback=self.ended,
            on_close_callback=self.ended,
        )
        self.connection.ioloop.start()
        if isinstance(self.closed, REFUSED) and self.closed.reply_code != 200:
            raise self.closed
        if not self.done():
            self.waiting = {}
            self.stopping.wait(0.02)

    def ended(self, connection, reason):
        self.closed = reason
        self.connection.ioloop.stop()

    def opened(self, connection):
        connection.channel(on_open_callback=self.begin)

    def begin(self, channel):
        channel.add_on_close_callback(self.channel_closed)
        channel.confirm_delivery(self.answered, callback=lambda _frame: self.tick(channel))
        self.next_tag = 1

    def channel_closed(self, channel, reason):
        if isinstance(reason, exceptions.ChannelClosedByBroker):
            self.problem = f"{self.name} was refused: {reason!r}"
            self.connection.close()

    def tick(self, channel):
        if not channel.is_open:
            return
        if self.stopping.is_set():
            if not self.waiting:
                self.connection.close()
                return
        burst = self.choose.choice(self.BURSTS)
        if not self.stopping.is_set():
            for _ in range(min(burst, self.WINDOW - len(self.waiting))):
                self.send(channel)
        self.connection.ioloop.call_later(burst * self.PAUSE_S, lambda: self.tick(channel))

    def send(self, channel):
        route = self.choose.choice(self.routes)
        number, self.number = self.number, self.number + 1
        self.ledger.publish(self.name, number, route.queues)
        self.waiting[self.next_tag] = number
        self.next_tag += 1
        properties = pika.BasicProperties(delivery_mode=self.mode)
        body = body_of(self.name, number)
        channel.basic_publish(route.exchange, route.key, body, properties)

    def answered(self, frame):
        method = frame.method
        first = min(self.waiting) if method.multiple else method.delivery_tag
        for tag in range(first, method.delivery_tag + 1):
            number = self.waiting.pop(tag)
            if isinstance(method, pika.spec.Basic.Ack):
                self.ledger.confirmed(self.name, number)
            else:
                self.problem = f"{self.name} {number} was nacked"


class KafkaPublisher(Client):
    """Writes to the topic that a queue is, and each record once: librdkafka sends again by itself."""

    def __init__(self, broker, ledger, name, seed, queue):
        super().__init__(broker, ledger, name, seed)
        self.queue = queue
        self.number = 0

    def live(self, life):
        settings = {"enable_idempotence": True, "message_timeout_ms": 300_000}
        writer = producer(self.broker.address, **settings)
        while not self.stopping.is_set():
            number, self.number = self.number, self.number + 1
            self.ledger.publish(self.name, number, (self.queue,))
            told = functools.partial(self.answered, number)
            body = body_of(self.name, number)
            produce_when_room(writer, self.queue, value=body, on_delivery=told)
            writer.poll(self.choose.choice([0, 0, 0.1]))
        left = writer.flush(60)
        assert left == 0, f"{left} records without any answer"

    def answered(self, number, error, _message):
        assert error is None, error
        self.ledger.confirmed(self.name, number)


class TxPublisher(Client):
    """Publishes in transactions, some of which it takes back."""

    def __init__(self, broker, ledger, name, seed, routes):
        super().__init__(broker, ledger, name, seed)
        self.routes = routes
        self.number = 0

    def live(self, life):
        connection = self.connect(life)
        channel = connection.channel()
        channel.tx_select()
        while not self.stopping.is_set():
            self.transaction(channel)
            connection.sleep(0.05)
        connection.close()

    def transaction(self, channel):
        numbers, committing = [], False
        try:
            for _ in range(self.choose.randint(1, 12)):
                numbers.append(self.number)
                self.number += 1
                route = self.choose.choice(self.routes)
                self.ledger.publish(self.name, numbers[-1], route.queues)
                body = body_of(self.name, numbers[-1])
                channel.basic_publish(route.exchange, route.key, body)
            if self.choose.random() < 0.15:
                channel.tx_rollback()
                return
            committing = True
            channel.tx_commit()
            for number in numbers:
                self.ledger.confirmed(self.name, number)
        finally:
            if not committing:
                for number in numbers:
                    self.ledger.withdrawn(self.name, number)


class Session:
    """A channel of a worker: what it was given and what it answered."""

    def __init__(self, ledger, worker, life):
        self.ledger, self.life = ledger, life
        self.name = f"{worker}/{next(sessions)}"
        self.held = []  # tags
        self.seen = 0

    def deliver(self, queue, method, properties, body):
        name = name_of(body)
        deaths = (properties.headers or {}).get("x-death", [])
        deaths = [(each["queue"], each["reason"], each["count"]) for each in deaths]
        message = name or f"{bytes(body[:40])!r} 0"
        tag = method.delivery_tag
        self.ledger.deliver(self, queue, tag, message, method.redelivered, deaths)
        self.held.append(tag)
        self.seen += 1
        return message

    def settle(self, channel, tag, outcome, multiple=False):
        """`multiple`: all that is held up to this one."""
        for each in [held for held in self.held if held == tag or (multiple and held < tag)]:
            self.ledger.settle(self, each, outcome)
            self.held.remove(each)
        if outcome == "ack":
            channel.basic_ack(tag, multiple)
        elif outcome == "fail":
            channel.basic_reject(tag, requeue=True)
        elif outcome == "reject" and not multiple and tag % 2:
            channel.basic_reject(tag, requeue=False)
        else:
            channel.basic_nack(tag, multiple, requeue=outcome == "requeue")


class Worker(Client):
    """Takes messages in sessions of random length. `decide(choose, message)` says what becomes of each:
    an outcome of the ledger, "hold", or an outcome and " all" for it and what is held before it."""

    def __init__(self, broker, ledger, queue, seed, decide, prefetch=50, dies=0.0, number=1):
        super().__init__(broker, ledger, f"{queue}-worker-{number}", seed)
        self.queue, self.decide = queue, decide
        self.prefetch, self.dies = prefetch, dies

    def live(self, life):
        connection = self.connect(life)
        while not self.stopping.is_set():
            self.session(connection, life)
        connection.close()

    def session(self, connection, life):
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self.prefetch)
        session = Session(self.ledger, self.name, life)
        try:
            self.work(connection, channel, session)
            self.ledger.end(session)
            if self.choose.random() < self.dies and not self.stopping.is_set():
                break_off(connection)
                raise exceptions.AMQPConnectionError("this worker died")
            channel.close()
            if not connection.is_open:
                raise exceptions.AMQPConnectionError("gone before the answer")
            self.ledger.durable(session)
        except GONE:
            self.ledger.end(session)
            raise

    def work(self, connection, channel, session):
        def received(_channel, method, properties, body):
            self.judge(channel, session, method, properties, body)

        channel.basic_consume(self.queue, received)
        messages, rounds = self.choose.randint(10, 300), self.choose.randint(3, 30)
        while session.seen < messages and rounds > 0 and not self.stopping.is_set():
            connection.process_data_events(0.03)
            rounds -= 1

    def judge(self, channel, session, method, properties, body):
        message = session.deliver(self.queue, method, properties, body)
        outcome = self.decide(self.choose, message)
        if outcome != "hold":
            what, _, more = outcome.partition(" ")
            session.settle(channel, method.delivery_tag, what, multiple=bool(more))


class Retrier(Worker):
    """Rejects what it sees for the first or second time: it waits in another queue and comes again."""

    ROUNDS = 2

    def judge(self, channel, session, method, properties, body):
        session.deliver(self.queue, method, properties, body)
        deaths = (properties.headers or {}).get("x-death", [])
        rounds = sum(each["count"] for each in deaths if each["reason"] == "rejected")
        again = rounds < self.ROUNDS and self.choose.random() < 0.5
        session.settle(channel, method.delivery_tag, "reject" if again else "ack")


class Getter(Worker):
    """Asks for one message after the other, and rests for a while after each."""

    def __init__(self, *arguments, rest_s=0.0, **more):
        super().__init__(*arguments, **more)
        self.rest_s = rest_s

    def work(self, connection, channel, session):
        for _ in range(self.choose.randint(10, 60)):
            if self.stopping.is_set():
                return
            method, properties, body = channel.basic_get(self.queue)
            if method is None:
                connection.sleep(0.01)
                continue
            self.judge(channel, session, method, properties, body)
            if self.rest_s > 0:
                connection.sleep(self.rest_s)


class TxWorker(Worker):
    """Takes a message, publishes what comes of it, and acknowledges: in one transaction."""

    def __init__(self, broker, ledger, queue, seed, route):
        super().__init__(broker, ledger, queue, seed, None, prefetch=20)
        self.route = route
        self.made = 0

    def work(self, connection, channel, session):
        channel.tx_select()
        queue = []
        channel.basic_consume(self.queue, lambda _channel, *message: queue.append(message))
        for _ in range(self.choose.randint(3, 20)):
            connection.process_data_events(0.03)
            for message in queue:
                session.deliver(self.queue, *message)
            queue.clear()
            self.commit(channel, session)

    def commit(self, channel, session):
        """The last few stay for the next time, or the next session."""
        tags = session.held[: self.choose.randint(0, 10)]
        numbers, committing = [], False
        try:
            for tag in tags:
                numbers.append(self.made)
                self.made += 1
                self.ledger.publish(self.name, numbers[-1], self.route.queues)
                channel.basic_publish(
                    self.route.exchange, self.route.key, body_of(self.name, numbers[-1])
                )
                session.settle(channel, tag, "ack")
            if self.choose.random() < 0.1:
                channel.tx_rollback()
                self.ledger.rollback(session)
                session.held = sorted([*tags, *session.held])
                return
            committing = True
            channel.tx_commit()
            self.ledger.durable(session)
            for number in numbers:
                self.ledger.confirmed(self.name, number)
        except GONE:
            if not committing:
                self.ledger.rollback(session)
            raise
        finally:
            if not committing:
                for number in numbers:
                    self.ledger.withdrawn(self.name, number)

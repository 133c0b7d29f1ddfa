"""Queues under the load of real clients, all of which write into one Ledger.

    with QueueWorkload(broker, seed) as work:
        work.progress(500)              # so many more confirmed messages
        broker.kill(); work.ledger.killed(); broker.start()
        work.check_log()                # the queue that is read as a topic
        work.finish()                   # everything is worked off, and compared

| queue | what happens there |
| --- | --- |
| plain | two workers: one acknowledges each message, the other many at once |
| fan-1, fan-2 | of a fan-out exchange; messages are given back, workers die with what they hold |
| reject | some are rejected, to a fan-out exchange with `dead` and `dead-2` |
| short | lives for half a second, then goes to `expired` |
| limited | quorum, at most two failed deliveries more; poison goes to `poison` |
| few | ten at most; the oldest go to `overflow` |
| retry | rejected ones wait in `retry-wait` and come again |
| tx-in | a worker acknowledges and publishes to `tx-out` in transactions |
| shared | is read as a topic at the same time; its first message is never acknowledged, so nothing is reclaimed |
"""

import itertools

import pika
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from harness.queue_clients import (
    TRANSIENT,
    Getter,
    KafkaPublisher,
    Publisher,
    Retrier,
    Route,
    TxPublisher,
    TxWorker,
    Worker,
    body_of,
    name_of,
    parameters,
)
from harness.queue_declarer import Declarer
from harness.queue_ledger import Ledger, Rule, check, check_log, figures
from support.clients import consumer, read_all
from support.waiting import wait_until

LIMIT = 2
RULES = {
    "plain": Rule(),
    "fan-1": Rule(),
    "fan-2": Rule(),
    "reject": Rule(("dead", "dead-2"), "rejected"),
    "short": Rule(("expired",), "expired"),
    "limited": Rule(("poison",), "delivery_limit", LIMIT),
    "few": Rule(("overflow",), "maxlen"),
    "retry": Rule((), "rejected", waits_in="retry-wait"),
    "tx-in": Rule(),
    "tx-out": Rule(),
    "shared": Rule(),
    "dead": Rule(),
    "dead-2": Rule(),
    "expired": Rule(),
    "overflow": Rule(),
    "poison": Rule(),
}
DEAD = ("dead", "dead-2", "expired", "overflow", "poison")
WORKED = [queue for queue in RULES if queue not in DEAD]


def to(queue):
    return Route(exchange="", key=queue, queues=(queue,))


FAN = Route(exchange="fan", key="", queues=("fan-1", "fan-2"))
ROUTES = [to("plain"), to("reject"), to("short"), to("limited"), to("few"), to("retry")]
ROUTES += [to("tx-in"), to("shared"), FAN]
FIRST = "first 0"
# What has to happen some times, or nothing is proved.
OFTEN = [*RULES, "ack", "reject", "requeue", "fail", "withdrawn", "rollback", "over a kill"]


def each(_choose, _message):
    return "ack"


def many(choose, _message):
    return choose.choices(["hold", "ack all"], [9, 1])[0]


def giving_back(choose, _message):
    return choose.choices(["ack", "requeue", "requeue all", "hold"], [75, 15, 1, 9])[0]


def rejecting(choose, _message):
    return choose.choices(["ack", "reject", "reject all", "hold"], [50, 35, 2, 13])[0]


def poisoned(_choose, message):
    return "fail" if message.endswith("7") else "ack"


def but_the_first(choose, message):
    return "hold" if message == FIRST or choose.random() < 0.1 else "ack"


class LogReader:
    """Follows `shared` as a topic, over all lives of the broker."""

    def __init__(self, address):
        self.seen = []
        self.reader = consumer(address, auto_offset_reset="error")
        self.reader.assign([TopicPartition("shared", 0, OFFSET_BEGINNING)])

    def read(self):
        for message in self.reader.consume(2000, timeout=0.02):
            if message.error():
                error = message.error()
                assert error.retriable() or error.code() < 0, error
                continue
            assert message.offset() == len(self.seen), "a hole or a step back"
            self.seen.append(message.value())


drains = itertools.count(1)


class Drain(Getter):
    """Alone with a queue, until it is empty."""

    def run(self):
        self.live(self.ledger.life)

    def work(self, connection, channel, session):
        while True:
            method, properties, body = channel.basic_get(self.queue)
            if method is None:
                self.stopping.set()
                return
            self.judge(channel, session, method, properties, body)

    def finish(self):
        assert self.problem is None, self.problem


class QueueWorkload:
    """`forgets`: without those who notice by themselves that the broker forgot something."""

    def __init__(self, broker, seed, forgets=False):
        self.broker, self.seed, self.forgets = broker, seed, forgets
        self.ledger = Ledger()

    def __enter__(self):
        self.declare()
        self.log = LogReader(self.broker.address)
        self.publishers = [
            self.make(Publisher, "persistent", ROUTES),
            self.make(Publisher, "transient", ROUTES, mode=TRANSIENT),
            self.make(TxPublisher, "tx", ROUTES),
        ]
        self.declarer = Declarer(self.broker, self.ledger, "declarer", self.seed)
        if not self.forgets:
            self.publishers.append(self.make(KafkaPublisher, "kafka", "shared"))
            self.publishers.append(self.declarer)
        self.workers = [
            self.make(Worker, "plain", decide=each),
            self.make(Worker, "plain", decide=many, number=2),
            self.make(Worker, "fan-1", decide=giving_back),
            self.make(Worker, "fan-1", decide=giving_back, dies=0.5, number=2),
            self.make(Worker, "fan-2", decide=many, dies=0.3, prefetch=0),
            self.make(Worker, "reject", decide=rejecting),
            self.make(Worker, "reject", decide=rejecting, dies=0.3, number=2),
            self.make(Getter, "short", decide=each, rest_s=0.02),
            self.make(Getter, "limited", decide=poisoned),
            self.make(Getter, "few", decide=each, rest_s=0.03),
            self.make(Retrier, "retry", decide=each),
            self.make(TxWorker, "tx-in", route=to("tx-out")),
            self.make(Worker, "tx-out", decide=each),
            self.make(Worker, "shared", decide=but_the_first),
        ]
        for client in self.clients:
            client.start()
        return self

    def make(self, kind, name, *arguments, **more):
        if issubclass(kind, Worker):
            return kind(self.broker, self.ledger, name, self.seed, **more)
        return kind(self.broker, self.ledger, name, self.seed, *arguments, **more)

    def __exit__(self, *_):
        for client in self.clients:
            client.stopping.set()
        self.log.reader.close()

    @property
    def clients(self):
        return [*self.publishers, *self.workers]

    def declare(self):
        connection = pika.BlockingConnection(parameters(self.broker))
        channel = connection.channel()
        letters = lambda dead: {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
        arguments = {
            "reject": {"x-dead-letter-exchange": "dead"},
            "short": {"x-message-ttl": 500, **letters("expired")},
            "few": {"x-max-length": 10, **letters("overflow")},
            "retry": letters("retry-wait"),
            "retry-wait": {"x-message-ttl": 100, **letters("retry")},
            "limited": {
                "x-queue-type": "quorum",
                "x-delivery-limit": LIMIT,
                **letters("poison"),
            },
        }
        for queue in [*DEAD, *WORKED, "retry-wait"]:
            channel.queue_declare(queue, durable=True, arguments=arguments.get(queue))
        channel.exchange_declare("fan", "fanout", durable=True)
        channel.exchange_declare("dead", "fanout", durable=True)
        for exchange, queues in (("fan", FAN.queues), ("dead", RULES["reject"].dead)):
            for queue in queues:
                channel.queue_bind(queue, exchange)
        channel.confirm_delivery()
        who, number = FIRST.split()
        self.ledger.publish(who, int(number), ("shared",))
        channel.basic_publish("", "shared", body_of(who, int(number)))
        self.ledger.confirmed(who, int(number))
        connection.close()

    def assert_alive(self):
        for client in self.clients:
            assert client.problem is None, client.problem
            assert client.is_alive(), f"{client.name} ended"

    def progress(self, what, count):
        """Until so many more events of this kind were written down."""
        goal = self.ledger.counts[what] + count

        def reached():
            self.log.read()
            self.assert_alive()
            return self.ledger.counts[what] >= goal

        wait_until(reached, f"{count} more events '{what}'", 60)

    def lengths(self, queues):
        connection = pika.BlockingConnection(parameters(self.broker))
        channel = connection.channel()
        ask = lambda queue: channel.queue_declare(queue, passive=True).method.message_count
        found = {queue: ask(queue) for queue in queues}
        connection.close()
        return found

    def check_log(self):
        """What was read of it stands there still, where it stood; what is confirmed is there, once."""
        answered = len(self.ledger.events)
        stored = read_all(self.broker.address, "shared")[0]
        offsets = [message.offset() for message in stored]
        assert offsets == list(range(len(stored))), f"holes: {offsets[:3]} to {offsets[-3:]}"
        values = [message.value() for message in stored]
        assert self.log.seen == values[: len(self.log.seen)], "read once, different now"
        names = [name_of(value) or f"{value[:40]!r} 0" for value in values]
        problems = check_log(list(self.ledger.events), "shared", names, answered)
        assert not problems, "\n".join(problems)

    def restart(self):
        self.broker.kill()
        self.ledger.killed()
        self.broker.start()

    def drain(self, queues):
        """Takes one message after the other until there is none."""
        for queue in queues:
            decide = poisoned if queue == "limited" else each
            name = f"drain-{next(drains)}"
            worker = Drain(self.broker, self.ledger, queue, self.seed, decide, number=name)
            worker.run()
            worker.finish()

    def finish(self):
        """The queues are worked empty; then their dead letters, over two kills."""
        self.work_off()
        self.check_log()
        left = self.drain_all()
        found = figures(self.ledger.events)
        print(dict(found), f"{self.declarer.steps} steps of the declarer")
        assert self.declarer.steps > 20 and self.declarer.looks > 1
        problems = check(self.ledger.events, RULES, left)
        assert not problems, "\n".join(problems)
        rare = [what for what in OFTEN if found[what] < 10]
        assert not rare, f"hardly any of {rare} in {dict(found)}"

    def work_off(self):
        """Ends the clients once there is nothing left to be taken."""
        for publisher in self.publishers:
            publisher.finish()
        wait_until(
            lambda: (self.log.read(), not self.busy())[1], "the workers to take everything", 60
        )
        for worker in self.workers:
            worker.finish()

    def busy(self):
        """The queues that somebody has to take something from."""
        found = self.lengths([*WORKED, "retry-wait"])
        return [queue for queue, count in found.items() if count]

    def drain_all(self):
        """Takes what workers gave back at their end, and the dead letters; returns what is left."""
        for _ in range(2):
            wait_until(lambda: (self.drain(WORKED), not self.busy())[1], "the queues to be empty")
            self.restart()
        self.drain(DEAD)
        self.restart()
        self.drain(DEAD)  # what has come late
        return self.lengths(RULES)

"""Declares, binds, fills and deletes queues of its own, and looks after each kill what is there.

What was answered is so; what was not may be so or not, and is looked up.
"""

import contextlib

import pika
from pika import exceptions

from harness.queue_clients import GONE, Client

NAMES = [f"declared-{number}" for number in range(8)]
EXCHANGE = "amq.topic"


class Thing:
    """A queue as it should be. None: not known."""

    def __init__(self):
        self.exists = False
        self.bound = False
        self.length = 0


class Declarer(Client):
    def __init__(self, broker, ledger, name, seed):
        super().__init__(broker, ledger, name, seed)
        self.things = {queue: Thing() for queue in NAMES}
        self.steps = self.looks = 0

    def live(self, life):
        connection = self.connect(life)
        for queue in NAMES:
            self.look(connection, queue)
        self.looks += 1
        channel = connection.channel()
        channel.confirm_delivery()
        while not self.stopping.is_set():
            self.step(channel, self.choose.choice(NAMES))
            self.steps += 1
            connection.sleep(0.002)
        connection.close()

    def look(self, connection, queue):
        thing, channel = self.things[queue], connection.channel()
        try:
            length = channel.queue_declare(queue, passive=True).method.message_count
        except exceptions.ChannelClosedByBroker as closed:
            assert closed.reply_code == 404, closed
            assert thing.exists is not True, f"{queue} was declared, and is not there"
            self.things[queue] = Thing()
            return
        assert thing.exists is not False, f"{queue} was deleted, and is there"
        thing.exists = True
        if thing.length is None:
            thing.length = length
        assert length == thing.length, f"{queue} has {length} messages, and should have {thing.length}"
        if thing.bound is not None:
            self.look_for_binding(channel, queue, thing)
        channel.close()

    def look_for_binding(self, channel, queue, thing):
        """A mandatory message comes back when there is none."""
        channel.confirm_delivery()
        length, thing.length = thing.length, None
        try:
            channel.basic_publish(EXCHANGE, queue, b"a", mandatory=True)
            assert thing.bound, f"{queue} was not bound, and a message went there"
            thing.length = length + 1
        except exceptions.UnroutableError:
            assert not thing.bound, f"{queue} was bound, and no message goes there"
            thing.length = length

    def step(self, channel, queue):
        thing = self.things[queue]
        if not thing.exists:
            with self.unknown(thing, "exists"):
                channel.queue_declare(queue, durable=True)
            thing.exists = True
        elif self.choose.random() < 0.2:
            with self.unknown(thing, "exists"):
                deleted = channel.queue_delete(queue).method.message_count
            assert deleted == thing.length, f"{deleted} went with {queue}, not {thing.length}"
            self.things[queue] = Thing()
        elif self.choose.random() < 0.3:
            bind = not thing.bound
            with self.unknown(thing, "bound"):
                (channel.queue_bind if bind else channel.queue_unbind)(queue, EXCHANGE, queue)
            thing.bound = bind
        elif thing.length and self.choose.random() < 0.1:
            with self.unknown(thing, "length"):
                purged = channel.queue_purge(queue).method.message_count
            assert purged == thing.length, f"{purged} purged of {queue}, not {thing.length}"
            thing.length = 0
        else:
            length = thing.length
            with self.unknown(thing, "length"):
                channel.basic_publish("", queue, b"a", pika.BasicProperties(delivery_mode=2))
            thing.length = length + 1

    @contextlib.contextmanager
    def unknown(self, thing, what):
        """While it is asked for; who asks may never hear."""
        before = getattr(thing, what)
        try:
            yield
        except GONE:
            setattr(thing, what, None)
            raise
        assert getattr(thing, what) == before

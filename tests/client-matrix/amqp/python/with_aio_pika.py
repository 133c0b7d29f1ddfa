"""aio-pika: runs one scenario and prints what it saw as JSON."""

import asyncio
import datetime
import decimal
import hashlib
import json
import time

import aio_pika
from aio_pika import ExchangeType, Message
from aio_pika.exceptions import ChannelClosed, PublishError
from aiormq.exceptions import ChannelLockedResource, ChannelNotFoundEntity, ChannelPreconditionFailed

from shared import KILL, PATIENCE_S, command_line

HEADERS = {
    "t": True,
    "b": -5,
    "s": -300,
    "u": 65_000,
    "I": -70_000,
    "i": 4_000_000_000,
    "l": 1 << 40,
    "f": 1.5,
    "D": decimal.Decimal("123.45"),
    "S": "grün",
    "A": ["a", 7, True],
    "T": datetime.datetime.fromtimestamp(1_700_000_000, datetime.timezone.utc),
    "F": {"deep": {"x": "y"}},
    "V": None,
    "x": bytearray(b"\x00\xff\x10"),
}

# It has a type for each code.
CODES = {ChannelNotFoundEntity: 404, ChannelLockedResource: 405, ChannelPreconditionFailed: 406}


def plain(value):
    """As JSON can say it."""
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytearray):
        return value.hex()
    return value


def persistent(text, **properties):
    return Message(text.encode(), delivery_mode=2, **properties)


async def refusal(call):
    """Code and text that the channel is closed with."""
    try:
        await call
    except ChannelClosed as closed:
        return [CODES[type(closed)], *closed.args]
    return None


class Inbox:
    """What a consumer got, in order."""

    def __init__(self):
        self.arrived = asyncio.Queue()

    async def take(self, message):
        await self.arrived.put(message)

    async def next(self):
        return await self.arrived.get()


async def consume(queue, **options):
    inbox = Inbox()
    inbox.tag = await queue.consume(inbox.take, **options)
    return inbox


class Cell:
    """What a scenario gets: a name of its own, a connection."""

    def __init__(self, address, name):
        self.url = f"amqp://guest:guest@{address}/"
        self.name = name
        self.connections = []

    async def connect(self, options="", how=aio_pika.connect, **settings):
        self.connections.append(await how(self.url + options, **settings))
        return self.connections[-1]

    async def close(self):
        for connection in self.connections:
            await connection.close()

    async def open(self):
        self.connection = await self.connect()
        return await self.connection.channel()

    async def ready(self, channel, queue=None):
        found = await channel.declare_queue(queue or self.name, passive=True)
        return found.declaration_result.message_count

    async def left(self):
        """Messages in the queue, once nothing is held by this connection any more."""
        await self.connection.close()
        return await self.ready(await self.open())

    async def queue(self, channel, **options):
        return await channel.declare_queue(self.name, durable=True, **options)

    async def fill(self, channel, count):
        for i in range(count):
            await channel.default_exchange.publish(persistent(f"m-{i}"), self.name)


async def bodies(queue):
    """Of all messages that are ready."""
    found = []
    while message := await queue.get(no_ack=True, fail=False):
        found.append(message.body.decode())
    return found


async def properties(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    message = Message(
        b"the body",
        headers=HEADERS,
        content_type="text/plain",
        content_encoding="utf-8",
        delivery_mode=2,
        priority=5,
        correlation_id="the correlation",
        reply_to="the reply queue",
        expiration=600,
        message_id="the message",
        timestamp=datetime.datetime.fromtimestamp(1_700_000_000, datetime.timezone.utc),
        type="the type",
        user_id="guest",
        app_id="the application",
    )
    await channel.default_exchange.publish(message, cell.name)
    found = await queue.get(no_ack=True)
    names = (
        "content_type content_encoding priority correlation_id reply_to message_id type user_id app_id"
    )
    return {
        "body": found.body.decode(),
        "exchange": found.exchange,
        "key": found.routing_key,
        "properties": {
            **{name: getattr(found, name) for name in names.split()},
            "delivery_mode": int(found.delivery_mode),
            "expiration": str(int(found.expiration * 1000)),  # of what it has turned into seconds
            "timestamp": int(found.timestamp.timestamp()),
        },
        "headers": {
            name: [type(value).__name__, plain(value)] for name, value in found.headers.items()
        },
    }


async def publish(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    calls = [
        channel.default_exchange.publish(persistent(f"m-{i}"), cell.name) for i in range(200)
    ]
    answers = [type(answer).__name__ for answer in await asyncio.gather(*calls)]
    ready = await cell.ready(channel)
    inbox = await consume(queue, no_ack=True)
    read = [(await inbox.next()).body.decode() for _ in range(200)]
    return {"confirmed": answers.count("Ack"), "ready": ready, "bodies": read}


async def mandatory(cell):
    await cell.open()
    channel = await cell.connection.channel(on_return_raises=True)
    exchange = await channel.get_exchange("amq.direct")
    try:
        await exchange.publish(persistent("unroutable"), cell.name, mandatory=True)
    except PublishError as returned:  # which only a return in front of the confirm brings
        frame, body = returned.frame, returned.message.body.decode()
        found = [frame.reply_code, frame.reply_text, frame.exchange, frame.routing_key, body]
        return {"returned": found}
    return {"returned": None}


async def prefetch(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    await cell.fill(channel, 20)
    await channel.set_qos(prefetch_count=5)
    inbox = await consume(queue)
    first = [await inbox.next() for _ in range(5)]
    ready = await cell.ready(channel)
    seen, group = list(first), first
    while True:
        await group[-1].ack(multiple=True)
        if len(seen) == 20:
            break
        group = [await inbox.next() for _ in range(5)]
        seen += group
    text = lambda messages: [message.body.decode() for message in messages]
    return {"first": text(first), "ready": ready, "all": text(seen), "left": await cell.left()}


async def requeue(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    for text in "ab":
        await channel.default_exchange.publish(persistent(text), cell.name)
    await channel.set_qos(prefetch_count=1)
    inbox = await consume(queue)
    seen = []
    for settle in ("nack", "ack", "reject", "ack"):
        message = await inbox.next()
        seen.append([message.body.decode(), message.redelivered])
        if settle == "nack":
            await message.nack(requeue=True)
        elif settle == "reject":
            await message.reject(requeue=True)
        else:
            await message.ack()
    return {"seen": seen, "left": await cell.left()}


async def dying(cell, channel):
    """A queue whose dead letters go to another; both."""
    exchange = await channel.declare_exchange(cell.name + "-dlx", ExchangeType.DIRECT, durable=True)
    dead = await channel.declare_queue(cell.name + "-dead", durable=True)
    await dead.bind(exchange, "dead")
    arguments = {
        "x-dead-letter-exchange": cell.name + "-dlx",
        "x-dead-letter-routing-key": "dead",
    }
    return await cell.queue(channel, arguments=arguments), dead


def death(message):
    headers = message.headers
    deaths = [{key: plain(value) for key, value in one.items()} for one in headers["x-death"]]
    minutes = (int(time.time()) - deaths[0].pop("time")) // 60
    return {
        "body": message.body.decode(),
        "exchange": message.exchange,
        "key": message.routing_key,
        "kept": headers["kept"],
        "deaths": deaths,
        "first": [headers["x-first-death-" + what] for what in ("reason", "queue", "exchange")],
        "minutes": minutes,
    }


async def dead_letter(cell):
    channel = await cell.open()
    queue, dead = await dying(cell, channel)
    spoiled = persistent("spoiled", headers={"kept": "a header"})
    await channel.default_exchange.publish(spoiled, cell.name)
    inbox = await consume(queue)
    await (await inbox.next()).reject(requeue=False)
    return death(await (await consume(dead, no_ack=True)).next())


async def ttl(cell):
    channel = await cell.open()
    _queue, dead = await dying(cell, channel)
    spoiled = persistent("spoiled", headers={"kept": "a header"}, expiration=0.05)
    await channel.default_exchange.publish(spoiled, cell.name)
    await channel.default_exchange.publish(persistent("lives", expiration=600), cell.name)
    message = await (await consume(dead, no_ack=True)).next()
    ready = await cell.ready(channel)
    return {**death(message), "expiration": message.expiration, "ready": ready}


async def get(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    await cell.fill(channel, 3)
    got = []
    for _ in range(4):
        message = await queue.get(fail=False)
        if message:
            await message.ack()
            got.append([message.body.decode(), message.message_count, message.redelivered])
        else:
            got.append(None)
    return {"got": got}


async def topic(cell):
    channel = await cell.open()
    exchange = await channel.declare_exchange(cell.name + "-topic", ExchangeType.TOPIC)
    behind = await channel.declare_exchange(cell.name + "-behind", ExchangeType.FANOUT)
    await behind.bind(exchange, "#")
    queues = {}
    for name in ("orange", "rabbits", "everything"):
        queues[name] = await channel.declare_queue(f"{cell.name}-{name}")
    await queues["orange"].bind(exchange, "*.orange.*")
    await queues["rabbits"].bind(exchange, "#.rabbit")
    await queues["rabbits"].bind(exchange, "lazy.#")
    await queues["everything"].bind(behind)

    async def send(*keys):
        for key in keys:
            await exchange.publish(persistent(key), key, mandatory=False)

    await send("quick.orange.rabbit", "lazy.orange.elephant", "quick.brown.fox")
    await send("lazy", "lazy.pink.rabbit", "rabbit")
    result = {name: await bodies(queue) for name, queue in queues.items()}
    await queues["rabbits"].unbind(exchange, "lazy.#")
    await send("lazy.fox", "tame.rabbit")
    return {**result, "unbound": await bodies(queues["rabbits"])}


async def headers(cell):
    channel = await cell.open()
    exchange = await channel.declare_exchange(cell.name + "-headers", ExchangeType.HEADERS)
    queues = {}
    for match in ("all", "any"):
        queues[match] = await channel.declare_queue(f"{cell.name}-{match}")
        arguments = {"x-match": match, "format": "pdf", "pages": 3}
        await queues[match].bind(exchange, "", arguments=arguments)
    messages = {
        "both": {"format": "pdf", "pages": 3},
        "more": {"format": "pdf", "pages": 3, "colour": "red"},
        "pdf": {"format": "pdf"},
        "pages": {"format": "zip", "pages": 3},
        "none": {"format": "zip", "pages": 4},
    }
    for text, marks in messages.items():
        await exchange.publish(persistent(text, headers=marks), "", mandatory=False)
    return {match: await bodies(queue) for match, queue in queues.items()}


async def server_named(cell):
    channel = await cell.open()
    queue = await channel.declare_queue("", exclusive=True, auto_delete=True)
    other = await cell.connect()
    code, _text = await refusal(cell.ready(await other.channel(), queue.name))
    inbox = await consume(queue, no_ack=True)
    await channel.default_exchange.publish(persistent("hello"), queue.name)
    body = (await inbox.next()).body.decode()
    await queue.cancel(inbox.tag)
    after, _text = await refusal(cell.ready(channel, queue.name))
    return {"queue": queue.name, "other": code, "body": body, "after": after}


async def transaction(cell):
    watching = await cell.open()
    queue = await cell.queue(watching)
    channel = await cell.connection.channel(publisher_confirms=False)
    within = await channel.get_queue(cell.name)
    ready = []

    async def look():
        ready.append(await cell.ready(watching))

    tx = channel.transaction()
    await tx.select()
    await cell.fill(channel, 2)
    await look()
    await tx.commit()
    await look()
    await cell.fill(channel, 1)
    await tx.rollback()
    await look()
    taken = await within.get()
    await taken.ack()
    await tx.rollback()
    await taken.channel.basic_recover(requeue=True)
    await look()
    again = await within.get()
    await again.ack()
    await tx.commit()
    await channel.close()
    await look()
    return {"ready": ready, "redelivered": again.redelivered}


async def cancel_notify(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    await consume(queue, consumer_tag="the-consumer")
    heard = asyncio.get_running_loop().create_future()
    underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(heard.set_result)
    other = await cell.connection.channel()
    await other.queue_delete(cell.name)
    return {"cancelled": [(await heard).consumer_tag]}


async def big(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    body = bytes(range(256)) * (5 * 1024 * 1024 // 256)
    await channel.default_exchange.publish(Message(body, delivery_mode=2), cell.name)
    message = await queue.get(no_ack=True)
    return {"bytes": len(message.body), "sha256": hashlib.sha256(message.body).hexdigest()}


async def channel_error(cell):
    channel = await cell.open()
    queue = await cell.queue(channel)
    missing = await refusal(cell.ready(channel, cell.name + "-missing"))
    again = await cell.connection.channel()
    differs = await refusal(again.declare_queue(cell.name, durable=False))
    channel = await cell.connection.channel()
    await channel.default_exchange.publish(persistent("alive"), cell.name)
    queue = await channel.get_queue(cell.name)
    return {"missing": missing, "differs": differs, "body": (await bodies(queue))[0]}


async def heartbeat(cell):
    connection = await cell.connect("?heartbeat=1")
    negotiated = connection.transport.connection.connection_tune.heartbeat
    closed = []
    connection.close_callbacks.add(lambda *_: closed.append("closed"))
    await asyncio.sleep(3.5)  # the silence is what is tested
    channel = await connection.channel()
    await channel.declare_queue(cell.name, exclusive=True)
    return {"negotiated": negotiated, "alive": not closed}


async def recovery(cell):
    connection = await cell.connect(how=aio_pika.connect_robust, reconnect_interval=0.1)
    channel = await connection.channel()
    queue = await cell.queue(channel)
    kept = await channel.declare_queue(cell.name + "-kept", durable=True)
    exchange = await channel.declare_exchange(cell.name + "-topic", ExchangeType.TOPIC)
    own = await channel.declare_queue(exclusive=True)
    await own.bind(exchange, "a.*")
    inbox, own_inbox = await consume(queue), await consume(own)
    await channel.default_exchange.publish(persistent("before"), cell.name + "-kept")
    back = asyncio.get_running_loop().create_future()
    connection.reconnect_callbacks.add(lambda *_: back.set_result(None))
    print(KILL, flush=True)
    await back
    await channel.ready()
    await channel.default_exchange.publish(persistent("after"), cell.name)
    await exchange.publish(persistent("routed"), "a.b")
    text = lambda message: message.body.decode()
    return {
        "kept": text(await kept.get()),
        "consumed": text(await inbox.next()),
        "routed": text(await own_inbox.next()),
    }


async def main():
    given = command_line()
    cell = Cell(given.address, given.name)
    result = await asyncio.wait_for(globals()[given.function](cell), PATIENCE_S)
    await cell.close()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

"""Queues, channels, bindings and messages that come and go in masses, or come back again and again:
what they took is given back. The full sizes: MILLRACE_TEST_ALL=1.
"""

import os
import struct
import time

import pytest
from pika import exceptions

from abuse import ALL, MIB, assert_in_memory, size
from amqp_clients import (
    Inbox,
    await_ready,
    break_off,
    closes_channel,
    confirming,
    fill,
    publish,
    ready,
    take,
    take_all,
)
from bulk import Frames, fill_quickly
from support.waiting import Deadline, wait_until
from wire_by_hand import Wire, method_of, short_text

pytestmark = pytest.mark.timeout(900 if ALL else 120)


# What acknowledging can go wrong


def test_a_consumer_that_acknowledges_twice(connect, name):
    connection = connect()
    channel = connection.channel()
    fill(channel, name, *range(10), durable=True)
    inbox = Inbox(channel, name)
    inbox.wait_for(10)
    inbox.ack(3)
    inbox.ack(3)
    with closes_channel(406, "unknown delivery tag 4"):
        channel.queue_declare(name, passive=True)
    other = connection.channel()
    await_ready(other, name, 9)
    assert take_all(other, name) == [str(n) for n in range(10) if n != 3]


@pytest.mark.parametrize("first", [10, 4], ids=["all-twice", "fewer-twice"])
def test_many_acknowledged_twice(connect, name, first):
    """Tags that were settled by an earlier `multiple` are unknown as well."""
    connection = connect()
    channel = connection.channel()
    fill(channel, name, *range(10), durable=True)
    Inbox(channel, name).wait_for(10)
    channel.basic_ack(first, multiple=True)
    channel.basic_nack(first, multiple=True, requeue=False)
    with closes_channel(406, f"unknown delivery tag {first}"):
        channel.queue_declare(name, passive=True)
    other = connection.channel()
    await_ready(other, name, 10 - first)
    assert take_all(other, name) == [str(n) for n in range(first, 10)]


def test_somebody_else_s_delivery_can_not_be_acknowledged(connect, name):
    """Tags are those of a channel."""
    connection = connect()
    channel, other = connection.channel(), connection.channel()
    fill(channel, name, "a", durable=True)
    Inbox(channel, name).wait_for(1)
    other.basic_ack(1)
    with closes_channel(406, "unknown delivery tag 1"):
        other.queue_declare(name, passive=True)
    channel.close()
    await_ready(connection.channel(), name, 1)


def work_until(connections, queue, poison_dies, finished, prefetch=5):
    """Workers that acknowledge everything but "bad", which kills them or is given back. Returns what
    they worked off, and how often "bad" came."""
    good, tries = [], 0
    deadline = Deadline(f"all of {queue} worked off")
    while not finished(good, tries):
        connection = connections()
        channel = connection.channel()
        channel.basic_qos(prefetch_count=prefetch)
        inbox, seen, alive = Inbox(channel, queue), 0, True
        while alive and not finished(good, tries):
            connection.process_data_events(0.01)
            for message in inbox.messages[seen:]:
                seen += 1
                if message.text != "bad":
                    channel.basic_ack(message.tag)
                    good.append(message.text)
                    continue
                tries += 1
                if poison_dies:
                    alive = False
                    break
                channel.basic_reject(message.tag, requeue=True)
            deadline.check(lambda: f"{len(good)} good ones, {tries} tries")
        break_off(connection) if not alive else connection.close()
    return good, tries


@pytest.mark.parametrize("dies", [True, False], ids=["workers-die", "given-back"])
def test_a_poison_message_goes_once_where_dead_letters_go(connect, name, dies):
    dead = f"{name}-dead"
    channel = confirming(connect())
    channel.queue_declare(dead, durable=True)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 5,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
    }
    fill(channel, name, "bad", *range(50), durable=True, arguments=arguments)
    # One at a time: what a worker holds beside it fails with it.
    finished = lambda good, tries: len(good) >= 50 and tries >= 6
    _good, tries = work_until(connect, name, dies, finished, prefetch=1)
    await_ready(channel, name, 0)
    await_ready(channel, dead, 1)
    assert tries == 6
    letter = take(channel, dead)
    (death,) = letter.headers["x-death"]
    assert (letter.text, death["reason"], death["count"]) == ("bad", "delivery_limit", 1)
    assert ready(channel, dead) == 0


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_poison_message_without_a_limit_circles_and_others_are_worked_off(connect, name, kind):
    channel = confirming(connect())
    arguments = {"x-queue-type": kind}
    if kind == "quorum":
        arguments["x-delivery-limit"] = -1
    fill(channel, name, "bad", *range(200), durable=True, arguments=arguments)
    finished = lambda good, tries: len(good) >= 200 and tries >= 30
    good, tries = work_until(connect, name, False, finished)
    assert sorted(good, key=int) == [str(n) for n in range(200)]
    await_ready(channel, name, 1)
    assert take(channel, name).text == "bad"


# Coming and going


def files_in(broker):
    """(files, directories) of its data directory."""
    found = [(len(files), len(folders)) for _, folders, files in os.walk(broker.data_dir)]
    return tuple(map(sum, zip(*found)))


class Traces:
    """What a broker holds now, to be compared with what it holds afterwards."""

    def __init__(self, broker):
        self.broker = broker
        self.rss = broker.status_bytes("VmRSS")
        self.descriptors = broker.open_files()
        self.files = files_in(broker)

    def assert_gone(self, growth_max):
        def gone():
            now = Traces(self.broker)
            close = now.descriptors <= self.descriptors + 8
            return close and all(n <= b + 8 for n, b in zip(now.files, self.files)) and now

        now = wait_until(gone, f"what was there before: {self.files}, {self.descriptors}", 60)
        growth = now.rss - self.rss
        print(f"files {self.files} -> {now.files}, memory {growth / MIB:+.1f} MiB")
        assert growth < growth_max, f"{growth / MIB:.1f} MiB more than before"


def test_queues_that_are_declared_and_deleted(small, connect_to, neighbour):
    count = size(1000, 10_000)
    channel = connect_to(small).channel()

    def loop(times):
        for number in range(times):
            channel.queue_declare(f"short-lived-{number}", durable=number % 2 == 0)
            channel.queue_bind(f"short-lived-{number}", "amq.topic", f"a.{number}.#")
            if number % 10 == 0:
                publish(channel, "a", to=f"short-lived-{number}")
            if number % 50 == 0:
                neighbour.goes_on()
            channel.queue_delete(f"short-lived-{number}")

    loop(100)
    before = Traces(small)
    began = time.monotonic()
    loop(count)
    print(f"{(time.monotonic() - began) / count * 1000:.2f} ms for each queue")
    before.assert_gone(growth_max=16 * MIB + count * 500)
    assert_in_memory(small)


def test_queues_of_a_connection_that_drops(small, connect_to, neighbour):
    count = size(1000, 10_000)

    def drop(times):
        with Wire(small) as wire:
            wire.log_in()
            wire.open_channel(1)
            frames, made = Frames(wire), 0
            for number in range(times):
                declared = short_text(b"own-%d" % number) + b"\x04\0\0\0\0"  # exclusive
                wire.send_method(1, 50, 10, b"\0\0" + declared)
                if number % 100 == 99:
                    while made <= number:
                        answers = [struct.unpack_from(">HH", each[2]) for each in frames.read()]
                        assert set(answers) == {(50, 11)}, answers
                        made += len(answers)
                    neighbour.goes_on()
            assert made == times
        return files_in(small)

    drop(100)
    channel = connect_to(small).channel()
    wait_until(lambda: declares(channel, "own-99"), "the first ones to go")
    before = Traces(small)
    began = time.monotonic()
    there = drop(count)
    print(f"{time.monotonic() - began:.2f} s for {count}, files {there}")
    began = time.monotonic()
    neighbour.goes_on()
    print(f"the neighbour waited {time.monotonic() - began:.2f} s right after")
    wait_until(lambda: declares(channel, f"own-{count - 1}"), "all of them to go", 60)
    print(f"gone after {time.monotonic() - began:.2f} s")
    before.assert_gone(growth_max=16 * MIB + count * 500)
    assert_in_memory(small)


def declares(channel, queue):
    """Whether nobody has a queue of this name any more."""
    connection = channel.connection
    probe = connection.channel()
    try:
        probe.queue_declare(queue, exclusive=True)
        probe.queue_delete(queue)
        probe.close()
        return True
    except exceptions.ChannelClosedByBroker as closed:
        assert closed.reply_code == 405, closed
        return False


def test_channels_that_are_opened_and_closed(small, neighbour):
    count = size(5000, 50_000)
    with Wire(small) as wire:
        wire.log_in()

        def loop(times):
            frames, answers = Frames(wire), 0
            consume = b"\0\0" + short_text(b"neighbour-2") + short_text(b"") + b"\0\0\0\0\0"
            for number in range(times):
                channel = 1 + number % 2047
                wire.send(
                    method_of(channel, 20, 10, b"\0")
                    + method_of(channel, 60, 20, consume)
                    + method_of(channel, 20, 40, struct.pack(">HBHH", 200, 0, 0, 0))
                )
                if number % 100 == 99:
                    while answers < 3 * (number + 1):
                        for _kind, _channel, payload in frames.read():
                            what = struct.unpack_from(">HH", payload)
                            assert what in ((20, 11), (60, 21), (20, 41)), what
                            answers += 1
                    neighbour.goes_on()

        neighbour.channel.queue_declare("neighbour-2", durable=True)
        loop(500)
        before = Traces(small)
        began = time.monotonic()
        loop(count)
        print(f"{(time.monotonic() - began) / count * 1e6:.0f} us for each channel")
        before.assert_gone(growth_max=8 * MIB)
    assert neighbour.channel.queue_declare("neighbour-2", passive=True).method.consumer_count == 0


def test_many_bindings_of_one_queue(small, connect_to, neighbour):
    count = size(2000, 20_000)
    channel = connect_to(small).channel()
    before = Traces(small)
    channel.queue_declare("bound", durable=True)
    with Wire(small) as wire:
        wire.log_in()
        wire.open_channel(1)
        frames, bound = Frames(wire), 0
        began = time.monotonic()
        for number in range(count):
            where = short_text(b"bound") + short_text(b"amq.topic") + short_text(b"a.%d.*" % number)
            wire.send_method(1, 50, 20, b"\0\0" + where + b"\0\0\0\0\0")
            if number % 100 == 99:
                while bound <= number:
                    for _kind, _channel, payload in frames.read():
                        assert struct.unpack_from(">HH", payload) == (50, 21)
                        bound += 1
                neighbour.goes_on()
        print(f"{time.monotonic() - began:.2f} s for {count} bindings")
    publish(channel, "a", exchange="amq.topic", to=f"a.{count - 1}.b")
    assert take(channel, "bound").text == "a"
    began = time.monotonic()
    channel.queue_delete("bound")
    print(f"{time.monotonic() - began:.2f} s to delete it")
    assert time.monotonic() - began < 2 + count / 5000
    neighbour.goes_on()
    publish(channel, "a", exchange="amq.topic", to="a.1.b")
    before.assert_gone(growth_max=8 * MIB + count * 1000)


@pytest.mark.parametrize("how", ["purged", "deleted"])
def test_many_ready_messages_are_gone_at_once(small, connect_to, neighbour, how):
    count = size(200_000, 1_000_000)
    channel = connect_to(small).channel()
    channel.queue_declare("full", durable=True)
    fill_quickly(small, "full", count, b"x" * 100)
    assert ready(channel, "full") == count
    neighbour.slowest, began = 0.0, time.monotonic()
    if how == "purged":
        assert channel.queue_purge("full").method.message_count == count
    else:
        assert channel.queue_delete("full").method.message_count == count
    print(f"{how} in {time.monotonic() - began:.3f} s")
    assert time.monotonic() - began < 2
    neighbour.goes_on(50)
    assert neighbour.slowest < 1
    channel.queue_declare("full", durable=True)
    publish(channel, "new", to="full")
    assert take(channel, "full").text == "new"
    assert ready(channel, "full") == 0
    assert_in_memory(small)


def processor_s(broker):
    """The time that its threads have computed."""
    with open(f"/proc/{broker.pid}/stat") as status:
        fields = status.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_queue_costs_no_more_because_there_are_many(small):
    """In the processor's time, whatever else the machine does."""
    at_once, steps = 500, size(6, 20)
    costs = []
    with Wire(small) as wire:
        wire.log_in()
        wire.open_channel(1)
        frames = Frames(wire)
        for step in range(steps):
            before, made = processor_s(small), 0
            for number in range(at_once):
                name = short_text(b"many-%d-%d" % (step, number))
                wire.send_method(1, 50, 10, b"\0\0" + name + b"\2\0\0\0\0")
            while made < at_once:
                answers = [struct.unpack_from(">HH", each[2]) for each in frames.read()]
                assert set(answers) == {(50, 11)}, answers
                made += len(answers)
            costs.append((processor_s(small) - before) / at_once * 1e6)
    print(f"microseconds for each queue: {[round(cost) for cost in costs]}")
    assert costs[-1] < 2 * costs[0] + 100

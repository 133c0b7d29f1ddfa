"""An idempotent producer's records arrive once and in order, whatever breaks on the way."""

import pytest

from support import batches, clients, wire
from support.broker import peer_is_apache
from support.clients import create_topic, produce_when_room, producer, read_all, values_of
from support.proxy import CUT_REQUEST, LOSE_ANSWER, PASS, BreakingProxy
from support.waiting import wait_until

PARTITIONS = 3
PER_PARTITION = 1500
OUT_OF_ORDER_SEQUENCE = 45


def break_often(api_key, count):
    if api_key != wire.PRODUCE:
        return PASS
    return LOSE_ANSWER if count % 7 == 3 else CUT_REQUEST if count % 11 == 5 else PASS


@pytest.fixture
def proxy(make_broker):
    """The proxy in front of a broker that advertises it, so that clients never bypass it."""
    with BreakingProxy(break_often) as front:
        broker = make_broker(advertise=front.address)
        broker.start()
        front.target_port = broker.port
        yield front


def produce_numbers(writer, topic, during=lambda number: None):
    """0..PER_PARTITION-1 to each partition; returns the reports after everything was answered."""
    reports = clients.Deliveries()
    for number in range(PER_PARTITION):
        for partition in range(PARTITIONS):
            produce_when_room(
                writer, topic, value=b"%d" % number, partition=partition, on_delivery=reports
            )
        writer.poll(0)
        during(number)
    assert writer.flush(60) == 0
    return reports


def numbers_in(where, topic):
    found = read_all(where.address, topic, partitions=PARTITIONS)
    return {
        partition: [int(value) for value in values_of(messages)]
        for partition, messages in found.items()
    }


EXACTLY_ONCE = {partition: list(range(PER_PARTITION)) for partition in range(PARTITIONS)}
SMALL_BATCHES = dict(
    batch_num_messages=25,
    linger_ms=1,
    message_timeout_ms=60000,
    reconnect_backoff_ms=1,
    reconnect_backoff_max_ms=20,
    retry_backoff_ms=1,
    retry_backoff_max_ms=20,
    socket_timeout_ms=10000,
)


@pytest.mark.parametrize("in_flight", [1, 5])
def test_once_and_in_order_when_answers_are_lost(proxy, in_flight):
    create_topic(proxy.address, "numbers", partitions=PARTITIONS)
    writer = producer(
        proxy.address,
        enable_idempotence=True,
        max_in_flight_requests_per_connection=in_flight,
        **SMALL_BATCHES
    )
    reports = produce_numbers(writer, "numbers")
    assert not reports.errors
    assert proxy.broken[LOSE_ANSWER] >= 10 and proxy.broken[CUT_REQUEST] >= 5, proxy.broken
    assert numbers_in(proxy, "numbers") == EXACTLY_ONCE


def test_an_ordinary_producer_does_repeat_itself(proxy):
    """Shows that the faults of the test above bite: without idempotence they leave repeats."""
    create_topic(proxy.address, "numbers", partitions=PARTITIONS)
    writer = producer(proxy.address, max_in_flight_requests_per_connection=5, **SMALL_BATCHES)
    reports = produce_numbers(writer, "numbers")
    assert not reports.errors
    found = numbers_in(proxy, "numbers")
    assert {partition: sorted(set(numbers)) for partition, numbers in found.items()} == EXACTLY_ONCE
    assert (
        sum(map(len, found.values())) > PARTITIONS * PER_PARTITION
    ), "no repeats: the proxy broke nothing"


def test_once_and_in_order_over_kill_9(make_broker):
    broker = make_broker().start()
    create_topic(broker.address, "numbers", partitions=PARTITIONS)

    def kill_sometimes(number):
        if number in (400, 800, 1200):
            writer.poll(0.02)
            broker.restart(clean=False)

    writer = producer(broker.address, enable_idempotence=True, **SMALL_BATCHES)
    reports = produce_numbers(writer, "numbers", during=kill_sometimes)
    assert not reports.errors
    assert numbers_in(broker, "numbers") == EXACTLY_ONCE


def new_producer_id(connection):
    """(producer id, epoch); just after its start Kafka may need a moment to give one."""

    def ask():
        error, *answer = wire.init_producer_id(connection)
        return answer if error == 0 else None

    return wait_until(ask, "a producer id")


@pytest.mark.parametrize("clean", [True, False], ids=["clean stop", "kill -9"])
def test_sequences_are_checked_after_a_restart(make_broker, clean):
    """A repeat from before the restart is answered with its old offset; a gap is refused."""
    broker = make_broker().start()
    create_topic(broker.address, "sequences")

    def sequence(connection, first, count=10):
        batch = batches.build(
            [b"%d" % (first + n) for n in range(count)],
            producer_id=producer_id,
            epoch=epoch,
            sequence=first,
        )
        return wire.produce(connection, "sequences", 0, batch)

    with wire.Connection(broker.address) as connection:
        wait_until(lambda: wire.leader_epoch(connection, "sequences") is not None, "the topic")
        producer_id, epoch = new_producer_id(connection)
        assert producer_id >= 0 and epoch == 0
        assert sequence(connection, 0) == (0, 0)
        assert sequence(connection, 10) == (0, 10)
        assert sequence(connection, 10) == (0, 10), "a repeat in the same life"
        assert sequence(connection, 40)[0] == OUT_OF_ORDER_SEQUENCE
    broker.restart(clean)
    with wire.Connection(broker.address) as connection:
        wait_until(lambda: wire.leader_epoch(connection, "sequences") is not None, "a leader")
        assert sequence(connection, 10) == (0, 10), "a repeat over the restart"
        # Kafka's snapshots keep one batch per producer; with five in flight, five are needed
        older = sequence(connection, 0)
        assert older == (0, 0) or peer_is_apache() and older[0] == OUT_OF_ORDER_SEQUENCE
        assert sequence(connection, 30)[0] == OUT_OF_ORDER_SEQUENCE
        assert sequence(connection, 20) == (0, 20)
        assert wire.list_offset(connection, "sequences", 0, wire.LATEST) == (0, 30)


def test_producer_ids_are_never_given_twice(make_broker):
    broker = make_broker().start()
    given = []
    for clean in (False, True, False):
        with wire.Connection(broker.address) as connection:
            given += [new_producer_id(connection)[0] for _ in range(20)]
        broker.restart(clean)
    assert len(set(given)) == len(given) == 60

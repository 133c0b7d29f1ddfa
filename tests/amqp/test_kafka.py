"""One message, two protocols: a queue is a topic, and each side reads what the other wrote."""

import pytest
from confluent_kafka import KafkaException

from amqp_clients import Inbox, confirming, fill, is_there, publish, ready, take, take_all
from support import clients


def test_a_kafka_consumer_reads_what_was_published(server, connect, name):
    channel = confirming(connect())
    channel.queue_declare(name, durable=True)
    channel.queue_bind(name, "amq.topic", "orders.#")
    publish(channel, "plain", to=name)
    publish(channel, "full", exchange="amq.topic", to="orders.new", content_type="text/plain")
    plain, full = clients.read_all(server.address, name)[0]
    assert (plain.key(), plain.value(), full.value()) == (None, b"plain", b"full")
    headers = dict(full.headers())
    assert headers["amqp.exchange"] == b"amq.topic"
    assert headers["amqp.routing-key"] == b"orders.new"
    # Flags (bit 15: content-type), and the list of what is there.
    assert headers["amqp.properties"] == b"\x80\x00" + b"\x0atext/plain"
    assert "amqp.exchange" not in dict(plain.headers() or [])


def test_expiry_is_a_header_as_well(server, connect, name):
    channel = confirming(connect())
    channel.queue_declare(name, durable=True)
    publish(channel, "a", to=name, expiration="60000")
    (message,) = clients.read_all(server.address, name)[0]
    expires = int.from_bytes(dict(message.headers())["millrace.expires"], "big")
    assert expires == message.timestamp()[1] + 60000


def test_reading_by_kafka_takes_nothing_from_the_queue(server, connect, name):
    channel = confirming(connect())
    fill(channel, name, "a", "b", durable=True)
    assert len(clients.read_all(server.address, name)[0]) == 2
    assert take_all(channel, name) == ["a", "b"]


def test_an_amqp_consumer_gets_what_kafka_produced(server, connect, name):
    channel = connect().channel()
    channel.queue_declare(name, durable=True)
    inbox = Inbox(channel, name)
    writer = clients.producer(server.address)
    clients.send(writer, name, [b"one", b"two"], key=b"k", headers=[("own", b"x")])
    one, two = inbox.wait_for(2)
    assert (one.body, two.body) == (b"one", b"two")
    assert (one.method.exchange, one.method.routing_key) == ("", name)
    assert not one.redelivered
    channel.basic_ack(two.tag, multiple=True)
    channel.close()
    assert ready(connect().channel(), name) == 0


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compressed_batches_are_messages_too(server, connect, name, codec):
    channel = connect().channel()
    channel.queue_declare(name, durable=True)
    writer = clients.producer(server.address, compression_type=codec, linger_ms=50)
    values = [b"%d" % number * 100 for number in range(50)]
    clients.send(writer, name, values)
    assert [message.body for message in Inbox(channel, name, auto_ack=True).wait_for(50)] == values


def test_both_write_to_one_queue(server, connect, name):
    channel = confirming(connect())
    channel.queue_declare(name, durable=True)
    writer = clients.producer(server.address)
    for number in range(5):
        publish(channel, f"amqp {number}", to=name)
        clients.send(writer, name, [b"kafka %d" % number])
    expected = [f"{who} {number}" for number in range(5) for who in ("amqp", "kafka")]
    values = clients.values_of(clients.read_all(server.address, name)[0])
    assert [value.decode() for value in values] == expected
    assert take_all(channel, name) == expected


def test_a_record_without_a_value_is_an_empty_message(server, connect, name):
    channel = connect().channel()
    channel.queue_declare(name, durable=True)
    clients.send(clients.producer(server.address), name, [None], key=b"k")
    assert take(channel, name).body == b""


def test_the_topic_of_a_queue_is_not_deleted_by_kafka(server, connect, name):
    channel = confirming(connect())
    fill(channel, name, "a", durable=True)
    with pytest.raises(KafkaException):
        clients.admin(server.address).delete_topics([name])[name].result(timeout=20)
    assert take_all(channel, name) == ["a"]


def test_deleting_the_queue_deletes_its_topic(server, connect, name):
    connection = connect()
    channel = connection.channel()
    fill(channel, name, "a", durable=True)
    channel.queue_delete(name)
    assert name not in clients.admin(server.address).list_topics(timeout=20).topics
    assert not is_there(connection, name)


def test_a_dead_letter_tells_kafka_where_it_died(server, connect, name):
    channel = confirming(connect())
    dead = f"{name}-dead"
    channel.queue_declare(dead, durable=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    fill(channel, name, "a", durable=True, arguments=arguments)
    channel.basic_reject(channel.basic_get(name)[0].delivery_tag, requeue=False)
    reader = clients.consumer(server.address)
    reader.subscribe([dead])
    (message,) = clients.poll_count(reader, 1)
    reader.close()
    assert message.value() == b"a"
    assert name.encode() in dict(message.headers())["millrace.deaths"]

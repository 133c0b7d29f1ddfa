"""The real clients with the settings that tests share: librdkafka through Python, and kcat."""

import functools
import itertools
import os
import subprocess

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support import wire
from support.broker import peer_is_apache
from support.waiting import Deadline, wait_until

# A broker that comes back is found again at once, not after librdkafka's usual ten seconds. Lost
# connections are what many tests are about, so they are no news; errors that matter reach the caller.
SHARED = {
    "log_level": 2,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "topic.metadata.refresh.fast.interval.ms": 50,
    "retry.backoff.ms": 50,
}
numbers = itertools.count(1)


def fresh_name(prefix):
    return f"{prefix}-{next(numbers)}"


def dotted(settings):
    """enable_idempotence=True -> {"enable.idempotence": True}; the callbacks have no dots."""
    return {
        key if key in ("error_cb", "on_commit") else key.replace("_", "."): value
        for key, value in settings.items()
    }


def producer(address, **settings):
    base = {"bootstrap.servers": address, "linger.ms": 2, "message.timeout.ms": 30000, **SHARED}
    return Producer(base | dotted(settings))


def consumer(address, group=None, **settings):
    base = {
        "bootstrap.servers": address,
        "group.id": group or fresh_name("group"),
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **SHARED,
    }
    return Consumer(base | dotted(settings))


@functools.lru_cache(maxsize=8)
def admin(address):
    """Kept, because an answer that is still awaited dies with its client."""
    return AdminClient({"bootstrap.servers": address, **SHARED})


def create_topic(address, name, partitions=1, **settings):
    """Creates the topic; returns its name once the broker said yes."""
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dotted(settings))
    admin(address).create_topics([topic], operation_timeout=20)[name].result(timeout=30)
    if peer_is_apache():  # whose partitions may not be led yet when it says yes; ours are
        with wire.Connection(address) as connection:
            for index in range(partitions):
                led = lambda: wire.list_offset(connection, name, index, wire.LATEST)[0] == 0
                wait_until(led, f"a leader of {name}/{index}")
    return name


def partition_counts(address, *topics):
    """How many partitions the topics have, once all of them are known (Kafka may need a moment for that)."""

    def counts():
        listed = admin(address).list_topics(timeout=20).topics
        return (
            [len(listed[name].partitions) for name in topics]
            if set(topics) <= set(listed)
            else None
        )

    return wait_until(counts, f"metadata of {topics}")


class Deliveries:
    """Collects delivery reports: pass it as on_delivery."""

    def __init__(self):
        self.messages = []
        self.errors = []

    def __call__(self, error, message):
        self.messages.append(message) if error is None else self.errors.append(error)


def send(writer, topic, values, **fields):
    """Produces all values and waits for their answers; returns the delivered messages in order."""
    reports = Deliveries()
    for value in values:
        produce_when_room(writer, topic, value=value, on_delivery=reports, **fields)
    left = writer.flush(30)
    assert left == 0 and not reports.errors, f"{left} unanswered, errors {reports.errors[:3]}"
    return reports.messages


def produce_when_room(writer, topic, **fields):
    deadline = Deadline("room in the queue of the producer")
    while True:
        try:
            return writer.produce(topic, **fields)
        except BufferError:
            deadline.check()
            writer.poll(0.05)


def checked(message):
    """The message, once its error is known to be none."""
    assert message.error() is None, message.error()
    return message


def read_all(address, topic, partitions=1, **settings):
    """Everything in the topic from the beginning to the end, as {partition: [messages]}."""
    found = {index: [] for index in range(partitions)}
    unfinished = set(found)
    reader = consumer(address, enable_partition_eof=True, fetch_wait_max_ms=20, **settings)
    reader.assign([TopicPartition(topic, index, OFFSET_BEGINNING) for index in found])
    deadline = Deadline(f"the ends of {topic}")
    while unfinished:
        got = reader.consume(2000, timeout=0.2)
        if got:
            deadline = Deadline(f"more of {topic}")
        for message in got:
            if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                unfinished.discard(message.partition())
            elif message.error() and message.error().retriable():
                continue
            else:
                found[message.partition()].append(checked(message))
        deadline.check(lambda: f"missing {sorted(unfinished)}")
    reader.close()
    return found


def values_of(messages):
    return [message.value() for message in messages]


def poll_count(reader, count, deadline_s=30.0):
    """The next `count` messages of a consumer."""
    messages = []
    deadline = Deadline(f"{count} messages", deadline_s)
    while len(messages) < count:
        messages += [
            checked(message) for message in reader.consume(count - len(messages), timeout=0.2)
        ]
        deadline.check(lambda: f"(got {len(messages)})")
    return messages


def kcat(address, *arguments, stdin=b"", timeout_s=40):
    """Runs kcat to its end and returns its stdout."""
    done = subprocess.run(
        ["kcat", "-b", address, *arguments],
        input=stdin,
        capture_output=True,
        timeout=timeout_s,
        env={**os.environ, "KCAT_CONFIG": os.devnull},
    )
    assert (
        done.returncode == 0
    ), f"kcat {' '.join(arguments)}: {done.stderr.decode(errors='replace')}"
    return done.stdout

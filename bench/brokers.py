"""The brokers under load, each a fresh process on a data folder of its own.

with running(MillraceBroker(folder, binary=...)) as broker:
    broker.address, broker.pid
    broker.ready_seconds        # from the start of the process to an answered produce and fetch
"""

import contextlib
import shutil
import time

import places
from support import apache_peer, batches, wire
from support.broker import Broker
from support.waiting import wait_until

READY_WITHIN_S = 120
PROBE_TOPIC = "ready"
POLL_S = 0.002


class MillraceBroker(Broker):
    title = "Millrace"

    def __init__(self, directory, binary, flags=(), http=False):
        super().__init__(directory, flags, http=http)
        self.binary = binary

    def command(self):
        data = ["--data-dir", str(self.data_dir)]
        listen = ["--kafka", self.address, "--amqp", self.amqp]
        listen += ["--management", "off", "--http", self.http]
        listen += ["--json", "--log-format", "text"]
        return [str(self.binary), "serve", *data, *listen, *self.flags]


class ApacheKafka(apache_peer.ApacheBroker):
    """With the settings and the options of the virtual machine that its distribution starts with."""

    title = "Kafka"
    jvm = [
        "-Xmx1G",
        "-Xms1G",
        "-server",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35",
        "-XX:+ExplicitGCInvokesConcurrent",
        "-Djava.awt.headless=true",
    ]
    tuning = """
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
"""

    def __init__(self, directory, jars, settings=None):
        super().__init__(directory)
        self.jars = jars
        for name, value in (settings or {}).items():
            self.tuning = f"{self.tuning}{name}={value}\n"


class NullServer(Broker):
    """Says yes to every produce request and keeps nothing."""

    title = "null server"

    def __init__(self, directory, partitions):
        super().__init__(directory)
        self.partitions = partitions

    def command(self):
        return [str(places.null_server()), "--partitions", str(self.partitions)]


def answers(address, topic=PROBE_TOPIC):
    """Whether a record is taken with acks=all, and given to a reader."""
    with wire.Connection(address, timeout_s=10) as connection:
        found = wire.metadata(connection, [topic], auto_create=True).topics.get(topic)
        if not found or found[0] != 0 or not found[1] or found[1][0][1] < 0:
            return False
        error, offset = wire.produce(connection, topic, 0, batches.build([b"ready?"]))
        if error != 0:
            return False
        fetched = wire.fetch(connection, topic, 0, offset)
        return fetched.error == 0 and len(fetched.records) > 0


def await_answers(broker):
    """Waits for the first answered produce and fetch; gives the seconds since the process began."""

    def ready():
        broker.assert_alive()
        with contextlib.suppress(OSError):
            return answers(broker.address)

    if isinstance(broker, MillraceBroker):
        broker.await_ready(READY_WITHIN_S)  # tells the port
    end = time.monotonic() + READY_WITHIN_S
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{broker.title} answered nothing within {READY_WITHIN_S} s")
        time.sleep(POLL_S)
    broker.ready_seconds = time.monotonic() - broker.started_at
    return broker.ready_seconds


@contextlib.contextmanager
def running(broker):
    """Starts the broker; ends it and removes its folder whatever happens."""
    try:
        broker.launch()
        if isinstance(broker, NullServer):
            broker.await_ready()
        else:
            await_answers(broker)
        yield broker
        broker.assert_alive()
    finally:
        broker.discard()
        shutil.rmtree(broker.directory, ignore_errors=True)


def create_topics(broker, names, partitions, configs=()):
    """Makes them and waits until each partition is served by its leader: Apache Kafka tells of a leader
    before that one knows, and what is written then comes in no order."""
    with wire.Connection(broker.address, timeout_s=60) as connection:
        for name in names:
            error, message = wire.create_topic(connection, name, partitions, configs=configs)
            if error != 0:
                raise RuntimeError(f"topic {name}: error {error}: {message}")

        def led():
            topics = wire.metadata(connection, names).topics
            return all(
                error == 0
                and len(found) == partitions
                and all(one[0] == 0 and one[1] >= 0 for one in found.values())
                for error, found in topics.values()
            )

        def served():
            return all(
                wire.list_offset(connection, name, partition, wire.LATEST)[0] == 0
                for name in names
                for partition in range(partitions)
            )

        wait_until(led, "every partition has a leader", 60)
        wait_until(served, "every partition is served", 60)


def first_record_is_there(broker, topic):
    """Whether the beginning of partition 0 can be fetched."""
    with wire.Connection(broker.address, timeout_s=60) as connection:
        fetched = wire.fetch(connection, topic, 0, 0)
        return fetched.error == 0 and len(fetched.records) > 0

"""Apache Kafka in the place of Millrace, so that the tests themselves are tested.

A test that fails here demands something that Kafka does not do. Expects the jars of a Kafka
broker in ${PEERS_HOME:-~/.cache/millrace-peers}/kafka/broker/libs (bench/install-peer broker brings
them) and a Java runtime.
"""

import os
import socket
import subprocess
import time
from pathlib import Path

from support import wire
from support.broker import Broker
from support.waiting import wait_until

HOME = Path(os.environ.get("PEERS_HOME", Path.home() / ".cache/millrace-peers"))

SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{advertise}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""

LOGGING = """
rootLogger.level=WARN
rootLogger.appenderRefs=err
rootLogger.appenderRef.err.ref=ERR
appender.err.type=Console
appender.err.name=ERR
appender.err.target=SYSTEM_ERR
appender.err.layout.type=PatternLayout
appender.err.layout.pattern=[%d] %p %m (%c)%n
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# Set where the peer is to be small and quick to start, and not where it is measured.
SMALL = """
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=200
log.cleaner.dedupe.buffer.size=16000000
"""


class ApacheBroker(Broker):
    jars = HOME / "kafka/broker/libs"
    jvm = ["-Xmx768m", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1"]
    tuning = SMALL

    def java(self, *arguments):
        return ["java", *self.jvm, "-cp", f"{self.directory}/logging:{self.jars}/*", *arguments]

    def prepare(self):
        self.port = free_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = self.directory / "server.properties"
        settings.write_text(
            SETTINGS.format(
                port=self.port,
                controller=free_port(),
                data=self.data_dir,
                advertise=self.advertise or self.address,
            )
            + self.tuning
        )
        (self.directory / "logging").mkdir()
        (self.directory / "logging/log4j2.properties").write_text(LOGGING)
        subprocess.run(
            self.java(
                "kafka.tools.StorageTool",
                "format",
                "-t",
                "4L6g3nShT-eMCtK--X86sw",
                "-c",
                str(settings),
            ),
            check=True,
            capture_output=True,
        )

    def launch(self):
        if self.port == 0:
            self.prepare()
        self.started_at = time.monotonic()
        self.spawn(
            [*self.wrapper, *self.java("kafka.Kafka", str(self.directory / "server.properties"))],
            subprocess.DEVNULL,
        )

    def await_ready(self, within_s=60):
        def answers():
            assert self.alive(), "Apache Kafka ended before it was ready"
            try:
                with wire.Connection(self.address, timeout_s=5) as connection:
                    return wire.metadata(connection, []).brokers
            except OSError:
                return False

        wait_until(answers, "Apache Kafka answers", within_s)
        self.seconds_to_ready = time.monotonic() - self.started_at
        self.ready = {"ready": True, "kafka": self.address}

    @staticmethod
    def is_clean(code):
        return code in (0, 143)

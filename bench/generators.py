"""The load generators: each puts a load on an address and gives what it saw as a `Load`.

Three of them, all unchanged against every broker: `millrace perf`, librdkafka through
confluent-kafka, and Apache Kafka's ProducerPerformance on the Java client.
"""

import json
import re
import resource
import subprocess
from dataclasses import dataclass, field

import places
from support.broker import end_with_the_tests

AFTERWARDS_S = 180  # what a generator may take beyond the seconds that it was told


class Failed(Exception):
    """A generator that ended with an error, or lost records."""


@dataclass
class Load:
    records: int
    value_bytes: int
    seconds: float
    client_cpu_seconds: float = 0.0
    sent: int = 0  # with those that are not in the latencies; what the broker's CPU went into
    acknowledged_ms: dict = field(default_factory=dict)  # p50, p99, p999
    seen_ms: dict = field(default_factory=dict)

    @property
    def rate(self):
        return self.records / self.seconds


def run(command, within_s):
    """(what the command printed, what it said on standard error, CPU seconds it took)"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=end_with_the_tests,
    ) as process:
        try:
            out, errors = process.communicate(timeout=within_s)
        except BaseException:  # Ctrl-C too: no generator outlives the run
            process.kill()
            raise
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        raise Failed(f"{command[0]} ended with {process.returncode}: {errors.strip()[-500:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return out, errors, cpu


def percentiles(found):
    return {name: found[f"{name}_ms"] for name in ("p50", "p99", "p999")}


class Perf:
    """`millrace perf`."""

    title = "millrace perf"

    def __init__(self, binary):
        self.binary = binary

    def _json(self, address, within_s, *arguments):
        command = [self.binary, "perf", *arguments, "--server", address, "--timeout", 60, "--json"]
        out, _, cpu = run(command, within_s)
        return json.loads(out), cpu

    def produce(self, address, topic, seconds, *options):
        arguments = ["produce", topic, "--seconds", seconds, *options]
        found, cpu = self._json(address, seconds + AFTERWARDS_S, *arguments)
        return Load(
            found["records"],
            found["bytes"],
            found["seconds"],
            cpu,
            found["records"],
            percentiles(found["latency"]),
        )

    def produce_records(self, address, topic, records, *options):
        arguments = ["produce", topic, "-n", records, *options]
        found, cpu = self._json(address, 3600, *arguments)
        return Load(found["records"], found["bytes"], found["seconds"], cpu, found["records"])

    def consume(self, address, topic):
        found, cpu = self._json(address, 600, "consume", topic)
        return Load(found["records"], found["bytes"], found["seconds"], cpu, found["records"])

    def latency(self, address, topic, seconds, rate, size):
        records = max(1, round(rate * seconds))
        arguments = ["latency", topic, "--rate", rate, "-n", records, "--size", size]
        found, cpu = self._json(address, seconds + AFTERWARDS_S, *arguments)
        return Load(
            found["records"],
            found["records"] * size,
            found["records"] / found["records_per_second"],
            cpu,
            found["records"] + rate,  # the first second is not counted
            percentiles(found["acknowledged"]),
            percentiles(found["seen"]),
        )


class Librdkafka:
    """librdkafka with its defaults, and what a workload sets."""

    title = "librdkafka"

    def __init__(self):
        self.python = places.client_python()

    def produce(self, address, topic, seconds, size, topics=0, settings=()):
        command = [self.python, places.HERE / "librdkafka_load.py", "--server", address]
        command += ["--topic", topic, "--topics", topics, "--size", size, "--seconds", seconds]
        for setting in settings:
            command += ["--set", setting]
        out, _, cpu = run(command, seconds + AFTERWARDS_S)
        found = json.loads(out.splitlines()[-1])
        return Load(found["records"], found["bytes"], found["seconds"], cpu, found["records"])


class JavaClient:
    """The Java client with its defaults, through ProducerPerformance."""

    title = "Java client"
    LAST_LINE = re.compile(
        r"^(\d+) records sent, ([\d.]+) records/sec .*, ([\d.]+) ms 50th, [\d.]+ ms 95th, "
        r"([\d.]+) ms 99th, ([\d.]+) ms 99\.9th",
        re.MULTILINE,
    )

    def __init__(self):
        self.jars = places.peer_jars("tools")

    def produce(self, address, topic, records, size):
        program = ["-cp", f"{self.jars}/*", "org.apache.kafka.tools.ProducerPerformance"]
        load = ["--topic", topic, "--num-records", records, "--record-size", size]
        target = ["--throughput", -1, "--bootstrap-server", address]
        out, errors, cpu = run(["java", "-Xmx512m", *program, *load, *target], 900)
        return self.read(out, errors, records, size, cpu)

    def read(self, out, errors, records, size, cpu):
        """What it printed as a Load; it ends with 0 even when records were lost."""
        found = self.LAST_LINE.search(out)
        if found is None or int(found[1]) != records or "Exception" in errors + out:
            raise Failed(f"ProducerPerformance: {(errors + out).strip()[-500:]}")
        latency = {"p50": float(found[3]), "p99": float(found[4]), "p999": float(found[5])}
        seconds = records / float(found[2])
        return Load(records, records * size, seconds, cpu, records, latency)

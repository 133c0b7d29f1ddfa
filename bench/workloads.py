"""The workloads. What each row means stands in README.md.

A workload is run on a fresh broker and gives one row or more; with `limit` it also says what its load
generator reaches when the server does nothing.
"""

import time
from dataclasses import dataclass, field

import idle
import process
from brokers import create_topics, first_record_is_there

# Topics one-of-many-topics-0 and so on. Long, because librdkafka can't read the answer of a server that
# says as little about 1,000 topics of short names as the null server does.
MANY = "one-of-many-topics"


def perf(*options):
    """A load of `millrace perf produce`."""

    def load(bench, address, topic, seconds):
        return bench.perf.produce(address, topic, seconds, *options)

    return load


def librdkafka(size, *settings):
    def load(bench, address, topic, seconds):
        return bench.librdkafka.produce(address, topic, seconds, size, settings=settings)

    return load


class Java:
    """ProducerPerformance wants to know how many records: what the last run's rate says for the time."""

    FIRST_RATE = 50_000

    def __init__(self, size):
        self.size = size
        self.rates = {}

    def __call__(self, bench, address, topic, seconds):
        records = max(1000, int(self.rates.get(address, self.FIRST_RATE) * seconds))
        load = bench.java.produce(address, topic, records, self.size)
        self.rates[address] = load.rate
        return load


@dataclass
class Workload:
    name: str
    title: str
    settings: dict = field(default_factory=dict)  # of Apache Kafka, beside its defaults
    latencies: bool = False
    limit = None

    @property
    def rows(self):
        """The rows it gives, with their titles."""
        return {self.name: self.title}


@dataclass
class Start(Workload):
    def run(self, trial, wanted):
        ready = trial.broker.ready_seconds
        peak = process.memory_bytes(trial.broker.pid, "VmHWM") / 1e6
        yield trial.row(self.name, {"ready_s": ready, "peak_rss_mb": peak})


@dataclass
class Produce(Workload):
    load: object = None
    partitions: int = 6
    reading: tuple = ()  # (name, title) of the row that reads what this one wrote

    @property
    def rows(self):
        return {self.name: self.title, **({self.reading[0]: self.reading[1]} if self.reading else {})}

    def limit(self, bench, address):
        return self.load(bench, address, "load", bench.options.seconds)

    def run(self, trial, wanted):
        bench, address = trial.bench, trial.address
        create_topics(trial.broker, ["warm", "load"], self.partitions)
        self.load(bench, address, "warm", trial.options.warm)
        written = trial.measured(
            self.name, lambda: self.load(bench, address, "load", trial.options.seconds)
        )
        if self.name in wanted:
            yield written
        if self.reading and self.reading[0] in wanted:
            bench.perf.consume(address, "warm")
            cached = trial.cache_share()
            read = trial.measured(self.reading[0], lambda: bench.perf.consume(address, "load"))
            if read.load["records"] != written.load["records"]:
                raise RuntimeError(
                    f"{written.load['records']} records were written, {read.load['records']} read"
                )
            read.values["cached_share"] = cached
            yield read


@dataclass
class EndToEnd(Workload):
    rate: int = 10_000
    size: int = 1024
    latencies: bool = True

    def run(self, trial, wanted):
        def load(topic, seconds):
            return trial.bench.perf.latency(trial.address, topic, seconds, self.rate, self.size)

        create_topics(trial.broker, ["warm", "load"], 6)
        load("warm", trial.options.warm_latency)
        yield trial.measured(self.name, lambda: load("load", trial.options.seconds), latencies=True)


@dataclass
class ManyTopics(Workload):
    size: int = 100

    @property
    def rows(self):
        return {"topics": "so many topics, idle", self.name: self.title}

    def load(self, bench, address, seconds):
        topics = bench.options.topics
        return bench.librdkafka.produce(address, MANY, seconds, self.size, topics=topics)

    def limit(self, bench, address):
        return self.load(bench, address, bench.options.seconds)

    def run(self, trial, wanted):
        create_topics(trial.broker, [f"{MANY}-{i}" for i in range(trial.options.topics)], 1)
        if "topics" in wanted:
            yield self.idle(trial)
        if self.name in wanted:
            self.load(trial.bench, trial.address, trial.options.warm)
            yield trial.measured(
                self.name, lambda: self.load(trial.bench, trial.address, trial.options.seconds)
            )

    @staticmethod
    def idle(trial):
        values = idle_values(trial)
        values["disk_mb"] = process.disk_bytes(trial.broker.data_dir) / 1e6
        values["open_files"] = process.open_files(trial.broker.pid)
        return trial.row("topics", values)


@dataclass
class IdleConnections(Workload):
    def run(self, trial, wanted):
        count, pid = trial.options.connections, trial.broker.pid
        if (files := idle.raise_file_limit()) < count + 1000:
            raise RuntimeError(f"{count} connections need more than {files} open files (ulimit -Hn)")
        before = process.memory_bytes(pid, "VmRSS")
        with idle.connections(trial.address, count):
            values = idle_values(trial)
        grown = values["rss_mb"] * 1e6 - before
        yield trial.row(self.name, {**values, "kb_per_connection": max(grown, 0) / 1e3 / count})


def idle_values(trial):
    """Memory and CPU of a broker that nobody asks anything, over the time of --hold."""
    pid, hold = trial.broker.pid, trial.options.hold
    cpu, begun = process.cpu_seconds(pid), time.monotonic()
    time.sleep(hold)  # the time is what is measured over
    return {
        "broker_cores": (process.cpu_seconds(pid) - cpu) / (time.monotonic() - begun),
        "rss_mb": process.memory_bytes(pid, "VmRSS") / 1e6,
        "peak_rss_mb": process.memory_bytes(pid, "VmHWM") / 1e6,
    }


@dataclass
class Recovery(Workload):
    size: int = 1024

    def run(self, trial, wanted):
        records = max(1000, int(trial.options.recovery_gb * 1e9 / self.size))
        create_topics(trial.broker, ["load"], 6)
        trial.bench.perf.produce_records(trial.address, "load", records, "--size", self.size)
        ready, cached = trial.restarted_after_kill()
        if not first_record_is_there(trial.broker, "load"):
            raise RuntimeError("what was written before the kill can't be read")
        pid = trial.broker.pid
        values = {
            "ready_s": ready,
            "cpu_s": process.cpu_seconds(pid),
            "peak_rss_mb": process.memory_bytes(pid, "VmHWM") / 1e6,
            "disk_mb": process.disk_bytes(trial.broker.data_dir) / 1e6,
            "cached_share": cached,
        }
        yield trial.row(self.name, values)


KILOBYTE = ("--size", 1024, "--linger", 5)
FLUSH_EACH = {"log.flush.interval.messages": 1}

ALL = [
    Start("start", "start on an empty folder"),
    Produce("K1", "produce 100 B, linger 5 ms", load=perf("--size", 100, "--linger", 5)),
    Produce(
        "K2",
        "produce 1 KB, linger 5 ms",
        load=perf(*KILOBYTE),
        reading=("K3", "consume what K2 wrote"),
    ),
    Produce("K2d-librdkafka-6", "produce 1 KB, librdkafka's defaults", load=librdkafka(1024)),
    Produce(
        "K2d-librdkafka-256",
        "the same, 256 partitions",
        load=librdkafka(1024),
        partitions=256,
    ),
    Produce("K2d-java-6", "produce 1 KB, the Java client's defaults", load=Java(1024)),
    Produce("K2d-java-256", "the same, 256 partitions", load=Java(1024), partitions=256),
    Produce("K4", "produce 1 KB, lz4", load=perf(*KILOBYTE, "--compression", "lz4")),
    EndToEnd("K5", "end to end, 10,000/s, 1 KB, linger 0"),
    EndToEnd("K6", "the same, the peer flushes each write", settings=FLUSH_EACH),
    Produce(
        "K7",
        "16 producers of small batches, linger 0",
        load=perf("--size", 100, "--linger", 0, "--connections", 16, "--batch", 1100),
        partitions=16,
    ),
    ManyTopics("K8", "produce 100 B over so many topics"),
    Recovery("K9", "ready after kill -9"),
    IdleConnections("connections", "so many idle connections"),
]


def known_rows():
    """name -> title of every row, in the order of the report."""
    return {name: title for workload in ALL for name, title in workload.rows.items()}


def chosen(only):
    """[(workload, the names of the wanted rows)]; `only` is None or a list of names, K2d for all K2d-*."""
    names = list(known_rows())
    if only is None:
        wanted = set(names)
    else:
        wanted = set()
        for each in only:
            matching = [name for name in names if name == each or name.startswith(each + "-")]
            if not matching:
                raise ValueError(f"there is no workload {each}; there are {', '.join(names)}")
            wanted.update(matching)
    picked = [(workload, wanted & set(workload.rows)) for workload in ALL]
    return [(workload, rows) for workload, rows in picked if rows]

"""Starts of a broker that was killed under load, on a large data directory.

directory.make(generator, folder)         # by src/generator, in files with holes
restart = killed_under_load(...)          # one repeat: load, kill -9, start, what was lost
"""

import contextlib
import random
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import many_partitions
import process
from many_partitions import Producers
from support import batches, wire
from support.broker import end_with_the_tests

READY_WITHIN_S = 120
LOAD_WITHIN_S = 120
LAST_RECORDS = 3  # of text, at the end of each partition: src/generator/filler.h
ZERO_BATCH_BYTES = 1_000_000
RECORD_OVERHEAD = 100
GROUPS = [f"group-{number}" for number in range(4)]


@dataclass
class Directory:
    """What the generator is asked for."""

    topics: int
    partitions: int  # of each topic
    partition_bytes: int
    segment_bytes: int = 0  # 0: the broker's default
    name: str = "filled"

    def make(self, program, folder):
        command = [program, "--data-dir", folder, "--name", self.name]
        command += ["--topics", self.topics, "--partitions", self.partitions]
        command += ["--partition-bytes", self.partition_bytes, "--segment-bytes", self.segment_bytes]
        begun = time.monotonic()
        subprocess.run([str(part) for part in command], check=True, preexec_fn=end_with_the_tests)
        return time.monotonic() - begun

    @property
    def names(self):
        if self.topics == 1:
            return [self.name]
        return [f"{self.name}-{number}" for number in range(self.topics)]

    @property
    def layout(self):
        """Every partition as (topic, partition)."""
        return [(name, number) for name in self.names for number in range(self.partitions)]

    @property
    def zero_records(self):
        """In front of the last batch of each partition."""
        whole, rest = divmod(self.partition_bytes, ZERO_BATCH_BYTES)
        return whole + (rest > 2 * RECORD_OVERHEAD)

    def last_records(self, key):
        """{offset: value} of a partition's last batch."""
        topic, partition = key
        return {
            self.zero_records + number: f"{topic} {partition} last {number}".encode()
            for number in range(LAST_RECORDS)
        }


@dataclass
class Restart:
    """Seconds are from the start of the process."""

    cache: str  # warm or cold
    listening_s: float = 0
    produce_s: float = 0  # the first produce, acks=all, was answered
    fetch_s: float = 0  # what it wrote was fetched
    old_fetch_s: float = 0  # the last batch that the generator wrote to another partition was
    cpu_s: float = 0
    rss_mb: float = 0
    peak_rss_mb: float = 0
    load_records: int = 0  # answered before the kill, of producers that keep a ledger
    groups_replayed: int = 0
    cached_share: float | None = None
    journal_mb: float = 0
    load_average: float = 0
    stalls: list = field(default_factory=list)  # what the log says of them

    @property
    def ready_s(self):
        return max(self.produce_s, self.fetch_s, self.old_fetch_s)


def connect(broker):
    """The first connection that is taken, and when."""
    end = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            connection = wire.Connection(broker.address, timeout_s=READY_WITHIN_S)
            return connection, time.monotonic() - broker.started_at
        except OSError:
            broker.assert_alive()
            if time.monotonic() > end:
                raise
            time.sleep(0.001)


def watch_start(broker, directory, restart):
    """Starts the broker and fills in when it did what."""
    restart.load_average = process.load_average()
    chosen = random.sample(directory.layout, 2)
    batch = batches.build([b"first after the start"])
    log_size = broker.log_path.stat().st_size if broker.log_path.exists() else 0
    broker.launch()
    connection, restart.listening_s = connect(broker)
    with connection:
        passed = lambda: time.monotonic() - broker.started_at  # noqa: E731
        topic, partition = chosen[0]
        error, offset = wire.produce(connection, topic, partition, batch)
        restart.produce_s = passed()
        assert error == 0, f"the first produce was answered with error {error}"
        fetched = wire.fetch(connection, topic, partition, offset)
        restart.fetch_s = passed()
        assert fetched.error == 0 and fetched.records, "the new record is not given back"
        old = wire.fetch(connection, *chosen[1], directory.zero_records)
        restart.old_fetch_s = passed()
        expected = directory.last_records(chosen[1])
        found = many_partitions.values(old.records)
        assert expected.items() <= found.items(), f"{chosen[1]}: {old.error}, {found}"
    broker.await_ready(READY_WITHIN_S)
    restart.cpu_s = process.cpu_seconds(broker.pid)
    restart.rss_mb = process.memory_bytes(broker.pid, "VmRSS") / 1e6
    restart.peak_rss_mb = process.memory_bytes(broker.pid, "VmHWM") / 1e6
    said = broker.log_path.read_text(errors="replace")[log_size:]
    if replayed := re.search(r"(\d+) journal groups", said):
        restart.groups_replayed = int(replayed[1])
    restart.stalls = re.findall(r"core \d+ (?:stalled|has been) .*", said)
    return {chosen[0]: {offset: b"first after the start"}}


@contextlib.contextmanager
def perf_load(binary, address, topic):
    """`millrace perf` on all partitions of a topic, until the end of the block."""
    command = [str(binary), "perf", "produce", topic, "--server", address, "--seconds", "600"]
    with subprocess.Popen(
        [*command, "--size", "1024", "--connections", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_the_tests,
    ) as running:
        try:
            yield
        finally:
            running.kill()


def killed_under_load(broker, directory, binary, cold, name, seconds=0.0, records=1):
    """Load on a running broker for so long and until so many records were answered, kill -9 in the midst
    of it, a start: (its figures, what the producers were answered). Without `binary` no `millrace perf`."""
    with contextlib.ExitStack() as load:
        if binary is not None:
            load.enter_context(perf_load(binary, broker.address, directory.names[0]))
        producers = load.enter_context(Producers(broker.address, directory.layout, name=name))
        end = time.monotonic() + seconds
        while time.monotonic() < end or producers.records < records:
            broker.assert_alive()
            assert not producers.refused and time.monotonic() < end + LOAD_WITHIN_S, producers.refused
            time.sleep(0.01)  # the load is what takes the time
        broker.kill()
    if cold:
        process.drop_page_cache()
    restart = Restart("cold" if cold else "warm", load_records=producers.records)
    restart.cached_share = process.cached_share(Path(broker.data_dir) / "journal")
    restart.journal_mb = process.apparent_bytes(Path(broker.data_dir) / "journal") / 1e6
    answered = producers.answered
    for key, offsets in watch_start(broker, directory, restart).items():
        answered[key].update(offsets)
    return restart, answered


def commit_for_groups(broker, directory):
    """Groups that have read each partition up to its last batch."""
    wanted = dict.fromkeys(directory.layout, directory.zero_records)
    with wire.Connection(broker.address, timeout_s=120) as connection:
        for group in GROUPS:
            errors = many_partitions.commit(connection, group, wanted)
            assert not errors, errors[:5]


def group_problems(broker, directory):
    """What is wrong with what commit_for_groups() wrote."""
    problems = []
    with wire.Connection(broker.address, timeout_s=120) as connection:
        for group in GROUPS:
            found = many_partitions.committed(connection, group, directory.layout)
            for key in directory.layout:
                if found.get(key) != directory.zero_records:
                    problems.append(f"{group} has committed {found.get(key)} of {key}")
    return problems


def problems_of(broker, directory, answered):
    """What is wrong with what a broker holds: every partition's last generated batch, that the logs end
    behind what was answered, and all that was answered."""
    layout = directory.layout
    problems = many_partitions.missing(
        broker.address, {key: directory.last_records(key) for key in layout}
    )
    with wire.Connection(broker.address, timeout_s=120) as connection:
        found = many_partitions.ends(connection, layout)
    for key in layout:
        error, end = found[key]
        newest = max([directory.zero_records + LAST_RECORDS - 1, *answered.get(key, ())])
        if error != 0 or end <= newest:
            problems.append(f"{key}: error {error}, ends at {end}, though {newest} was answered")
    return problems + many_partitions.missing(broker.address, answered)

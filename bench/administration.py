"""How long it takes to make, use, start with and delete very many partitions, and whether a core stalls
over it.

for row in rows(broker, 10_000): ...      # on a fresh broker that has its HTTP listener on
"""

import os
import time
from dataclasses import dataclass

import many_partitions
import process
from brokers import await_answers
from support import batches, metrics, wire
from support.wire import Reader, array, i8, i16, i32, string

DELETE_TOPICS = 20
WITHIN_S = 120
CHECKPOINTS = 10  # more than the journal carries a small remainder forward (storage/carry.cc)
# For the broker that is measured: checkpoints one after the other.
ENVIRONMENT = {"MILLRACE_STORAGE_CHECKPOINT_INTERVAL_MS": "1s"}


@dataclass
class Row:
    what: str
    seconds: float
    stalls: int = 0  # turns of a core above 5 ms
    stalled_s: float = 0  # all of them
    note: str = ""


class Watch:
    """Times a step, and what the cores' watchdog counted meanwhile."""

    def __init__(self, broker):
        self.broker = broker

    def stalls(self):
        samples = metrics.scrape(self.broker)
        cores = [key for key in samples if key[0] == "millrace_core_stalls_total"]
        count = sum(samples[key] for key in cores)
        return count, sum(samples["millrace_core_stall_seconds_sum", *key[1:]] for key in cores)

    def step(self, what, work):
        stalls, stalled = self.stalls()
        begun = time.monotonic()
        note = work() or ""
        seconds = time.monotonic() - begun
        stalls_after, stalled_after = self.stalls()
        return Row(what, seconds, int(stalls_after - stalls), stalled_after - stalled, note)


def create(connection, names, partitions):
    def topic(name):
        return string(name) + i32(partitions) + i16(1) + array([]) + array([])

    body = array([topic(name) for name in names]) + i32(WITHIN_S * 1000) + i8(0)
    reader = connection.request(wire.CREATE_TOPICS, 2, body)
    _throttle = reader.i32()
    answers = reader.array(lambda: (reader.string(), reader.i16(), reader.string()))
    assert len(answers) == len(names) and not any(error for _, error, _ in answers), answers[:3]


def delete(connection, names):
    body = array([string(name) for name in names]) + i32(WITHIN_S * 1000)
    reader: Reader = connection.request(DELETE_TOPICS, 1, body)
    _throttle = reader.i32()
    answers = reader.array(lambda: (reader.string(), reader.i16()))
    assert len(answers) == len(names) and not any(error for _, error in answers), answers[:3]


def median_metadata(connection, times=11):
    found = [many_partitions.metadata_seconds(connection) for _ in range(times)]
    seconds = sorted(taken for taken, _ in found)
    return f"median of {times}: {seconds[times // 2] * 1e3:.2f} ms, {found[0][1] / 1e3:.0f} kB"


def write_to_all(connection, layout, records=3):
    values = [b"some record of a hundred bytes or so".ljust(100)] * records
    for part in many_partitions.parts(dict.fromkeys(layout, batches.build(values))):
        answers = many_partitions.produce(connection, part)
        assert all(error == 0 for error, _ in answers.values())


def checkpoints(broker):
    return metrics.scrape(broker)["millrace_checkpoints_total", ("outcome", "done")]


def wait_for(condition, what):
    end = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {WITHIN_S} s")
        time.sleep(0.2)


def use(broker, connection, layout):
    """Checkpoints with a few new records in each partition; gives how long they took."""
    key = "millrace_checkpoint_seconds"
    before = metrics.scrape(broker)
    for _ in range(CHECKPOINTS):
        done = checkpoints(broker)
        write_to_all(connection, layout)
        wait_for(lambda done=done: checkpoints(broker) > done, "a checkpoint")
    after = metrics.scrape(broker)
    count = after[key + "_count",] - before[key + "_count",]
    seconds = after[key + "_sum",] - before[key + "_sum",]
    return f"{count:.0f} checkpoints of {seconds / count * 1e3:.0f} ms on average"


def rows(broker, count):
    watch = Watch(broker)
    connection = wire.Connection(broker.address, timeout_s=WITHIN_S)
    empty = process.memory_bytes(broker.pid, "VmRSS")

    yield watch.step(f"make 1 topic with {count} partitions", lambda: create(connection, ["one"], count))
    rss = process.memory_bytes(broker.pid, "VmRSS")
    yield Row("memory for each of them, empty", 0, note=f"{(rss - empty) / count:.0f} B")
    yield watch.step("metadata of all", lambda: median_metadata(connection))
    layout = [("one", number) for number in range(count)]
    yield watch.step("3 records to each, 10 rounds with a checkpoint", lambda: use(broker, connection, layout))
    rss = process.memory_bytes(broker.pid, "VmRSS")
    yield Row("memory for each of them, used", 0, note=f"{(rss - empty) / count:.0f} B")
    segments = os.path.join(broker.data_dir, "segments")
    files = len(os.listdir(segments))
    connection.socket.close()

    begun = time.monotonic()
    broker.stop()
    yield Row("clean stop", time.monotonic() - begun, note=f"{files} files of segments")
    broker.launch()
    await_answers(broker)
    rss = process.memory_bytes(broker.pid, "VmRSS")
    yield Row("clean start, ready", broker.ready_seconds, note=f"RSS {(rss - empty) / count:.0f} B each")
    connection = wire.Connection(broker.address, timeout_s=WITHIN_S)
    yield watch.step("delete it", lambda: delete(connection, ["one"]))
    # The topic that await_answers() wrote to may have a segment.
    yield watch.step(
        "until its files are gone",
        lambda: wait_for(lambda: len(os.listdir(segments)) < 4, "the removal of files"),
    )

    names = [f"many-{number}" for number in range(count // 10)]
    several = f"{len(names)} topics with 10"
    yield watch.step(f"make {several}, one request", lambda: create(connection, names, 10))
    yield watch.step("metadata of all", lambda: median_metadata(connection))
    yield watch.step("delete them, one request", lambda: delete(connection, names))
    each = lambda work: [work(name) for name in names] and ""  # noqa: E731
    yield watch.step(
        f"make {several}, one by one", lambda: each(lambda name: create(connection, [name], 10))
    )
    yield watch.step("delete them, one by one", lambda: each(lambda name: delete(connection, [name])))
    connection.socket.close()
    begun = time.monotonic()
    broker.stop()
    yield Row("clean stop", time.monotonic() - begun)

"""No positive answer leaves before the flush that covers it: proved from the system calls of the broker.

Each request carries a marker that is looked for in the writes to the data directory, and a correlation
id that is looked for in what goes to the sockets.
"""

import threading

import pytest

from support import batches, trace, wire
from support.clients import create_topic
from support.trace import Probe
from support.waiting import wait_until

pytestmark = pytest.mark.millrace
FIRST_CORRELATION = 0x5EA10000


class TracedBroker:
    """A broker under strace, and the requests whose order is to be proved."""

    def __init__(self, make_broker, folder, *flags):
        self.path = folder / "strace.txt"
        self.broker = make_broker(wrapper=trace.strace_to(self.path), flags=flags)
        self.broker.start()
        self.probes = []
        self.lock = threading.Lock()

    def probe(self, flushed=True):
        with self.lock:
            number = len(self.probes)
            self.probes.append(
                Probe(b"<marker %06d>" % number, FIRST_CORRELATION + number, flushed)
            )
            return self.probes[-1]

    def produce(self, connection, topic, acks=-1, padding=0, flushed=True):
        probe = self.probe(flushed=flushed and acks == -1)
        batch = batches.build([probe.marker + b"." * padding])
        error, _ = wire.produce(
            connection, topic, 0, batch, acks=acks, correlation=probe.correlation
        )
        assert error == 0

    def connect(self):
        return wire.Connection(self.broker.address, timeout_s=60)

    def stop_and_read(self):
        pid = self.broker.pid
        self.broker.stop()
        wait_until(lambda: trace.complete(self.path, pid), "the end of the trace")
        return trace.read(self.path)

    def assert_no_early_answer(self):
        calls = self.stop_and_read()
        problems = trace.early_answers(calls, self.broker.data_dir, self.probes)
        assert not problems, "\n".join(problems[:10])


@pytest.fixture
def traced(make_broker, tmp_path):
    return TracedBroker(make_broker, tmp_path)


def test_acks_all_one_at_a_time(traced):
    create_topic(traced.broker.address, "flushed")
    with traced.connect() as connection:
        for _ in range(60):
            traced.produce(connection, "flushed")
    traced.assert_no_early_answer()


def test_acks_1_is_answered_after_the_write(traced):
    create_topic(traced.broker.address, "handed-over")
    with traced.connect() as connection:
        for _ in range(40):
            traced.produce(connection, "handed-over", acks=1)
    traced.assert_no_early_answer()


def test_a_relaxed_topic_is_answered_after_the_write(traced):
    create_topic(traced.broker.address, "relaxed", durability="relaxed")
    with traced.connect() as connection:
        for _ in range(40):
            traced.produce(connection, "relaxed", flushed=False)
    traced.assert_no_early_answer()


def test_a_mix_of_many_connections_and_two_cores(make_broker, tmp_path):
    traced = TracedBroker(make_broker, tmp_path, "--cores", "2")
    for number in range(6):
        create_topic(traced.broker.address, f"mixed-{number}")
    failures = []

    def client(number):
        try:
            with traced.connect() as connection:
                for step in range(25):
                    traced.produce(connection, f"mixed-{number}", acks=1 if step % 5 == 0 else -1)
        except Exception as error:  # an assertion in a thread would be lost
            failures.append(error)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    traced.assert_no_early_answer()


def test_large_batches(traced):
    create_topic(traced.broker.address, "large")
    with traced.connect() as connection:
        for _ in range(8):
            traced.produce(connection, "large", padding=300_000)
    traced.assert_no_early_answer()


def test_offset_commits(traced):
    create_topic(traced.broker.address, "committed")
    with traced.connect() as connection:
        assert wire.find_coordinator(connection, "group")[0] == 0
        for _ in range(20):
            probe = traced.probe()
            assert (
                wire.offset_commit(
                    connection,
                    "group",
                    "committed",
                    0,
                    1,
                    note=probe.marker.decode(),
                    correlation=probe.correlation,
                )
                == 0
            )
    traced.assert_no_early_answer()


# ---- the proof is only worth what its reader is: shown right and wrong traces

GOOD = """\
10 1.0 pwritev(5</data/journal/1>, [{iov_base="\\x3c\\x61\\x3e", iov_len=3}], 1, 0) = 3
10 1.1 fdatasync(5</data/journal/1> <unfinished ...>
11 1.2 sendmsg(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, {msg_iov=[{iov_base="\\x00\\x00\\x00\\x63", iov_len=4}]}, 0) = 4
10 1.3 <... fdatasync resumed>) = 0
11 1.4 sendmsg(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, {msg_iov=[{iov_base="\\x5e\\xa1", iov_len=2}, {iov_base="\\x00\\x07", iov_len=2}]}, 0) = 4
""".splitlines()
A_PROBE = Probe(b"<a>", 0x5EA10007)


def problems_of(lines, probe=A_PROBE):
    return trace.early_answers(trace.parse(lines), "/data", [probe])


def test_the_reader_accepts_the_right_order():
    assert problems_of(GOOD) == []


@pytest.mark.parametrize(
    "order, complaint",
    [
        ([0, 1, 4, 3], "before the flush"),
        ([0, 4], "before the flush"),
        ([1, 3, 0, 4], "before the flush"),
        ([4, 0, 1, 3], "written in"),
        ([1, 3, 4], "0 writes"),
        ([0, 1, 3], "0 answers"),
        ([0, 1, 3, 4, 4], "2 answers"),
    ],
)
def test_the_reader_refuses_a_wrong_order(order, complaint):
    assert complaint in " ".join(problems_of([GOOD[index] for index in order]))


def test_the_reader_refuses_the_flush_of_another_file_or_a_failed_one():
    other = [
        line.replace("fdatasync(5</data/journal/1>", "fdatasync(6</data/journal/2>")
        for line in GOOD
    ]
    assert "before the flush" in " ".join(problems_of(other))
    failed = [
        line.replace("resumed>) = 0", "resumed>) = -1 EIO (Input/output error)") for line in GOOD
    ]
    assert "before the flush" in " ".join(problems_of(failed))


def test_the_reader_asks_acks_1_only_for_the_write():
    unflushed = Probe(A_PROBE.marker, A_PROBE.correlation, flushed=False)
    assert problems_of([GOOD[0], GOOD[4]], unflushed) == []
    assert "written in" in " ".join(problems_of([GOOD[4], GOOD[0]], unflushed))

"""What an operator sees of a running broker: /metrics, /readyz and /healthz."""

import itertools
import os
import socket
import subprocess
import time

import pytest

from support import wire
from support.clients import consumer, create_topic, producer, read_all, send
from support.metrics import get, parse, readiness, scrape
from support.waiting import Deadline, wait_until

pytestmark = pytest.mark.millrace


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """One broker with an HTTP listener, on two cores, for the tests that only look."""
    from support.broker import new_broker

    instance = new_broker(
        tmp_path_factory.mktemp("watched"), flags=["--cores", "2"], http=True, amqp=True
    ).start()
    yield instance
    try:
        instance.stop()
    finally:
        instance.discard()


def test_healthy_and_ready(watched):
    assert get(watched, "/healthz")[:2] == (200, "ok\n")
    assert readiness(watched) == (200, {"ready": True})


def test_wrong_paths_and_methods(watched):
    assert get(watched, "/")[0] == 404
    status, _, headers = get(watched, "/metrics", "POST")
    assert status == 405 and headers["Allow"] == "GET, HEAD"
    assert get(watched, "/metrics", "HEAD")[:2] == (200, "")


def test_a_header_without_end_is_refused(watched):
    host, port = watched.ready["http"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nA: " + b"x" * 20_000)
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 431 "), answer


def test_every_metric_of_the_reference_and_no_other(watched):
    """On a broker that has seen a bit of everything, the page has what docs/metrics.md lists."""
    topic = create_topic(watched.address, "everything")
    send(producer(watched.address), topic, [b"x"])
    reader = consumer(watched.address, "everything")
    reader.subscribe([topic])
    deadline = Deadline("a record")
    while not (message := reader.poll(1)) or message.error():
        deadline.check()
    reader.commit(asynchronous=False)
    reader.close()
    with wire.Connection(watched.address) as connection:
        error, _ = wire.produce(connection, "no such topic!", 0, b"")
        assert error != 0
    _, types = parse(get(watched, "/metrics")[1])
    page = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "metrics.md")
    listed = {}
    for line in open(page):
        cells = line.split(" | ")
        if line.startswith("| `"):
            listed[cells[0].strip("| `")] = cells[1]
    assert types == listed


def test_records_and_bytes_by_topic(watched):
    topic = create_topic(watched.address, "counted", partitions=3)
    writer = producer(watched.address)
    for partition in range(3):
        send(writer, topic, [b"%d" % number for number in range(100)], partition=partition)
    for partition, messages in read_all(watched.address, topic, partitions=3).items():
        assert len(messages) == 100, partition
    samples = scrape(watched)
    of = ("topic", topic)
    assert samples["millrace_topic_records_in_total", of] == 300
    assert samples["millrace_topic_records_out_total", of] == 300
    assert samples["millrace_topic_bytes_in_total", of] > 300
    assert samples["millrace_topic_bytes_out_total", of] == samples["millrace_topic_bytes_in_total", of]
    assert samples["millrace_topic_log_bytes", of] == samples["millrace_topic_bytes_in_total", of]


def test_counters_never_fall(watched):
    topic = create_topic(watched.address, "growing")
    before = scrape(watched)
    send(producer(watched.address), topic, [b"x"] * 10)
    read_all(watched.address, topic)
    after = scrape(watched)
    _, types = parse(get(watched, "/metrics")[1])
    for key, number in before.items():
        base = key[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
        if types.get(key[0]) == "counter" or types.get(base) == "histogram":
            assert after[key] >= number, key
    produce = ("api", "Produce")
    grown = {
        name: after[name, produce] - before.get((name, produce), 0)
        for name in ("millrace_kafka_requests_total", "millrace_kafka_request_seconds_count")
    }
    assert grown["millrace_kafka_requests_total"] >= 1
    assert len(set(grown.values())) == 1, "a request is counted where its time is"
    assert after["millrace_journal_flush_seconds_count",] > before["millrace_journal_flush_seconds_count",]
    assert after["millrace_journal_flush_seconds_count",] <= after["millrace_journal_groups_total",]


def test_errors_by_name(watched):
    key = "millrace_kafka_errors_total", ("api", "Produce"), ("error", "UNKNOWN_TOPIC_OR_PARTITION")
    before = scrape(watched).get(key, 0)
    with wire.Connection(watched.address) as connection:
        for _ in range(3):
            error, _ = wire.produce(connection, "never made", 7, b"")
            assert error == 3
    assert scrape(watched)[key] == before + 3


def test_connections(make_broker):
    broker = make_broker(http=True).start()
    figures = lambda: {
        key[0].removeprefix("millrace_kafka_"): number
        for key, number in scrape(broker).items()
        if "connections" in key[0]
    }
    opened = [wire.Connection(broker.address) for _ in range(5)]
    for connection in opened:
        assert wire.api_versions(connection)
    assert figures() == {
        "connections": 5,
        "connections_accepted_total": 5,
        "connections_refused_total": 0,
        "connections_closed_for_memory_total": 0,
    }
    for connection in opened:
        connection.socket.close()
    wait_until(lambda: figures()["connections"] == 0, "closed connections to be gone")
    assert figures()["connections_accepted_total"] == 5


def test_lag_and_the_age_of_what_is_unread(watched):
    topic = create_topic(watched.address, "lagging")
    written_ms = int(time.time() * 1000) - 60_000
    writer = producer(watched.address)
    for number in range(10):
        writer.produce(topic, b"%d" % number, timestamp=written_ms + number * 1000)
        assert writer.flush(10) == 0  # a batch each
    reader = consumer(watched.address, "slow")
    reader.subscribe([topic])
    deadline = Deadline("4 records")
    for _ in range(4):
        while not (message := reader.poll(1)) or message.error():
            deadline.check()
        last = message
    reader.commit(last, asynchronous=False)
    place = ("group", "slow"), ("topic", topic), ("partition", "0")
    samples = scrape(watched)
    assert samples["millrace_group_lag_records", *place] == 6
    oldest = time.time() - (written_ms + 4000) / 1000
    assert oldest - 5 < samples["millrace_group_oldest_unread_age_seconds", *place] <= oldest + 1
    assert samples["millrace_groups", ("state", "Stable")] >= 1
    for _ in range(6):
        while not (message := reader.poll(1)) or message.error():
            deadline.check()
        last = message
    reader.commit(last, asynchronous=False)
    samples = scrape(watched)
    assert samples["millrace_group_lag_records", *place] == 0
    assert samples["millrace_group_oldest_unread_age_seconds", *place] == 0
    reader.close()


def test_the_process(watched):
    samples = scrape(watched)
    figure = lambda name: samples[name,]
    assert abs(figure("process_resident_memory_bytes") - watched.status_bytes("VmRSS")) < 64 << 20
    assert abs(figure("process_open_fds") - watched.open_files()) <= 4
    assert figure("process_start_time_seconds") <= time.time() + 1
    assert 0 < figure("millrace_startup_seconds") < watched.seconds_to_ready
    assert figure("millrace_restarts_total") == 0
    version = subprocess.run(
        [os.environ["MILLRACE_BINARY"], "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert samples["millrace_build_info", ("version", version)] == 1
    assert figure("millrace_disk_free_bytes") > 0
    assert {core for key in samples if key[0] == "millrace_core_turns_total" for core in key[1:]} == {
        ("core", "0"),
        ("core", "1"),
    }


def test_scrapes_at_once(watched):
    """They take turns; each gets a whole page."""
    host, port = watched.ready["http"].rsplit(":", 1)
    connections = [socket.create_connection((host, int(port)), timeout=30) for _ in range(20)]
    for connection in connections:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for connection in connections:
        answer = b"".join(iter(lambda c=connection: c.recv(65536), b""))
        header, body = answer.decode().split("\r\n\r\n", 1)
        assert header.startswith("HTTP/1.1 200 OK")
        assert parse(body)
        connection.close()


def test_deleted_topics_are_gone_from_the_page(watched):
    from support.clients import admin

    topic = create_topic(watched.address, "short-lived")
    send(producer(watched.address), topic, [b"x"])
    read_all(watched.address, topic)
    assert ("millrace_topic_records_out_total", ("topic", topic)) in scrape(watched)
    admin(watched.address).delete_topics([topic])[topic].result(timeout=30)
    assert not [key for key in scrape(watched) if ("topic", topic) in key]


def test_not_ready_while_the_disk_fails(disk, make_broker):
    broker = make_broker(wrapper=disk.wrapper, http=True).start()
    topic = create_topic(broker.address, "kept")
    send(producer(broker.address), topic, [b"x"])
    http_port = broker.ready["http"]
    disk.fail()
    writer = producer(broker.address)
    for number in itertools.count():
        writer.produce(topic, b"%d" % number)
        writer.poll(0.05)
        status, told = readiness(broker)
        if status == 503:
            break
        assert number < 400, "the failing disk is never told of"
    assert told["ready"] is False and told["reason"] == "disk_failing" and told["text"]
    assert get(broker, "/healthz")[0] == 200
    samples = scrape(broker)
    assert samples["millrace_ready",] == 0
    disk.mend()

    def ready_again():
        try:
            return readiness(broker)[0] == 200
        except OSError:  # it begins again, and listens anew
            return False

    wait_until(ready_again, "readiness after the disk was mended")
    assert broker.ready["http"] == http_port
    assert scrape(broker)["millrace_restarts_total",] >= 1
    assert writer.flush(30) == 0


def start_that_waits_for_the_disk(broker, disk):
    """Launches it again; its HTTP listener answers, and its store waits for a flush."""
    broker.http = broker.ready["http"]
    broker.kill()
    disk.stall()
    broker.launch()

    def told():
        try:
            return readiness(broker)
        except OSError:
            return None

    return wait_until(told, "the HTTP listener")


def test_a_broker_that_starts_says_so(disk, make_broker):
    broker = make_broker(wrapper=disk.wrapper, http=True).start()
    topic = create_topic(broker.address, "kept")
    send(producer(broker.address), topic, [b"x"])
    status, told = start_that_waits_for_the_disk(broker, disk)
    assert (status, told["reason"]) == (503, "starting")
    assert get(broker, "/healthz")[0] == 200
    samples = scrape(broker)
    assert samples["millrace_ready",] == 0 and ("millrace_topics",) not in samples
    disk.mend()
    broker.await_ready()
    assert readiness(broker) == (200, {"ready": True})
    assert scrape(broker)["millrace_ready",] == 1
    assert len(read_all(broker.address, topic)[0]) == 1


def test_sigterm_ends_a_broker_that_starts(disk, make_broker):
    broker = make_broker(wrapper=disk.wrapper, http=True).start()
    send(producer(broker.address), "kept", [b"x"])
    assert start_that_waits_for_the_disk(broker, disk)[0] == 503
    before = time.monotonic()
    broker.stop()
    assert time.monotonic() - before < 5
    disk.mend()
    broker.start()
    assert len(read_all(broker.address, "kept")[0]) == 1

"""millrace perf: the load that it says it made is there, and its figures add up."""

import time

import pytest

from cli import Cli
from support import clients, wire
from support.proxy import PASS, BreakingProxy


def count_in(cli, topic):
    partitions = cli.json("topics", "describe", topic)["topics"][0]["partitions"]
    return sum(partition["next_offset"] - partition["first_offset"] for partition in partitions)


def check_rates(result, size):
    assert result["bytes"] == result["records"] * size
    assert result["seconds"] > 0
    assert result["records_per_second"] == pytest.approx(
        result["records"] / result["seconds"], rel=0.05
    )
    assert result["mb_per_second"] == pytest.approx(
        result["bytes"] / 1e6 / result["seconds"], rel=0.05
    )


def check_latencies(latency):
    assert 0 < latency["p50_ms"] <= latency["p99_ms"] <= latency["p999_ms"] <= latency["max_ms"]
    assert latency["mean_ms"] <= latency["max_ms"]


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_produce(cli, broker, topic_name, connections, codec):
    clients.create_topic(broker.address, topic_name, partitions=3)
    arguments = ["-n", 20000, "--size", 50, "--connections", connections, "-z", codec]
    result = cli.json("perf", "produce", topic_name, *arguments)
    assert result["records"] == 20000 == count_in(cli, topic_name)
    check_rates(result, 50)
    check_latencies(result["latency"])
    values = [
        message.value()
        for found in clients.read_all(broker.address, topic_name, 3).values()
        for message in found
    ]
    assert {len(value) for value in values} == {50} and len(set(values)) > 1000


def test_a_rate_is_kept(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    result = cli.json("perf", "produce", topic_name, "-n", 1000, "--rate", 1000, "--linger", 1)
    assert result["records"] == 1000 == count_in(cli, topic_name)
    assert result["seconds"] >= 0.999
    check_latencies(result["latency"])


def test_it_ends_with_the_time(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=2)
    result = cli.json("perf", "produce", topic_name, "--seconds", 0.3, "--connections", 2)
    assert result["records"] == count_in(cli, topic_name) > 0
    assert 0.3 <= result["seconds"]
    few = cli.json("perf", "produce", topic_name, "--seconds", 30, "-n", 10)
    assert few["records"] == 10 and few["seconds"] < 30


def test_what_is_due_fills_while_the_broker_is_slow(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)

    def slow(api_key, _count):
        if api_key == wire.PRODUCE:
            time.sleep(0.02)  # the slowness itself; nothing is waited for
        return PASS

    arguments = ["-n", 1000, "--rate", 2000, "--linger", 0, "--in-flight", 1]
    with BreakingProxy(slow) as proxy:
        proxy.target_port = broker.port
        target = ["--server", proxy.address]
        result = cli.json("perf", "produce", topic_name, *arguments, *target)
        assert result["records"] == 1000 == count_in(cli, topic_name)
        assert 0 < proxy.counts[wire.PRODUCE] < 500


@pytest.mark.parametrize("acks", ["1", "0"])
def test_other_levels(cli, broker, topic_name, acks):
    clients.create_topic(broker.address, topic_name)
    result = cli.json("perf", "produce", topic_name, "-n", 1000, "--acks", acks)
    assert result["records"] == 1000 and ("latency" in result) == (acks == "1")


@pytest.mark.parametrize("connections", [1, 2, 5])
def test_consume(cli, broker, topic_name, connections):
    clients.create_topic(broker.address, topic_name, partitions=3)
    cli("perf", "produce", topic_name, "-n", 30000, "--size", 20, "-z", "zstd")
    result = cli.json("perf", "consume", topic_name, "--connections", connections)
    assert result["records"] == 30000
    check_rates(result, 20)


def test_consume_a_part(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    cli("perf", "produce", topic_name, "-n", 30000)
    result = cli.json("perf", "consume", topic_name, "-n", 1000, "--fetch", 10000)
    assert 1000 <= result["records"] < 30000


def test_latency(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=2)
    clients.send(clients.producer(broker.address), topic_name, [b"not of the run"], partition=1)
    result = cli.json("perf", "latency", topic_name, "-n", 50, "-p", 1)
    assert result["records"] == 50
    check_latencies(result["acknowledged"])
    check_latencies(result["seen"])
    assert count_in(cli, topic_name) == 1 + 50 + 20  # what was there, what is told, the warm-up


def test_latency_at_a_rate(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=3)
    result = cli.json("perf", "latency", topic_name, "-n", 600, "--rate", 1000, "--size", 50)
    assert result["records"] == 600
    check_latencies(result["acknowledged"])
    check_latencies(result["seen"])
    # No more than asked for: between 600 records there are 599 pauses.
    assert 0 < result["records_per_second"] <= 1000 * 600 / 599 + 1
    # And all of them, with the second that is not counted.
    kept = clients.read_all(broker.address, topic_name, 3)
    assert sum(len(found) for found in kept.values()) == 1600
    counts = [len(found) for found in kept.values()]
    assert max(counts) - min(counts) <= 1, "in turn"
    assert {len(message.value()) for found in kept.values() for message in found} == {50}


def test_latency_at_a_rate_in_one_partition(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name, partitions=2)
    cli("perf", "latency", topic_name, "-n", 10, "--rate", 100, "-p", 1)
    kept = clients.read_all(broker.address, topic_name, 2)
    assert [len(kept.get(partition, [])) for partition in (0, 1)] == [0, 110]


def test_for_people(cli, broker, topic_name):
    clients.create_topic(broker.address, topic_name)
    produced = cli("perf", "produce", topic_name, "-n", 2000).decode().splitlines()
    assert produced[0].startswith("2,000 records, 195.3 KiB in ") and "MB/s" in produced[0]
    assert produced[1].startswith("until acknowledged: p50 ")
    assert cli("perf", "consume", topic_name).startswith(b"2,000 records, 195.3 KiB in ")
    assert len(cli("perf", "latency", topic_name, "-n", 5).splitlines()) == 2


def test_the_topic_must_exist(cli):
    for command in ("produce", "consume", "latency"):
        assert "there is no topic 'absent'" in cli.refused("perf", command, "absent")


def test_bug_many_partitions_as_fast_as_it_goes(make_broker, topic_name):
    """More of them than are written straight to segments at once, in requests that have several."""
    broker = make_broker(flags=["--cores", "2"]).start()
    cli = Cli(broker.address)
    clients.create_topic(broker.address, topic_name, partitions=24)
    load = ["--seconds", 4, "--size", 1000, "--connections", 4, "--batch", 1000000]
    result = cli.json("perf", "produce", topic_name, *load)
    broker.assert_alive()
    assert count_in(cli, topic_name) == result["records"]
    broker.kill()
    broker.start()
    assert count_in(cli, topic_name) == result["records"]

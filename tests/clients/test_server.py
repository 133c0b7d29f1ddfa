"""The contract of `millrace serve` with those who start it: flags, the ready line, refusals, signals."""

import os
import re
import subprocess
import time

import pytest

from support import wire
from support.clients import (
    consumer,
    create_topic,
    partition_counts,
    producer,
    read_all,
    send,
    values_of,
)

pytestmark = pytest.mark.millrace


def serve(data_dir, *flags, within_s=15):
    """Runs a broker that is expected to refuse and end; returns (exit code, stdout, stderr)."""
    done = subprocess.run(
        [os.environ["MILLRACE_BINARY"], "serve", "--data-dir", str(data_dir)]
        + ["--amqp", "off", "--management", "off", *flags],
        capture_output=True,
        text=True,
        timeout=within_s,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def listening_ports(pid):
    """The TCP ports on which the process listens, from /proc."""
    inodes = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            matched = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{entry}"))
        except FileNotFoundError:
            continue
        if matched:
            inodes.add(matched.group(1))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in open(f"/proc/{pid}/net/{table}").readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


def test_port_0_takes_a_free_port_and_the_ready_line_names_it(broker):
    assert broker.ready["ready"] is True
    host, port = broker.ready["kafka"].rsplit(":", 1)
    assert host == "127.0.0.1" and int(port) > 0
    with wire.Connection(broker.ready["kafka"]) as connection:
        assert wire.api_versions(connection)


def test_off_closes_a_listener(broker):
    assert broker.ready.get("http") in (None, "off")
    assert listening_ports(broker.pid) == {broker.port}


def test_two_brokers_take_different_ports(make_broker):
    one, two = make_broker().start(), make_broker().start()
    assert one.port != two.port


def test_stdout_is_the_ready_line_and_nothing_else(make_broker):
    broker = make_broker().start()
    send(producer(broker.address), "some", [b"x"])
    assert broker.stop() == b""


def test_the_ready_line_is_readable_without_json(make_broker):
    broker = make_broker()
    broker.launch()  # with --json, to learn where things are
    broker.await_ready()
    broker.stop()
    process = subprocess.Popen(
        [
            os.environ["MILLRACE_BINARY"],
            "serve",
            "--data-dir",
            str(broker.data_dir),
            "--kafka",
            broker.address,
            "--management",
            "off",
            "--amqp",
            "off",
            "--http",
            "off",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        line = process.stdout.readline().decode()
        assert broker.address in line
        with wire.Connection(broker.address) as connection:
            assert wire.api_versions(connection), "ready means that it answers"
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_a_second_broker_on_the_same_data_is_refused(broker):
    code, out, err = serve(broker.data_dir, "--kafka", "127.0.0.1:0", "--http", "off", "--json")
    assert code != 0 and out == ""
    assert str(broker.data_dir) in err and re.search(r"in use|lock|another", err, re.I), err
    with wire.Connection(broker.address) as connection:
        assert wire.api_versions(connection), "the first goes on"


def test_a_taken_port_is_refused(broker, tmp_path):
    code, out, err = serve(tmp_path / "data", "--kafka", broker.address, "--http", "off", "--json")
    assert code != 0 and out == ""
    assert str(broker.port) in err, err


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_all_interfaces_without_advertise_are_refused(tmp_path, address):
    code, out, err = serve(tmp_path / "data", "--kafka", address, "--http", "off", "--json")
    assert code != 0 and out == ""
    assert "--advertise" in err, err


@pytest.mark.parametrize(
    "flags",
    [
        ["--no-such-flag"],
        ["--kafka", "nonsense"],
        ["--kafka", "127.0.0.1:99999"],
        ["--cores", "0"],
        ["--cores", "many"],
    ],
)
def test_wrong_flags_are_refused(tmp_path, flags):
    code, out, err = serve(tmp_path / "data", "--http", "off", *flags)
    assert code != 0 and out == ""
    assert flags[0] in err or flags[-1] in err, err


def test_a_data_dir_that_can_not_be_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a directory")
    code, out, err = serve(file, "--kafka", "127.0.0.1:0", "--http", "off", "--json")
    assert code != 0 and out == ""
    assert str(file) in err, err


def test_help_names_the_flags():
    done = subprocess.run(
        [os.environ["MILLRACE_BINARY"], "serve", "--help"],
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert done.returncode == 0
    for flag in ("--data-dir", "--kafka", "--amqp", "--management", "--http", "--advertise", "--json", "--cores"):
        assert flag in done.stdout


def test_advertise_is_what_metadata_returns(make_broker):
    broker = make_broker(advertise="broker.example:9999").start()
    with wire.Connection(broker.address) as connection:
        assert list(wire.metadata(connection, []).brokers.values()) == ["broker.example:9999"]
        error, address = wire.find_coordinator(connection, "group")
        assert (error, address) == (0, "broker.example:9999")


def test_advertise_allows_all_interfaces(make_broker):
    broker = make_broker(advertise="127.0.0.1:1")
    broker.launch = lambda: launch_everywhere(broker)
    broker.start()
    assert broker.ready["kafka"].startswith("0.0.0.0:")
    with wire.Connection(broker.address) as connection:
        assert list(wire.metadata(connection, []).brokers.values()) == ["127.0.0.1:1"]


def launch_everywhere(broker):
    command = [part.replace("127.0.0.1:0", "0.0.0.0:0") for part in broker.command()]
    broker.started_at = time.monotonic()
    broker.spawn(command, subprocess.PIPE)


def test_sigterm_ends_it_in_time_with_clients_connected(make_broker):
    """Idle connections, a waiting fetch and a waiting group member do not hold it up."""
    broker = make_broker().start()
    create_topic(broker.address, "kept")
    writer = producer(broker.address)
    send(writer, "kept", [b"%d" % number for number in range(5000)])
    idle = [wire.Connection(broker.address) for _ in range(20)]
    idle[0].send(
        wire.FETCH,
        4,
        wire.i32(-1)
        + wire.i32(600_000)
        + wire.i32(1)
        + wire.i32(1000)
        + wire.i8(0)
        + wire.array(
            [wire.string("kept") + wire.array([wire.i32(0) + wire.i64(5000) + wire.i32(1000)])]
        ),
    )
    member = consumer(broker.address, "group")
    member.subscribe(["kept"])
    member.poll(1)
    before = time.monotonic()
    broker.stop()
    assert time.monotonic() - before < 5
    for connection in idle:
        connection.socket.close()
    broker.start()
    assert values_of(read_all(broker.address, "kept")[0]) == [
        b"%d" % number for number in range(5000)
    ]
    member.close()


def test_a_second_sigterm_while_stopping_is_harmless(make_broker):
    broker = make_broker().start()
    send(producer(broker.address), "kept", [b"x"] * 1000)
    broker.process.terminate()
    assert broker.stop() == b""
    broker.start()
    assert len(read_all(broker.address, "kept")[0]) == 1000


@pytest.mark.parametrize("before, after", [("1", "2"), ("2", "1"), ("2", "2")])
def test_another_number_of_cores_is_ordinary(make_broker, before, after):
    broker = make_broker(flags=["--cores", before]).start()
    create_topic(broker.address, "spread", partitions=16)
    expected = {}
    for partition in range(16):
        expected[partition] = [b"%d.%d" % (partition, number) for number in range(100)]
        send(producer(broker.address), "spread", expected[partition], partition=partition)
    broker.stop()
    broker.flags = ["--cores", after]
    broker.start()
    assert partition_counts(broker.address, "spread") == [16]
    found = read_all(broker.address, "spread", partitions=16)
    assert {partition: values_of(messages) for partition, messages in found.items()} == expected


def test_two_cores_serve_many_connections(make_broker):
    broker = make_broker(flags=["--cores", "2"]).start()
    topics = [create_topic(broker.address, f"topic-{number}", partitions=4) for number in range(4)]
    writers = [producer(broker.address, client_id=f"writer-{number}") for number in range(8)]
    for number, writer in enumerate(writers):
        for index in range(400):
            writer.produce(topics[number % 4], b"%d.%d" % (number, index), partition=index % 4)
    assert all(writer.flush(30) == 0 for writer in writers)
    values = [
        message.value()
        for topic in topics
        for messages in read_all(broker.address, topic, partitions=4).values()
        for message in messages
    ]
    assert sorted(values) == sorted(
        b"%d.%d" % (number, index) for number in range(8) for index in range(400)
    )


def test_the_version_is_named():
    done = subprocess.run(
        [os.environ["MILLRACE_BINARY"], "--version"], capture_output=True, text=True, timeout=10
    )
    assert done.returncode == 0 and re.search(r"\d+\.\d+", done.stdout)

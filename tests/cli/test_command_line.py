"""What all commands promise: help, exit codes, and plain words when there is no broker to talk to."""

import json
import socket
import struct
import threading
import time

import pytest

from cli import Cli
from support import clients

COMMANDS = [
    "topics list",
    "topics create",
    "topics describe",
    "topics configure",
    "topics delete",
    "produce",
    "consume",
    "groups list",
    "groups describe",
    "groups reset-offsets",
    "groups delete",
    "perf produce",
    "perf consume",
    "perf latency",
]
# Each command with what it cannot do without.
CALLS = [
    "topics list",
    "topics create t",
    "topics describe t",
    "topics configure t --set a=b",
    "topics delete t",
    "produce t",
    "consume t",
    "consume t --group g",
    "groups list",
    "groups describe g",
    "groups reset-offsets g --to earliest",
    "groups delete g",
    "perf produce t",
    "perf consume t",
    "perf latency t",
]


class Server:
    """Takes connections and treats each as `serve` does."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.serve = serve
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.kept.append(connection)
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        for connection in self.kept:
            connection.close()


def request(connection):
    """The next request's correlation id, and its key."""
    (size,) = struct.unpack(">i", exactly(connection, 4))
    body = exactly(connection, size)
    key, _version, correlation = struct.unpack_from(">hhi", body)
    return correlation, key


def exactly(connection, count):
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise OSError("closed")
        data += chunk
    return data


def frame(body):
    return struct.pack(">i", len(body)) + body


def versions(correlation, apis):
    """An ApiVersions answer, version 0, to a client that is told first that 0 is all there is."""
    rows = b"".join(struct.pack(">hhh", key, low, high) for key, low, high in apis)
    return frame(struct.pack(">ihi", correlation, 0, len(apis)) + rows)


def old_version(correlation):
    return frame(struct.pack(">ihi", correlation, 35, 0))


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(cli, command):
    text = cli(*command.split(), "--help").decode()
    assert f"Usage: millrace {command} " in text and "--server" in text and "--json" in text
    assert f"  millrace {command}" in text.split("Examples:")[1]
    assert max(map(len, text.splitlines())) <= 100


def test_help_names_all_commands(cli):
    text = cli("--help").decode()
    for group in {command.split()[0] for command in COMMANDS}:
        assert f"\n  {group} " in text
    for command in COMMANDS:
        if " " in command:
            group, name = command.split()
            assert f"\n  {name}" in cli(group, "--help").decode()


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["topics"], "millrace topics --help"),
        (["topics", "create"], "millrace topics create --help"),
        (["topics", "create", "t", "--partitions", "0"], "--partitions"),
        (["topics", "create", "t", "--config", "nonsense"], "NAME=VALUE"),
        (["topics", "nonsense"], "nonsense"),
        (["consume", "t", "--from", "yesterday"], "a time (2026-11-21T10:00:00Z"),
        (["consume", "t", "--from", "2026-13-01"], "'2026-13-01' is no place"),
        (["consume", "t", "--format", "%q"], "%v value"),
        (["consume", "t", "--format", r"\q"], "unknown escape"),
        (["consume", "t", "--count", "0"], "--count"),
        (["produce", "t", "--compression", "rar"], "--compression"),
        (["produce", "t", "--acks", "2"], "acks are all, 1 or 0"),
        (["produce", "t", "--key", "a", "--key-separator", ":"], "--key"),
        (["groups", "reset-offsets", "g"], "--to"),
        (["topics", "list", "--server", "host:99999"], "a port is a number"),
        (["topics", "list", "--server", "::1:9092"], "brackets"),
        (["topics", "list", "--timeout", "0"], "--timeout"),
    ],
)
def test_mistakes_are_told_with_exit_code_2(cli, arguments, part):
    done = cli.run(*arguments)
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.startswith(b"millrace: ") and part in done.stderr.decode()


@pytest.mark.parametrize("call", CALLS)
def test_no_broker_is_told_at_once(call):
    port = closed_port()
    begun = time.monotonic()
    said = Cli(f"127.0.0.1:{port}").refused(*call.split())
    assert said == (
        f"no broker answers at 127.0.0.1:{port} (Connection refused): start one with 'millrace serve', "
        "or name another with --server HOST:PORT"
    )
    assert time.monotonic() - begun < 5


def test_errors_are_json_when_asked_for():
    done = Cli(f"127.0.0.1:{closed_port()}").run("topics", "list", "--json")
    assert done.returncode == 1 and done.stdout == b""
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "connection_broken" and "no broker answers at" in error["message"]


def test_an_unknown_host():
    assert "the host 'no-such-host.invalid' is not found" in Cli(
        "no-such-host.invalid:9092"
    ).refused("topics", "list")


@pytest.mark.parametrize("call", CALLS)
def test_a_silent_server_is_given_up(call):
    with Server(lambda connection: connection.recv(1 << 20)) as server:
        begun = time.monotonic()
        said = Cli(server.address).refused(*call.split(), "--timeout", 0.5)
        assert (
            f"{server.address} is connected but gave no ApiVersionsResponse within 500 ms" in said
        )
        assert 0.5 <= time.monotonic() - begun < 10


def test_a_web_server():
    with Server(
        lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    ) as server:
        said = Cli(server.address).refused("topics", "list")
        assert (
            "does not answer as a Kafka broker would" in said and "is this the Kafka port?" in said
        )


def test_a_server_that_hangs_up():
    with Server(lambda connection: connection.recv(1 << 20) and connection.close()) as server:
        said = Cli(server.address).refused("topics", "list")
        assert (
            "closed the connection at once: is it the Kafka port, and open without TLS and login?"
            in said
        )


def old_broker(answer):
    """Speaks ApiVersions v0 alone, and then treats requests as `answer` does."""

    def serve(connection):
        correlation, _ = request(connection)
        connection.sendall(old_version(correlation))
        correlation, _ = request(connection)
        connection.sendall(versions(correlation, [(key, 0, 20) for key in range(80)]))
        while True:
            answer(connection, *request(connection))

    return serve


@pytest.mark.parametrize(
    "answer",
    [
        lambda correlation: struct.pack(">i", 2**31 - 1),
        lambda correlation: struct.pack(">i", -5),
        lambda correlation: struct.pack(">i", 3),
        lambda correlation: frame(struct.pack(">i", correlation + 1) + bytes(100)),
        lambda correlation: frame(struct.pack(">i", correlation) + b"\xff" * 1000),
        lambda correlation: frame(
            struct.pack(">iB", correlation, 0) + b"\0\0\0\0" + b"\xff\xff\xff\xff\x0f" * 10
        ),
        lambda correlation: frame(struct.pack(">i", correlation)),
    ],
    ids=["huge", "negative", "short", "another's", "garbage", "a huge array", "empty"],
)
def test_a_lying_server_is_refused(answer):
    with Server(
        old_broker(lambda connection, correlation, _: connection.sendall(answer(correlation)))
    ) as server:
        said = Cli(server.address).refused("topics", "list", "--timeout", 5)
        assert f"{server.address} does not answer as a Kafka broker would" in said


def test_a_server_that_lacks_an_api_is_told():
    def serve(connection):
        correlation, _ = request(connection)
        connection.sendall(old_version(correlation))
        correlation, _ = request(connection)
        connection.sendall(versions(correlation, [(18, 0, 0), (19, 0, 1)]))

    with Server(serve) as server:
        assert f"{server.address} does not offer MetadataRequest" in Cli(server.address).refused(
            "topics", "list"
        )
        said = Cli(server.address).refused("topics", "create", "t")
        assert "offers CreateTopicsRequest in the versions 0 to 1, this client speaks 2 to" in said


def test_a_broker_behind_a_tunnel(make_broker):
    """The one broker there is is reached by the address that was given, whatever it advertises."""
    broker = make_broker(advertise="broker.invalid:1").start()
    here = Cli(broker.address)
    here("topics", "create", "orders")
    here("produce", "orders", stdin=b"a\n")
    assert here("consume", "orders", "--group", "g") == b"a\n"
    assert here.json("groups", "describe", "g")["groups"][0]["lag"] == 0


def test_the_server_by_option_and_by_environment(cli, broker):
    clients.create_topic(broker.address, "found")
    wrong = Cli(f"127.0.0.1:{closed_port()}")
    assert b"found" in wrong("topics", "list", "--server", broker.address)
    assert b"found" in cli("topics", "list")


@pytest.mark.parametrize("call", ["topics list", "topics list --json", "consume full"])
def test_an_output_that_takes_nothing(cli, broker, call):
    """A full disk is told; it must not look like an empty topic."""
    cli("produce", "full", stdin=b"a line\n")
    with open("/dev/full", "wb") as full:
        process = cli.start(*call.split(), stdout=full)
        _, err = process.communicate(timeout=30)
    assert (
        process.returncode == 1
        and b"cannot write to standard output: No space left on device" in err
    )

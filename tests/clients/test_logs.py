"""The log: text on a terminal, JSON lines elsewhere, and nothing a client sends leaves its line."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from support import wire
from support.waiting import wait_until

pytestmark = pytest.mark.millrace

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LEVELS = ("debug", "info", "warning", "error")


class Served:
    """A broker whose standard error the test chooses."""

    def __init__(self, data_dir, stderr, *flags, env=None):
        self.process = subprocess.Popen(
            [
                os.environ["MILLRACE_BINARY"],
                "serve",
                "--data-dir",
                str(data_dir),
                "--kafka",
                "127.0.0.1:0",
                "--management",
                "off",
                "--amqp",
                "off",
                "--http",
                "off",
                "--json",
                *flags,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **(env or {})},
        )

    def __enter__(self):
        self.address = json.loads(self.process.stdout.readline())["kafka"]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(20) == 0
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def lines_of(data_dir, *flags, env=None, talk=lambda _address: None):
    """What a broker logs into a file from its start to its end."""
    path = data_dir.parent / "stderr.log"
    with open(path, "wb") as file:
        with Served(data_dir, file, "--log-level", "debug", *flags, env=env) as served:
            talk(served.address)
    return path.read_text().splitlines()


def assert_json(lines):
    assert lines
    for line in lines:
        told = json.loads(line)
        assert re.fullmatch(TIME, told["time"]) and told["level"] in LEVELS
        assert told["area"] and told["text"]


def assert_text(lines):
    assert lines
    for line in lines:
        assert re.match(rf"{TIME} ({'|'.join(LEVELS)}) [a-z]+: .", line), line


def test_a_file_gets_json(tmp_path):
    lines = lines_of(tmp_path / "data")
    assert_json(lines)
    told = [json.loads(line) for line in lines]
    assert [one["level"] for one in told if (one["area"], one["text"]) == ("server", "stopping")] == [
        "info"
    ]


def test_text_when_it_is_asked_for(tmp_path):
    assert_text(lines_of(tmp_path / "data", "--log-format", "text"))


def test_the_environment_says_the_same(tmp_path):
    assert_text(lines_of(tmp_path / "data", env={"MILLRACE_LOG_FORMAT": "text"}))
    # what is said on the command line counts more
    lines = lines_of(
        tmp_path / "data", "--log-format", "json", env={"MILLRACE_LOG_FORMAT": "text"}
    )
    assert_json(lines)


def test_a_terminal_gets_text(tmp_path):
    ours, theirs = pty.openpty()
    try:
        with Served(tmp_path / "data", theirs, "--log-level", "debug"):
            pass
        text, end = b"", time.monotonic() + 20
        while b"stopping" not in text and time.monotonic() < end:
            if select.select([ours], [], [], 1)[0]:
                text += os.read(ours, 65536)
    finally:
        os.close(theirs)
        os.close(ours)
    assert_text(text.decode().replace("\r\n", "\n").splitlines())


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_a_client_sends_stays_in_its_line(tmp_path, log_format):
    forged = "\n2026-01-01T00:00:00.000Z error storage: forged"

    def talk(address):
        with wire.Connection(address) as connection:
            connection.send_bytes(wire.frame(wire.METADATA, 999, 1, b"", client_id=forged))
            with pytest.raises((wire.Closed, ConnectionError)):
                connection.receive()
        with wire.Connection(address) as connection:
            connection.send_bytes(wire.i32(2**31 - 1) + b"\xff\xfe\n\x1b[2J")
            with pytest.raises((wire.Closed, ConnectionError)):
                connection.receive()

    lines = lines_of(tmp_path / "data", "--log-format", log_format, talk=talk)
    (assert_json if log_format == "json" else assert_text)(lines)
    assert len([line for line in lines if "closed" in line]) == 2
    assert not [line for line in lines if line.startswith("2026-01-01T00:00:00.000Z")]


def test_a_log_that_nobody_reads_does_not_stop_the_broker(tmp_path):
    reading, writing = os.pipe()
    with Served(tmp_path / "data", writing, "--log-level", "debug") as served:
        os.close(writing)
        os.close(reading)
        for _ in range(10):
            with wire.Connection(served.address) as connection:
                connection.send_bytes(wire.i32(1))
                with pytest.raises((wire.Closed, ConnectionError)):
                    connection.receive()
        with wire.Connection(served.address) as connection:
            assert wait_until(lambda: wire.api_versions(connection), "an answer")

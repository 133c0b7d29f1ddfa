"""Somebody who reads a document and types what it shows."""

import os
import select
import socket
import subprocess
import time
from pathlib import Path

from support.broker import end_with_the_tests

READY_WITHIN_S = 20.0
COMMAND_WITHIN_S = 240.0
STOPPED_WITHIN_S = 20.0

# What documents say, and what stands for it here.
KAFKA = "127.0.0.1:9092"
AMQP = "127.0.0.1:5672"
MANAGEMENT = "127.0.0.1:15672"
HTTP = "127.0.0.1:8080"
EXAMPLE_FOLDER = "/tmp/millrace-example"


def free_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % taken.getsockname()[1]


class Reader:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.binary = os.environ["MILLRACE_BINARY"]
        self.kafka, self.amqp, self.http = free_address(), free_address(), free_address()
        self.management = free_address()
        self.broker = None
        self.tools = self.folder / ".tools"
        self.tools.mkdir()
        (self.tools / "millrace").symlink_to(self.binary)
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/millrace").symlink_to(self.binary)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")
        }
        self.environment["PATH"] = f"{self.tools}:{os.environ['PATH']}"
        # Commands without --server mean the broker of the document.
        self.environment["MILLRACE_SERVER"] = self.kafka
        self.environment["MILLRACE_MANAGEMENT"] = self.management
        self.environment["MILLRACE_AMQP"] = self.amqp

    def here(self, text):
        """What the document says, in this folder and with these ports."""
        return (
            text.replace(KAFKA, self.kafka)
            .replace(MANAGEMENT, self.management)
            .replace(AMQP, self.amqp)
            .replace(HTTP, self.http)
            .replace(EXAMPLE_FOLDER, str(self.folder / "example"))
        )

    def as_documented(self, text):
        return (
            text.replace(self.kafka, KAFKA)
            .replace(self.amqp, AMQP)
            .replace(self.management, MANAGEMENT)
            .replace(self.http, HTTP)
            .replace(str(self.folder / "example"), EXAMPLE_FOLDER)
        )

    def start_broker(self):
        """What scripts/run does when everything is built. Gives what the broker prints when it is ready."""
        assert self.broker is None
        with open(self.folder / ".broker.log", "ab") as log:
            self.broker = subprocess.Popen(
                [self.binary, "serve", "--data-dir", "./data"]
                + ["--kafka", self.kafka, "--amqp", self.amqp]
                + ["--management", self.management, "--http", self.http],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=end_with_the_tests,
            )
        pidof = self.tools / "pidof"
        pidof.write_text(f"#!/bin/sh\necho {self.broker.pid}\n")
        pidof.chmod(0o755)
        line, end = b"", time.monotonic() + READY_WITHIN_S
        while not line.endswith(b"\n"):
            readable, _, _ = select.select([self.broker.stdout], [], [], max(0, end - time.monotonic()))
            chunk = os.read(self.broker.stdout.fileno(), 65536) if readable else b""
            assert chunk, f"no ready line, only {line!r}\n{(self.folder / '.broker.log').read_text()}"
            line += chunk
        return line.decode()

    def need_broker(self):
        if self.broker is not None and self.broker.poll() is not None:
            self.broker.communicate()
            self.broker = None
        if self.broker is None:
            self.start_broker()

    def stop_broker(self):
        if self.broker is None:
            return
        self.broker.terminate()
        try:
            self.broker.communicate(timeout=STOPPED_WITHIN_S)
        finally:
            self.broker.kill()

    def type(self, command):
        """(exit code, what it printed, as the document would show it)."""
        if command.text.strip() == "scripts/run":
            return 0, self.as_documented(self.start_broker())
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(command.text)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_WITHIN_S,
        )
        if "$(pidof millrace)" in command.text:
            self.broker.wait(STOPPED_WITHIN_S)
        return done.returncode, self.as_documented(done.stdout.decode(errors="replace"))

"""The broker under test as a process: start, stop, kill, restart on the same port and data.

    broker = new_broker(directory)      # Millrace, or Apache Kafka when MILLRACE_TEST_PEER says so
    broker.start()
    broker.address                      # "127.0.0.1:40123"
    broker.kill(); broker.start()       # the same port, the same data

What the broker writes to stderr is kept in `log_path` over all its lives and shown when a test fails.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
PR_SET_PDEATHSIG = 1


def end_with_the_tests():
    """Runs in the child: no broker outlives a test run that was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Broker:
    """One Millrace process and its data directory."""

    running = (
        []
    )  # every broker that was started and not yet stopped; the failure report reads their logs

    def __init__(
        self,
        directory,
        flags=(),
        advertise=None,
        wrapper=(),
        http=False,
        amqp=False,
        management=False,
    ):
        self.directory = Path(directory)
        self.data_dir = self.directory / "data"
        self.log_path = self.directory / "broker.log"
        self.flags = list(flags)
        self.advertise = advertise
        self.wrapper = list(wrapper)
        self.http = "127.0.0.1:0" if http else "off"
        self.amqp = "127.0.0.1:0" if amqp else "off"
        self.management = "127.0.0.1:0" if management else "off"
        self.port = 0
        self.process = None
        self.ready = None  # the JSON object of the ready line
        self.seconds_to_ready = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def amqp_port(self):
        return int(self.amqp.rsplit(":", 1)[1])

    @property
    def management_port(self):
        return int(self.management.rsplit(":", 1)[1])

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        advertise = ["--advertise", self.advertise] if self.advertise else []
        log_format = [] if "--log-format" in self.flags else ["--log-format", "text"]
        return [
            *self.wrapper,
            os.environ["MILLRACE_BINARY"],
            "serve",
            "--data-dir",
            str(self.data_dir),
            "--kafka",
            self.address,
            "--amqp",
            self.amqp,
            "--management",
            self.management,
            "--http",
            self.http,
            "--json",
            *log_format,
            *advertise,
            *self.flags,
        ]

    def spawn(self, command, stdout):
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            log.write(f"--- {' '.join(command)}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=log,
                preexec_fn=end_with_the_tests,
            )
        Broker.running.append(self)

    def launch(self):
        """Starts the process without waiting for it."""
        assert self.process is None, "already running"
        self.started_at = time.monotonic()
        self.spawn(self.command(), subprocess.PIPE)

    def await_ready(self, within_s=READY_WITHIN_S):
        line = self.read_line(within_s)
        self.seconds_to_ready = time.monotonic() - self.started_at
        self.ready = json.loads(line)
        assert self.ready.get("ready") is True, line
        host, port = self.ready["kafka"].rsplit(":", 1)
        assert self.port in (0, int(port)), f"asked for port {self.port}, got {line}"
        self.port = int(port)
        if self.amqp != "off":
            self.amqp = self.ready["amqp"]  # the same after a restart
        if self.management != "off":
            self.management = self.ready["management"]

    def start(self):
        self.launch()
        self.await_ready()
        return self

    def read_line(self, within_s):
        text = b""
        end = time.monotonic() + within_s
        while not text.endswith(b"\n"):
            readable, _, _ = select.select(
                [self.process.stdout], [], [], max(0, end - time.monotonic())
            )
            assert readable, f"no ready line within {within_s:g} s, only {text!r}"
            chunk = os.read(self.process.stdout.fileno(), 65536)
            assert (
                chunk
            ), f"the broker ended before it was ready, after writing {text!r}\n{self.log_tail()}"
            text += chunk
        return text

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def assert_alive(self):
        assert self.alive(), f"the broker died with {self.process and self.process.returncode}"

    def stop(self):
        """SIGTERM; returns what else was written to stdout. Anything but a clean exit is a failure."""
        self.assert_alive()
        self.process.send_signal(signal.SIGTERM)
        rest, code = self.collect()
        assert self.is_clean(code), f"exit code {code} after SIGTERM\n{self.log_tail()}"
        return rest

    def kill(self):
        self.assert_alive()
        self.process.kill()
        self.collect()

    def collect(self):
        try:
            rest, _ = self.process.communicate(timeout=STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"still running {STOPPED_WITHIN_S:g} s after the signal") from None
        finally:
            code = self.process.returncode
            self.process = None
            Broker.running.remove(self)
        return rest, code

    def discard(self):
        """Ends the process whatever its state, for the end of a test that has its verdict."""
        if self.process is not None:
            self.process.kill()
            self.collect()

    def restart(self, clean):
        self.stop() if clean else self.kill()
        self.start()

    @staticmethod
    def is_clean(code):
        return code == 0

    def log_tail(self, lines=60):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def status_bytes(self, field):
        """A memory figure of /proc/PID/status (VmRSS, VmHWM) in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field}")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def peer_is_apache():
    return os.environ.get("MILLRACE_TEST_PEER") == "apache"


def new_broker(directory, **options):
    if peer_is_apache():
        from support.apache_peer import ApacheBroker

        return ApacheBroker(directory, **options)
    return Broker(directory, **options)

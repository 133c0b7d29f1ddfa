"""Runs the client commands of the binary under test. A pytest plugin: the fixture `cli`.

cli("topics", "create", "orders")             # exit code 0, or the test fails
cli.json("topics", "list")["topics"]          # with --json
cli.refused("topics", "delete", "x")          # exit code 1, one sentence on standard error
"""

import json
import os
import subprocess

import pytest

WITHIN_S = 60


class Cli:
    """The commands, for one broker."""

    def __init__(self, address):
        self.address = address
        self.environment = {**os.environ, "MILLRACE_SERVER": address}

    def command(self, *arguments):
        return [os.environ["MILLRACE_BINARY"], *map(str, arguments)]

    def run(self, *arguments, stdin=b"", within_s=WITHIN_S):
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            env=self.environment,
            timeout=within_s,
        )

    def start(self, *arguments, **options):
        """The command as a process that goes on beside the test."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            **{
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **options,
            },
        )

    def __call__(self, *arguments, stdin=b"", code=0):
        """Standard output of a command that ends with `code`."""
        done = self.run(*arguments, stdin=stdin)
        assert (
            done.returncode == code
        ), f"{arguments}: {done.returncode}, {done.stderr.decode(errors='replace')}"
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self(*arguments, "--json", **options))

    def json_lines(self, *arguments, **options):
        return [json.loads(line) for line in self(*arguments, "--json", **options).splitlines()]

    def refused(self, *arguments, stdin=b"", code=1):
        """What a command says that can't do what it was asked for: one line, beginning with our name."""
        done = self.run(*arguments, stdin=stdin)
        text = done.stderr.decode()
        assert done.returncode == code, f"{arguments}: {done.returncode}, {text}"
        last = text.strip().splitlines()[-1]
        assert last.startswith("millrace: "), text
        return last.removeprefix("millrace: ")


@pytest.fixture
def cli(broker):
    return Cli(broker.address)

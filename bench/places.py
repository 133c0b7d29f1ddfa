"""Where things are: in the repository, and what the bench keeps outside of it or in build/."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEPT = ROOT / "build" / "bench"

# The broker as a process, a Kafka client by hand and Apache Kafka in its place are those of the
# client tests.
sys.path.insert(0, str(ROOT / "tests" / "clients"))

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "millrace"


class Missing(Exception):
    """Something that a workload needs is not here and could not be brought."""


def said_by(command):
    """The last line of what a command of the repository prints: where something is."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise Missing(f"{Path(command[0]).name} ended with {done.returncode}")
    return lines[-1]


def client_python():
    """The Python of the client tests' environment, which has confluent-kafka; installed when missing."""
    return said_by([ROOT / "tests" / "clients" / "environment"])


def peer_jars(part):
    """The folder with the jars of Apache Kafka's `broker` or `tools`; installed when missing."""
    return Path(said_by([HERE / "install-peer", part]))


def null_server():
    """The program of null_server.cc, compiled when there is none of this source."""
    source = HERE / "null_server.cc"
    name = f"null_server-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    program = KEPT / name
    if not program.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        coming = program.with_suffix(f".{os.getpid()}")
        done = subprocess.run(
            ["clang++-19", "-std=c++23", "-O2", "-o", str(coming), str(source)], check=False
        )
        if done.returncode != 0:
            raise Missing("null_server.cc did not compile")
        coming.rename(program)
    return program

"""Runs the cells of the table against one broker and checks what the clients print.

    drive.py [PATTERN...]      only cells whose CLIENT/SCENARIO contains one of the patterns

How to call a client's program stands in CLIENT_MATRIX_<CLIENT> (set by `run`); without it the
client did not install, and all its cells have failed. The last line is "N passed, N failed".
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).parent
sys.path[1:1] = [str(HERE.parent / "clients")]

import cells
import expect
import manifests
import stored
from support import wire
from support.broker import new_broker

CELL_SECONDS = 120
AT_ONCE = 3  # most of a cell's time is waiting


class Count:
    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()

    def add(self, name, complaint, seconds=None):
        with self.lock:
            self.passed += not complaint
            self.failed += bool(complaint)
            took = "" if seconds is None else f" ({seconds:.1f} s)"
            print(f"{'FAIL' if complaint else 'ok  '} {name}{took}", flush=True)
            for line in complaint.splitlines():
                print(f"     {line}", flush=True)


def program(client, scenario):
    name = cells.PROGRAMS.get((client, scenario), client)
    return os.environ.get("CLIENT_MATRIX_" + name.upper().replace("-", "_"))


def run_cell(client, scenario, broker, node):
    """What is wrong, empty when nothing is."""
    if not program(client, scenario):
        return "the client did not install"
    name = f"{client}-{scenario.replace(':', '-')}"
    cell = expect.Cell(client, scenario.partition(":")[2], name, node, broker.address)
    given = ["--bootstrap", broker.address, "--scenario", scenario, "--name", name]
    try:
        done = subprocess.run(
            shlex.split(program(client, scenario)) + given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CELL_SECONDS,
            text=True,
        )
    except subprocess.TimeoutExpired as late:
        return f"no result within {CELL_SECONDS} s\n{tail((late.stderr or b'').decode())}"
    if done.returncode != 0:
        return f"exit status {done.returncode}\n{tail(done.stderr)}"
    try:
        result = json.loads(done.stdout.strip().splitlines()[-1])
        expect.check(scenario, cell, result)
        if cell.variant and scenario.startswith("codec:"):
            stored.check_codec(broker.address, name, cell.variant)
        if scenario == "idempotent":
            stored.check_idempotent(broker.address, name)
    except (AssertionError, LookupError, TypeError, ValueError) as wrong:
        return f"{type(wrong).__name__}: {wrong}\n{done.stdout[-600:]}\n{tail(done.stderr)}".strip()
    if unseen := expect.accepted_changes(scenario, cell, result):
        return f"the check accepts what is wrong, such as {json.dumps(unseen[0])[:600]}"
    return ""


def tail(text, lines=25):
    return "\n".join(text.strip().splitlines()[-lines:])


def clean_stop(broker):
    try:
        broker.stop()
    except AssertionError as wrong:
        return f"{wrong}\n{broker.log_tail()}"
    finally:
        broker.discard()
    return ""


def main(patterns):
    count = Count()
    wanted = lambda name: not patterns or any(pattern in name for pattern in patterns)
    if wanted("manifests"):
        count.add("manifests", "\n".join(manifests.faults()))
    with tempfile.TemporaryDirectory(prefix="client-matrix-") as folder:
        broker = new_broker(folder).start()
        with wire.Connection(broker.address) as connection:
            waiting = cells.waiting(wire.api_versions(connection))
            ((node, _address),) = wire.metadata(connection, []).brokers.items()

        def run(cell):
            started = time.monotonic()
            complaint = run_cell(*cell, broker, node)
            count.add("/".join(cell), complaint, time.monotonic() - started)

        chosen = [cell for cell in cells.cells() if wanted("/".join(cell))]
        for client, scenario in chosen:
            if scenario in waiting:
                print(f"wait {client}/{scenario}: the broker has no {waiting[scenario]}")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(run, [cell for cell in chosen if cell[1] not in waiting]))
        if wanted("broker"):
            count.add("the broker survived and stops cleanly", clean_stop(broker))
        broker.discard()
    print(f"{count.passed} passed, {count.failed} failed")
    return 0 if count.passed and not count.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

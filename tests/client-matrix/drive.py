"""Runs the cells of a protocol and checks what the clients print.

    drive.py kafka|amqp [PATTERN...]     only cells whose CLIENT/SCENARIO contains one of the patterns

How to call a client's program stands in CLIENT_MATRIX_<CLIENT> (set by `run`); without it the
client did not install, and all its cells have failed. The last line is "N passed, N failed".

All cells share one broker, but those of `cells.OWN_BROKER`: each has one to itself, which is killed
and started again whenever the program prints the line KILL.
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
PROTOCOL = sys.argv[1]
sys.path[1:1] = [str(HERE / PROTOCOL), str(HERE.parent / "clients")]

import cells
import expect
import manifests
import scene
import verdict
from table import all_cells

CELL_SECONDS = 120
AT_ONCE = 3  # most of a cell's time is waiting
KILL = "kill the broker"


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


class Run:
    """A program from its start to its end: its lines of output, what it wrote to stderr."""

    def __init__(self, command, on_line):
        self.late = False
        self.lines = []
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            timer = threading.Timer(CELL_SECONDS, self.end, [process])
            timer.start()
            try:
                for line in process.stdout:
                    self.lines.append(line.rstrip("\n"))
                    on_line(self.lines[-1])
                self.status = process.wait()
            finally:
                timer.cancel()
                process.kill()  # unless it has ended
                process.wait()
            errors.seek(0)
            self.errors = errors.read().decode(errors="replace")

    def end(self, process):
        self.late = True
        process.kill()


def run_cell(client, scenario, broker):
    """What is wrong, empty when nothing is."""
    if not program(client, scenario):
        return "the client did not install"
    name = f"{client}-{scenario.replace(':', '-')}"
    given = [*scene.arguments(broker), "--scenario", scenario, "--name", name]

    def on_line(line):
        if line == KILL:
            broker.restart(clean=False)

    try:
        run = Run(shlex.split(program(client, scenario)) + given, on_line)
    except AssertionError as wrong:  # the broker did not come back
        return str(wrong)
    if run.late:
        return f"no result within {CELL_SECONDS} s\n{tail(run.errors)}"
    if run.status != 0:
        return f"exit status {run.status}\n{tail(run.errors)}"
    try:
        result = json.loads(run.lines[-1])
        cell = verdict.Cell(client, scenario.partition(":")[2], name, **scene.facts(broker))
        verdict.check(expect, scenario, cell, result)
        scene.check_kept(scenario, cell)
    except (AssertionError, LookupError, TypeError, ValueError) as wrong:
        printed = "\n".join(run.lines)[-600:]
        return f"{type(wrong).__name__}: {wrong}\n{printed}\n{tail(run.errors)}".strip()
    if unseen := verdict.accepted_changes(expect, scenario, cell, result):
        return f"the check accepts what is wrong, such as {json.dumps(unseen[0])[:600]}"
    return ""


def run_alone(client, scenario):
    """The same with a broker of its own."""
    with tempfile.TemporaryDirectory(prefix="client-matrix-") as folder:
        broker = scene.new_broker(folder)
        try:
            return run_cell(client, scenario, broker.start()) or clean_stop(broker)
        except AssertionError as wrong:  # it did not start
            return f"{wrong}\n{broker.log_tail()}"
        finally:
            broker.discard()


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
        count.add("manifests", "\n".join(manifests.faults(PROTOCOL, cells)))
    with tempfile.TemporaryDirectory(prefix="client-matrix-") as folder:
        broker = scene.new_broker(folder).start()
        waiting = scene.waiting(broker)

        def run(cell):
            started = time.monotonic()
            alone = cell[1] in cells.OWN_BROKER
            complaint = run_alone(*cell) if alone else run_cell(*cell, broker)
            count.add("/".join(cell), complaint, time.monotonic() - started)

        chosen = [cell for cell in all_cells(cells) if wanted("/".join(cell))]
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
    sys.exit(main(sys.argv[2:]))

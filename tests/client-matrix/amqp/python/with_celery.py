"""Celery: starts real workers, gives them tasks, and prints what it saw as JSON."""

import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "clients"))

from shared import KILL, PATIENCE_S, command_line
from support.broker import end_with_the_tests
from support.waiting import wait_until


class Cell:
    """What a scenario gets: the application, workers, the journal of the tasks."""

    def __init__(self, address, name, folder):
        self.name = name
        self.journal = Path(folder, "journal")
        self.journal.touch()
        os.environ["MATRIX_BROKER"] = f"amqp://guest:guest@{address}//"
        os.environ["MATRIX_QUEUE"] = name
        os.environ["MATRIX_JOURNAL"] = str(self.journal)
        import celery_tasks

        self.tasks = celery_tasks
        self.app = celery_tasks.app
        self.workers = []

    def node(self, name):
        return f"{name}@{self.name}"

    def start(self, name="one", **environment):
        """A worker with a process of its own for tasks; it is there when it answers."""
        command = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker"]
        command += ["--pool", "prefork", "-c", "1", "-E", "-l", "INFO", "-n", self.node(name)]
        worker = subprocess.Popen(
            command,
            cwd=Path(__file__).parent,
            env={**os.environ, "C_FORCE_ROOT": "1", **environment},
            stdout=sys.stderr,
            start_new_session=True,
            preexec_fn=end_with_the_tests,
        )
        self.workers.append(worker)
        wait_until(lambda: self.ping(name), f"the worker {name}", PATIENCE_S)
        return worker

    def ping(self, name):
        return self.app.control.inspect([self.node(name)], timeout=0.5).ping()

    def stop(self):
        """Asks the worker that is left to finish; its exit status."""
        worker = self.workers.pop()
        worker.send_signal(signal.SIGTERM)
        return worker.wait(PATIENCE_S)

    def kill(self):
        """The worker and the process that it runs tasks in."""
        worker = self.workers.pop()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def discard(self):
        while self.workers:
            with contextlib.suppress(ProcessLookupError):
                self.kill()

    def entries(self, **having):
        found = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [entry for entry in found if having.items() <= entry.items()]

    def said(self):
        return [entry["said"] for entry in self.entries() if "said" in entry]


def task_retry(cell):
    cell.start()
    result = cell.tasks.flaky.delay("well").get(timeout=PATIENCE_S)
    attempts = cell.entries()
    times = [entry["time"] for entry in attempts]
    early = sum(
        after - before < cell.tasks.RETRY_S for before, after in zip(times, times[1:])
    )
    return {
        "result": result,
        "attempts": [entry["attempt"] for entry in attempts],
        "early": early,
        "ended": cell.stop(),
    }


def task_eta(cell):
    cell.start()
    say, due = cell.tasks.say, {}
    sent = []
    for i in range(2):  # with the next one less than the four that the worker has at a time
        due[f"countdown-{i}"] = time.time() + 1.2 + 0.2 * i
        sent.append(say.apply_async([f"countdown-{i}"], countdown=1.2 + 0.2 * i))
    due["eta"] = time.time() + 2
    moment = datetime.datetime.fromtimestamp(due["eta"], datetime.timezone.utc)
    sent.append(say.apply_async(["eta"], eta=moment))
    sent.append(say.delay("now"))
    results = [result.get(timeout=PATIENCE_S) for result in sent]
    early = [
        entry["said"] for entry in cell.entries() if entry["time"] < due.get(entry["said"], 0)
    ]
    return {"order": cell.said(), "early": early, "results": results, "ended": cell.stop()}


def task_late(cell):
    cell.start("one", MATRIX_HANG="yes")
    result = cell.tasks.hang_once.delay()
    wait_until(lambda: cell.entries(said="begun"), "the task to begin", PATIENCE_S)
    cell.kill()
    cell.start("two")
    done = result.get(timeout=PATIENCE_S)
    entries = cell.entries(said="begun")
    return {
        "result": done,
        "redelivered": [entry["redelivered"] for entry in entries],
        "processes": len({entry["process"] for entry in entries}),
        "ended": cell.stop(),
    }


def task_group(cell):
    from celery import group

    cell.start()
    add = cell.tasks.add
    sums = group(add.s(i, i) for i in range(10))().get(timeout=PATIENCE_S)
    chained = (add.s(1, 2) | add.s(4) | add.s(8)).apply_async().get(timeout=PATIENCE_S)
    try:
        refused = cell.tasks.refuse.delay("not today").get(timeout=PATIENCE_S)
    except ValueError as error:
        refused = str(error)
    return {"sums": sums, "chained": chained, "refused": refused, "ended": cell.stop()}


def task_control(cell):
    cell.start()
    node = cell.node("one")
    events = []
    with cell.app.connection_for_read() as made:
        heard = lambda event: event["hostname"] == node and events.append(event["type"])
        receiver = cell.app.events.Receiver(made, handlers={"*": heard})
        with receiver.consumer_context(wakeup=False) as (connection, *_):
            later = cell.tasks.say.apply_async(["never"], countdown=3)
            inspect = lambda: cell.app.control.inspect([node], timeout=1)
            wait_until(lambda: inspect().scheduled()[node], "the task in the worker", PATIENCE_S)
            queues = [queue["name"] for queue in inspect().active_queues()[node]]
            cell.app.control.revoke(later.id, reply=True, destination=[node])
            cell.tasks.say.delay("here").get(timeout=PATIENCE_S)
            drain(connection, lambda: {"task-succeeded", "task-revoked"} <= set(events))
    revoked = inspect().revoked()[node] == [later.id]
    return {
        "pong": cell.ping("one"),
        "queues": queues,
        "revoked": revoked,
        "events": sorted(name for name in events if name.startswith("task-")),
        "said": cell.said(),
        "ended": cell.stop(),
    }


def drain(connection, enough):
    end = time.monotonic() + PATIENCE_S
    while not enough():
        assert time.monotonic() < end, "no event came"
        with contextlib.suppress(TimeoutError):
            connection.drain_events(timeout=0.2)


def task_recovery(cell):
    cell.start()
    before = cell.tasks.add.delay(1, 2).get(timeout=PATIENCE_S)
    cell.tasks.say.apply_async(["later"], countdown=3)
    scheduled = lambda: cell.app.control.inspect([cell.node("one")], timeout=1).scheduled()
    wait_until(lambda: scheduled()[cell.node("one")], "the task in the worker", PATIENCE_S)
    print(KILL, flush=True)
    cell.tasks.say.delay("after")
    wait_until(lambda: len(cell.said()) >= 2, "the tasks after the kill", PATIENCE_S)
    return {"before": before, "said": sorted(cell.said()), "ended": cell.stop()}


def main():
    given = command_line()
    with tempfile.TemporaryDirectory(prefix="celery-") as folder:
        cell = Cell(given.address, given.name, folder)
        try:
            print(json.dumps(globals()[given.function](cell)), flush=True)
        finally:
            cell.discard()


if __name__ == "__main__":
    main()

"""The application that the workers of with_celery.py run: tasks that write what they do in a journal."""

import json
import os
import time

from celery import Celery

app = Celery("matrix", broker=os.environ["MATRIX_BROKER"], backend="rpc://")
app.conf.update(
    task_default_queue=os.environ["MATRIX_QUEUE"],
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    worker_send_task_events=True,
    task_send_sent_event=True,
    task_track_started=True,
)
JOURNAL = os.environ["MATRIX_JOURNAL"]
RETRY_S = 0.3


def note(**entry):
    with open(JOURNAL, "a") as journal:
        journal.write(json.dumps({**entry, "time": time.time(), "process": os.getpid()}) + "\n")


@app.task
def add(a, b):
    return a + b


@app.task
def refuse(what):
    raise ValueError(what)


@app.task
def say(what):
    note(said=what)
    return what


@app.task(bind=True, max_retries=3)
def flaky(self, value):
    note(attempt=self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=RETRY_S)
    return f"{value} after {self.request.retries} retries"


@app.task(bind=True, acks_late=True)
def hang_once(self):
    """Never ends in a worker that is told to hang: it is killed."""
    note(said="begun", redelivered=self.request.delivery_info["redelivered"])
    while "MATRIX_HANG" in os.environ:
        time.sleep(0.05)
    return "done"

"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import time

DEADLINE_S = 30.0
POLL_INTERVAL_S = 0.01


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Returns the first true value of condition(); fails when the deadline passes."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s:g} s in vain for: {what}")
        time.sleep(POLL_INTERVAL_S)


class Deadline:
    """`while deadline.open(): ...` around calls that wait by themselves (poll of a client)."""

    def __init__(self, what, seconds=DEADLINE_S):
        self.what = what
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def check(self, details=lambda: ""):
        if time.monotonic() > self.end:
            raise AssertionError(f"waited {self.seconds:g} s in vain for: {self.what} {details()}")

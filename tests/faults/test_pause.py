"""SIGSTOP: a broker that does nothing for seconds, and then goes on as if it had not been away.

Clients lose patience meanwhile and ask again, over other connections too; what they asked first is still
waiting in the broker's sockets.
"""

import os
import random
import signal
import time

import pytest
from harness.workload import Workload

from support.groups import SESSION_MS

# Apache Kafka on one machine is fenced by its own controller, which stood still with it.
pytestmark = pytest.mark.millrace
LONG = os.environ.get("MILLRACE_TEST_ALL") == "1"
# The last one is longer than the sessions of the groups' members.
PAUSES_S = [0.2, 1.0, 3.0] * (5 if LONG else 1) + [SESSION_MS / 1000 + 1.5]


class Paused:
    """The broker stands still inside the block."""

    def __init__(self, broker):
        self.broker = broker

    def __enter__(self):
        self.broker.process.send_signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self.broker.process.send_signal(signal.SIGCONT)


@pytest.mark.timeout(120 + 15 * len(PAUSES_S))
def test_pauses_under_load_lose_and_double_nothing(make_broker, tmp_path, seed):
    choose = random.Random(seed)
    broker = make_broker().start()
    with Workload(broker, tmp_path) as work:
        for pause_s in PAUSES_S:
            work.progress(choose.randint(50, 800))
            with Paused(broker):
                time.sleep(pause_s)  # not a wait: so long it stands still
            work.assert_commits_kept()
        work.progress(300)
        work.await_groups_moving()
        broker.assert_alive()
        repeats = work.finish()
        print(f"{repeats} records came again")
        assert repeats > 0, "nobody lost patience: the pauses did nothing"

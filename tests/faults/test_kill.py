"""kill -9 under load: whatever was answered is there, where the answer said, and nothing else is; groups
go on where they were.

acks=1 is held to the same: it may be lost with the power, not with the process.
"""

import os
import random
import time

import pytest
from harness.workload import Workload

LONG = os.environ.get("MILLRACE_TEST_ALL") == "1"
CYCLES = int(os.environ.get("MILLRACE_KILL_CYCLES") or (60 if LONG else 6))


@pytest.mark.timeout(120 + 20 * CYCLES)
def test_nothing_answered_is_lost(make_broker, tmp_path, seed):
    choose = random.Random(seed)
    broker = make_broker().start()
    kills = 0
    with Workload(broker, tmp_path) as work:
        for _ in range(CYCLES):
            run_until_killed(work, choose)
            kills += 1
            while choose.random() < 0.4:  # and again while it recovers
                broker.launch()
                time.sleep(choose.uniform(0, 0.3))  # not a wait: the random point of the kill
                if broker.alive():
                    broker.kill()
                    kills += 1
            broker.start()
            work.assert_commits_kept()
        work.progress(100)
        work.await_groups_moving()
        work.finish()
        print(f"{kills} kills")
        broker.kill()
        broker.start()
        work.check()


def run_until_killed(work, choose):
    """The kill comes at a random number of answers, and often right behind a commit."""
    follower = work.follower
    work.progress(
        choose.randint(50, 2000), lambda: choose.random() < 0.3 and follower.commit()
    )
    if choose.random() < 0.5:
        follower.commit()
    work.broker.kill()

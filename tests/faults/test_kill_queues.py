"""kill -9 under queues: what was confirmed is delivered until it is acknowledged, what was acknowledged
durably never comes back, and a dead letter is in its queue exactly once.
"""

import os
import random
import shutil
import time

import pytest
from harness.queue_ledger import check
from harness.queue_workload import RULES, QueueWorkload
from support.waiting import wait_until

LONG = os.environ.get("MILLRACE_TEST_ALL") == "1"
CYCLES = int(os.environ.get("MILLRACE_KILL_CYCLES") or (60 if LONG else 8))


@pytest.mark.timeout(180 + 20 * CYCLES)
def test_nothing_confirmed_is_lost_and_nothing_acknowledged_comes_back(make_broker, seed):
    choose = random.Random(seed)
    broker = make_broker(amqp=True).start()
    kills = 0
    with QueueWorkload(broker, seed) as work:
        for _ in range(CYCLES):
            kills += run_until_killed(work, choose)
            broker.start()
            work.check_log()
        work.progress("confirmed", 300)
        print(f"{kills} kills")
        work.finish()


def test_a_broker_that_forgets_is_noticed(make_broker, seed):
    """The data directory of a while ago: what was confirmed since is gone, what was acknowledged is back."""
    broker = make_broker(amqp=True).start()
    with QueueWorkload(broker, seed, forgets=True) as work:
        work.progress("confirmed", 500)
        broker.kill()
        work.ledger.killed()
        earlier = broker.directory / "earlier"
        shutil.copytree(broker.data_dir, earlier)
        broker.start()
        work.progress("confirmed", 1000)
        work.progress("durable", 50)
        broker.kill()
        work.ledger.killed()
        shutil.rmtree(broker.data_dir)
        earlier.rename(broker.data_dir)
        broker.start()
        work.work_off()
        with pytest.raises(AssertionError, match="read once, different now"):
            work.check_log()
        problems = " ".join(check(work.ledger.events, RULES, work.drain_all(), shown_max=10_000))
    for complaint in ("which was confirmed, never came", "came back after its ack was durable"):
        assert complaint in problems


def run_until_killed(work, choose):
    """The kill comes at a random number of confirms, and often right behind what somebody was told."""
    broker, kills = work.broker, 1
    work.progress("confirmed", choose.randint(20, 1000))
    if choose.random() < 0.7:
        what = choose.choice(["durable", "confirmed", "settle", "deliver", "publish"])
        work.ledger.on_next(what, broker.process.kill)
        wait_until(lambda: not broker.alive(), f"the kill behind the next event '{what}'")
        broker.collect()
    else:
        broker.kill()
    work.ledger.killed()
    while choose.random() < 0.4:  # and again while it recovers
        broker.launch()
        time.sleep(choose.uniform(0, 0.3))  # not a wait: the random point of the kill
        if broker.alive():
            broker.kill()
            work.ledger.killed()
            kills += 1
    return kills

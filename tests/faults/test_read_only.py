"""A data directory that can't be written: a start says so, and a running broker refuses to produce, reads
on, and goes on when it can be written again.
"""

import pytest
from harness.asking import Trying
from harness.mounts import MountNamespace
from harness.workload import Workload

from support.clients import create_topic, producer, read_all, send, values_of
from support.metrics import scrape

pytestmark = pytest.mark.millrace
SETTINGS = ["MILLRACE_STORAGE_JOURNAL_FILE_BYTES=16MiB", "MILLRACE_STORAGE_CHECKPOINT_BYTES=4MiB"]


@pytest.fixture
def mounts():
    with MountNamespace() as namespace:
        yield namespace


def test_a_start_says_what_is_wrong_and_what_to_do(mounts, make_broker):
    broker = make_broker(wrapper=mounts.wrapper).start()
    create_topic(broker.address, "kept")
    send(producer(broker.address), "kept", [b"before"])
    for is_clean in (True, False):
        broker.stop() if is_clean else broker.kill()
        mounts.cover_read_only(broker.data_dir)
        before = broker.log_path.stat().st_size
        broker.launch()
        printed, code = broker.collect()
        said = broker.log_path.read_text()[before:]
        assert (code, printed) == (1, b""), said
        assert "Read-only file system" in said, said
        assert str(broker.data_dir) in said and "read and write" in said, said
        mounts.uncover(broker.data_dir)
        broker.start()
        assert values_of(read_all(broker.address, "kept")[0]) == [b"before"]


@pytest.mark.timeout(240)
def test_read_only_under_load(mounts, make_broker, tmp_path):
    """No file can be made or opened for writing, through a checkpoint and a new file of the journal."""
    broker = make_broker(wrapper=[*mounts.wrapper, "env", *SETTINGS], http=True).start()
    steady = create_topic(broker.address, "steady")
    wanted = [b"steady %d" % number for number in range(50)]
    send(producer(broker.address), steady, wanted)
    create_topic(broker.address, "tries")
    create_topic(broker.address, "bulk")
    trying = Trying(broker.address, "tries")
    bulk = producer(broker.address)
    with Workload(broker, tmp_path, refused=True) as work:
        work.progress(200)
        mounts.cover_read_only(broker.data_dir)
        for _ in range(30):
            bulk.produce("bulk", b"b" * 900_000)
        trying.await_refused()
        assert scrape(broker)["millrace_checkpoints_total", ("outcome", "failed")] > 0
        # By who knows where: a group would need the journal to be founded.
        assert values_of(read_all(broker.address, steady)[0]) == wanted
        mounts.uncover(broker.data_dir)
        trying.await_taken()
        work.assert_commits_kept()
        assert bulk.flush(60) == 0
        work.progress(300)
        work.await_groups_moving()
        broker.assert_alive()
        work.finish()
        broker.kill()
        broker.start()
        work.check()
        assert len(read_all(broker.address, "bulk")[0]) >= 30  # not idempotent

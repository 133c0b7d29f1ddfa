"""Fixtures that give tests a broker, the report of a failure, and the last line with the count."""

import os
import random

import pytest

from support import clients
from support.broker import Broker, new_broker, peer_is_apache
from support.failing_disk import disk, failing_disk  # noqa: F401 (fixtures)

SEED = int(os.environ.get("MILLRACE_SEED") or random.SystemRandom().randrange(1 << 32))


@pytest.fixture
def seed():
    """The seed of this run; the same for every test, so that one number replays them all."""
    return SEED


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """One broker for all tests of a file. It must survive them and stop cleanly."""
    instance = new_broker(tmp_path_factory.mktemp("broker")).start()
    yield instance
    clients.admin.cache_clear()
    try:
        instance.stop()
    finally:
        instance.discard()


@pytest.fixture
def make_broker(tmp_path_factory):
    """Makes brokers of the test's own, not yet started; what still runs at the end must stop cleanly."""
    made = []

    def make(**options):
        made.append(new_broker(tmp_path_factory.mktemp("broker"), **options))
        return made[-1]

    yield make
    clients.admin.cache_clear()
    try:
        for instance in made:
            if instance.process is not None:
                instance.stop()
    finally:
        for instance in made:
            instance.discard()


@pytest.fixture
def topic_name():
    return clients.fresh_name("topic")


def pytest_report_header():
    target = "Apache Kafka" if peer_is_apache() else os.environ.get("MILLRACE_BINARY")
    return [f"broker: {target}", f"seed: {SEED} (replay with MILLRACE_SEED={SEED})"]


def pytest_collection_modifyitems(config, items):
    if peer_is_apache():
        own = [item for item in items if item.get_closest_marker("millrace")]
        config.hook.pytest_deselected(items=own)
        items[:] = [item for item in items if item not in own]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections.append(("replay", f"MILLRACE_SEED={SEED}"))
        for instance in Broker.running:
            report.sections.append(
                (f"log of the broker at {instance.address}", instance.log_tail())
            )


def pytest_unconfigure(config):
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or config.option.collectonly or config.option.help:
        return
    passed = len(reporter.stats.get("passed", []))
    failed = sum(
        len(reporter.stats.get(kind, []))
        for kind in ("failed", "error", "skipped", "xfailed", "xpassed")
    )
    if passed + failed == 0:
        failed = 1  # nothing ran: that is no success
    print(f"{passed} passed, {failed} failed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if session.exitstatus == 0 and reporter.stats.get("skipped"):
        session.exitstatus = 1

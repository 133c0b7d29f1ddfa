"""Starts on a large directory, in small: the generator writes what a broker serves, and a kill under load
loses nothing of what was answered. Nothing here depends on time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import many_partitions
import process
import pytest
import restart
from support import wire
from support.broker import Broker

STARTUP = Path(__file__).resolve().parents[2] / "bench" / "startup"
PARTITIONS, PARTITION_BYTES = 200, 5_000_000


def generator():
    return Path(os.environ["MILLRACE_BINARY"]).parent / "millrace-generator"


@pytest.fixture(scope="module", params=[0, 2 << 20], ids=["one segment", "several segments"])
def filled(request, tmp_path_factory):
    """(a stopped broker, what its directory was made of)"""
    broker = Broker(tmp_path_factory.mktemp("filled"))
    directory = restart.Directory(4, PARTITIONS // 4, PARTITION_BYTES, segment_bytes=request.param)
    directory.make(generator(), broker.data_dir)
    yield broker, directory
    broker.discard()


def test_what_the_generator_writes_is_a_gigabyte_with_holes(filled):
    broker, directory = filled
    segments = [path for path in process.files_below(broker.data_dir) if path.suffix == ".log"]
    apparent = sum(path.stat().st_size for path in segments)
    real = sum(path.stat().st_blocks * 512 for path in segments)
    assert apparent > 0.95 * PARTITIONS * PARTITION_BYTES > 20 * real
    several = 2 if directory.segment_bytes else 1
    assert len(segments) >= several * PARTITIONS


def test_the_directory_is_one_that_was_stopped_in_order(filled):
    broker, _ = filled
    command = [os.environ["MILLRACE_BINARY"], "doctor", "--data-dir", str(broker.data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "the last stop was clean" in done.stdout, done.stdout


def test_every_partition_ends_as_it_should_and_a_kill_under_load_loses_nothing(filled):
    broker, directory = filled
    broker.start()
    assert restart.problems_of(broker, directory, {}) == []
    assert len(restart.group_problems(broker, directory)) == len(restart.GROUPS) * PARTITIONS
    restart.commit_for_groups(broker, directory)
    answered = {}
    for number in range(3):
        found, more = restart.killed_under_load(
            broker, directory, binary=None, records=2000, cold=False, name=f"{number}-"
        )
        assert found.load_records >= 2000 and found.ready_s >= found.listening_s
        for key, offsets in more.items():
            answered.setdefault(key, {}).update(offsets)
    assert restart.problems_of(broker, directory, answered) == []
    assert restart.group_problems(broker, directory) == []
    broker.stop()


def test_the_whole_of_a_log_can_be_read(filled):
    broker, directory = filled
    broker.start()
    topic, partition = directory.layout[7]
    with wire.Connection(broker.address) as connection:
        offset, records = 0, {}
        while offset <= max(directory.last_records((topic, partition))):
            fetched = wire.fetch(connection, topic, partition, offset)
            assert fetched.error == 0 and fetched.records
            records.update(many_partitions.values(fetched.records))  # proves the checksums
            offset = max(records) + 1
    for number in range(directory.zero_records):
        assert records[number].count(0) == len(records[number]) > 900_000
    assert directory.last_records((topic, partition)).items() <= records.items()
    broker.stop()


def test_what_is_not_there_is_told(filled):
    """The check itself: a record that nobody wrote, and one with another value."""
    broker, directory = filled
    broker.start()
    key = directory.layout[3]
    wrong = {offset: b"something else" for offset in directory.last_records(key)}
    beyond = {1_000_000: b"never written"}
    assert len(many_partitions.missing(broker.address, {key: wrong})) == restart.LAST_RECORDS
    assert len(many_partitions.missing(broker.address, {key: beyond})) == 1
    assert restart.problems_of(broker, directory, {key: beyond}) != []
    broker.stop()


def test_the_command_tells_all_figures(tmp_path):
    small = "--gb 0.05 --partitions 20 --repeats 1 --load 0.3 --cache warm".split()
    out = tmp_path / "out.json"
    command = [sys.executable, str(STARTUP), *small, "--data", str(tmp_path / "data"), "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "lost or wrong: 0" in done.stdout and list((tmp_path / "data").iterdir()) == []
    found = json.loads(out.read_text())
    assert [one["cache"] for one in found["starts"]] == ["warm, after a clean stop", "warm"]
    for one in found["starts"]:
        assert 0 < one["listening_s"] <= one["produce_s"] <= one["fetch_s"] <= one["old_fetch_s"]


def test_administration_tells_all_steps(tmp_path):
    command = [sys.executable, str(STARTUP), "--administration", "--partitions", "40"]
    command += ["--data", str(tmp_path / "data"), "--json", str(tmp_path / "out.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    steps = json.loads((tmp_path / "out.json").read_text())["administration"]
    assert len(steps) == 15 and all(step["seconds"] >= 0 for step in steps)

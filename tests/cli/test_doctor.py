"""`millrace doctor`: what it says of brokers and of data directories, and that it changes nothing."""

import hashlib
import json
import shutil

import pytest

from cli import Cli
from support import clients

pytestmark = pytest.mark.millrace

JOURNAL_BLOCK = 4096


def checks(report, outcome, name=None):
    return [
        check["text"]
        for check in report["checks"]
        if check["outcome"] == outcome and name in (None, check["check"])
    ]


def everything_in(folder):
    """Each file with what is in it, each folder, and when they were changed."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


def look_at(cli, folder, *arguments, code=0):
    """The doctor's report; the folder is afterwards as it was."""
    before = everything_in(folder)
    report = cli.json("doctor", "--data-dir", folder, *arguments, code=code)
    assert everything_in(folder) == before
    return report


def change_byte(path, position):
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)
        file.seek(position)
        file.write(bytes([byte[0] ^ 0x10]))


def write_some(broker, topic, times=5):
    producer = clients.producer(broker.address)
    for number in range(times):
        producer.produce(topic, b"%d" % number * 2000)
        assert producer.flush(30) == 0


@pytest.fixture
def stopped(make_broker, topic_name):
    """A broker that has written something and was stopped in order."""
    broker = make_broker().start()
    write_some(broker, topic_name)
    broker.stop()
    return broker


@pytest.fixture
def killed(make_broker, topic_name):
    broker = make_broker().start()
    write_some(broker, topic_name)
    broker.kill()
    return broker


def used_journal(broker):
    """The file of the journal that holds groups of the last run."""
    files = [
        path
        for path in sorted((broker.data_dir / "journal").iterdir())
        if any(path.read_bytes()[JOURNAL_BLOCK : 2 * JOURNAL_BLOCK])
    ]
    assert len(files) == 1, files
    return files[0]


def test_a_broker_that_is_well(cli, topic_name, broker):
    clients.create_topic(broker.address, topic_name, partitions=2)
    report = cli.json("doctor")
    assert report["findings"] == 0 and report["subject"] == cli.address
    assert "answers in" in checks(report, "ok", "server")[0]
    assert "all with a leader" in checks(report, "ok", "topics")[0]
    lines = cli("doctor").decode().splitlines()
    assert lines[-1] == f"{cli.address}: nothing is wrong"


def test_a_group_that_nobody_reads_for(make_broker, topic_name):
    broker = make_broker().start()
    cli = Cli(broker.address)
    write_some(broker, topic_name, times=3)
    assert cli.json("doctor")["findings"] == 0
    cli("consume", topic_name, "--group", "readers")
    assert cli.json("doctor")["findings"] == 0
    write_some(broker, topic_name, times=2)
    report = cli.json("doctor", code=1)
    assert checks(report, "finding") == ["'readers' has no members and 2 records to read"]


def test_an_advertised_address_that_nobody_reaches(make_broker):
    broker = make_broker(advertise="127.0.0.1:1").start()
    report = Cli(broker.address).json("doctor", code=1)
    [finding] = checks(report, "finding", "address")
    assert "127.0.0.1:1, which is not reached from here" in finding


def test_nobody_to_ask_and_nothing_to_look_at(tmp_path):
    cli = Cli("127.0.0.1:1")
    assert "no broker answers" in cli.refused("doctor", code=2)
    assert "absent" in cli.refused("doctor", "--data-dir", tmp_path / "absent", code=2)
    assert "no data directory" in cli.refused("doctor", "--data-dir", tmp_path, code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_use_is_left_alone(cli, broker):
    told = cli.refused("doctor", "--data-dir", broker.data_dir, code=2)
    assert "a broker is running on" in told


@pytest.mark.parametrize("arguments", [[], ["--deep"]])
def test_a_directory_after_a_clean_stop(cli, stopped, arguments):
    report = look_at(cli, stopped.data_dir, *arguments)
    assert report["findings"] == 0 and checks(report, "note") == []
    assert "the last stop was clean" in checks(report, "ok", "journal")[0]


def test_a_directory_after_a_kill(cli, killed):
    report = look_at(cli, killed.data_dir, "--deep")
    assert report["findings"] == 0
    assert "the last stop was not clean" in checks(report, "note", "journal")[0]
    # Looking did not heal it: the start after it still finds what a kill leaves.
    killed.start()
    assert "after an unclean stop" in killed.log_tail()


def test_a_directory_without_a_lock_file_gets_none(cli, stopped, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(stopped.data_dir, copy)
    (copy / "LOCK").unlink()
    look_at(cli, copy)
    assert not (copy / "LOCK").exists()


def test_a_damaged_record_is_found_by_a_deep_look_alone(cli, stopped, topic_name):
    segment = max(
        (stopped.data_dir / "segments").glob("*.log"), key=lambda path: path.stat().st_size
    )
    change_byte(segment, segment.stat().st_size // 2)
    assert look_at(cli, stopped.data_dir)["findings"] == 0
    report = look_at(cli, stopped.data_dir, "--deep", code=1)
    [finding] = checks(report, "finding")
    assert segment.name in finding and "failed its checksum; offsets" in finding
    assert "position" in finding
    lines = cli("doctor", "--data-dir", stopped.data_dir, "--deep", code=1).decode().splitlines()
    assert any("-> restore the file from a copy" in line for line in lines)


def test_a_missing_file_is_found(cli, stopped):
    segment = max(
        (stopped.data_dir / "segments").glob("*.log"), key=lambda path: path.stat().st_size
    )
    segment.unlink()
    [finding] = checks(look_at(cli, stopped.data_dir, code=1), "finding")
    assert segment.name in finding and "the manifest lists it" in finding


def test_a_damaged_journal_is_found_before_a_start_refuses_it(cli, killed):
    journal = used_journal(killed)
    change_byte(journal, JOURNAL_BLOCK + 20)
    [finding] = checks(look_at(cli, killed.data_dir, code=1), "finding")
    assert journal.name in finding and "position 4096" in finding
    killed.launch()
    rest, code = killed.collect()
    assert code == 1 and "position 4096" in killed.log_tail()


def test_a_torn_end_of_the_journal_is_no_damage(cli, killed):
    journal = used_journal(killed)
    content = journal.read_bytes()
    groups = [
        position
        for position in range(JOURNAL_BLOCK, len(content), JOURNAL_BLOCK)
        if content[position : position + 4] == b"MRGP"
    ]
    # The newest group, as if not all of it had come to the disk: its time, behind its number.
    change_byte(journal, groups[-1] + 40)
    report = look_at(cli, killed.data_dir)
    assert report["findings"] == 0
    [torn] = [text for text in checks(report, "note", "files") if "never answered" in text]
    assert f"{journal.name}: position {groups[-1]}:" in torn


def test_json_is_one_object(cli, stopped):
    report = json.loads(cli("doctor", "--data-dir", stopped.data_dir, "--json"))
    assert set(report) == {"subject", "findings", "checks"}
    for check in report["checks"]:
        assert set(check) <= {"check", "outcome", "text", "advice"}

"""Settings: files, variables and flags of the broker, `millrace config`, and the pages printed from its table."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from support import clients

ROOT = Path(__file__).resolve().parents[2]
WITHIN_S = 60

pytestmark = pytest.mark.millrace


def run(*arguments, code=0, cwd=None, **variables):
    """(standard output, standard error) of the binary, which ends with `code`."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")
    }
    done = subprocess.run(
        [os.environ["MILLRACE_BINARY"], *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, **variables},
        timeout=WITHIN_S,
    )
    assert done.returncode == code, f"{arguments}: {done.returncode}, {done.stderr}"
    return done.stdout, done.stderr


def write(folder, text):
    file = folder / "millrace.toml"
    file.write_text(text)
    return file


def effective(*arguments, **variables):
    rows = json.loads(run("config", "--json", *arguments, **variables)[0])["settings"]
    return {row["name"]: row for row in rows}


def test_the_pages_are_those_of_the_table():
    for option, page in (
        ("--reference", "configuration.md"),
        ("--sample", "millrace.sample.toml"),
    ):
        assert (ROOT / "docs" / page).read_text() == run("config", option)[
            0
        ], f"scripts/configuration-pages writes docs/{page}"


def test_the_sample_is_a_file_of_defaults():
    out, _ = run("config", "--check", ROOT / "docs" / "millrace.sample.toml")
    assert "0 settings, no mistakes" in out


def test_every_layer_and_where_a_value_comes_from(tmp_path):
    file = write(
        tmp_path,
        '[kafka]\nlisten = "127.0.0.1:1"\nidle_ms_max = "5m"\n[http]\nlisten = "off"\n',
    )
    rows = effective(
        "--config",
        file,
        "--kafka",
        "127.0.0.1:3",
        MILLRACE_KAFKA_LISTEN="127.0.0.1:2",
        MILLRACE_HTTP_LISTEN="127.0.0.1:9",
    )
    told = {
        name: (rows[name]["value"], rows[name]["source"], rows[name]["place"])
        for name in ("kafka.listen", "http.listen", "kafka.idle_ms_max", "log.level")
    }
    assert told == {
        "kafka.listen": ("127.0.0.1:3", "flag", "--kafka"),
        "http.listen": ("127.0.0.1:9", "environment", "MILLRACE_HTTP_LISTEN"),
        "kafka.idle_ms_max": ("5m", "file", f"{file}:3"),
        "log.level": ("info", "default", "default"),
    }
    assert rows["kafka.idle_ms_max"]["number"] == 300_000
    assert effective(MILLRACE_CONFIG=str(file))["http.listen"]["value"] == "off"


def test_the_table_shows_the_same():
    lines = run("config", "--cores", 2)[0].splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "SOURCE"]
    assert ["server.cores", "2", "--cores"] in [line.split() for line in lines]
    assert len(lines) == 1 + len(effective())


def test_every_mistake_of_a_file_is_told(tmp_path):
    write(tmp_path, "[kafka]\nlisten_on = 1\nidle_ms_max = 10\n[server]\ncores = 1.5\n")
    _, err = run("config", "--check", "millrace.toml", code=1, cwd=tmp_path)
    lines = err.splitlines()
    assert [line.split(" ")[1] for line in lines] == [
        "millrace.toml:2:",
        "millrace.toml:3:",
        "millrace.toml:5:",
    ]
    assert "'kafka.listen'" in lines[0] and "1s to 365d" in lines[1] and "1 to 256" in lines[2]
    out, _ = run("config", "--check", "millrace.toml", "--json", code=1, cwd=tmp_path)
    assert len(json.loads(out)["mistakes"]) == 3


def test_a_broken_file_is_told_with_its_line(tmp_path):
    write(tmp_path, "[kafka]\nlisten = \n")
    _, err = run("config", "--check", "millrace.toml", code=1, cwd=tmp_path)
    assert "millrace.toml:2: this is no TOML" in err
    _, err = run("config", "--check", "absent.toml", code=1, cwd=tmp_path)
    assert "absent.toml can't be read" in err


@pytest.mark.parametrize(
    "arguments, variables, told",
    [
        (["--cores", "0"], {}, "--cores 0: it must be a number from 1 to 256"),
        ([], {"MILLRACE_KAFKA_LISTE": "x"}, "MILLRACE_KAFKA_LISTEN"),
        ([], {"MILLRACE_LOG_LEVEL": "loud"}, "MILLRACE_LOG_LEVEL=loud: it must be one of debug"),
        (["--config", "absent.toml"], {}, "absent.toml can't be read"),
        (["--kafka", "off", "--amqp", "off", "--management", "off", "--http", "off"], {}, "nothing to serve"),
        ([], {"MILLRACE_KAFKA_LISTEN": "0.0.0.0:9092"}, "--advertise"),
        (
            [],
            {"MILLRACE_STORAGE_JOURNAL_FILE_BYTES": "1GiB"},
            "storage.journal_file_bytes = 1GiB (MILLRACE_STORAGE_JOURNAL_FILE_BYTES)",
        ),
    ],
)
def test_a_broker_does_not_start_with_mistakes(tmp_path, arguments, variables, told):
    _, err = run("serve", *arguments, code=2, cwd=tmp_path, **variables)
    assert told in err, err
    assert list(tmp_path.iterdir()) == [], "something was made"


def test_a_broker_serves_with_the_settings_of_its_file(make_broker, tmp_path, topic_name):
    file = write(
        tmp_path,
        """
[topics]
partitions_default = 3
[groups]
initial_rebalance_delay_ms = 0
[storage]
journal_file_bytes = "16MiB"
journal_bytes_max = "64MiB"
checkpoint_bytes = "1MiB"
[kafka]
idle_ms_max = "20m"
fetch_bytes_max = "1MiB"
""",
    )
    broker = make_broker(flags=["--config", str(file), "--log-format", "json"]).start()
    producer = clients.producer(broker.address)
    for _ in range(200):
        producer.produce(topic_name, b"x" * 500_000, partition=0)
    assert producer.flush(60) == 0
    topic = clients.admin(broker.address).list_topics(topic_name, timeout=30).topics[topic_name]
    assert len(topic.partitions) == 3
    journal = sum(file.stat().st_size for file in (broker.data_dir / "journal").iterdir())
    assert journal <= 64 << 20, "100 MB were written: the limit must have held"
    broker.restart(clean=True)
    lines = [
        line
        for line in broker.log_path.read_text().splitlines()
        if not line.startswith("--- ")
    ]
    assert lines
    for line in lines:
        assert {"time", "level", "area", "text"} <= set(json.loads(line))

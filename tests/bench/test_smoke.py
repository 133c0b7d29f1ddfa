"""bench/run from the outside: every workload for a moment on our broker alone, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import workloads
from support.waiting import wait_until

RUN = Path(__file__).resolve().parents[2] / "bench" / "run"
MOMENT = "--seconds 0.3 --warm 0.1 --warm-latency 0.1 --hold 0.1 --baseline 0.1".split()
SMALL = "--recovery-gb 0.005 --topics 30 --connections 200 --repeats 1 --no-peer".split()


def bench(folder, *arguments):
    command = [str(RUN), *MOMENT, *SMALL, "--data", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """(standard output, the JSON) of a run of all workloads."""
    folder = tmp_path_factory.mktemp("bench")
    done = bench(folder, "--json", str(folder / "out.json"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert [path.name for path in folder.iterdir()] == ["out.json"], "data were left behind"
    return done.stdout, json.loads((folder / "out.json").read_text())


def test_every_row_is_there(everything):
    text, found = everything
    assert found["broken"] == [] and found["interrupted"] is False
    assert [(run["workload"], run["broker"]) for run in found["runs"]] == [
        (name, "Millrace") for name in workloads.known_rows()
    ]
    for name, title in workloads.known_rows().items():
        assert f"| {name}: {title}" in text


def test_the_values_can_be(everything):
    _, found = everything
    values = {run["workload"]: run["values"] for run in found["runs"]}
    for name, row in values.items():
        assert all(value is None or value >= 0 for value in row.values()), (name, row)
        assert 1 < row["peak_rss_mb"] < 2000, name
        if name.startswith("K") and name != "K9":
            assert row["records_per_second"] > 0 and row["cpu_per_million"] >= 0, name
    for name in ("K5", "K6"):
        assert 0 < values[name]["p50_ms"] <= values[name]["p99_ms"] <= values[name]["p999_ms"]
    for name in ("start", "K9"):
        assert 0 < values[name]["ready_s"] < 60
    assert 0 <= values["K3"]["cached_share"] <= 1
    assert values["connections"]["rss_mb"] > 1 and values["topics"]["disk_mb"] >= 0


def test_the_report_says_on_what_and_beside_what(everything):
    _, found = everything
    assert set(found["limits"]) == {
        workload.name for workload in workloads.ALL if workload.limit
    } and all(rate > 0 for rate in found["limits"].values())
    baselines = {run["workload"]: run["baseline"] for run in found["runs"] if run["baseline"]}
    assert set(baselines) == {"K5", "K6"}
    for ways in baselines.values():
        for way in ways.values():
            assert way["flushes"] > 0 and 0 < way["p50"] <= way["p99"] <= way["p999"]
    assert all(found["machine"][key] for key in ("kernel", "processors", "memory_gb", "file_system"))
    assert found["versions"]["Millrace"].startswith("millrace ")
    assert all(found["versions"][name] for name in ("librdkafka", "Java client"))


def test_a_broken_run_is_told(tmp_path):
    done = bench(tmp_path, "--only", "start", "--json", str(tmp_path / "out.json"), "--flags=--nonsense")
    found = json.loads((tmp_path / "out.json").read_text())
    assert done.returncode == 1 and "BROKEN, not counted: start, Millrace, run 1" in done.stdout
    assert found["runs"] == [] and len(found["broken"]) == 1


def test_results_are_not_overwritten(tmp_path):
    (tmp_path / "out.json").write_text("dear")
    done = bench(tmp_path, "--only", "start", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 1 and "is there already" in done.stderr
    assert (tmp_path / "out.json").read_text() == "dear"


def test_unknown_rows_are_refused(tmp_path):
    done = bench(tmp_path, "--only", "K99", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 1 and "there is no workload K99" in done.stderr
    assert not (tmp_path / "out.json").exists()


def below(pid):
    """The process ids of what a process has started, and what these have."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(child) for child in children.read_text().split()] if children.exists() else []
    return direct + [one for child in direct for one in below(child)]


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ctrl_c_cleans_up_and_keeps_what_was_measured(tmp_path):
    data, out = tmp_path / "data", tmp_path / "out.json"
    command = [sys.executable, str(RUN), *MOMENT, *SMALL, "--data", str(data), "--json", str(out)]
    command += ["--only", "start,K5", "--warm-latency", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The row `start` is done, and K5's warm-up runs: a broker and a generator.
        wait_until(lambda: len(below(process.pid)) >= 2, "a generator beside the broker", 60)
        started = below(process.pid)
        os.kill(process.pid, signal.SIGINT)
        text, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "INTERRUPTED" in text
    found = json.loads(out.read_text())
    assert found["interrupted"] and [run["workload"] for run in found["runs"]] == ["start"]
    wait_until(lambda: not any(running(pid) for pid in started), "all processes are gone", 10)
    assert list(data.iterdir()) == []

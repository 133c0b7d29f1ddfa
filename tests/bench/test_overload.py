"""bench/overload from the outside: small crowds for a moment, and what it tells of them."""

import json
import subprocess
from pathlib import Path

RUN = Path(__file__).resolve().parents[2] / "bench" / "overload"
MOMENT = "--seconds 0.5 --warm 0.2 --settle 0.5 --rate 200 --big-mb 5 --flood 1".split()
SMALL = "--idle 50 --deaf 5 --half 3 --churn 50 --partitions 60".split()


def overload(folder, *arguments):
    command = [str(RUN), *MOMENT, *SMALL, "--data", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_every_crowd_is_measured_at_once(tmp_path):
    out = tmp_path / "out.json"
    done = overload(tmp_path / "data", "--only", "idle,all", "--json", str(out))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert list((tmp_path / "data").iterdir()) == [], "data were left behind"
    found = json.loads(out.read_text())["found"]
    assert set(found) == {"idle", "all"}
    for values in found.values():
        assert 0 < values["undisturbed"]["p50"] <= values["disturbed"]["p99"] * 1000
        assert values["read_again"] >= values["answered"] > 0
        assert 1e6 < values["peak_rss_bytes"] < 2e9 and values["budget_bytes"] == 512 << 20
        assert values["bytes_per_idle_connection"] >= 0
    assert set(found["all"]["crowds"]) == {"idle", "deaf", "half", "churn"}
    assert found["all"]["crowds"]["deaf"]["opened"] >= 5
    assert found["all"]["bytes_per_partition"] >= 0
    assert "all of these together" in done.stdout


def test_an_unknown_disturbance_is_refused(tmp_path):
    done = overload(tmp_path, "--only", "rain")
    assert done.returncode == 1 and "there is no rain" in done.stderr

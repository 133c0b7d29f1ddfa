"""What the report makes of runs that are made up here."""

import json

import generators
import pytest
import report
import workloads
from trial import Measurement

MACHINE = {
    "kernel": "Linux 6.1",
    "processors": "2 x a processor",
    "memory_gb": 25.3,
    "file_system": "ext4 on /dev/a",
    "load_before": 0.1,
    "measured": "2026-01-01T00:00:00+00:00",
}


def run_of(broker, repeat, workload="K1", baseline=None, **values):
    return Measurement(workload, broker, repeat, values, baseline=baseline or {})


def result_of(runs, **rest):
    return {
        "machine": MACHINE,
        "versions": {"Millrace": "0.1.0", "Kafka": "4.4.0"},
        "options": {},
        "titles": workloads.known_rows(),
        "runs": runs,
        "limits": {},
        "broken": [],
        "interrupted": False,
        **rest,
    }


def cells(text, *beginning):
    """The cells of the only table line whose first ones are these."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    found = [line for line in lines if tuple(line[: len(beginning)]) == beginning]
    assert len(found) == 1, f"{beginning}: {found}"
    return found[0]


TWO_EACH = [
    run_of("Millrace", 1, cpu_per_million=1.0, records_per_second=950.0),
    run_of("Kafka", 1, cpu_per_million=4.0, records_per_second=500.0),
    run_of("Kafka", 2, cpu_per_million=2.0, records_per_second=700.0),
    run_of("Millrace", 2, cpu_per_million=2.0, records_per_second=950.0),
]


def test_figures_and_ratios():
    text = report.to_text(result_of(TWO_EACH))
    kafka = cells(text, "K1: produce 100 B, linger 5 ms", "Kafka")
    ours = cells(text, "", "Millrace")
    assert kafka[2:5] == ["2", "600 [500–700]", "3 [2–4]"]
    assert ours[2:5] == ["2", "950 [950–950]", "1.50 [1–2]"]
    assert cells(text, "K1")[1] == "2 [1–4]"
    assert MACHINE["kernel"] in text and "Kafka: 4.4.0" in text


def test_the_generators_limit_is_told():
    near = report.to_text(result_of(TWO_EACH, limits={"K1": 1000.0}))
    assert near.count("(the generator's limit)") == 1
    assert "the generator reaches 1,000 records/s" in near
    assert "(the generator's limit)" not in report.to_text(result_of(TWO_EACH, limits={"K1": 2000.0}))


def test_a_ratio_takes_only_repeats_that_both_have():
    lone = run_of("Kafka", 3, cpu_per_million=1000.0)
    rows = report.Rows(workloads.known_rows(), [*TWO_EACH, lone])
    assert rows.ratio("K1", "cpu_per_million").median == 2.0
    assert rows.ratio("K1", "p99_ms") is None
    alone = [run for run in TWO_EACH if run.broker == "Millrace"]
    assert "divided by" not in report.to_text(result_of(alone))


def test_broken_runs_are_said_and_not_counted():
    broken = {"workload": "K2", "broker": "Kafka", "repeat": 1, "error": "it fell over"}
    text = report.to_text(result_of([], broken=[broken], interrupted=True))
    assert "BROKEN, not counted: K2, Kafka, run 1: it fell over" in text and "INTERRUPTED" in text
    assert "K2:" not in text


def test_notes():
    flush = {"p50": 0.5, "p99": 1.5, "p999": 2.5}
    runs = [
        run_of("Millrace", 1, "K5", {"in_place": flush, "appending": flush}, p50_ms=1.0, p99_ms=2.0, p999_ms=3.0),
        run_of("Kafka", 1, "K3", cached_share=0.25, other_cores=0.5),
    ]
    text = report.to_text(result_of(runs))
    assert "in place 0.50 / 1.50 / 2.50 ms; appending 0.50 / 1.50 / 2.50 ms" in text
    assert "1 / 2 / 3" in text
    assert "K3, Kafka: 25% of the data was in the page cache" in text
    assert "K3, Kafka, run 1: 0.5 cores went to neither" in text


def test_json_has_every_run():
    found = json.loads(json.dumps(report.to_json(result_of(TWO_EACH))))
    assert found["format"] == 1 and len(found["runs"]) == 4
    assert found["summary"]["K1"]["Kafka"]["cpu_per_million"] == {
        "median": 3.0,
        "least": 2.0,
        "most": 4.0,
        "count": 2,
    }
    assert found["ratios"]["K1"]["CPU"]["median"] == 2.0


def test_choosing():
    assert [(workload.name, rows) for workload, rows in workloads.chosen(["K3"])] == [("K2", {"K3"})]
    assert [workload.name for workload, _ in workloads.chosen(["K2d", "K1"])] == [
        "K1",
        "K2d-librdkafka-6",
        "K2d-librdkafka-256",
        "K2d-java-6",
        "K2d-java-256",
    ]
    assert len(workloads.chosen(None)) == len(workloads.ALL)
    with pytest.raises(ValueError, match="no workload K99"):
        workloads.chosen(["K99"])


GOOD = (
    "500 records sent, 250.5 records/sec (0.24 MB/sec), 1.0 ms avg latency, 9.00 ms max latency, "
    "1 ms 50th, 2 ms 95th, 3 ms 99th, 4 ms 99.9th.\n"
)


def test_what_the_java_client_says():
    client = generators.JavaClient.__new__(generators.JavaClient)
    load = client.read(GOOD, "", 500, 1024, 2.0)
    assert (load.records, load.value_bytes, load.client_cpu_seconds) == (500, 512_000, 2.0)
    assert load.rate == pytest.approx(250.5)
    assert load.acknowledged_ms == {"p50": 1.0, "p99": 3.0, "p999": 4.0}
    for out, errors in ((GOOD, "org.apache.kafka.common.errors.TimeoutException: x"), ("", "")):
        with pytest.raises(generators.Failed):
            client.read(out, errors, 500, 1024, 2.0)
    with pytest.raises(generators.Failed):
        client.read(GOOD, "", 501, 1024, 2.0)

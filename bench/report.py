"""The report: a table for people, and the same and every single run as JSON."""

import dataclasses
import statistics

from arithmetic import ratio_spread, spread, text_of

OURS, PEER = "Millrace", "Kafka"
LIMIT_NEAR = 0.9  # of the generator's own limit: then it is that limit which was measured
BUSY_CORES = 0.3  # used by others than broker and generator: worth a word

# column of the table -> the value it shows
COLUMNS = {
    "records/s": "records_per_second",
    "CPU s per million": "cpu_per_million",
    "CPU s per GB": "cpu_per_gb",
    "peak RSS MB": "peak_rss_mb",
    "ready s": "ready_s",
}
LATENCIES = ("p50_ms", "p99_ms", "p999_ms")
OTHERS = {  # shown in the last column, where a row has them
    "rss_mb": "RSS {} MB",
    "kb_per_connection": "{} KB a connection",
    "disk_mb": "{} MB on disk",
    "open_files": "{} files open",
    "cpu_s": "{} CPU s",
}
RATIOS = {  # Kafka's divided by ours
    "CPU": "cpu_per_million",
    "p50": "p50_ms",
    "p99": "p99_ms",
    "p99.9": "p999_ms",
    "peak RSS": "peak_rss_mb",
    "RSS": "rss_mb",
    "ready": "ready_s",
}


class Rows:
    """The runs by row and broker."""

    def __init__(self, titles, runs):
        self.titles = {
            name: title for name, title in titles.items() if any(run.workload == name for run in runs)
        }
        self.runs = runs

    def of(self, workload, broker):
        return [run for run in self.runs if run.workload == workload and run.broker == broker]

    def values(self, workload, broker, key):
        """One a run, in the order of the repeats; None where a run has no such value."""
        runs = sorted(self.of(workload, broker), key=lambda run: run.repeat)
        return [run.values.get(key) for run in runs]

    def spread(self, workload, broker, key):
        return spread(self.values(workload, broker, key))

    def ratio(self, workload, key):
        """Of the repeats that both brokers have."""
        both = [{run.repeat: run for run in self.of(workload, name)} for name in (PEER, OURS)]
        common = sorted(both[0].keys() & both[1].keys())
        sides = [[side[repeat].values.get(key) for repeat in common] for side in both]
        if any(value is None for side in sides for value in side):
            return None
        return ratio_spread(*sides)


def table(head, lines):
    """Markdown that is aligned for a terminal too."""
    cells = [head, *lines]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    rows = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |" for row in cells]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])


def figures(rows, limits):
    head = ["workload", "broker", "n", *COLUMNS, "p50 / p99 / p99.9 ms", "beside"]
    lines = []
    for name, title in rows.titles.items():
        said = f"{name}: {title}"
        for broker in (PEER, OURS):
            runs = rows.of(name, broker)
            if not runs:
                continue
            line = [said, broker, str(len(runs))]
            said = ""
            for key in COLUMNS.values():
                text = text_of(rows.spread(name, broker, key))
                if key == "records_per_second" and at_limit(rows, name, broker, limits):
                    text += " (the generator's limit)"
                line.append(text)
            latency = [text_of(rows.spread(name, broker, key)) for key in LATENCIES]
            line.append(" / ".join(latency) if any(latency) else "")
            beside = [
                form.format(text_of(rows.spread(name, broker, key)))
                for key, form in OTHERS.items()
                if rows.spread(name, broker, key)
            ]
            line.append(", ".join(beside))
            lines.append(line)
    return table(head, lines)


def at_limit(rows, name, broker, limits):
    rate = rows.spread(name, broker, "records_per_second")
    limit = limits.get(name)
    return bool(rate and limit and rate.median >= LIMIT_NEAR * limit)


def ratios(rows):
    """None when only one broker was run."""
    lines = []
    for name in rows.titles:
        found = [text_of(rows.ratio(name, key)) for key in RATIOS.values()]
        if any(found):
            lines.append([name, *found])
    return table(["workload", *RATIOS], lines) if lines else None


def baseline_notes(rows):
    notes = []
    for name in rows.titles:
        for broker in (PEER, OURS):
            taken = [run.baseline for run in rows.of(name, broker) if run.baseline]
            if not taken:
                continue
            told = []
            for way, words in (("in_place", "in place"), ("appending", "appending")):
                middle = [
                    statistics.median(one[way][key] for one in taken) for key in ("p50", "p99", "p999")
                ]
                told.append(f"{words} {' / '.join(f'{value:.2f}' for value in middle)} ms")
            notes.append(
                f"{name}, {broker}: a write of 1 KB with fdatasync took, right before each run, "
                f"{'; '.join(told)} (p50 / p99 / p99.9, medians)"
            )
    return notes


def cache_notes(rows):
    notes = []
    for name in rows.titles:
        for broker in (PEER, OURS):
            share = rows.spread(name, broker, "cached_share")
            if share:
                notes.append(
                    f"{name}, {broker}: {share.median:.0%} of the data was in the page cache when it was read"
                )
    return notes


def disturbance_notes(rows):
    notes = []
    for run in rows.runs:
        others = run.values.get("other_cores", 0) + run.values.get("stolen_cores", 0)
        if others > BUSY_CORES:
            notes.append(
                f"{run.workload}, {run.broker}, run {run.repeat}: {others:.1f} cores went to neither the "
                "broker nor the generator"
            )
    return notes


def limit_notes(limits):
    return [
        f"{name}: against a server that does nothing the generator reaches {rate:,.0f} records/s"
        for name, rate in limits.items()
    ]


def to_text(result):
    """The whole report. `result` is what to_json takes too."""
    rows = Rows(result["titles"], result["runs"])
    parts = []
    machine = result["machine"]
    parts.append(
        f"{machine['measured']}; {machine['kernel']}; {machine['processors']}; "
        f"{machine['memory_gb']} GB; {machine['file_system']}; load before {machine['load_before']}"
    )
    parts.append("; ".join(f"{name}: {version}" for name, version in result["versions"].items()))
    if result["runs"]:
        parts.append(figures(rows, result["limits"]))
    if told := ratios(rows):
        parts.append(f"{PEER} divided by {OURS}, median [least–most of the repeats]:\n\n{told}")
    notes = [
        *limit_notes(result["limits"]),
        *baseline_notes(rows),
        *cache_notes(rows),
        *disturbance_notes(rows),
    ]
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    for broken in result["broken"]:
        parts.append(
            f"BROKEN, not counted: {broken['workload']}, {broken['broker']}, run {broken['repeat']}: "
            f"{broken['error']}"
        )
    if result["interrupted"]:
        parts.append("INTERRUPTED: what was finished before stands above.")
    return "\n\n".join(parts) + "\n"


def summary(rows):
    """row -> broker -> value -> median, least, most, count."""
    told = {}
    for name in rows.titles:
        told[name] = {}
        for broker in (PEER, OURS):
            runs = rows.of(name, broker)
            keys = dict.fromkeys(key for run in runs for key in run.values)
            found = {key: rows.spread(name, broker, key) for key in keys}
            if runs:
                told[name][broker] = {
                    key: dataclasses.asdict(value) for key, value in found.items() if value
                }
    return told


def to_json(result):
    rows = Rows(result["titles"], result["runs"])
    pairs = {
        name: {
            label: dataclasses.asdict(found)
            for label, key in RATIOS.items()
            if (found := rows.ratio(name, key))
        }
        for name in rows.titles
    }
    return {
        **result,
        "format": 1,
        "runs": [dataclasses.asdict(run) for run in result["runs"]],
        "summary": summary(rows),
        "ratios": {name: found for name, found in pairs.items() if found},
    }

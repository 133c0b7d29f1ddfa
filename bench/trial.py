"""One broker under one workload: what the workload may use, and how a figure is taken.

A trial lives as long as its broker's process. `measured` runs a load and says what it cost: the
broker's CPU from /proc right before and right after, its peak memory since its start, and how busy the
machine was with anything else.
"""

import os
import time
from dataclasses import dataclass, field

import arithmetic
import disk
import process
from brokers import await_answers


@dataclass
class Measurement:
    """One row of one run. `values` is what the report is made of, `load` all that the generator said."""

    workload: str
    broker: str
    repeat: int
    values: dict
    notes: list = field(default_factory=list)
    load: dict = field(default_factory=dict)
    baseline: dict = field(default_factory=dict)


class Trial:
    def __init__(self, bench, broker, repeat):
        self.bench = bench
        self.options = bench.options
        self.broker = broker
        self.repeat = repeat

    @property
    def address(self):
        return self.broker.address

    def row(self, workload, values, **rest):
        return Measurement(workload, self.broker.title, self.repeat, values, **rest)

    def measured(self, workload, load, latencies=False):
        """Runs load() and gives its row."""
        os.sync()  # what came before is not to be written during the run
        pid = self.broker.pid
        flush = disk.baseline(self.bench.folder, self.options.baseline) if latencies else {}
        busy, stolen = process.machine_seconds()
        cpu, begun = process.cpu_seconds(pid), time.monotonic()
        found = load()
        cpu, took = process.cpu_seconds(pid) - cpu, time.monotonic() - begun
        busy_after, stolen_after = process.machine_seconds()
        self.broker.assert_alive()
        if found.records <= 0:
            raise RuntimeError("the load moved no record")
        others = busy_after - busy - cpu - found.client_cpu_seconds
        values = {
            "records_per_second": found.rate,
            "cpu_per_million": arithmetic.per_million(cpu, found.sent),
            "cpu_per_gb": arithmetic.per_gigabyte(
                cpu, found.value_bytes / found.records * found.sent
            ),
            "peak_rss_mb": process.memory_bytes(pid, "VmHWM") / 1e6,
            "broker_cores": cpu / took,
            "client_cores": found.client_cpu_seconds / took,
            "other_cores": max(0.0, others) / took,
            "stolen_cores": (stolen_after - stolen) / took,
        }
        if latencies:
            percentiles = found.seen_ms or found.acknowledged_ms
            values.update({f"{name}_ms": value for name, value in percentiles.items()})
        return self.row(workload, values, load=vars(found), baseline=flush)

    def restarted_after_kill(self):
        """kill -9 and a start on the same data: (seconds until ready, share of the data in the page cache)."""
        self.broker.kill()
        cached = self.cache_share()
        self.broker.launch()
        return await_answers(self.broker), cached

    def cache_share(self):
        """How much of the data the page cache holds, after --cold has emptied it."""
        if self.options.cold:
            process.drop_page_cache()
        return process.cached_share(self.broker.data_dir)

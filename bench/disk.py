"""The baseline of latencies: one write and one fdatasync, on the file system of the brokers' data.

A broker that answers after the flush cannot be quicker than this; it is taken in the minute of each
run, because a shared disk has good and bad ones.
"""

import os
import time
from pathlib import Path

from arithmetic import percentile

BYTES = 1024
FILE_BYTES = 16 << 20


def write_and_flush(file, seconds, file_bytes):
    """The milliseconds that each write of 1 KB with its flush took, from the file's start round and round."""
    data = os.urandom(BYTES)
    took, at = [], 0
    end = time.monotonic() + seconds
    while not took or time.monotonic() < end:
        begun = time.perf_counter()
        os.pwrite(file, data, at)
        os.fdatasync(file)
        took.append((time.perf_counter() - begun) * 1e3)
        at = (at + BYTES) % file_bytes
    return took


def told(took):
    return {
        "flushes": len(took),
        **{
            name: round(percentile(took, share), 3)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
        },
    }


def baseline(folder, seconds):
    """{"in_place": ..., "appending": ...} with p50, p99, p999 in ms. `in_place` writes over bytes that
    are there and flushed, as a journal does that uses its files again; `appending` makes the file
    longer with each write, which the file system has to note too."""
    path = Path(folder) / "fdatasync-baseline"
    found = {}
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.pwrite(file, bytes(FILE_BYTES), 0)
            os.fsync(file)
            found["in_place"] = told(write_and_flush(file, seconds / 2, FILE_BYTES))
            os.ftruncate(file, 0)
            os.fsync(file)
            found["appending"] = told(write_and_flush(file, seconds / 2, 1 << 40))
        finally:
            os.close(file)
    finally:
        path.unlink(missing_ok=True)
    return found

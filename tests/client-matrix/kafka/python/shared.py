"""What both Python programs share: the records of the scenarios, the command line, waiting."""

import argparse
import time

FIRST_TIME = 1_700_000_000_000
KEPT = {"retention.ms": "-1"}  # of the topics: however old their timestamps are
PARTITIONS = 6
PER_PARTITION = 10


def codec_records():
    """(partition, timestamp, key, value, headers) of the codec scenarios."""
    for i in range(100):
        key = None if i % 10 == 3 else f"key-{i}"
        value = None if i % 10 == 7 else f"value-{i}-" + "abcdefgh" * 20
        headers = [("n", b"%d" % i), ("n", b"again"), ("empty", b"")]
        yield i % 2, FIRST_TIME + 1000 * i, encoded(key), encoded(value), headers


def filling(count):
    """(partition, timestamp, key, value, headers): value-0, value-1, ... a second apart."""
    for i in range(count):
        yield 0, FIRST_TIME + 1000 * i, None, b"value-%d" % i, []


def labelled(label):
    """(partition, timestamp, key, value, headers) of a phase of the group scenarios."""
    for partition in range(PARTITIONS):
        for i in range(PER_PARTITION):
            yield partition, None, None, f"{label}-{partition}-{i}".encode(), []


def encoded(text):
    return None if text is None else text.encode()


def decoded(data):
    return None if data is None else data.decode()


def described(record):
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": decoded(record.key),
        "value": decoded(record.value),
        "headers": [[name, decoded(value)] for name, value in record.headers],
    }


class Deadline:
    def __init__(self, what, seconds=40):
        self.what = what
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def check(self):
        if time.monotonic() > self.end:
            raise AssertionError(f"waited {self.seconds} s in vain for: {self.what}")


def command_line():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--name", required=True, help="of the topic and the group")
    arguments = parser.parse_args()
    scenario, _, arguments.variant = arguments.scenario.partition(":")
    arguments.function = scenario.replace("-", "_")
    return arguments

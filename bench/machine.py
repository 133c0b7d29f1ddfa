"""What the figures were measured on, and with which versions."""

import datetime
import os
import re
import shutil
import subprocess
from pathlib import Path

import places


def first_line(command):
    """The first line that a command prints, whichever way; None when there is no such command."""
    if shutil.which(str(command[0])) is None:
        return None
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else None


def processors():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", text)
    return f"{len(os.sched_getaffinity(0))} x {model[1] if model else os.uname().machine}"


def memory_gigabytes():
    total = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return round(int(total[1]) * 1024 / 1e9, 1)


def file_system(folder):
    """Kind and device of the file system that holds the folder."""
    best, told = -1, "unknown"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, rest = line.partition(" - ")
        point = mount.split()[4]
        kind, device = rest.split()[:2]
        inside = os.path.commonpath([point, str(Path(folder).resolve())]) == point
        if inside and len(point) > best:
            best, told = len(point), f"{kind} on {device}"
    return told


def describe(folder):
    """The machine, for the report."""
    return {
        "kernel": f"{os.uname().sysname} {os.uname().release}",
        "processors": processors(),
        "memory_gb": memory_gigabytes(),
        "file_system": file_system(folder),
        "load_before": round(os.getloadavg()[0], 2),
        "measured": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def jar_version(folder, name):
    found = [re.fullmatch(re.escape(name) + r"-(\d[\w.]*)\.jar", jar.name) for jar in folder.iterdir()]
    return next((match[1] for match in found if match), None)


def millrace_version(binary):
    commit = first_line(["git", "-C", places.ROOT, "describe", "--always", "--dirty"])
    return f"{first_line([binary, '--version'])} (the checkout is at {commit})"


def versions(binary, peer_jars, generators):
    """Of both brokers and of every client that is used."""
    told = {"Millrace": millrace_version(binary), "millrace perf": "the same program"}
    if peer_jars:
        told["Kafka"] = jar_version(peer_jars, "kafka_2.13")
    if "Java client" in generators:
        told["Java client"] = jar_version(generators["Java client"].jars, "kafka-clients")
    if peer_jars or "Java client" in generators:
        told["Java"] = first_line(["java", "-version"])
    if "librdkafka" in generators:
        program = "import confluent_kafka as c; print(c.libversion()[0], 'in confluent-kafka', c.version())"
        told["librdkafka"] = first_line([generators["librdkafka"].python, "-c", program])
    return told

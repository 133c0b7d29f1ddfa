"""Reads what strace wrote and finds answers that went out before their data was on the disk.

    broker = make_broker(wrapper=strace_to(path))      # every write, send and flush of the broker
    calls = read(path)
    problems = early_answers(calls, data_dir, [Probe(marker, correlation, flushed=True)])

The order of the lines is the order of events: a call begins where strace saw its entry and ends where
it saw its return, also when other threads ran in between ("<unfinished ...>", "resumed>").
"""

import re
import struct
from dataclasses import dataclass

SENDS = {"sendmsg", "sendto", "write", "writev", "sendmmsg"}
WRITES = {"pwritev", "pwrite64", "pwritev2", "write", "writev"}
FLUSHES = {"fdatasync", "fsync"}
TRACED = SENDS | WRITES | FLUSHES

LINE = re.compile(r"^(\d+)\s+\d+\.\d+\s+(.*)$")
CALL = re.compile(r"^(\w+)\((.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
UNFINISHED = "<unfinished ...>"
RESULT = re.compile(r"\)\s+= (-?\d+)")
FILE = re.compile(r"^\d+<(.*?)>(?=[,) ])")
QUOTED = re.compile(r'"([^"]*)"')  # with -xx there are no quotes inside
SHOWN_BYTES = 16384  # of each buffer: markers stand near the beginning, zeroed files are long


def strace_to(path):
    """The command in front of the broker's. With -D the process we start is the broker itself."""
    return [
        "strace",
        "-D",
        "-f",
        "-ttt",
        "-yy",
        "-xx",
        "-s",
        str(SHOWN_BYTES),
        "--seccomp-bpf",
        "-e",
        "trace=" + ",".join(sorted(TRACED)),
        "-e",
        "signal=none",
        "-o",
        str(path),
    ]


@dataclass
class Call:
    name: str
    begin: int
    end: int
    target: str  # the path of the file, or "TCP:[...]"
    data: bytes
    result: int


@dataclass
class Probe:
    marker: bytes  # occurs in the data of this request and nowhere else
    correlation: int  # of its answer; occurs in no other answer
    flushed: bool = True  # must the data have been flushed before the answer?


def complete(path, pid):
    """True once strace has written its last line: the end of the first thread, which ends last."""
    with open(path, "rb") as trace:
        trace.seek(max(0, path.stat().st_size - 500))
        return (
            re.search(rb"^%d .*\+\+\+ (exited|killed).*\n\Z" % pid, trace.read(), re.M) is not None
        )


def read(path):
    with open(path, encoding="latin-1") as trace:
        return parse(trace)


def parse(lines):
    calls, open_calls = [], {}
    for number, line in enumerate(lines):
        matched = LINE.match(line)
        if not matched:
            continue
        thread, text = matched.groups()
        if started := CALL.match(text):
            name, arguments = started.groups()
            if UNFINISHED in arguments:
                open_calls[thread] = (name, number, arguments.split(UNFINISHED)[0])
                continue
            calls.append(call(name, number, number, arguments))
        elif resumed := RESUMED.match(text):
            name, begin, arguments = open_calls.pop(thread)
            assert name == resumed.group(1)
            calls.append(call(name, begin, number, arguments + resumed.group(2)))
    return calls


def call(name, begin, end, arguments):
    file, result = FILE.match(arguments), RESULT.search(arguments)
    data = b"".join(
        unescape(text) for text in QUOTED.findall(arguments[file.end() :] if file else arguments)
    )
    return Call(
        name,
        begin,
        end,
        path_of(file.group(1)) if file else "",
        data,
        int(result.group(1)) if result else -1,
    )


def path_of(text):
    return unescape(text).decode("latin-1")


def unescape(text):
    """strace -xx prints every string as \\x00\\x01...; what is printed otherwise is no string."""
    if text.startswith("\\x"):
        return bytes.fromhex(text.replace("\\x", ""))
    return text.encode("latin-1")


def early_answers(calls, data_dir, probes):
    """Sentences about probes whose answer began before their data was written (and flushed)."""
    stored = [
        c for c in calls if c.name in WRITES and c.target.startswith(str(data_dir)) and c.result > 0
    ]
    sent = [c for c in calls if c.name in SENDS and c.target.startswith(("TCP", "socket:"))]
    flushes = [c for c in calls if c.name in FLUSHES and c.result == 0]
    problems = []
    for probe in probes:
        pattern = struct.pack(">i", probe.correlation)
        answers = [c for c in sent if pattern in c.data]
        writes = [c for c in stored if probe.marker in c.data]
        if len(answers) != 1 or not writes:
            problems.append(
                f"{probe.marker!r}: {len(answers)} answers and {len(writes)} writes in the trace"
            )
            continue
        before = [c for c in writes if c.end < answers[0].begin]
        if not before:
            problems.append(
                f"{probe.marker!r}: answered in line {answers[0].begin}, written in {writes[0].begin}"
            )
        elif probe.flushed and not any(
            covers(flush, write, answers[0]) for flush in flushes for write in before
        ):
            problems.append(
                f"{probe.marker!r}: answered in line {answers[0].begin} before the flush of {before[0].target}"
            )
    return problems


def covers(flush, write, answer):
    return flush.target == write.target and write.end < flush.begin and flush.end < answer.begin

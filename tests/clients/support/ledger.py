"""Checks what a topic holds against what producers were told.

    problems = check(name, mode, partition, answers, sent, stored, refused=False)

`answers` is {number: offset} of what was answered, `sent` how many were produced, `stored` the
[(offset, value)] of this producer in the partition. `refused`: the broker answered with errors, after which
librdkafka keeps the order of its retries only where it is idempotent (its CONFIGURATION.md, "retries").
Returns sentences; an empty list is what we want.
"""

from support.load import payload

SHOWN = 5


def check(name, mode, partition, answers, sent, stored, refused=False):
    problems = []
    at_offset = dict(stored)
    numbers = []
    for offset, value in stored:
        number = int(value.split(b" ")[2])
        numbers.append(number)
        if number >= sent or value != payload(name, partition, number):
            problems.append(f"invented: {value[:60]!r} at {offset}")
    for number, offset in answers.items():
        if offset not in at_offset:
            problems.append(f"lost: record {number}, answered with offset {offset}")
        elif at_offset[offset] != payload(name, partition, number):
            problems.append(
                f"moved: record {number}, answered with offset {offset}, where {at_offset[offset][:60]!r} is"
            )
    first_seen = list(dict.fromkeys(numbers))
    if first_seen != sorted(first_seen) and (mode == "idempotent" or not refused):
        later = next(n for n, then in zip(first_seen, first_seen[1:]) if then < n)
        problems.append(f"out of order: {later} came too early")
    if mode == "idempotent" and numbers != list(range(sent)):
        repeats = (
            sorted({number for number in numbers if numbers.count(number) > 1})
            if len(numbers) < 5000
            else []
        )
        gaps = sorted(set(range(sent)) - set(numbers))
        problems.append(
            f"not once each: {len(numbers)} stored of {sent}, gaps {gaps[:SHOWN]}, repeats {repeats[:SHOWN]}"
        )
    head = f"{name} ({mode}), partition {partition}: "
    more = len(problems) - SHOWN
    return [head + problem for problem in problems[:SHOWN]] + (
        [head + f"and {more} more"] if more > 0 else []
    )

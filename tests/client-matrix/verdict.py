"""What the checks of all protocols are made of, and what tests the checks themselves.

`accepted_changes` changes every single value of a result: a check that accepts one of these looks at
too little.
"""

from dataclasses import dataclass


@dataclass
class Cell:
    """What the checks may know besides the result."""

    client: str
    variant: str  # what follows the colon of the scenario's name
    name: str  # the cell's own: of topics and groups, of queues and exchanges
    address: str  # of the broker
    node: int | None = None  # its id, where the protocol has one


def same(found, expected, what):
    alike = type(found) is type(expected) and found == expected
    assert alike, f"{what}: {found!r}, not {expected!r}"


def changes(value):
    """Copies of the value with one thing in it different."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: changed} for changed in changes(inner))
            yield {name: kept for name, kept in value.items() if name != key}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for changed in changes(inner):
                yield value[:index] + [changed] + value[index + 1 :]
        yield value[:-1] if value else ["x"]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    else:
        yield "x" if value is None else value + "x"


def check(checks, scenario, cell, result):
    """What the module `checks` has as check_SCENARIO, without the variant."""
    getattr(checks, "check_" + scenario.split(":")[0].replace("-", "_"))(cell, result)


def accepted_changes(checks, scenario, cell, result):
    """Changed results that the check accepts although it should not."""
    found = []
    for changed in changes(result):
        try:
            check(checks, scenario, cell, changed)
        except (AssertionError, LookupError, TypeError, ValueError):
            continue
        found.append(changed)
    return found

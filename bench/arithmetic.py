"""The arithmetic of the report: medians, spreads, ratios, units."""

import math
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What several runs gave."""

    median: float
    least: float
    most: float
    count: int


def spread(values):
    """None when there is nothing to tell."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known), len(known))


def ratio(peer, ours):
    """How many times ours the peer's is; None where one of them is not known or nothing."""
    if peer is None or ours is None or ours <= 0 or peer <= 0:
        return None
    return peer / ours


def ratio_spread(peer_values, our_values):
    """The ratio of the medians, with the least and the most that the runs allow when the first of
    ours is set beside the first of the peer's and so on; None when one side is missing."""
    peer, ours = spread(peer_values), spread(our_values)
    if peer is None or ours is None:
        return None
    of_medians = ratio(peer.median, ours.median)
    pairs = spread(
        [ratio(one, other) for one, other in zip(peer_values, our_values) if one and other]
    )
    if of_medians is None or pairs is None:
        return None
    return Spread(
        of_medians, min(pairs.least, of_medians), max(pairs.most, of_medians), pairs.count
    )


def per_million(cpu_seconds, records):
    return cpu_seconds / records * 1e6 if records else None


def per_gigabyte(cpu_seconds, value_bytes):
    """10^9 bytes of values."""
    return cpu_seconds / value_bytes * 1e9 if value_bytes else None


def percentile(values, share):
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def significant(value, digits=3):
    """A number for people: three digits that count, and no exponent."""
    if value is None:
        return ""
    if abs(value) >= 10 ** (digits - 1) or value == int(value):
        return f"{value:,.0f}"
    decimals = digits - 1
    size = abs(value)
    while size < 1 and decimals < 6:
        size *= 10
        decimals += 1
    while size >= 10:
        size /= 10
        decimals -= 1
    return f"{value:.{decimals}f}"


def text_of(values, digits=3):
    """median [least–most]; the median alone of a single run."""
    if values is None:
        return ""
    middle = significant(values.median, digits)
    if values.count < 2:
        return middle
    return f"{middle} [{significant(values.least, digits)}–{significant(values.most, digits)}]"

"""The arithmetic behind the report, by numbers that can be checked by hand."""

import pytest

import arithmetic
from arithmetic import Spread


def test_spread():
    assert arithmetic.spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)
    assert arithmetic.spread([4.0, None, 1.0]) == Spread(2.5, 1.0, 4.0, 2)
    assert arithmetic.spread([None]) is None and arithmetic.spread([]) is None


def test_ratio():
    assert arithmetic.ratio(6.0, 2.0) == 3.0
    for peer, ours in ((None, 1), (1, None), (1, 0), (0, 1)):
        assert arithmetic.ratio(peer, ours) is None


def test_the_ratio_of_medians_with_the_extremes_of_the_pairs():
    # Medians 6 and 2; the pairs give 4/4 = 1, 6/2 = 3, 8/1 = 8.
    assert arithmetic.ratio_spread([4, 6, 8], [4, 2, 1]) == Spread(3.0, 1.0, 8.0, 3)
    # The ratio of the medians may lie outside of what the pairs give: then it is an extreme itself.
    found = arithmetic.ratio_spread([1, 1, 10], [10, 10, 1])
    assert (found.median, found.least, found.most) == (0.1, 0.1, 10.0)
    assert arithmetic.ratio_spread([], [1.0]) is None
    assert arithmetic.ratio_spread([1.0], [0.0]) is None


def test_cpu_of_a_million_and_of_a_gigabyte():
    assert arithmetic.per_million(3.0, 2_000_000) == 1.5
    assert arithmetic.per_gigabyte(3.0, 2_000_000_000) == 1.5
    assert arithmetic.per_million(3.0, 0) is None and arithmetic.per_gigabyte(3.0, 0) is None


@pytest.mark.parametrize("share, expected", [(0.5, 5), (0.99, 10), (0.1, 1), (0.11, 2), (1.0, 10)])
def test_percentile(share, expected):
    assert arithmetic.percentile([7, 3, 1, 9, 5, 2, 8, 10, 4, 6], share) == expected


def test_percentile_of_nothing():
    with pytest.raises(ValueError):
        arithmetic.percentile([], 0.5)


@pytest.mark.parametrize(
    "value, text",
    [
        (1253350.4, "1,253,350"),
        (148.2, "148"),
        (99.94, "99.9"),
        (4.056, "4.06"),
        (0.14449, "0.144"),
        (0.0151, "0.0151"),
        (0.00002, "0.000020"),
        (15.0, "15"),
        (0, "0"),
        (None, ""),
    ],
)
def test_significant(value, text):
    assert arithmetic.significant(value) == text


def test_text_of_a_spread():
    assert arithmetic.text_of(Spread(2.0, 1.0, 4.25, 3)) == "2 [1–4.25]"
    assert arithmetic.text_of(Spread(2.5, 2.5, 2.5, 1)) == "2.50"
    assert arithmetic.text_of(None) == ""

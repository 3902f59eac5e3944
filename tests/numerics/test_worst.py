"""Statistics over samples keep what the worst sample does."""

from __future__ import annotations

import functools
import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.numerics.record import Figures
from trtflow.numerics.statistics import compare
from trtflow.numerics.worst import OverSamples

INF, NAN = math.inf, math.nan
ONES = [1.0] * 10
FAULTS = {
    "exact": ONES,
    "a bit off": [1.01] * 10,
    "one off": [1.2, *ONES[1:]],
    "many off": [1.2] * 3 + ONES[3:],
    "one lost": [INF, *ONES[1:]],
    "two lost": [INF, NAN, *ONES[2:]],
}


def over(*candidates: list[float]) -> Figures:
    """The figures over a sample for each candidate, the reference being ones (NaN where the candidate is empty)."""
    pairs = [(np.float32(c or [NAN]), np.float32([1.0] * len(c) or [NAN])) for c in candidates]
    found = [OverSamples.of(index, compare(reference, actual)) for index, (actual, reference) in enumerate(pairs)]
    return functools.reduce(operator.add, found).figures()


@pytest.mark.parametrize(
    ("names", "sample", "sqnr", "share"),
    [
        (["exact", "exact"], 0, INF, 0.0),
        (["exact", "a bit off", "exact"], 1, 40.0, 0.0),
        (["one off", "many off"], 1, 10 * math.log10(10 / 0.12), 0.3),
        (["many off", "one lost"], 1, -INF, 0.3),  # what is lost is worse; most differs in another
        (["one lost", "two lost", "two lost"], 1, -INF, 0.2),
    ],
)
def test_the_lowest_sqnr_names_the_sample_and_the_largest_share_is_kept(
    names: list[str], sample: int, sqnr: float, share: float
) -> None:
    found = over(*(FAULTS[name] for name in names))
    assert (found.worst_sample, found.worst_differing_share) == (sample, pytest.approx(share))
    assert found.worst_sqnr_db == pytest.approx(sqnr, abs=1e-3)


def test_one_broken_sample_among_twelve_does_not_hide() -> None:
    found = over(*[ONES] * 8, [0.5] * 10, *[ONES] * 3)
    assert found.differing_share < 0.1
    assert (found.worst_sample, found.worst_differing_share) == (8, 1.0)


def test_a_sample_of_which_nothing_was_compared_is_never_the_worst() -> None:
    assert over([], ONES, FAULTS["a bit off"]).worst_sample == 2


@given(names=st.lists(st.sampled_from(list(FAULTS)), min_size=1, max_size=6))
def test_what_all_samples_have_is_as_if_they_had_been_one(names: list[str]) -> None:
    found = over(*(FAULTS[name] for name in names))
    whole = compare(np.ones(10 * len(names), np.float32), np.float32([v for name in names for v in FAULTS[name]]))
    assert (found.count, found.differing, found.mismatched) == (
        whole.count,
        whole.differing,
        whole.energy.mismatched,
    )
    assert found.worst_sqnr_db <= found.sqnr_db or found.sqnr_db == pytest.approx(found.worst_sqnr_db)
    assert found.worst_differing_share >= found.differing_share - 1e-12

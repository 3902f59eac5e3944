"""What a margin is at least: by the spread among samples, and by their number where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.numerics import confidence
from trtflow.numerics.confidence import GROUPS, Confidence, jackknife, rule_of_three, subsets


def student(t: float, freedom: int) -> float:
    """P(T ≤ t), by adding up the density from 0 on."""
    x, step = np.linspace(0, t, 200_001, retstep=True)
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    density = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    return 0.5 + float(step * (density.sum() - (density[0] + density[-1]) / 2))


@pytest.mark.parametrize("freedom", range(1, GROUPS))
def test_the_quantiles_are_students(freedom: int) -> None:
    assert student(confidence._T[freedom - 1], freedom) == pytest.approx(0.95, abs=6e-5)


def over_subsets(values: Sequence[float]) -> Confidence:
    """The confidence in a mean."""
    others = [float(np.mean([values[place] for place in places])) for places in subsets(len(values))]
    return jackknife(float(np.mean(values)), others, len(values))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=GROUPS))
def test_of_a_mean_it_is_students_bound(values: list[float]) -> None:
    error = np.std(values, ddof=1) / math.sqrt(len(values))
    expected = float(np.mean(values) - confidence._T[len(values) - 2] * error)
    assert over_subsets(values).bound == pytest.approx(expected, abs=1e-6)


def test_the_truth_lies_above_the_bound_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(3)
    below = sum(over_subsets(rng.normal(1, 1, 50).tolist()).bound <= 1 for _ in range(400))
    assert 0.92 < below / 400 < 0.98


@given(st.integers(2, 100))
def test_each_sample_is_left_out_once(count: int) -> None:
    left_out = [set(range(count)) - set(places) for places in subsets(count)]
    assert sorted(place for group in left_out for place in group) == list(range(count))
    assert len(left_out) == min(count, GROUPS)
    assert max(map(len, left_out)) - min(map(len, left_out)) <= 1


def test_one_sample_tells_nothing() -> None:
    assert subsets(1) == ()
    assert jackknife(0.5, (), 1) == Confidence(0.5, -math.inf)


@pytest.mark.parametrize(
    ("margin", "others", "bound"),
    [
        (math.inf, (math.inf, math.inf), math.inf),
        (0.5, (0.5, 0.5, 0.5), 0.5),
        (0.5, (0.5, math.inf), -math.inf),
        (math.inf, (0.5, 0.7), -math.inf),
        (0.5, (math.nan, 0.5), -math.inf),
        (-math.inf, (-math.inf, 0.5), -math.inf),
        (math.nan, (math.nan, math.nan), -math.inf),
    ],
)
def test_what_does_not_vary_is_sure_and_what_is_not_finite_is_not(
    margin: float, others: tuple[float, ...], bound: float
) -> None:
    assert jackknife(margin, others, len(others)).bound == bound


@pytest.mark.parametrize(
    ("margin", "count", "unit", "bound", "needed"),
    [(0.1, 10, 1.0, -0.2, 30), (0.5, 30, 0.2, 0.0, 30), (0.0, 10, 1.0, -0.3, None), (0.01, 8, 1.0, -0.365, 300)],
)
def test_where_none_differs_three_in_n_may(
    margin: float, count: int, unit: float, bound: float, needed: int | None
) -> None:
    found = rule_of_three(margin, count, unit)
    assert (found.bound, found.needed) == (pytest.approx(bound), needed)


@pytest.mark.parametrize(("shift", "least", "most"), [(1.0, 3, 12), (0.2, 60, 110), (0.02, 5000, 11000)])
def test_as_many_as_are_needed_decide(shift: float, least: int, most: int) -> None:
    values = np.random.default_rng(5).normal(0, 1, 12)
    needed = over_subsets((values - values.mean() + shift).tolist()).needed
    assert needed is not None
    assert least <= needed <= most


def test_no_number_of_samples_shows_what_is_not_so() -> None:
    assert over_subsets([1.0, -1.0]).needed is None
    assert over_subsets([1.0, -2.0]).needed is None


@pytest.mark.parametrize(
    ("number", "rounded"), [(3.2, 4), (10, 10), (41.2, 42), (99.5, 100), (101, 110), (12345, 13000)]
)
def test_numbers_of_samples_are_rounded_up_to_two_digits(number: float, rounded: int) -> None:
    assert confidence._two_digits(number) == rounded

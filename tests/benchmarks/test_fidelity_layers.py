"""Ranks, ratios and non-finite layers of two sides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fidelity_layers import Pair, agreement, error, finite, ranks, spearman
from hypothesis import given
from hypothesis import strategies as st

from trtflow.numerics.record import Figures

VALUES = st.lists(st.integers(-5, 5), min_size=3, max_size=30)


def pair(node: str, emulated: float, real: float, op: str = "Conv") -> Pair:
    return Pair(node, op, emulated, real, emulated < math.inf, real < math.inf)


@given(VALUES)
def test_ranks_order_as_values_do_and_sum_as_places_do(values: list[int]) -> None:
    found = ranks(np.array(values))
    assert found.sum() == len(values) * (len(values) - 1) / 2
    for one, a in zip(found, values, strict=True):
        for other, b in zip(found, values, strict=True):
            assert (one < other) == (a < b)


@given(VALUES)
def test_the_correlation_of_ranks_is_1_under_any_rising_function_and_minus_1_under_a_falling_one(
    values: list[int],
) -> None:
    given = np.array(values, np.float64)
    if np.ptp(given) == 0:
        assert math.isnan(spearman(given, given))
        return
    assert spearman(given, np.exp(given)) == pytest.approx(1)
    assert spearman(given, -(given**3)) == pytest.approx(-1)


def test_the_correlation_of_fewer_than_three_is_none() -> None:
    assert math.isnan(spearman(np.array([1.0, 2.0]), np.array([1.0, 2.0])))


@pytest.mark.parametrize(
    ("sqnr", "expected"), [(math.inf, 0.0), (20.0, 0.1), (0.0, 1.0), (-math.inf, math.inf), (math.nan, 0.0)]
)
def test_the_error_is_the_root_of_noise_over_signal(sqnr: float, expected: float) -> None:
    assert error(Figures(sqnr_db=sqnr)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({}, True),
        ({"cand_inf": 1}, False),
        ({"cand_nan": 1}, False),
        ({"cand_inf": 2, "ref_inf": 2}, True),
        ({"cand_nan": 1, "cand_inf": 2, "ref_inf": 2}, False),
    ],
)
def test_a_layer_is_finite_unless_it_has_more_than_the_reference(held: dict[str, Any], expected: bool) -> None:
    assert finite(Figures(**held)) is expected


def test_layers_without_a_finite_error_on_both_sides_are_counted_and_not_compared() -> None:
    found = agreement(
        [
            pair("a", 0.1, 0.2),
            pair("b", 0.2, 0.4),
            pair("c", 0.4, 0.8, "Relu"),
            pair("equal", 0.0, 0.0),
            pair("lone", 0.0, 0.1),
            pair("lost", 0.1, math.inf),
            pair("broken", math.inf, 0.1),
            pair("both", math.inf, math.inf),
        ]
    )
    assert (found.layers, found.compared, found.lone, found.both_nonfinite) == (8, 3, 1, 1)
    assert (found.real_only, found.emulated_only) == (("lost",), ("broken",))
    assert found.correlation == pytest.approx(1)
    assert found.ratios == pytest.approx((2, 2, 2))
    assert {op: figures[0] for op, figures in found.by_op.items()} == {"Conv": 2, "Relu": 1}


def test_the_worst_are_those_furthest_from_1_on_either_side() -> None:
    found = agreement([pair("a", 1.0, 1.1), pair("half", 1.0, 0.4), pair("double", 1.0, 2.0)])
    assert [one.node for one in found.worst] == ["half", "double", "a"]


def test_nothing_to_compare_gives_no_figures_and_no_error() -> None:
    found = agreement([pair("both", math.inf, math.inf)])
    assert found.compared == 0
    assert all(map(math.isnan, (found.correlation, *found.ratios)))

"""Sums of squares, and the limits of the figures that follow from them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.energy import Energy, dot, measure

INF, NAN = math.inf, math.nan
MODERATE = st.floats(-1e6, 1e6, width=32)
VECTORS = hnp.arrays(np.float32, st.integers(1, 30), elements=MODERATE)


def energy(reference: list[float], candidate: list[float]) -> Energy:
    return measure(np.float32(reference), np.float32(candidate))


def test_the_sums_are_those_of_the_definition() -> None:
    assert energy([1, 2, -4], [1, 3, -2]) == Energy(3, 0, 21.0, 14.0, 5.0, 15.0, -4.0, 2.0)


@pytest.mark.parametrize(
    ("reference", "candidate", "mismatched"),
    [
        (NAN, NAN, 0),
        (INF, INF, 0),
        (-INF, -INF, 0),
        (INF, -INF, 1),
        (NAN, 1, 1),
        (1, NAN, 1),
        (1, INF, 1),
        (INF, 1, 1),
    ],
)
def test_pairs_that_are_not_finite_are_equal_or_mismatched_and_in_no_sum(
    reference: float, candidate: float, mismatched: int
) -> None:
    found = energy([3, reference], [4, candidate])
    assert (found.count, found.mismatched) == (2, mismatched)
    assert (found.reference, found.candidate, found.error, found.product) == (9, 16, 1, 12)


def test_the_range_is_of_the_reference_alone_whatever_the_candidate_holds() -> None:
    found = energy([1, -7, INF, NAN], [NAN, 100, 1, 1])
    assert (found.low, found.high) == (-7, 1)


@pytest.mark.parametrize(
    ("reference", "candidate", "sqnr", "psnr", "cosine"),
    [
        ([3, 4], [3, 4], INF, INF, 1.0),
        ([3, 4], [3, 4.5], 20.0, 10 * math.log10(8), (9 + 18) / (5 * math.sqrt(9 + 4.5**2))),
        ([0, 0], [0, 0], INF, INF, 1.0),
        ([0, 0], [0, 1], -INF, -INF, 0.0),
        ([1, 0], [0, 0], 0.0, 10 * math.log10(2), 0.0),
        ([1, 1], [1, 2], 10 * math.log10(2), -INF, 3 / math.sqrt(10)),  # the reference has no range
        ([1, 2], [-1, -2], 10 * math.log10(1 / 4), 10 * math.log10(1 / 10), -1.0),
        ([1, 2], [1, NAN], -INF, -INF, 0.0),
        ([], [], NAN, NAN, NAN),
        ([NAN, -INF], [NAN, -INF], NAN, NAN, NAN),  # equal, and nothing is known
        ([0, -INF], [0, -INF], INF, INF, 1.0),
    ],
)
def test_figures_at_their_limits(
    reference: list[float], candidate: list[float], sqnr: float, psnr: float, cosine: float
) -> None:
    found = energy(reference, candidate)
    assert (found.sqnr_db(), found.psnr_db(), found.cosine()) == pytest.approx((sqnr, psnr, cosine), nan_ok=True)


@pytest.mark.parametrize(
    ("reference", "candidate", "compared"),
    [([], [], False), ([NAN], [NAN], False), ([NAN], [1], True), ([0], [0], True), ([0, NAN], [0, NAN], True)],
)
def test_something_was_compared_where_a_pair_is_finite_or_does_not_match(
    reference: list[float], candidate: list[float], compared: bool
) -> None:
    assert energy(reference, candidate).compared == compared


@given(reference=VECTORS, data=st.data(), at=st.integers(0, 30))
def test_parts_add_up_to_the_whole(reference: NDArray[Any], data: st.DataObject, at: int) -> None:
    candidate = data.draw(hnp.arrays(np.float32, reference.shape, elements=MODERATE))
    parts = measure(reference[:at], candidate[:at]) + measure(reference[at:], candidate[at:])
    whole = measure(reference, candidate)
    assert dataclasses.astuple(parts) == pytest.approx(dataclasses.astuple(whole), rel=1e-12, abs=1e-3)


@given(reference=VECTORS, data=st.data())
def test_cosines_have_no_magnitude_above_one_and_know_no_order(reference: NDArray[Any], data: st.DataObject) -> None:
    candidate = data.draw(hnp.arrays(np.float32, reference.shape, elements=MODERATE))
    order = data.draw(st.permutations(range(reference.size)))
    found, shuffled = measure(reference, candidate), measure(reference[order], candidate[order])
    assert -1 <= found.cosine() <= 1
    assert shuffled.cosine() == pytest.approx(found.cosine(), abs=1e-9)
    assert shuffled.sqnr_db() == pytest.approx(found.sqnr_db())


@given(values=VECTORS, factor=st.floats(1e-3, 1e3))
def test_a_factor_on_both_changes_no_ratio(values: NDArray[Any], factor: float) -> None:
    reference, candidate = values.astype(np.float64), values.astype(np.float64) + 1
    plain, scaled = measure(reference, candidate), measure(reference * factor, candidate * factor)
    assert scaled.sqnr_db() == pytest.approx(plain.sqnr_db(), abs=1e-5)


def test_nothing_is_neutral() -> None:
    some = energy([1, 2], [1, 3])
    assert some + Energy() == Energy() + some == some


@pytest.mark.parametrize("size", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1])
def test_blocks_leave_no_value_out(size: int) -> None:
    found = measure(np.ones(size, np.float16), np.full(size, 3, np.int8))
    assert (found.count, found.reference, found.candidate, found.error) == (size, size, 9 * size, 4 * size)


def test_sums_are_in_float64() -> None:
    large = np.full(10, 3e38, np.float32)
    assert measure(large, large).reference == pytest.approx(9e77)
    assert dot(np.full(10, 1e8), np.ones(10)) == 1e9


def test_shapes_must_agree() -> None:
    with pytest.raises(MetricError, match=r"\(2, 3\).*\(3, 2\)"):
        measure(np.zeros((3, 2)), np.zeros((2, 3)))

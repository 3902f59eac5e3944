"""The range of a tensor, sample by sample."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.numerics.ranges import TensorRange, channel_peaks, merge, observe, spread

INF, NAN = math.inf, math.nan
SAMPLES = st.lists(
    hnp.arrays(np.float32, st.integers(0, 8), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=5
)


def over(*peaks: float) -> TensorRange:
    return reduce(merge, (observe(np.float32([peak])) for peak in peaks))


@pytest.mark.parametrize(
    ("values", "nan", "inf", "low", "high"),
    [
        ([1.0, -2.0], 0, 0, -2.0, 1.0),
        ([1.0, INF, NAN, -2.0, -INF], 1, 2, -2.0, 1.0),
        ([NAN, NAN], 2, 0, 0.0, 0.0),
        ([], 0, 0, 0.0, 0.0),
        ([5.0], 0, 0, 5.0, 5.0),
    ],
)
def test_extremes_are_over_finite_values(values: list[float], nan: int, inf: int, low: float, high: float) -> None:
    seen = observe(np.float32(values))
    assert (seen.count, seen.nan, seen.inf, seen.low, seen.high) == (len(values), nan, inf, low, high)
    assert seen.amax == max(abs(low), abs(high))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.bool_])
def test_any_real_type_is_observed(dtype: type) -> None:
    seen = observe(np.array([[0, 1], [1, 1]], dtype))
    assert (seen.low, seen.high, seen.mean, seen.std) == (0.0, 1.0, 0.75, pytest.approx(math.sqrt(3) / 4))


def test_moments_are_over_finite_values_and_left_out_on_request() -> None:
    values = np.float32([1, 3, NAN, INF])
    assert (observe(values).mean, observe(values).std) == (2.0, 1.0)
    assert (observe(values, moments=False).total, observe(values, moments=False).squares) == (0.0, 0.0)
    assert (observe(np.float32([NAN])).mean, observe(np.float32([NAN])).std) == (0.0, 0.0)


def test_the_mean_of_many_large_values_is_not_lost_in_float16() -> None:
    seen = observe(np.full(100_000, 1000, np.float16))
    assert (seen.mean, seen.std) == (1000.0, 0.0)


@pytest.mark.parametrize(("values", "constant"), [([0, 0], True), ([2, 2], True), ([2, 3], False), ([2, NAN], True)])
def test_a_tensor_of_one_value_is_constant(values: list[float], constant: bool) -> None:
    assert observe(np.float32(values)).is_constant is constant


def test_peaks_are_one_a_sample_in_order() -> None:
    assert over(1.0, -3.0, 2.0).peaks == (1.0, 3.0, 2.0)


@given(samples=SAMPLES)
def test_merged_samples_have_the_range_of_all_their_values(samples: list[NDArray[Any]]) -> None:
    seen, whole = reduce(merge, map(observe, samples)), observe(np.concatenate(samples))
    assert (seen.count, seen.low, seen.high, max(seen.peaks)) == (whole.count, whole.low, whole.high, whole.amax)
    assert (seen.total, seen.squares) == pytest.approx((whole.total, whole.squares), rel=1e-6, abs=1e-3)


def test_a_sample_without_finite_values_moves_no_extreme() -> None:
    some, none = observe(np.float32([3, 4])), observe(np.float32([NAN]))
    for seen in (merge(some, none), merge(none, some)):
        assert (seen.low, seen.high, seen.nan) == (3.0, 4.0, 1)


@pytest.mark.parametrize("axis", [1, -2])
def test_channels_have_peaks_of_their_own(axis: int) -> None:
    array = np.float32([[[1, -5], [2, 0], [0, 0]]])
    assert channel_peaks(array, axis) == (5.0, 2.0, 0.0)
    assert observe(array, axis=axis).channels == (5.0, 2.0, 0.0)


def test_channels_keep_their_largest_peak_over_samples() -> None:
    first, second = (observe(np.float32(rows), axis=0) for rows in ([[1, 2], [3, 4]], [[-9, 0], [1, 1]]))
    assert merge(first, second).channels == (9.0, 4.0)


def test_a_vector_has_no_channels() -> None:
    assert observe(np.float32([1, 2]), axis=0).channels == ()


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [((1.0, 1.0, 8.0), 8.0), ((0.0, 2.0, 4.0, 6.0), 1.5), ((0.0, 0.0), None), ((), None), ((1.0, INF), 1.0)],
)
def test_spread_is_the_widest_live_channel_over_the_median_one(
    peaks: tuple[float, ...], expected: float | None
) -> None:
    assert spread(peaks) == expected


def test_growth_is_the_share_that_half_of_the_samples_miss() -> None:
    peaks = [1.0, 2.0, 4.0, 8.0]
    pairs = [max(a, b) for i, a in enumerate(peaks) for b in peaks[i + 1 :]]
    assert over(*peaks).growth() == pytest.approx(1 - np.mean(pairs) / 8)


@given(st.permutations([0.5, 1.0, 1.0, 3.0, 2.0]))
def test_growth_does_not_depend_on_order(peaks: list[float]) -> None:
    pairs = [max(a, b) for i, a in enumerate(peaks) for b in peaks[i + 1 :]]
    assert over(*peaks).growth() == pytest.approx(1 - np.mean(pairs) / 3)


@pytest.mark.parametrize(("peaks", "expected"), [((1.0,), 1.0), ((0.0,), 0.0), ((0.0, 0.0), 0.0), ((2.0, 2.0), 0.0)])
def test_growth_at_its_limits(peaks: tuple[float, ...], expected: float) -> None:
    assert over(*peaks).growth() == expected


@pytest.mark.parametrize(
    ("values", "masked"),
    [
        ([1.0, INF], True),
        ([1.0, -INF], True),
        ([1.0, INF, NAN], False),
        ([1.0, NAN], False),
        ([1.0], False),
    ],
)
def test_infinities_without_nan_are_a_mask(values: list[float], masked: bool) -> None:
    assert observe(np.float32(values)).is_masked is masked


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(
    ("values", "expected"),
    [([1e308, -1e308], INF), ([1e200, 1e200], INF), ([1e150, -1e150], 1e150), ([3.0, 3.0], 0.0), ([], 0.0)],
)
def test_the_deviation_of_doubles_is_infinite_where_their_squares_are(values: list[float], expected: float) -> None:
    assert observe(np.float64(values)).std == pytest.approx(expected)

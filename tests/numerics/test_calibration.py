from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trtflow.numerics.calibration import METHODS, Magnitudes, Method, Settings, clipped_share, count, threshold
from trtflow.numerics.kl import EMPTY, divergences, entropy_bins
from trtflow.numerics.quantize import fits_fp16, on_grid, scale_for
from trtflow.numerics.ranges import merge, observe

RANDOM = np.random.default_rng(7)
TAILED = RANDOM.standard_t(3, 60_000).astype(np.float32)


def _collect(batches: list[np.ndarray]) -> Magnitudes:
    amax = max(float(np.abs(batch).max()) for batch in batches)
    parts = [count(batch, amax) for batch in batches]
    return sum(parts[1:], parts[0])


@pytest.mark.parametrize("method", METHODS)
def test_thresholds_do_not_depend_on_batch_size_or_order(method: Method) -> None:
    whole = _collect([TAILED])
    pieces = np.array_split(TAILED, 17)
    assert threshold(method, whole) == threshold(method, _collect(pieces[::-1]))


@pytest.mark.parametrize("method", ["mse", "entropy"])
def test_an_even_distribution_is_not_clipped(method: Method) -> None:
    found = _collect([RANDOM.uniform(-2, 2, 50_000).astype(np.float32)])
    assert threshold(method, found) >= 0.95 * found.amax


def test_entropy_clips_an_outlier() -> None:
    found = _collect([np.append(RANDOM.normal(0, 1, 50_000), 100.0).astype(np.float32)])
    assert 3 <= threshold("entropy", found) <= 12


def test_percentile_is_the_value_of_that_rank() -> None:
    found = threshold("percentile", _collect([TAILED]), Settings(percentile=99.0))
    assert found == pytest.approx(np.quantile(np.abs(TAILED), 0.99), rel=0.01)
    assert clipped_share(_collect([TAILED]), found) == pytest.approx(0.01, abs=1e-3)


def test_mse_is_near_the_best_of_all_thresholds() -> None:
    def error(amax: float) -> float:
        return float(np.square(TAILED - on_grid(TAILED, scale_for(amax, "int8"), "int8"), dtype=np.float64).sum())

    best = min(error(amax) for amax in np.linspace(0.02, 1, 400) * np.abs(TAILED).max())
    assert error(threshold("mse", _collect([TAILED]))) <= 1.02 * best


@pytest.mark.parametrize("method", METHODS)
def test_a_dead_tensor_has_no_range(method: Method) -> None:
    assert threshold(method, count(np.zeros(10, np.float32), 0.0)) == 0.0


def test_non_finite_values_are_left_out() -> None:
    values = np.array([1.0, np.inf, np.nan, -2.0], np.float32)
    assert count(values, 2.0).equal.sum() == 2
    seen = observe(values)
    assert (seen.nan, seen.inf, seen.low, seen.high) == (1, 1, -2.0, 1.0)


def _slow_divergence(counts: np.ndarray, kept: int, levels: int) -> float:
    """The definition, step by step."""
    p = counts[:kept].astype(float)
    p[-1] += counts[kept:].sum()
    q = np.zeros(kept)
    edges = [kept * i // levels for i in range(levels + 1)]
    for a, b in itertools.pairwise(edges):
        part = counts[a:b]
        if part.any():
            q[a:b] = np.where(part > 0, part.sum() / np.count_nonzero(part), 0)
    scale = max(q.sum(), 1)
    if p[-1] and not q[-1]:
        q[-1] = EMPTY
    return float(sum(a / p.sum() * np.log(a / p.sum() / (b / scale)) for a, b in zip(p, q, strict=True) if a > 0))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=40, max_size=60))
def test_divergence_by_prefix_sums_is_the_definition(counts: list[int]) -> None:
    array = np.array([*counts, 3], np.int64)
    expected = [_slow_divergence(array, kept, 8) for kept in range(8, len(array) + 1)]
    np.testing.assert_allclose(divergences(array, 8), expected, atol=1e-9)


def test_an_empty_histogram_keeps_all_bins() -> None:
    assert entropy_bins(np.zeros(2048, np.int64)) == 2048


@given(st.floats(1e-3, 1e6))
def test_scales_are_numbers_of_fp16_and_cover_amax(amax: float) -> None:
    scale = scale_for(amax, "int8")
    assert fits_fp16(scale)
    assert 1.0 <= float(scale) * 127 / amax <= 1.011


def test_a_scale_below_fp16_stays_exact() -> None:
    scale = scale_for(1e-6, "int8")
    assert not fits_fp16(scale)
    assert float(scale) == pytest.approx(1e-6 / 127)


def test_growth_is_the_share_that_half_of_the_samples_miss() -> None:
    peaks = [1.0, 2.0, 4.0, 8.0]
    seen = observe(np.float32([peaks[0]]))
    for peak in peaks[1:]:
        seen = merge(seen, observe(np.float32([peak])))
    pairs = [max(a, b) for i, a in enumerate(peaks) for b in peaks[i + 1 :]]
    assert seen.growth() == pytest.approx(1 - np.mean(pairs) / 8)


@given(st.permutations([0.5, 1.0, 1.0, 3.0, 2.0]))
def test_growth_does_not_depend_on_order(peaks: list[float]) -> None:
    seen = observe(np.float32([peaks[0]]))
    for peak in peaks[1:]:
        seen = merge(seen, observe(np.float32([peak])))
    pairs = [max(a, b) for i, a in enumerate(peaks) for b in peaks[i + 1 :]]
    assert seen.growth() == pytest.approx(1 - np.mean(pairs) / 3)

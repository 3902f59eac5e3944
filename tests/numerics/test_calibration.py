from __future__ import annotations

import numpy as np
import pytest

from trtflow.numerics.calibration import METHODS, Magnitudes, Method, Settings, clipped_share, count, threshold
from trtflow.numerics.quantize import on_grid, scale_for

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

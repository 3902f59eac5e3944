from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.numerics.histogram import BitHistogram, magnitude_bins

ARRAYS = hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(width=32, allow_nan=False))


def histogram(values: NDArray[np.float32]) -> BitHistogram:
    return BitHistogram.trim(magnitude_bins(values))


@given(values=ARRAYS, probability=st.sampled_from([0.001, 0.25, 0.5, 0.99, 0.9999, 1.0]))
def test_quantiles_are_within_a_bin_of_the_exact_ones(values: NDArray[np.float32], probability: float) -> None:
    exact = np.sort(np.abs(values))[max(0, int(np.ceil(probability * values.size)) - 1)]
    found = histogram(values).quantile(probability)
    if np.isfinite(exact):
        assert abs(found - float(exact)) <= 2.0**-8 * float(exact) + 1e-40
    else:
        assert found == np.inf


@given(a=ARRAYS, b=ARRAYS)
def test_histograms_add_up_as_their_values_do(a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
    total, both = histogram(a) + histogram(b), histogram(np.concatenate([a, b]))
    assert (total.bins.tolist(), total.counts.tolist()) == (both.bins.tolist(), both.counts.tolist())


def test_an_empty_histogram_is_neutral_and_has_quantile_zero() -> None:
    some = histogram(np.float32([1, 2]))
    for total in (some + BitHistogram.empty(), BitHistogram.empty() + some):
        assert (total.bins.tolist(), total.counts.tolist()) == (some.bins.tolist(), some.counts.tolist())
    assert BitHistogram.trim(magnitude_bins(np.float32([]))).quantile(0.5) == 0.0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_nan_is_left_out_and_every_type_is_counted(dtype: type) -> None:
    values = np.array([-1, 0, 2], dtype)
    assert histogram(values).counts.sum() == 3
    assert histogram(np.float32([np.nan, 1, np.inf])).counts.sum() == 2


def test_centres_are_the_middles_of_the_bins_that_hold_something() -> None:
    found = histogram(np.float32([0, 0, 1, -2, np.inf]))
    assert found.centres().tolist() == [0.0, 1 + 2.0**-8, 2 + 2.0**-7, np.inf]
    assert found.counts.tolist() == [2, 1, 1, 1]

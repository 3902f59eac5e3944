"""The plain way through a pair of tensors, block by block."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.numerics import exact
from trtflow.numerics.exact import BLOCK, reduce_exactly, spread
from trtflow.numerics.record import Spread, TensorStatistics

INF, NAN = math.inf, math.nan
ANY = hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32))


def reduce(reference: list[float], candidate: list[float]) -> TensorStatistics:
    return reduce_exactly(np.float64(reference), np.float64(candidate))


@pytest.mark.parametrize(
    ("reference", "candidate", "overflowed", "underflowed", "differing"),
    [
        (7e4, INF, 1, 0, 1),
        (INF, INF, 0, 0, 0),
        (INF, 7e4, 0, 0, 1),
        (NAN, INF, 0, 0, 1),
        (1e-8, 0.0, 0, 1, 1),
        (0.0, -0.0, 0, 0, 0),
        (0.0, 1e-8, 0, 0, 0),  # below FP16's smallest normal number: rounding noise
        (0.0, 1e-4, 0, 0, 1),
        (1.0, 1.1, 0, 0, 1),  # 1.1 - 1 is just above 0.1 in float64
        (1.0, 1.09, 0, 0, 0),
        (NAN, 0.0, 0, 1, 1),
    ],
)
def test_what_a_pair_counts_as(
    reference: float, candidate: float, overflowed: int, underflowed: int, differing: int
) -> None:
    found = reduce([reference], [candidate])
    assert (found.overflowed, found.underflowed, found.differing) == (overflowed, underflowed, differing)


@pytest.mark.parametrize(
    ("value", "counts"),
    [
        (65504.0, (0, 0, 0)),
        (-65505.0, (1, 0, 0)),
        (INF, (1, 0, 0)),
        (2.0**-14, (0, 0, 0)),
        (-(2.0**-15), (0, 1, 0)),
        (2.0**-24, (0, 1, 0)),
        (2.0**-25, (0, 1, 1)),
        (0.0, (0, 0, 0)),
        (NAN, (0, 0, 0)),
    ],
)
def test_where_a_value_lies_in_fp16(value: float, counts: tuple[int, int, int]) -> None:
    found = reduce([value], [value])
    assert (found.beyond_fp16, found.below_normal, found.below_subnormal) == counts


@pytest.mark.parametrize(
    ("reference", "candidate", "absolute", "relative"),
    [
        (2.0, 3.0, 1.0, 1 / 3),
        (-1.0, 1.0, 2.0, 2.0),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 5.0, 5.0, 1.0),
        (1e-300, 0.0, 1e-300, 1e-300 / 2.0**-126),
        (1.0, NAN, INF, 2.0),
        (NAN, NAN, 0.0, 0.0),
    ],
)
def test_errors_of_a_pair(reference: float, candidate: float, absolute: float, relative: float) -> None:
    found = reduce([reference], [candidate])
    assert (found.max_abs, found.sum_abs) == (absolute, absolute)
    assert (found.max_rel, found.sum_rel) == pytest.approx((relative, relative))


@given(reference=ANY, data=st.data(), block=st.integers(1, 7), step=st.sampled_from([1, 3]))
def test_blocks_of_any_size_give_the_same(
    reference: NDArray[Any], data: st.DataObject, block: int, step: int
) -> None:
    candidate = data.draw(hnp.arrays(np.float32, reference.shape, elements=st.floats(width=32)))
    whole = reduce_exactly(reference, candidate, step)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "BLOCK", block)
        parts = reduce_exactly(reference, candidate, step)
    assert parts.magnitudes.bins.tolist() == whole.magnitudes.bins.tolist()
    assert parts.errors.counts.tolist() == whole.errors.counts.tolist()
    found = asdict(parts.figures())
    for name, value in asdict(whole.figures()).items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-300, nan_ok=True), name


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1])
@pytest.mark.parametrize("step", [1, 3, 5])
def test_every_step_th_value_stands_for_as_many(size: int, step: int) -> None:
    found = reduce_exactly(np.arange(size), np.arange(size), step)
    expected = step * len(range(0, size, step))
    assert (found.magnitudes.counts.sum(), found.errors.counts.sum(), found.count) == (expected, expected, size)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64, np.uint8, np.bool_])
def test_any_real_type_is_taken_as_float64(dtype: type) -> None:
    values = np.array([0, 1, 1], dtype)
    found = reduce_exactly(values, np.array([0, 1, 0], dtype))
    assert (found.energy.reference, found.energy.error, found.reference.zeros) == (2.0, 1.0, 1)


def test_an_empty_tensor_has_no_error_and_nothing_is_known_of_it() -> None:
    found = reduce([], [])
    assert (found.count, found.max_abs) == (0, 0.0)
    assert math.isnan(found.sqnr_db)
    assert math.isnan(found.cosine)


def test_a_spread_counts_all_values_and_measures_the_finite_ones() -> None:
    found = spread(np.array([NAN, INF, -INF, 0.0, -3.0, 4.0]))
    assert found == Spread(count=6, nan=1, inf=2, zeros=1, low=-3.0, high=4.0, total=1.0, squares=25.0)
    assert spread(np.zeros(0)) == Spread()

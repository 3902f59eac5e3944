from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics import kernel, statistics
from trtflow.numerics.record import Figures
from trtflow.numerics.statistics import compare, merge

Array = NDArray[Any]


@pytest.fixture(params=["compiled", "numpy"], autouse=True, scope="module")
def implementation(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test here runs over both ways through a tensor."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(statistics, "load", lambda: None)
        elif kernel.load() is None:
            pytest.skip("this machine cannot compile the kernel")
        yield request.param


def plain(reference: Array, candidate: Array) -> dict[str, float]:
    """The definitions once more, value by value and in one piece: what every way through must agree with."""
    r, c = (x.astype(np.float64).reshape(-1) for x in (reference, candidate))
    n = max(r.size, 1)
    pairs = np.isfinite(r) & np.isfinite(c)
    same = (r == c) | (np.isnan(r) & np.isnan(c))
    broken = int(np.sum(~pairs & ~same))
    e, fr, fc = c[pairs] - r[pairs], r[pairs], c[pairs]
    relative = np.abs(e) / np.maximum(np.maximum(np.abs(fr), np.abs(fc)), 2.0**-126)
    deviates = np.where(fr == 0, np.abs(fc) > 2.0**-14, np.abs(e) > 0.1 * np.abs(fr))
    signal, noise, other = (math.fsum(x * x) for x in (fr, e, fc))
    figures = {
        "count": r.size,
        "mismatched": broken,
        "differing": int(np.sum(deviates)) + broken,
        "differing_share": (int(np.sum(deviates)) + broken) / n,
        "overflowed": int(np.sum(np.isfinite(r) & ~np.isfinite(c))),
        "underflowed": int(np.sum((r != 0) & (c == 0))),
        "max_abs": math.inf if broken else np.max(np.abs(e), initial=0),
        "mean_abs": math.inf if broken else math.fsum(np.abs(e)) / n,
        "max_rel": 2.0 if broken else np.max(relative, initial=0),
        "mean_rel": (math.fsum(relative) + 2 * broken) / n,
        "beyond_fp16_share": np.sum(np.abs(r) > 65504) / n,
        "below_normal_share": np.sum((r != 0) & (np.abs(r) < 2.0**-14)) / n,
        "below_subnormal_share": np.sum((r != 0) & (np.abs(r) < 2.0**-24)) / n,
    }
    figures["sqnr_db"] = math.inf if noise == 0 else -math.inf if signal == 0 else 10 * math.log10(signal / noise)
    product = math.fsum(fr * fc)
    figures["cosine"] = (
        product / (math.sqrt(signal) * math.sqrt(other)) if signal and other else float(signal == other)
    )
    if broken or not pairs.any():
        figures |= {"sqnr_db": -math.inf, "cosine": 0.0} if broken else {"sqnr_db": math.nan, "cosine": math.nan}
    for prefix, x in (("ref_", r), ("cand_", c)):
        known = x[np.isfinite(x)] if np.isfinite(x).any() else np.zeros(1)
        figures |= {
            f"{prefix}amax": np.max(np.abs(known)),
            f"{prefix}min": np.min(known),
            f"{prefix}max": np.max(known),
            f"{prefix}mean": math.fsum(known) / known.size,
            f"{prefix}rms": math.sqrt(math.fsum(known * known) / known.size),
            f"{prefix}nan": np.sum(np.isnan(x)),
            f"{prefix}inf": np.sum(np.isinf(x)),
            f"{prefix}zeros_share": np.sum(x == 0) / n,
        }
    return figures


def figures(found: Figures) -> dict[str, float]:
    """What ``plain`` knows, too: all but the quantiles and what only several samples have."""
    known = {name: value for name, value in asdict(found).items() if not name.startswith("worst_")}
    return {name: float(value) for name, value in known.items() if "_p" not in name}


def assert_agrees(reference: Array, candidate: Array) -> None:
    found, expected = figures(compare(reference, candidate).figures()), plain(reference, candidate)
    assert set(found) == set(expected)
    with np.errstate(over="ignore"):
        scale = max(expected["ref_rms"], expected["cand_rms"])
    for name, value in expected.items():
        # Signed sums cancel: their error is one of the magnitudes'.
        tolerance = 1e-6 * scale if name.endswith("_mean") else 1e-6 if name in ("cosine", "sqnr_db") else 0.0
        assert found[name] == pytest.approx(value, rel=1e-6, abs=tolerance, nan_ok=True), name


def normal(size: int, scale: float = 1.0, seed: int = 0) -> Array:
    return (np.random.default_rng(seed).normal(size=size) * scale).astype(np.float32)


def noisy(values: Array, share: float = 1e-3) -> Array:
    factor = 1 + share * np.random.default_rng(1).normal(size=values.shape)
    return (values * factor).astype(values.dtype)


def with_values(values: Array, *found: float) -> Array:
    changed = values.copy()
    changed[1 : 1 + 7 * len(found) : 7] = found
    return changed


SIZE = 98_381  # neither a whole number of chunks nor of blocks

PAIRS: dict[str, Callable[[], tuple[Array, Array]]] = {
    "random": lambda: (normal(SIZE), noisy(normal(SIZE))),
    "far apart": lambda: (normal(SIZE), normal(SIZE, seed=2)),
    "relu": lambda: (np.maximum(normal(SIZE), 0), np.maximum(noisy(normal(SIZE), 0.2) + 1e-3, 0).astype(np.float32)),
    "flushed": lambda: (normal(SIZE, 1e-7), normal(SIZE, 1e-7).astype(np.float16).astype(np.float32)),
    "tiny": lambda: (normal(SIZE, 1e-25), noisy(normal(SIZE, 1e-25))),
    "tiny error": lambda: (normal(SIZE, 1e-3), normal(SIZE, 1e-3) + normal(SIZE, 1e-14)),
    "huge": lambda: (normal(SIZE, 3e19), noisy(normal(SIZE, 3e19))),
    "opposite extremes": lambda: (np.full(9, 3e38, np.float32), np.full(9, -3e38, np.float32)),
    "beyond fp16": lambda: (normal(SIZE, 1e5), noisy(normal(SIZE, 1e5))),
    "tiny and huge": lambda: (normal(SIZE, 1e-25) + with_values(normal(SIZE, 0), 3e19), normal(SIZE, 1e-25)),
    "zeros": lambda: (np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32)),
    "zero reference": lambda: (np.zeros(SIZE, np.float32), normal(SIZE)),
    "zero candidate": lambda: (normal(SIZE), np.zeros(SIZE, np.float32)),
    "identical": lambda: (normal(SIZE), normal(SIZE)),
    "all NaN": lambda: (normal(SIZE), np.full(SIZE, np.nan, np.float32)),
    "some NaN": lambda: (normal(SIZE), with_values(noisy(normal(SIZE)), np.nan, np.inf, -np.inf)),
    "NaN and zeros": lambda: (np.maximum(normal(SIZE), 0), with_values(np.maximum(normal(SIZE), 0), np.nan, np.nan)),
    "NaN in the reference": lambda: (with_values(normal(SIZE), np.nan), normal(SIZE)),
    "equal non-finite": lambda: (
        with_values(normal(SIZE), np.nan, np.inf, -np.inf),
        with_values(normal(SIZE), np.nan, np.inf, -np.inf),
    ),
    "other infinity": lambda: (with_values(normal(SIZE), np.inf), with_values(normal(SIZE), -np.inf)),
    "huge and NaN": lambda: (normal(SIZE, 3e19), with_values(normal(SIZE, 3e19), np.nan)),
    "fp16": lambda: (normal(SIZE).astype(np.float16), noisy(normal(SIZE)).astype(np.float16)),
    "fp16 with infinity": lambda: (
        normal(SIZE).astype(np.float16),
        with_values(normal(SIZE).astype(np.float16), np.inf, np.nan),
    ),
    "fp32 and fp16": lambda: (normal(SIZE), normal(SIZE).astype(np.float16)),
    "bf16": lambda: (normal(SIZE), normal(SIZE).astype(ml_dtypes.bfloat16)),
    "float64": lambda: (normal(SIZE).astype(np.float64) * 1e100, noisy(normal(SIZE)).astype(np.float64) * 1e100),
    "integers": lambda: (np.arange(-300, 300), np.arange(-300, 300) // 7 * 7),
    "booleans": lambda: (np.array([True, False]), np.array([False, False])),
    "empty": lambda: (np.zeros((3, 0), np.float32), np.zeros((3, 0), np.float32)),
    "scalar": lambda: (np.float32([1.5])[0].reshape(()), np.float32([2])[0].reshape(())),
    "images": lambda: (normal(2 * 3 * 5 * 7).reshape(2, 3, 5, 7), noisy(normal(2 * 3 * 5 * 7)).reshape(2, 3, 5, 7)),
    "transposed": lambda: (normal(60).reshape(6, 10).T, noisy(normal(60)).reshape(10, 6)),
    "strided": lambda: (normal(90)[::3], noisy(normal(60))[::-2]),
}


@pytest.mark.parametrize("name", list(PAIRS))
def test_figures_agree_with_float64(name: str) -> None:
    assert_agrees(*PAIRS[name]())


@pytest.mark.parametrize("name", list(PAIRS))
def test_no_figure_is_nan_but_those_of_nothing_compared(name: str) -> None:
    reference, candidate = PAIRS[name]()
    found = asdict(compare(reference, candidate).figures())
    unknown = [] if reference.size else ["sqnr_db", "cosine", "worst_sqnr_db"]
    assert [figure for figure, value in found.items() if math.isnan(value)] == unknown


FLOATS = hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32))


@given(data=st.data(), reference=FLOATS)
def test_anything_agrees_with_float64(data: st.DataObject, reference: Array) -> None:
    candidate = data.draw(hnp.arrays(np.float32, reference.shape, elements=st.floats(width=32)))
    assert_agrees(reference, candidate)


@given(data=st.data(), reference=FLOATS, at=st.integers(0, 40))
def test_merged_parts_are_the_whole(data: st.DataObject, reference: Array, at: int) -> None:
    candidate = data.draw(hnp.arrays(np.float32, reference.shape, elements=st.floats(width=32)))
    parts = (compare(reference[part], candidate[part]) for part in (slice(0, at), slice(at, None)))
    merged, whole = (asdict(one.figures()) for one in (merge(*parts), compare(reference, candidate)))
    assert merged.keys() == whole.keys()
    for name, value in whole.items():
        near_zero = 1e-5 if name.endswith("sqnr_db") else 1e-300  # decibels of a ratio near 1 keep its absolute error
        assert float(merged[name]) == pytest.approx(float(value), rel=1e-6, abs=near_zero, nan_ok=True), name


@pytest.mark.parametrize(
    ("reference", "candidate", "differs"),
    [
        (10.0, 11.0, False),  # exactly 10 %
        (10.0, 11.001, True),
        (10.0, 8.9, True),
        (-10.0, 10.0, True),
        (1e-25, 0.0, True),
        (1e-25, 1.05e-25, False),
        (0.0, 0.0, False),
        (0.0, -0.0, False),
        (0.0, 2.0**-14, False),  # not above FP16's smallest normal number
        (0.0, 6.2e-5, True),
        (0.0, -1.0, True),
        (1.0, math.nan, True),
        (math.nan, 1.0, True),
        (math.nan, math.nan, False),
        (math.inf, math.inf, False),
        (math.inf, -math.inf, True),
        (math.inf, math.nan, True),
        (65504.0, math.inf, True),
    ],
)
@pytest.mark.parametrize("filler", [1.0, 0.0, math.nan])
def test_which_values_differ(reference: float, candidate: float, differs: bool, filler: float) -> None:
    """Whatever stands beside the value, and thus whichever way through the block takes."""
    found = compare(np.float32([filler, reference]), np.float32([filler, candidate]))
    assert found.differing == int(differs)


@pytest.mark.parametrize(
    ("reference", "candidate", "sqnr", "cosine"),
    [
        ([0, 0], [0, 0], math.inf, 1.0),
        ([0, 0], [1, 0], -math.inf, 0.0),
        ([1, 0], [0, 0], 0.0, 0.0),
        ([1, 2], [1, 2], math.inf, 1.0),
        ([1, 2], [-1, -2], 10 * math.log10(1 / 4), -1.0),
        ([1, 2], [1, math.nan], -math.inf, 0.0),
        ([math.nan, 2], [math.nan, 2], math.inf, 1.0),
        ([3e19, 0], [3e19, 3e19], 0.0, math.sqrt(0.5)),
        ([1e-25, 0], [1e-25, 1e-25], 0.0, math.sqrt(0.5)),
        ([], [], math.nan, math.nan),
        ([math.nan, -math.inf], [math.nan, -math.inf], math.nan, math.nan),
    ],
)
def test_sqnr_and_cosine_at_their_limits(
    reference: list[float], candidate: list[float], sqnr: float, cosine: float
) -> None:
    found = compare(np.float32(reference), np.float32(candidate))
    assert (found.sqnr_db, found.cosine) == pytest.approx((sqnr, cosine), nan_ok=True)


def test_a_cosine_next_to_one_is_still_told_from_one() -> None:
    reference = normal(SIZE)
    found = 1 - compare(reference, reference + normal(SIZE, 1e-5, seed=3)).cosine
    assert found == pytest.approx(5e-11, rel=0.05)


@pytest.mark.parametrize("size", [1000, 2 * SIZE, SIZE * 3])
def test_quantiles_have_the_documented_rank_and_value(size: int) -> None:
    reference = normal(size)
    candidate = noisy(reference)
    document = asdict(compare(reference, candidate).figures())
    for prefix, values in (("ref_", reference), ("error_", candidate - reference)):
        ordered = np.sort(np.abs(values)).astype(np.float64)
        for name, probability in (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999), ("p99_99", 0.9999)):
            slack = 4 * math.sqrt(probability * (1 - probability) / (21_000)) if size >= 1 << 16 else 0.0
            low, high = (
                ordered[min(size - 1, max(0, math.ceil((probability + side) * size) - 1))] for side in (-slack, slack)
            )
            assert low * (1 - 2.0**-7) <= document[prefix + name] <= high * (1 + 2.0**-7), prefix + name


def test_shapes_must_agree() -> None:
    with pytest.raises(MetricError, match=r"\(2, 3\).*\(3, 2\)"):
        compare(np.zeros((3, 2)), np.zeros((2, 3)))


def test_arguments_are_left_as_they_are() -> None:
    reference, candidate = normal(1000), with_values(noisy(normal(1000)), np.nan)
    before = reference.copy(), candidate.copy()
    compare(reference, candidate)
    np.testing.assert_array_equal(reference, before[0])
    np.testing.assert_array_equal(candidate, before[1])

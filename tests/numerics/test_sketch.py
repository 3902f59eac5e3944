"""The noise of a grid, estimated from a few quantiles, is near the one that all values give."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trtflow.numerics.quantize import on_grid, scale_for
from trtflow.numerics.sketch import Sketch, use

RANDOM = np.random.default_rng(3)
TENSORS = {
    "normal": RANDOM.normal(0, 1, 200_000),
    "relu": np.maximum(RANDOM.normal(0, 1, 200_000), 0),
    "tails": RANDOM.standard_t(3, 200_000),
    "outliers": np.append(RANDOM.normal(0, 1, 200_000), np.full(40, 60.0)),
    "lognormal": RANDOM.lognormal(0, 2, 200_000),
}


def sketch(values: NDArray[Any]) -> Sketch:
    magnitudes = np.abs(values)
    known = [(share, float(np.quantile(magnitudes, share))) for share in (0.5, 0.99, 0.999, 0.9999, 1.0)]
    rms = math.sqrt(float(np.mean(values**2)))
    return Sketch(known, float(np.mean(values == 0)), rms, bool(values.min() < 0))


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("share", [1.0, 0.3, 0.05])
def test_estimates_are_within_a_few_decibels(name: str, share: float) -> None:
    values = TENSORS[name].astype(np.float32)
    amax = share * float(np.abs(values).max())
    kept = np.clip(values, -amax, amax)
    signal = np.mean(np.square(values, dtype=np.float64))
    rounding = np.mean(np.square(kept - on_grid(kept, scale_for(amax, "int8"), "int8"), dtype=np.float64))
    clipping = np.mean(np.square(values - kept, dtype=np.float64))
    found = use(sketch(values), amax, "int8")
    for estimate, noise in ((found.rounding_db, rounding), (found.clipping_db, clipping)):
        exact = 10 * math.log10(signal / noise) if noise else math.inf
        assert estimate == pytest.approx(exact, abs=4) or min(estimate, exact) > 40


def test_what_lies_within_the_range_is_not_clipped() -> None:
    assert use(sketch(TENSORS["normal"]), 10.0, "int8").clipping_db == math.inf
    assert use(sketch(TENSORS["normal"]), 10.0, "int8").beyond == 0.0


@pytest.mark.parametrize(("values", "crowded"), [([0, 0, 1, 2, 3], 1.0), ([-1, 0, 1, 50, 100], 0.5)])
def test_the_codes_next_to_zero_are_four_or_three_with_negative_values(values: list[float], crowded: float) -> None:
    found = use(sketch(np.repeat(np.float64(values), 1000)), 127.0, "int8")
    assert found.crowded == pytest.approx(crowded, abs=0.15)

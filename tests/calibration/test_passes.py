"""One pass finds ranges, another counts magnitudes within them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from spread_model import batches

from trtflow.calibration.passes import count_magnitudes, find_ranges
from trtflow.numerics.calibration import Settings, threshold
from trtflow.runners.staged import Staged

ROWS = np.random.default_rng(1).standard_t(3, (64, 6)).astype(np.float32)


def staged(model: onnx.ModelProto, budget: int = 10**9) -> Staged:
    return Staged(model, ["x", "h", "r"], batches(ROWS, 8), budget)


def test_a_small_budget_gives_the_same_ranges(products: onnx.ModelProto) -> None:
    wide, narrow = (find_ranges(staged(products, budget)) for budget in (10**9, 1))
    assert wide == narrow
    assert wide["x"].amax == pytest.approx(np.abs(ROWS).max())


def test_a_range_remembers_the_peak_of_each_sample_in_order(products: onnx.ModelProto) -> None:
    peaks = [float(np.abs(ROWS[start : start + 8]).max()) for start in range(0, 64, 8)]
    assert find_ranges(staged(products))["x"].peaks == tuple(peaks)


def test_channels_are_looked_at_where_their_axis_is_named(products: onnx.ModelProto) -> None:
    found = find_ranges(staged(products), {"x": -1})
    assert found["x"].channels == tuple(np.abs(ROWS).max(axis=0).tolist())
    assert found["h"].channels == ()


def test_magnitudes_count_every_value_within_the_range(products: onnx.ModelProto) -> None:
    tensors = staged(products)
    ranges = find_ranges(tensors)
    counted = count_magnitudes(tensors, ranges, ["percentile"])
    assert counted.keys() == {"x", "h", "r"}
    amax = threshold("percentile", counted["x"], Settings(percentile=90))
    assert amax == pytest.approx(np.quantile(np.abs(ROWS), 0.9), rel=0.02)


def test_each_pass_tells_what_it_does(products: onnx.ModelProto) -> None:
    told: list[tuple[int, int | None, str]] = []
    tensors = staged(products)
    ranges = find_ranges(tensors, progress=lambda *entry: told.append(entry))
    count_magnitudes(tensors, ranges, ["mse"], lambda *entry: told.append(entry))
    assert [text for _, _, text in told] == ["ranges"] * 8 + ["histograms"] * 8
    assert [done for done, _, _ in told] == [*range(8), *range(8)]

"""Ranges of rescaled tensors are found on the tensors as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.calibration.cures.rescaled import Candidates, rescaled_ranges
from trtflow.cures.moving import transfer_ranges
from trtflow.cures.transfers import transfers
from trtflow.data import Dataset, Sample
from trtflow.files.scales import TensorScale
from trtflow.numerics.calibration import Settings
from trtflow.numerics.ranges import channel_peaks
from trtflow.qdq.quantize import quantizable
from trtflow.runners.staged import Staged

ROWS = np.random.default_rng(1).standard_t(3, (64, 6)).astype(np.float32)
SHIFTS = ((0, 3, -1, 2, 0, 1, -2, 4) * 4, (1,) * 32)
DATA = Dataset("rows", lambda: iter([Sample({"x": ROWS[start : start + 16]}) for start in range(0, 64, 16)]))


def _hidden(products: onnx.ModelProto) -> np.ndarray[Any, Any]:
    (weight,) = (numpy_helper.to_array(entry) for entry in products.graph.initializer if entry.name == "a")
    return np.maximum(ROWS @ weight, 0)


def _ranges(products: onnx.ModelProto, scale: TensorScale) -> tuple[TensorScale, ...]:
    peaks = np.asarray(channel_peaks(_hidden(products), -1), np.float32)
    return rescaled_ranges(Staged(products, ["r"], DATA), {"r": Candidates(-1, SHIFTS, peaks, scale)}, Settings())[
        "r"
    ]


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_a_rescaled_range_is_that_of_the_changed_network(products: onnx.ModelProto, method: Any) -> None:
    (transfer,) = (entry for entry in transfers(products) if entry.tensor == "r")
    found = _ranges(products, TensorScale(amax=1.0, method=method))
    for shifts, scale in zip(SHIFTS, found, strict=True):
        changed = transfer_ranges(products, transfer, shifts)
        expected = calibrate(changed, quantizable(changed, outputs=True), DATA, Choice(method)).tensors["r"]
        assert scale.model_copy(update={"spread": expected.spread}) == expected


def test_an_external_range_keeps_its_share_of_the_widest(products: onnx.ModelProto) -> None:
    widest = float(_hidden(products).max())
    _, halved = _ranges(products, TensorScale(amax=widest / 5, method="given", seen=widest))
    assert (halved.method, halved.amax) == ("given", pytest.approx(widest / 10, rel=1e-6))


def test_a_percentile_of_ones_own_holds_for_rescaled_tensors(products: onnx.ModelProto) -> None:
    scale = TensorScale(amax=1.0, method="percentile")
    peaks = np.asarray(channel_peaks(_hidden(products), -1), np.float32)
    candidates = {"r": Candidates(-1, SHIFTS, peaks, scale)}
    staged = Staged(products, ["r"], DATA)
    low, high = (rescaled_ranges(staged, candidates, Settings(percentile))["r"][0].amax for percentile in (90, 99.9))
    assert low < high / 2


@pytest.mark.parametrize(("method", "expected"), [("mse", "mse"), ("given", "minmax"), ("of my own", "minmax")])
def test_what_chose_a_threshold_chooses_it_again_where_it_can(method: str, expected: str) -> None:
    entry = TensorScale(amax=1.0, method=method)
    assert Candidates(-1, SHIFTS, np.ones(32, np.float32), entry).method == expected

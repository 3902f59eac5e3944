"""A calibration finds the range of each activation, whatever the batches and the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from spread_model import batches

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.data import Dataset, Sample
from trtflow.model.ports import mark_outputs
from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan
from trtflow.qdq.quantize import quantizable
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.reference import ReferenceRunner

ROWS = np.random.default_rng(1).standard_t(3, (64, 6)).astype(np.float32)


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_batch_size_has_no_influence(products: onnx.ModelProto, method: Any) -> None:
    sites = quantizable(products, outputs=True)
    found = [calibrate(products, sites, batches(ROWS, size), Choice(method)).tensors for size in (1, 16, 64)]
    amax = [{name: tensor.amax for name, tensor in tensors.items()} for tensors in found]
    assert amax[0] == pytest.approx(amax[1], rel=1e-6)
    assert amax[0] == pytest.approx(amax[2], rel=1e-6)


def test_given_ranges_are_taken_as_they_are(products: onnx.ModelProto) -> None:
    found = calibrate(products, quantizable(products, outputs=True), batches(ROWS, 8), Choice("minmax"), {"r": 3.5})
    assert (found.tensors["r"].amax, found.tensors["r"].method) == (3.5, "given")
    assert found.thresholds["r"].keys() == {"minmax", "percentile", "entropy", "mse"}
    assert found.tensors["x"].method == "minmax"


def test_a_quantized_run_is_near_fp32(products: onnx.ModelProto) -> None:
    sites = quantizable(products, outputs=True)
    amax = {name: t.amax for name, t in calibrate(products, sites, batches(ROWS, 64), Choice("mse")).tensors.items()}
    plan = PrecisionPlan("fp32").assign(["up", "down"], "int8")
    with QuantizedRunner(products, plan, Ranges(amax)) as quantized, ReferenceRunner(products) as exact:
        found, expected = quantized({"x": ROWS})["y"], exact({"x": ROWS})["y"]
    error = np.square(found - expected).sum() / np.square(expected).sum()
    assert 0 < error < 0.02


@pytest.mark.parametrize("budget", [1, 600, 10**9])
def test_the_budget_has_no_influence_to_the_last_bit(products: onnx.ModelProto, budget: int) -> None:
    sites = quantizable(products, outputs=True)
    choice = Choice("entropy")
    found = calibrate(products, sites, batches(ROWS, 8), choice, budget=budget)
    assert found == calibrate(products, sites, batches(ROWS, 8), choice)


def test_what_was_seen_is_what_a_plain_run_gives(products: onnx.ModelProto) -> None:
    found = calibrate(products, quantizable(products, outputs=True), batches(ROWS, 8), Choice("minmax")).tensors
    session = create_session(mark_outputs(products, ["r"]))
    plain = [session.run(["r"], {"x": ROWS[start : start + 8]})[0] for start in range(0, 64, 8)]
    assert found["r"].seen == max(float(array.max()) for array in plain)
    assert (found["x"].low, found["x"].high) == (float(ROWS.min()), float(ROWS.max()))


def test_the_widest_ranges_need_one_pass_and_others_a_second(products: onnx.ModelProto) -> None:
    sites, read = quantizable(products, outputs=True), []
    data = Dataset("rows", lambda: iter([read.append(1) or sample for sample in batches(ROWS, 64)]))
    calibrate(products, sites, data, Choice("minmax"))
    once = len(read)
    calibrate(products, sites, data, Choice("mse"))
    assert (once, len(read) - once) == (1, 2)


def test_a_tensor_that_is_zero_throughout_has_no_range(products: onnx.ModelProto) -> None:
    data = Dataset("zeros", lambda: iter([Sample({"x": np.zeros((4, 6), np.float32)})]))
    found = calibrate(products, quantizable(products, outputs=True), data, Choice("auto"))
    assert {name: entry.amax for name, entry in found.tensors.items()} == {"x": 0.0, "r": 0.0}
    assert found.thresholds == {}


def test_values_that_are_not_finite_are_counted(products: onnx.ModelProto) -> None:
    rows = ROWS.copy()
    rows[3, 2], rows[5, 1] = np.nan, np.inf
    found = calibrate(products, quantizable(products, outputs=True), batches(rows, 16), Choice("minmax"))
    assert found.tensors["x"].non_finite == 2
    assert found.tensors["x"].amax == float(np.abs(rows[np.isfinite(rows)]).max())


@pytest.mark.parametrize(("given", "amax"), [({}, 0.0), ({"x": 5.0}, 5.0)], ids=["calibrated", "given"])
def test_a_tensor_with_infinities_but_no_nan_has_no_range_but_a_given_one(
    products: onnx.ModelProto, given: dict[str, float], amax: float
) -> None:
    rows = ROWS.copy()
    rows[3, 2] = -np.inf
    data = batches(rows, 16)
    found = calibrate(products, quantizable(products, outputs=True), data, Choice("minmax"), given)
    assert (found.tensors["x"].non_finite, found.tensors["x"].nan, found.tensors["x"].amax) == (1, 0, amax)

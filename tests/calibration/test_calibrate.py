from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from trtflow.calibration.stream import Stream

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.calibration.trials import EARNS, RangeTrial, best_ranges
from trtflow.data import Dataset, Sample
from trtflow.plan import PrecisionPlan
from trtflow.qdq.quantize import quantizable
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.reference import ReferenceRunner

ROWS = np.random.default_rng(1).standard_t(3, (64, 6)).astype(np.float32)


def _batches(size: int) -> Dataset:
    samples = [Sample({"x": ROWS[start : start + size]}) for start in range(0, len(ROWS), size)]
    return Dataset("rows", lambda: iter(samples))


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_batch_size_has_no_influence(products: onnx.ModelProto, method: Any) -> None:
    sites = quantizable(products, outputs=True)
    found = [calibrate(products, sites, _batches(size), Choice(method)).tensors for size in (1, 16, 64)]
    amax = [{name: tensor.amax for name, tensor in tensors.items()} for tensors in found]
    assert amax[0] == pytest.approx(amax[1], rel=1e-6)
    assert amax[0] == pytest.approx(amax[2], rel=1e-6)


def test_a_small_budget_gives_the_same_ranges(products: onnx.ModelProto) -> None:
    wide, narrow = (Stream(products, ["x", "h", "r"], _batches(8), budget).ranges() for budget in (10**9, 1))
    assert wide == narrow
    assert wide["x"].amax == pytest.approx(np.abs(ROWS).max())


def test_given_ranges_are_taken_as_they_are(products: onnx.ModelProto) -> None:
    found = calibrate(products, quantizable(products, outputs=True), _batches(8), Choice("minmax"), {"r": 3.5})
    assert (found.tensors["r"].amax, found.tensors["r"].method) == (3.5, "given")
    assert found.thresholds["r"].keys() == {"minmax", "percentile", "entropy", "mse"}
    assert found.tensors["x"].method == "minmax"


def test_a_trial_tells_a_range_that_fits_from_those_that_do_not(products: onnx.ModelProto) -> None:
    trial = RangeTrial(products, quantizable(products, outputs=True), list(_batches(64)))
    widest = float(np.abs(ROWS).max())
    errors = [trial.error({"x": amax}) for amax in (widest / 50, widest, 100 * widest)]
    assert min(errors) == errors[1]
    assert trial.error({}) == 0.0


def test_auto_is_no_worse_than_the_widest_ranges_nor_much_than_one_method(
    products: onnx.ModelProto,
) -> None:
    sites = quantizable(products, outputs=True)
    trial = RangeTrial(products, sites, list(_batches(64)))
    thresholds = calibrate(products, sites, _batches(64), Choice("auto")).thresholds
    chosen = {tensor: amax for tensor, (_, amax) in best_ranges(trial, thresholds).items()}
    uniform = [{t: found[m] for t, found in thresholds.items()} for m in ("minmax", "percentile", "entropy", "mse")]
    widest, *clipped = map(trial.error, uniform)
    assert trial.error(chosen) <= min(widest, *(error / EARNS for error in clipped))


def test_a_quantised_run_is_near_fp32(products: onnx.ModelProto) -> None:
    sites = quantizable(products, outputs=True)
    amax = {name: t.amax for name, t in calibrate(products, sites, _batches(64), Choice("mse")).tensors.items()}
    plan = PrecisionPlan("fp32").assign(["up", "down"], "int8")
    with QuantizedRunner(products, plan, Ranges(amax)) as quantised, ReferenceRunner(products) as exact:
        found, expected = quantised({"x": ROWS})["y"], exact({"x": ROWS})["y"]
    error = np.square(found - expected).sum() / np.square(expected).sum()
    assert 0 < error < 0.02


class _Table(RangeTrial):
    """Errors add up, except that ``loud`` drowns whatever else is quantised."""

    def __init__(self, errors: dict[str, dict[float, float]]) -> None:
        self._errors = errors

    def error(self, amax: Mapping[str, float]) -> float:
        return 0.5 if "loud" in amax else sum(self._errors[tensor][value] for tensor, value in amax.items())


def test_a_tensor_that_drowns_the_outputs_has_no_say_in_the_ranges_of_others() -> None:
    errors = {"a": {8.0: 0.01, 2.0: 0.001}, "b": {4.0: 0.002, 1.0: 0.03}, "loud": {9.0: 0.5, 3.0: 0.5}}
    thresholds = {tensor: dict(zip(("minmax", "entropy"), found, strict=True)) for tensor, found in errors.items()}
    found = best_ranges(_Table(errors), thresholds)
    assert found == {"a": ("entropy", 2.0), "b": ("minmax", 4.0), "loud": ("minmax", 9.0)}


@pytest.mark.parametrize(("clipped", "method"), [(0.008, "minmax"), (0.005, "entropy")])
def test_a_clipped_range_has_to_earn_it(clipped: float, method: str) -> None:
    found = best_ranges(_Table({"a": {6.0: 0.01, 3.0: clipped}}), {"a": {"minmax": 6.0, "entropy": 3.0}})
    assert found["a"][0] == method

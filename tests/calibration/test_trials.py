"""Competing ranges are tried on the end outputs, each tensor alone, then all together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from selecting import classes_of_pixels, images
from spread_model import batches

from trtflow.calibration.calibrate import Choice, calibrate
from trtflow.calibration.trials import ALIKE, EARNS, RangeTrial, best_ranges
from trtflow.qdq.quantize import quantizable

ROWS = np.random.default_rng(1).standard_t(3, (64, 6)).astype(np.float32)


def test_a_trial_tells_a_range_that_fits_from_those_that_do_not(products: onnx.ModelProto) -> None:
    trial = RangeTrial(products, quantizable(products, outputs=True), list(batches(ROWS, 64)))
    widest = float(np.abs(ROWS).max())
    errors = [trial.error({"x": amax}) for amax in (widest / 50, widest, 100 * widest)]
    assert min(errors) == errors[1]
    assert trial.error({}) == 0.0


def test_auto_is_no_worse_than_the_widest_ranges_nor_much_than_one_method(
    products: onnx.ModelProto,
) -> None:
    sites = quantizable(products, outputs=True)
    trial = RangeTrial(products, sites, list(batches(ROWS, 64)))
    thresholds = calibrate(products, sites, batches(ROWS, 64), Choice("auto")).thresholds
    chosen = {tensor: amax for tensor, (_, amax) in best_ranges(trial, thresholds).items()}
    uniform = [{t: found[m] for t, found in thresholds.items()} for m in ("minmax", "percentile", "entropy", "mse")]
    widest, *clipped = map(trial.error, uniform)
    assert trial.error(chosen) <= min(widest, *(error / EARNS for error in clipped))


class _Table(RangeTrial):
    """Errors add up, except that ``loud`` drowns whatever else is quantized."""

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


def test_ranges_that_hardly_differ_are_tried_once() -> None:
    tried = []

    class Counting(_Table):
        def error(self, amax: Mapping[str, float]) -> float:
            tried.append(dict(amax))
            return super().error(amax)

    near = 6.0 * (1 - ALIKE / 2)
    trial = Counting({"a": {6.0: 0.01, near: 0.01, 2.0: 0.02}})
    assert best_ranges(trial, {"a": {"minmax": 6.0, "percentile": near, "mse": 2.0}})["a"] == ("minmax", 6.0)
    assert tried[:2] == [{"a": 6.0}, {"a": 2.0}]


def test_one_method_throughout_wins_where_errors_add_up_in_ways_that_no_tensor_shows_alone() -> None:
    class Together(_Table):
        def error(self, amax: Mapping[str, float]) -> float:
            mixed = len({value > 2 for value in amax.values()}) > 1
            return 0.09 if mixed else super().error(amax)

    trial = Together({"a": {8.0: 0.01, 2.0: 0.001}, "b": {4.0: 0.002, 1.0: 0.003}})
    found = best_ranges(trial, {"a": {"minmax": 8.0, "mse": 2.0}, "b": {"minmax": 4.0, "mse": 1.0}})
    assert found == {"a": ("mse", 2.0), "b": ("mse", 1.0)}


def test_progress_counts_tensors() -> None:
    told = []
    errors = {"a": {1.0: 0.01}, "b": {1.0: 0.01}}
    best_ranges(_Table(errors), {"a": {"minmax": 1.0}, "b": {"minmax": 1.0}}, lambda *entry: told.append(entry))
    assert told == [(0, 2, "a"), (1, 2, "b")]


def test_a_trial_hears_what_goes_into_a_selection() -> None:
    """The only output is the class of each pixel, which few ranges change."""
    model, samples = classes_of_pixels(), list(images(2))
    trial = RangeTrial(model, quantizable(model, outputs=True), samples)
    fits, clips = trial.error({"x": 3.0}), trial.error({"x": 0.3})
    assert 0 < fits < 0.01 < clips

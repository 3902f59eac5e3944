"""Ranges are calibrated, given by a file or by name, or shared; what does not fit the model is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import info, model, node
from planted import dataset, int8_network, pictures

from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset
from trtflow.errors import PlanError
from trtflow.files.ranges import RangesFile
from trtflow.files.scales import Origin
from trtflow.tasks.calibrate import Given, calibrate
from trtflow.tasks.hooks import Hooks

MINMAX = Choice("minmax")
QUANTIZED = ["x", "b", "d", "g"]  # what the four convolutions read


@pytest.fixture(scope="module")
def net() -> onnx.ModelProto:
    return int8_network()


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(pictures(2, 6))


def cache(**amax: float) -> RangesFile:
    return RangesFile("calibration cache", amax, (10, 3, 0), "EntropyCalibration2", name="given.cache")


def methods(given: Given, net: onnx.ModelProto, data: Dataset) -> dict[str, str]:
    found = calibrate(net, data, MINMAX, given=given).scales
    return {name: entry.method for name, entry in found.tensors.items()}


def test_every_activation_of_a_convolution_gets_a_scale(net: onnx.ModelProto, data: Dataset) -> None:
    found = calibrate(net, data).scales
    assert (list(found.tensors), found.samples, found.method, found.precision) == (QUANTIZED, 6, "auto", "int8")
    assert all(0 < entry.amax <= (entry.seen or 0) for entry in found.tensors.values())


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_a_method_holds_for_all_tensors(net: onnx.ModelProto, data: Dataset, method: Any) -> None:
    found = calibrate(net, data, Choice(method)).scales
    assert {entry.method for entry in found.tensors.values()} == {method}
    assert all(0 < entry.amax <= (entry.seen or 0) for entry in found.tensors.values())


@pytest.mark.parametrize(
    ("choice", "percentile"),
    [
        (Choice("percentile", 99.0), 99.0),
        (Choice("auto", 99.0), 99.0),
        (Choice("minmax", 99.0), None),
        (Choice("mse"), None),
    ],
)
def test_a_percentile_is_recorded_where_it_was_used(
    net: onnx.ModelProto, data: Dataset, choice: Choice, percentile: float | None
) -> None:
    assert calibrate(net, data, choice).scales.percentile == percentile


def test_the_widest_ranges_are_those_of_the_samples(net: onnx.ModelProto, data: Dataset) -> None:
    amax = calibrate(net, data, MINMAX).scales.amax
    assert amax["x"] == float(pictures(2, 6).max())
    assert amax["d"] == pytest.approx(1.0, abs=0.01)  # behind a Tanh


def test_every_method_tells_what_it_would_have_given(net: onnx.ModelProto, data: Dataset) -> None:
    found = calibrate(net, data)
    assert set(found.thresholds) == set(QUANTIZED)
    assert {frozenset(entry) for entry in found.thresholds.values()} == {
        frozenset({"minmax", "percentile", "entropy", "mse"})
    }
    assert all(found.scales.amax[name] in entry.values() for name, entry in found.thresholds.items())


def test_where_the_scales_come_from_is_recorded(net: onnx.ModelProto, data: Dataset) -> None:
    origins = {"model": Origin(name="m.onnx", sha256="11"), "data": Origin(name="c.npz", sha256="22")}
    found = calibrate(net, data, MINMAX, origins=origins).scales
    assert (found.model, found.data, found.preprocessing) == (origins["model"], origins["data"], None)


GIVEN = {
    "nothing": (Given(), {}),
    "a file": (Given(cache(x=2.0, d=1.5)), {"x": 2.0, "d": 1.5}),
    "a file that names others as well": (Given(cache(x=2.0, other=9.0)), {"x": 2.0}),
    "a file with ModelOpt's suffix": (Given(cache(x_scale=2.0)), {"x": 2.0}),
    "single tensors": (Given(amax={"d": 3.0}), {"d": 3.0}),
    "single tensors before the file": (Given(cache(x=2.0, d=1.5), {"d": 3.0}), {"x": 2.0, "d": 3.0}),
}


@pytest.mark.parametrize(("given", "taken"), GIVEN.values(), ids=GIVEN)
def test_what_is_given_is_taken_and_the_rest_calibrated(
    net: onnx.ModelProto, data: Dataset, given: Given, taken: dict[str, float]
) -> None:
    fresh, found = (calibrate(net, data, MINMAX, given=entry).scales for entry in (Given(), given))
    assert found.amax == {**fresh.amax, **taken}
    assert methods(given, net, data) == {name: "given" if name in taken else "minmax" for name in QUANTIZED}


def test_how_much_a_file_gives_is_said(net: onnx.ModelProto, data: Dataset) -> None:
    lines: list[str] = []
    calibrate(net, data, MINMAX, given=Given(cache(x=2.0, other=1.0)), hooks=Hooks(log=lines.append))
    assert lines == ["1 ranges are given by given.cache, 3 are calibrated"]


SHARED = {
    "two tensors": ([("x", "d")], {"d": "x"}),
    "two groups": ([("x", "d"), ("b", "g")], {"d": "x", "g": "b"}),
    "a chain through one that is in both": ([("x", "d"), ("d", "b")], {"x": "x", "d": "b"}),
}


@pytest.mark.parametrize(("groups", "like"), SHARED.values(), ids=SHARED)
def test_a_group_shares_its_widest_range(
    net: onnx.ModelProto, data: Dataset, groups: list[tuple[str, ...]], like: dict[str, str]
) -> None:
    given = {"x": 2.0, "d": 1.0, "b": 8.0, "g": 4.0}
    amax = calibrate(net, data, MINMAX, given=Given(amax=given, shared=groups)).scales.amax
    assert amax == {**given, **{name: given[other] for name, other in like.items()}}


WRONG = {
    "a file of another model": (
        Given(cache(images=2.0)),
        r"given\.cache \(calibration cache, 1 tensors\) names no tensor that INT8 would quantize here, such as x",
    ),
    "a misspelt tensor": (Given(amax={"dd": 1.0}), "'dd', which INT8 would not quantize here; did you mean 'd'"),
    "a tensor that nobody quantizes": (Given(amax={"f": 1.0}), "amax names 'f', which INT8 would not quantize here"),
    "zero": (Given(amax={"d": 0.0}), "amax of 'd' is 0.0; expected a positive finite number"),
    "negative": (Given(amax={"d": -1.0}), "amax of 'd' is -1.0; expected a positive finite number"),
    "infinite": (Given(amax={"d": math.inf}), "amax of 'd' is inf"),
    "no number": (Given(amax={"d": math.nan}), "amax of 'd' is nan"),
    "a group with a stranger": (Given(shared=[("x", "f")]), "shared names 'f', which INT8 would not quantize here"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_the_model_is_refused(
    net: onnx.ModelProto, data: Dataset, given: Given, message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        calibrate(net, data, MINMAX, given=given)


def test_a_model_without_a_product_has_nothing_to_calibrate(data: Dataset) -> None:
    net = model([node("Relu", "x", "y")], [info("x", ["N", 3, 16, 16])], [info("y", None)])
    with pytest.raises(PlanError, match="no node of the model suits INT8 or FP8"):
        calibrate(net, data)


def test_memory_for_one_tensor_at_a_time_changes_nothing(net: onnx.ModelProto, data: Dataset) -> None:
    assert calibrate(net, data, MINMAX, memory=1) == calibrate(net, data, MINMAX)


def test_a_dead_tensor_has_no_range_and_no_threshold(net: onnx.ModelProto) -> None:
    found = calibrate(net, dataset(np.zeros((2, 3, 16, 16), np.float32)), MINMAX)
    assert found.scales.amax == dict.fromkeys(QUANTIZED, 0.0)
    assert found.thresholds == {}

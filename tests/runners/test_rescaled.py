from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Dataset, Sample
from trtflow.graph.equalize import transfer_ranges, transfers
from trtflow.graph.quantize import quantizable
from trtflow.numerics.calibration import Settings
from trtflow.numerics.ranges import channel_peaks
from trtflow.precision.scales import TensorScale
from trtflow.runners.calibrate import Choice, calibrate
from trtflow.runners.rescaled import Candidates, rescaled_scales
from trtflow.runners.stream import Stream

ROWS = np.random.default_rng(1).standard_t(3, (64, 6)).astype(np.float32)
SHIFTS = ((0, 3, -1, 2, 0, 1, -2, 4), (1,) * 8)
DATA = Dataset("rows", lambda: iter([Sample({"x": ROWS[start : start + 16]}) for start in range(0, 64, 16)]))


@pytest.fixture
def model() -> onnx.ModelProto:
    """y = relu(x · a) · b."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], "up"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "b"], ["y"], "down"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", w]) for n, w in (("x", 6), ("y", 4))]
    constants = {"a": rng.normal(0, 1, (6, 8)), "b": rng.normal(0, 1, (8, 4))}
    initializers = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in constants.items()]
    graph = helper.make_graph(nodes, "two", ports[:1], ports[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def _hidden(model: onnx.ModelProto) -> np.ndarray[Any, Any]:
    (weight,) = (numpy_helper.to_array(entry) for entry in model.graph.initializer if entry.name == "a")
    return np.maximum(ROWS @ weight, 0)


def _scales(model: onnx.ModelProto, scale: TensorScale) -> tuple[TensorScale, ...]:
    peaks = np.asarray(channel_peaks(_hidden(model), -1), np.float32)
    return rescaled_scales(Stream(model, ["r"], DATA), {"r": Candidates(-1, SHIFTS, peaks, scale)}, Settings())["r"]


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy", "mse"])
def test_a_rescaled_range_is_that_of_the_changed_network(model: onnx.ModelProto, method: Any) -> None:
    (transfer,) = (entry for entry in transfers(model) if entry.tensor == "r")
    found = _scales(model, TensorScale(amax=1.0, method=method))
    for shifts, scale in zip(SHIFTS, found, strict=True):
        changed = transfer_ranges(model, transfer, shifts)
        expected = calibrate(changed, quantizable(changed, outputs=True), DATA, Choice(method)).tensors["r"]
        assert scale.model_copy(update={"spread": expected.spread}) == expected


def test_an_external_range_keeps_its_share_of_the_widest(model: onnx.ModelProto) -> None:
    widest = float(_hidden(model).max())
    _, halved = _scales(model, TensorScale(amax=widest / 5, method="given", seen=widest))
    assert (halved.method, halved.amax) == ("given", pytest.approx(widest / 10, rel=1e-6))

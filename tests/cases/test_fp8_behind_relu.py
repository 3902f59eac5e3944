"""FP8 is measured with the Relu or Clip in front of it, so these networks take it as one with LeakyRelu does."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import trtflow
from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset, Sample

CHANNELS, DEPTH = 16, 3


def network(activation: str) -> onnx.ModelProto:
    """Convolutions, an activation behind each but the last."""
    rng = np.random.default_rng(31)
    tensors = [numpy_helper.from_array(np.float32(v), n) for n, v in (("zero", 0), ("six", 6))]
    nodes, x, width = [], "x", 3
    for index in range(DEPTH):
        weights = rng.standard_normal((CHANNELS, width, 3, 3)) * (2 / (9 * width)) ** 0.5
        tensors.append(numpy_helper.from_array(weights.astype(np.float32), f"w{index}"))
        nodes.append(helper.make_node("Conv", [x, f"w{index}"], [f"c{index}"], f"conv{index}", pads=[1] * 4))
        more = ["zero", "six"] if activation == "Clip" else []
        nodes.append(helper.make_node(activation, [f"c{index}", *more], [f"a{index}"], f"act{index}"))
        x, width = f"a{index}", CHANNELS
    tensors.append(numpy_helper.from_array(rng.standard_normal((2, CHANNELS, 1, 1)).astype(np.float32), "w"))
    nodes.append(helper.make_node("Conv", [x, "w"], ["y"], "head"))
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", c, 12, 12]) for n, c in (("x", 3), ("y", 2))]
    graph = helper.make_graph(nodes, "convolutions", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pictures() -> Dataset:
    """Smooth ones."""
    rng = np.random.default_rng(32)
    coarse = rng.standard_normal((12, 1, 3, 4, 4)).astype(np.float32)
    fine = np.kron(coarse, np.ones((3, 3), np.float32))
    return Dataset("pictures", lambda: iter([Sample({"x": picture}) for picture in fine]))


@pytest.mark.parametrize("activation", ["Relu", "Clip", "LeakyRelu"])
def test_all_but_the_head_takes_fp8(activation: str) -> None:
    model, data = network(activation), pictures()
    scales = trtflow.calibrate(model, data, Choice("minmax", precision="fp8")).scales
    decided = trtflow.quantize(model, data, scales, accept={"sqnr": {"min": 20}})
    low = {name for name, precision in decided.plan.nodes.items() if precision == "fp8"}
    assert decided.search.accepted
    assert {f"conv{index}" for index in range(DEPTH)} <= low
    assert 20 < decided.search.metrics["naive"]["sqnr"] < 40

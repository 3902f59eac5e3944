from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import LEVELS, f32, info, model, node, run
from onnx import TensorProto, helper

from trtflow.emulation.typed import emulate_typed
from trtflow.model.edit import clone

HALF, FLOAT = TensorProto.FLOAT16, TensorProto.FLOAT


def overflowing(elem: int = HALF) -> onnx.ModelProto:
    """x · 1000 / 1000, with a low tensor between."""
    nodes = [
        node("Cast", "x", "h", to=elem),
        node("Mul", "h k", "t"),
        node("Div", "t k", "d"),
        node("Cast", "d", "y", to=FLOAT),
    ]
    k = helper.make_tensor("k", elem, [], [1000.0])
    return model(nodes, [info("x", [1])], [info("y", [1])], [k])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("elem", "expected"), [(HALF, np.inf), (TensorProto.BFLOAT16, 100.0)])
def test_every_low_tensor_is_really_rounded(elem: int, expected: float, level: str) -> None:
    y = run(emulate_typed(overflowing(elem)), {"x": np.array([100], np.float32)}, level)[0]
    assert y[0] == pytest.approx(expected, rel=0.01)


def test_each_low_output_is_rounded_once_and_fp32_ones_are_not() -> None:
    nodes = [node("Neg", "x", "a"), node("Cast", "a", "h", to=HALF), node("Abs", "h", "b")]
    nodes.append(node("Cast", "b", "y", to=FLOAT))
    net = model(nodes, [info("x", [1])], [info("y", [1])])
    graph = emulate_typed(net).graph
    assert [n.name for n in graph.node if n.name.endswith("__down")] == ["h__down", "b__down"]


def test_low_inputs_and_outputs_keep_their_types() -> None:
    net = model([node("Relu", "x", "y")], [info("x", [2], HALF)], [info("y", [2], HALF)])
    emulated = emulate_typed(net)
    assert (emulated.graph.input[0], emulated.graph.output[0]) == (net.graph.input[0], net.graph.output[0])
    x = np.array([-1, 2], np.float16)
    np.testing.assert_array_equal(run(emulated, {"x": x})[0], np.array([0, 2], np.float16))


def test_nan_passes_a_low_pool() -> None:
    net = model(
        [node("MaxPool", "x", "y", kernel_shape=[2, 2])], [info("x", [1, 1, 2, 2], HALF)], [info("y", None, HALF)]
    )
    x = np.array([[[[1, np.nan], [2, 3]]]], np.float16)
    assert np.isnan(run(emulate_typed(net), {"x": x})[0]).all()


def test_a_model_without_low_tensors_is_unchanged_and_the_argument_always_is() -> None:
    exact = model([node("Add", "x w", "y")], [info("x", [2])], [info("y", [2])], [f32("w", [1])])
    assert emulate_typed(exact) == exact
    low, before = overflowing(), clone(overflowing())
    emulate_typed(low)
    assert low == before


def test_what_opset_22_only_opened_to_bf16_runs_by_the_kernels_of_21() -> None:
    nodes = [node("RoiAlign", "x r i", "y")]
    rois = [f32("r", [[0.0, 0.0, 2.0, 2.0]]), helper.make_tensor("i", TensorProto.INT64, [1], [0])]
    net = model(nodes, [info("x", [1, 1, 4, 4])], [info("y", [1, 1, 1, 1])], rois, opset=22)
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    assert np.isfinite(run(emulate_typed(net), {"x": x})[0]).all()

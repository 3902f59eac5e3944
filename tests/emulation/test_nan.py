"""NaN goes through every operator that a GPU lets it through, on the ONNX Runtime that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import LEVELS, f32, i64, info, model, node, random, run

from trtflow.emulation.emulate import instrument
from trtflow.plan import PrecisionPlan

WEIGHTS = [f32("w", random(4, 4, 3, 3, seed=1)), f32("zero", 0), f32("six", 6), i64("axes", [2, 3])]

ELEMENTWISE = {
    "Relu": [node("Relu", "x", "y")],
    "LeakyRelu": [node("LeakyRelu", "x", "y")],
    "Clip": [node("Clip", "x zero six", "y")],
    "Max": [node("Max", "x zero", "y")],
    "Max, NaN last": [node("Max", "zero x", "y")],
    "Min": [node("Min", "x six", "y")],
    "Min, NaN last": [node("Min", "six x", "y")],
    "HardSigmoid": [node("HardSigmoid", "x", "y")],
    "HardSwish": [node("HardSwish", "x", "y")],
}
FUSED = {
    "Conv": [node("Conv", "x w", "y")],
    "Conv, Relu": [node("Conv", "x w", "c"), node("Relu", "c", "y")],
    "Conv, Clip": [node("Conv", "x w", "c"), node("Clip", "c zero six", "y")],
    "Conv, LeakyRelu": [node("Conv", "x w", "c"), node("LeakyRelu", "c", "y")],
    "Conv, Sigmoid": [node("Conv", "x w", "c"), node("Sigmoid", "c", "y")],
    "Conv, Add, Relu": [node("Conv", "x w", "c"), node("Add", "c c", "a"), node("Relu", "a", "y")],
}
POOLS: dict[str, dict[str, Any]] = {
    "2x2": {"kernel_shape": [2, 2], "strides": [2, 2]},
    "3x3": {"kernel_shape": [3, 3]},
    "3x3 padded": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]},
    "dilated": {"kernel_shape": [2, 2], "dilations": [2, 2]},
}


def outputs(nodes: list[onnx.NodeProto], x: Any, level: str, opset: int = 18) -> Any:
    used = {name for n in nodes for name in n.input}
    weights = [tensor for tensor in WEIGHTS if tensor.name in used]
    net = model(nodes, [info("x", x.shape)], [info("y", None)], weights, opset)
    return run(instrument(net, PrecisionPlan("fp32")), {"x": x}, level)[0]


def image(size: int) -> Any:
    """Small and large: kernels switch to vectors and threads with size. NaN at every seventh place of a row."""
    x = random(1, 4, size, size)
    x[:, :, ::3, ::7] = np.nan
    return x


@pytest.mark.parametrize("size", [9, 130])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_operators_keep_nan(name: str, size: int) -> None:
    x = image(size)
    np.testing.assert_array_equal(np.isnan(outputs(ELEMENTWISE[name], x, "all")), np.isnan(x))


@pytest.mark.parametrize("level", ["disabled", "all"])
@pytest.mark.parametrize("name", FUSED)
def test_convolutions_and_what_is_fused_with_them_keep_nan(name: str, level: str) -> None:
    x = image(40)
    windows = np.lib.stride_tricks.sliding_window_view(np.isnan(x), (3, 3), (2, 3)).any(axis=(1, 4, 5))
    expected = np.broadcast_to(windows[:, None], (1, 4, 38, 38))
    np.testing.assert_array_equal(np.isnan(outputs(FUSED[name], x, level)), expected)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("attributes", POOLS.values(), ids=POOLS)
@pytest.mark.parametrize("size", [12, 130])
def test_max_pooling_returns_nan_where_the_window_holds_one(
    attributes: dict[str, Any], size: int, level: str
) -> None:
    x = image(size)
    marks = model([node("MaxPool", "x", "y", **attributes)], [info("x", x.shape)], [info("y", None)])
    holds_nan = run(marks, {"x": np.isnan(x).astype(np.float32)})[0] > 0
    plain = run(marks, {"x": np.nan_to_num(x, nan=-1e9)})[0]
    pooled = outputs([node("MaxPool", "x", "y", **attributes)], x, level)
    np.testing.assert_array_equal(pooled, np.where(holds_nan, np.nan, plain))


def test_global_max_pooling_returns_nan_for_the_channel_that_holds_one() -> None:
    x = random(1, 4, 9, 9)
    x[0, 2, 3, 3] = np.nan
    pooled = outputs([node("GlobalMaxPool", "x", "y")], x, "all")[0, :, 0, 0]
    np.testing.assert_array_equal(np.isnan(pooled), [False, False, True, False])


@pytest.mark.parametrize("opset", [13, 18, 22])
def test_infinities_pool_as_ever(opset: int) -> None:
    x = random(1, 4, 8, 8)
    x[0, 0, 0, 0], x[0, 1, 0, 0] = np.inf, -np.inf
    attributes = POOLS["2x2"]
    net = model([node("MaxPool", "x", "y", **attributes)], [info("x", x.shape)], [info("y", None)], opset=opset)
    pooled = outputs([node("MaxPool", "x", "y", **attributes)], x, "all", opset)
    np.testing.assert_array_equal(pooled, run(net, {"x": x})[0])


def test_a_max_pool_with_indices_returns_nan_and_the_indices_of_numbers() -> None:
    x = np.float32([[[[np.nan, 2, 3, 4], [5, 6, 8, 7]]]])
    nodes = [node("MaxPool", "x", "y i", kernel_shape=[2, 2], strides=[2, 2])]
    net = model(nodes, [info("x", x.shape)], [info("y", None), info("i", None, onnx.TensorProto.INT64)])
    pooled, places = run(instrument(net, PrecisionPlan("fp16")), {"x": x})
    np.testing.assert_array_equal(pooled, [[[[np.nan, 8]]]])
    np.testing.assert_array_equal(places, run(net, {"x": x})[1])


@st.composite
def reductions(draw: st.DrawFn) -> tuple[Any, tuple[int, ...], dict[str, int]]:
    """An array with NaN, infinities and numbers anywhere, axes, and attributes."""
    shape = draw(st.lists(st.sampled_from([1, 2, 3, 8, 17]), min_size=1, max_size=4))
    x = random(*shape, seed=draw(st.integers(0, 99)))
    for value in (-np.inf, np.inf, np.nan):
        x.flat[draw(st.lists(st.integers(0, x.size - 1), max_size=3))] = value
    axes = draw(st.lists(st.integers(0, x.ndim - 1), min_size=1, unique=True))
    return x, tuple(sorted(axes)), {"keepdims": draw(st.integers(0, 1))}


@given(reductions(), st.sampled_from(["ReduceMax", "ReduceMin"]), st.sampled_from([13, 18]))
@settings(max_examples=150, deadline=None)
def test_a_reduction_is_nan_exactly_where_it_reads_one(
    case: tuple[Any, tuple[int, ...], dict[str, int]], op: str, opset: int
) -> None:
    x, axes, attributes = case
    by_input = {"ReduceMax x a": {}, "ReduceMin x a": {}}[f"{op} x a"] if opset == 18 else {"axes": axes}
    net = model(
        [node(op, "x a" if opset == 18 else "x", "y", **attributes, **by_input)],
        [info("x", x.shape)],
        [info("y", None)],
        [i64("a", axes)] if opset == 18 else [],
        opset,
    )
    expected = {"ReduceMax": np.max, "ReduceMin": np.min}[op](x, axis=axes, keepdims=bool(attributes["keepdims"]))
    for emulated in (instrument(net, PrecisionPlan("fp32")), emulate_typed(net), switchable(net, "fp16").model):
        feed = {value.name: np.asarray(False) for value in emulated.graph.input} | {"x": x}
        np.testing.assert_array_equal(run(emulated, feed)[0], expected)

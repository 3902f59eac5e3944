"""NaN goes through every operator that a GPU lets it through, on the ONNX Runtime that is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import LEVELS, f32, i64, info, model, node, ops, random, run
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.switchable import switchable
from trtflow.emulation.typed import emulate_typed
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


def test_a_max_pool_with_indices_returns_nan_and_leaves_the_indices() -> None:
    x = np.float32([[[[1, np.nan, 3, 4], [5, 6, 8, 7]]]])
    nodes = [node("MaxPool", "x", "y i", kernel_shape=[2, 2], strides=[2, 2])]
    net = model(nodes, [info("x", x.shape)], [info("y", None), info("i", None, TensorProto.INT64)])
    pooled, places = run(instrument(net, PrecisionPlan("fp16")), {"x": x})
    np.testing.assert_array_equal(pooled, [[[[np.nan, 8]]]])
    np.testing.assert_array_equal(places, run(net, {"x": x})[1])


Reduction = tuple[onnx.ModelProto, Any, Any]
LEAST_OR_GREATEST = {"ReduceMax": np.max, "ReduceMin": np.min}


@st.composite
def reductions(draw: st.DrawFn) -> Reduction:
    """A reduction in either spelling, an array with NaN, infinities and numbers anywhere, and the IEEE answer."""
    shape = draw(st.lists(st.sampled_from([1, 2, 3, 8, 17]), min_size=1, max_size=4))
    x = random(*shape, seed=draw(st.integers(0, 99)))
    for value in (-np.inf, np.inf, np.nan):
        x.flat[draw(st.lists(st.integers(0, x.size - 1), max_size=3))] = value
    axes = tuple(sorted(draw(st.sets(st.integers(0, x.ndim - 1), min_size=1))))
    op, opset = draw(st.sampled_from([*LEAST_OR_GREATEST])), draw(st.sampled_from([13, 18]))
    keep = draw(st.booleans())
    attribute, given = ({"axes": axes}, "x") if opset == 13 else ({}, "x a")
    net = model(
        [node(op, given, "y", keepdims=int(keep), **attribute)],
        [info("x", x.shape)],
        [info("y", None)],
        [] if opset == 13 else [i64("a", axes)],
        opset,
    )
    return net, x, LEAST_OR_GREATEST[op](x, axis=axes, keepdims=keep)


@given(reductions())
@settings(max_examples=100, deadline=None)
def test_a_reduction_is_nan_exactly_where_it_reads_one(case: Reduction) -> None:
    net, x, expected = case
    np.testing.assert_array_equal(run(instrument(net, PrecisionPlan("fp32")), {"x": x})[0], expected)


@given(reductions(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_typed_and_a_switched_reduction_keep_nan_as_well(case: Reduction, low: bool) -> None:
    net, x, expected = case
    np.testing.assert_array_equal(run(emulate_typed(net), {"x": x})[0], expected)
    switched = switchable(net, "fp16")
    y = run(switched.model, {"x": x} | switched.feed(PrecisionPlan("fp16" if low else "fp32")))[0]
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))


def test_a_reduction_in_a_loop_within_a_branch_keeps_nan() -> None:
    x = random(2, 3, 17)
    x[1, 1, 16] = np.nan
    reduce = node("ReduceMax", "x a", "m", keepdims=1)
    body = helper.make_graph(
        [reduce, node("Max", "m c", "d"), node("Identity", "t", "u")],
        "body",
        [info("i", [], TensorProto.INT64), info("t", [], TensorProto.BOOL), info("c", None)],
        [info("u", [], TensorProto.BOOL), info("d", None)],
    )
    loop = node("Loop", "n yes zero", "l", body=body)
    branch = helper.make_graph([loop], "branch", [], [info("l", None)])
    plain = helper.make_graph([node("Identity", "zero", "z")], "plain", [], [info("z", None)])
    yes = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    net = model(
        [node("If", "yes", "y", then_branch=branch, else_branch=plain)],
        [info("x", x.shape)],
        [info("y", None)],
        [i64("n", 2), i64("a", [1, 2]), f32("zero", np.zeros((2, 1, 1))), yes],
        18,
    )
    assert not np.isnan(run(net, {"x": x})[0]).any()
    for emulated in (instrument(net, PrecisionPlan("fp16")), emulate_typed(net)):
        np.testing.assert_array_equal(np.isnan(run(emulated, {"x": x})[0]).ravel(), [False, True])


@pytest.mark.parametrize("elem", [TensorProto.INT64, TensorProto.DOUBLE])
def test_a_reduction_of_other_types_stays_as_it_is(elem: int) -> None:
    net = model([node("ReduceMax", "x", "y")], [info("x", [4], elem)], [info("y", None, elem)])
    assert ops(instrument(net, PrecisionPlan("fp16")).graph) == ["ReduceMax"]
    assert ops(emulate_typed(net).graph) == ["ReduceMax"]


def test_what_overflows_in_fp16_is_nan_behind_a_reduction_in_a_file_typed_fp16() -> None:
    nodes = [node("Mul", "x x", "s"), node("Sub", "s s", "d"), node("ReduceMax", "d a", "y")]
    half = TensorProto.FLOAT16
    net = model(nodes, [info("x", [1, 3, 8], half)], [info("y", None, half)], [i64("a", [1, 2])], 18)
    y = run(emulate_typed(net), {"x": np.full((1, 3, 8), 300, np.float16)})[0]
    assert np.isnan(y).all()


@pytest.mark.parametrize("mode", ["max", "avg"])
def test_a_region_that_holds_nan_is_nan(mode: str) -> None:
    x = random(1, 1, 8, 8)
    x[0, 0, 2, 2] = np.nan
    rois = f32("rois", [[0.5, 0.5, 6.5, 6.5]])
    roi = node("RoiAlign", "x rois b", "y", mode=mode, output_height=2, output_width=2, sampling_ratio=2)
    net = model([roi], [info("x", x.shape)], [info("y", None)], [rois, i64("b", [0])], 16)
    y = run(instrument(net, PrecisionPlan("fp32")), {"x": x})[0]
    np.testing.assert_array_equal(np.isnan(y), [[[[True, False], [False, False]]]])


@pytest.mark.parametrize("op", ["ScatterElements", "ScatterND"])
@pytest.mark.parametrize(("reduction", "selected"), [("max", 2), ("min", 1)])
def test_a_scatter_that_selects_keeps_the_nan_of_either_side(op: str, reduction: str, selected: float) -> None:
    places = i64("i", [1, 2, 3] if op == "ScatterElements" else [[1], [2], [3]])
    net = model(
        [node(op, "x i u", "y", reduction=reduction)],
        [info("x", [4])],
        [info("y", None)],
        [places, f32("u", [np.nan, 2, 1])],
        18,
    )
    y = run(instrument(net, PrecisionPlan("fp32")), {"x": np.float32([0, 0, np.nan, {2: 2, 1: 1}[selected]])})[0]
    np.testing.assert_array_equal(y, np.float32([0, np.nan, np.nan, selected]))


@pytest.mark.parametrize("activations", [["Relu"], ["Relu", "Tanh"], ["Tanh", "Relu"]])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.0])
def test_a_recurrent_relu_keeps_nan_and_is_a_relu_else(activations: list[str], value: float) -> None:
    directions = len(activations)
    weights = [f32("w", np.ones((directions, 2, 1))), f32("r", np.zeros((directions, 2, 2)))]
    direction = "bidirectional" if directions == 2 else "forward"
    rnn = node("RNN", "x w r", "y", hidden_size=2, activations=activations, direction=direction)
    net = model([rnn], [info("x", [1, 3, 1])], [info("y", None)], weights)
    x = np.float32([-1, value, 1]).reshape(1, 3, 1)
    squash = {"Relu": lambda v: np.maximum(v, 0), "Tanh": np.tanh}
    expected = np.stack([squash[name](x) for name in activations], 1)
    y = run(instrument(net, PrecisionPlan("fp32")), {"x": x})[0]
    np.testing.assert_allclose(y, np.broadcast_to(expected, y.shape), rtol=1e-5)


@pytest.mark.parametrize(
    ("op", "attributes", "expected"),
    [("ThresholdedRelu", {"alpha": 1.0}, [np.nan, 0, 2]), ("Shrink", {"lambd": 1.0}, [np.nan, 0, 2])],
)
def test_a_threshold_lets_nan_through(op: str, attributes: dict[str, float], expected: list[float]) -> None:
    net = model([node(op, "x", "y", **attributes)], [info("x", [3])], [info("y", None)])
    y = run(instrument(net, PrecisionPlan("fp16")), {"x": np.float32([np.nan, 0.5, 2])})[0]
    np.testing.assert_array_equal(y, np.float32(expected))

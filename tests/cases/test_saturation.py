"""Activations and masks whose infinities FP16 makes: said where they are mended, kept out where they are not.

Mish and GELU spelt out, of activations beyond 60; attention with a mask of −∞, or of the most negative number.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper

import trtflow
from trtflow.data import Sample
from trtflow.files.search import Saturation
from trtflow.tasks.bisection import BisectSettings
from trtflow.tasks.documents import Documents
from trtflow.tasks.marks import marks
from trtflow.tasks.searching import Decided

WIDTH = 8
RNG = np.random.default_rng(7)
SAMPLES = [Sample({"x": RNG.normal(size=(4, WIDTH)).astype(np.float32) * 60}) for _ in range(4)]
SAMPLES[0].feed["x"][0, :2] = 90, -90


def of_x(*nodes: onnx.NodeProto, **constants: object) -> onnx.ModelProto:
    """A network from x to y."""
    weights = [f32(name, value) for name, value in constants.items()]
    return model(nodes, [info("x", ["N", WIDTH])], [info("y", ["N", None])], weights)


def mish() -> onnx.ModelProto:
    return of_x(
        node("Exp", "x", "e", "exp"),
        node("Add", "e one", "s", "sum"),
        node("Log", "s", "l", "log"),
        node("Tanh", "l", "t", "tanh"),
        node("Mul", "x t", "y", "mish"),
        one=1,
    )


def gelu() -> onnx.ModelProto:
    return of_x(
        node("Pow", "x three", "c", "cube"),
        node("Mul", "c k", "k0", "scaled"),
        node("Add", "x k0", "s", "sum"),
        node("Tanh", "s", "t", "tanh"),
        node("Add", "t one", "u", "one up"),
        node("Mul", "x u", "y", "gelu"),
        three=3,
        k=0.044715,
        one=1,
    )


def masked(hidden: float) -> onnx.ModelProto:
    """Softmax over scores of which every other one is ``hidden``."""
    nodes = [node("Where", "seen x hidden", "a", "mask"), node("Softmax", "a", "p", "softmax")]
    nodes += [node("MatMul", "p w", "y", "values")]
    proto = of_x(*nodes, hidden=hidden, w=RNG.normal(size=(WIDTH, 2)))
    proto.graph.initializer.append(helper.make_tensor("seen", TensorProto.BOOL, [WIDTH], [True, False] * 4))
    return proto


def normed() -> onnx.ModelProto:
    """x plus x over the root of the sum of its cubes."""
    return of_x(
        node("Abs", "x", "a", "abs"),
        node("Pow", "a three", "c", "cube"),
        node("ReduceSum", "c", "s", "sum", keepdims=1),
        node("Sqrt", "s", "r", "root"),
        node("Div", "x r", "d", "div"),
        node("Add", "x d", "y", "add"),
        three=3,
    )


def decided(net: onnx.ModelProto) -> Decided:
    return trtflow.bisect(
        net, SAMPLES, statistics=trtflow.compare(net, SAMPLES), settings=BisectSettings(baselines=(), held_out=0)
    )


@pytest.mark.parametrize(
    ("net", "inside", "layers"),
    [(mish(), ("exp", "sum", "log"), 5), (gelu(), ("cube", "scaled", "sum"), 6)],
)
def test_an_activation_that_mends_its_own_infinities_takes_fp16_and_says_so(
    net: onnx.ModelProto, inside: tuple[str, ...], layers: int
) -> None:
    found = decided(net)
    assert (found.plan.nodes, found.search.accepted) == ({}, True)
    assert found.search.saturation == Saturation(layers=layers, nodes=inside, mended={"tanh": "Tanh"})
    (mark,) = marks(Documents(search=found.search))
    assert mark.startswith(f"rests on saturation: 3 of {layers} layers ({', '.join(inside)}) hold infinities")
    assert mark.endswith("; Tanh (tanh) turns them into what FP32 gives.")


def test_a_mask_of_infinity_is_as_infinite_in_fp32() -> None:
    found = decided(masked(-np.inf))
    assert (found.plan.nodes, found.search.saturation) == ({}, Saturation(layers=3))
    assert marks(Documents(search=found.search)) == ()


def test_a_mask_of_the_most_negative_number_is_mended_by_its_softmax() -> None:
    found = decided(masked(float(np.finfo(np.float32).min))).search
    assert (found.accepted, found.forced) == (True, ("mask",))
    assert found.saturation == Saturation(layers=3, nodes=("softmax",), mended={"softmax": "Softmax"})


def test_a_norm_that_divides_by_infinity_stays_in_fp32_though_the_end_metric_does_not_mind() -> None:
    found = decided(normed())
    assert {"cube", "sum"} <= found.plan.nodes.keys() <= {"abs", "cube", "sum", "root", "div"}
    assert found.search.saturation is not None
    assert (found.search.accepted, found.search.saturation.unshown) == (True, {})


def test_an_infinity_that_begins_in_a_loop_is_ended_there() -> None:
    """A running sum in a Scan, scaled up and down again; behind it a tanh of its inverse, which is 0 of infinity."""
    body = helper.make_graph(
        [
            node("Mul", "step gain", "up", "up"),
            node("Add", "sum up", "total", "total"),
            node("Identity", "total", "each", "each"),
        ],
        "body",
        [info("sum", [WIDTH]), info("step", [WIDTH])],
        [info("total", [WIDTH]), info("each", [WIDTH])],
        [f32("gain", 2e4)],
    )
    net = of_x(
        node("Abs", "x", "a", "abs"),
        node("Scan", "start a", "last all", "scan", body=body, num_scan_inputs=1),
        node("Reciprocal", "all", "r", "inverse"),
        node("Add", "x r", "y", "add"),
        start=np.ones(WIDTH),
    )
    found = decided(net)
    assert {"up", "total", "each"} <= found.plan.nodes.keys()
    assert found.search.saturation is not None
    assert (found.search.accepted, found.search.saturation.unshown) == (True, {})

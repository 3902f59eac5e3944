from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import conv_net, f32, info, model, node, random

from trtflow.model.analysis import candidates
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.rewriting.promotion import legalize


def adder(*values: float) -> object:
    return model([node("Add", "x c", "y", "add")], [info("x", [4])], [info("y", [4])], [f32("c", values)])


@pytest.mark.parametrize(
    ("values", "precision", "promoted"),
    [
        ((1.0, 65504.0, -65504.0), "fp16", {}),
        ((1.0, -7e4), "fp16", {"add": "constant c reaches 70000, which fp16 turns into inf"}),
        ((1.0, -7e4), "bf16", {}),
        ((np.inf, np.nan, 1.0), "fp16", {}),
        ((1e-30,), "fp16", {}),
    ],
)
def test_only_finite_values_that_become_infinite_promote(
    values: tuple[float, ...], precision: Precision, promoted: dict[str, str]
) -> None:
    legal = legalize(adder(*values), PrecisionPlan(precision))  # type: ignore[arg-type]
    assert legal.promoted == promoted
    assert legal.by_constant == promoted.keys()
    assert legal.plan == PrecisionPlan(precision, dict.fromkeys(promoted, "fp32"))


def test_a_node_that_is_fp32_already_is_not_mentioned() -> None:
    plan = PrecisionPlan("fp16", {"add": "fp32"})
    assert legalize(adder(1e9), plan).promoted == {}  # type: ignore[arg-type]
    assert legalize(adder(1e9), plan).plan == plan  # type: ignore[arg-type]


def test_what_the_engine_refuses_in_one_format_stays_fp32() -> None:
    nodes = [node("Relu", "x", "r"), node("ConvTranspose", "r w", "y", "up")]
    net = model(nodes, [info("x", [1, 2, 3, 3])], [info("y", [1, 2, 3, 3])], [f32("w", random(2, 2, 1, 1))])
    legal = legalize(net, PrecisionPlan("bf16"))
    assert legal.promoted == {"up": "ConvTranspose: TensorRT does not take it in bf16"}
    assert legal.by_constant == frozenset()
    assert legalize(net, PrecisionPlan("fp16")).promoted == {}


def test_an_ordinary_net_needs_no_promotion() -> None:
    assert legalize(conv_net(), PrecisionPlan("fp16")).promoted == {}


def test_a_constant_captured_by_a_body_counts() -> None:
    then = onnx.helper.make_graph([node("Mul", "x c", "o", "inside")], "t", [], [info("o", [4])])
    orelse = onnx.helper.make_graph([node("Neg", "x", "o", "other")], "e", [], [info("o", [4])])
    nodes = [node("If", "k", "y", then_branch=then, else_branch=orelse)]
    inputs = [info("x", [4]), info("k", [], onnx.TensorProto.BOOL)]
    net = model(nodes, inputs, [info("y", [4])], [f32("c", 1e6)])
    assert list(legalize(net, PrecisionPlan("fp16")).promoted) == ["inside"]


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("lengths", [True, False])
def test_recurrent_nodes_with_sequence_lengths_stay_fp32(op: str, gates: int, lengths: bool) -> None:
    weights = [f32("w", random(1, gates * 4, 3)), f32("r", random(1, gates * 4, 4))]
    given = "x w r - n" if lengths else "x w r"
    inputs = [info("x", [2, 2, 3]), info("n", [2], onnx.TensorProto.INT32)]
    net = model([node(op, given, "- y", "rnn", hidden_size=4)], inputs, [info("y", [1, 2, 4])], weights)
    net.graph.node[0].output[0] = ""
    assert [n.name for n in candidates(net)] == ([] if lengths else ["rnn"])
    assert legalize(net, PrecisionPlan("fp16")).promoted == {}

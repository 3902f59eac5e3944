"""One session with a switch per node computes what a session per plan computes."""

from __future__ import annotations

import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.emulation.emulate import instrument
from trtflow.emulation.switchable import switchable
from trtflow.errors import ModelError
from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision

FEED = {"x": np.random.default_rng(0).normal(0, 300, (1, 4, 8, 8)).astype(np.float32)}


def weight(name: str, *shape: int, scale: float = 0.3) -> onnx.TensorProto:
    values = np.random.default_rng(len(name)).normal(0, scale, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def network() -> onnx.ModelProto:
    """Convolutions whose values leave FP16's range, a tensor with two readers, pooling, a shape chain."""
    make = helper.make_node
    nodes = [
        make("Conv", ["x", "w1"], ["c1"], "c1", pads=[1, 1, 1, 1]),
        make("Relu", ["c1"], ["r1"], "r1"),
        make("Conv", ["r1", "w2"], ["c2"], "c2", pads=[1, 1, 1, 1]),
        make("MaxPool", ["c2"], ["p2"], "p2", kernel_shape=[2, 2], strides=[2, 2]),
        make("Mul", ["r1", "k"], ["m1"], "m1"),
        make("GlobalAveragePool", ["m1"], ["g1"], "g1"),
        make("Add", ["p2", "g1"], ["a"], "a"),
        make("Shape", ["a"], ["s"], "s"),
        make("Reshape", ["a", "s"], ["y"], "y"),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "network",
        [value("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [value("y", TensorProto.FLOAT, None)],
        [weight("w1", 4, 4, 3, 3), weight("w2", 4, 4, 3, 3, scale=60.0), weight("k", 1)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("low", ["fp16", "bf16"])
@pytest.mark.parametrize("seed", range(6))
def test_every_plan_gives_what_a_session_of_its_own_gives(low: Precision, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - cases, not secrets
    model = network()
    switched = switchable(model, low)
    session = create_session(switched.model)
    plan = PrecisionPlan(low, {node: "fp32" for node in sorted(switched.switches) if dice.random() < 0.5})
    (own,) = create_session(instrument(model, plan)).run(None, FEED)
    (shared,) = session.run(None, {**FEED, **switched.feed(plan)})
    # The order of additions differs by what ONNX Runtime fuses, so a value may round to the neighbour.
    np.testing.assert_allclose(shared, own, rtol={"fp16": 2**-10, "bf16": 2**-7}[low])


def test_all_low_overflows_and_all_high_does_not() -> None:
    switched = switchable(network(), "fp16")
    session = create_session(switched.model)
    (low,) = session.run(None, {**FEED, **switched.feed(PrecisionPlan("fp16"))})
    (high,) = session.run(None, {**FEED, **switched.feed(PrecisionPlan("fp32"))})
    assert not np.isfinite(low).all()
    assert np.isfinite(high).all()


def test_nodes_that_are_no_candidates_have_no_switch() -> None:
    assert set(switchable(network(), "fp16").switches) == {"c1", "r1", "c2", "p2", "m1", "g1", "a", "y"}


def test_candidates_inside_a_body_are_refused() -> None:
    make, value = helper.make_node, helper.make_tensor_value_info
    branch = helper.make_graph([make("Relu", ["x"], ["r"], "r")], "b", [], [value("r", TensorProto.FLOAT, None)])
    other = helper.make_graph([make("Abs", ["x"], ["q"], "q")], "c", [], [value("q", TensorProto.FLOAT, None)])
    graph = helper.make_graph(
        [make("If", ["t"], ["y"], "if", then_branch=branch, else_branch=other)],
        "g",
        [value("x", TensorProto.FLOAT, [2]), value("t", TensorProto.BOOL, [])],
        [value("y", TensorProto.FLOAT, [2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    with pytest.raises(ModelError, match="bodies of control flow"):
        switchable(model, "fp16")

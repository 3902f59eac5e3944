"""Raising the opset from 13 on changes form, never numbers."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import accepted, conv_net, f32, i64, info, model, node, random, run

from trtflow.errors import ModelError
from trtflow.model.opset import raise_opset

X = info("x", [2, 4, 3])

CASES = {
    "ReduceMean": ([node("ReduceMean", "x", "y", axes=[1])], 17, []),
    "ReduceMax of all": ([node("ReduceMax", "x", "y", keepdims=0)], 13, []),
    "ReduceL2 without axes": ([node("ReduceL2", "x", "y")], 13, []),
    "Split without sizes": ([node("Split", "x", "y z", axis=1)], 13, []),
    "Split with sizes": ([node("Split", "x sizes", "y z", axis=1)], 13, [i64("sizes", [1, 3])]),
    "GroupNormalization": (
        [node("GroupNormalization", "x g b", "y", num_groups=2)],
        18,
        [f32("g", [2, 3]), f32("b", [0.5, -1])],
    ),
    "DFT": ([node("Unsqueeze", "x axis", "u"), node("DFT", "u", "y", axis=1)], 17, [i64("axis", [3])]),
}


@pytest.mark.parametrize(("nodes", "opset", "weights"), CASES.values(), ids=CASES)
def test_operators_that_changed_their_form(
    nodes: list[onnx.NodeProto], opset: int, weights: list[onnx.TensorProto]
) -> None:
    outputs = [info(name, None) for name in nodes[-1].output]
    net = model(nodes, [X], outputs, weights, opset)
    raised = raise_opset(net, 22)
    assert raised.opset_import[0].version == 22
    assert [n.name for n in raised.graph.node if n.name.startswith("n_")] == [n.name for n in nodes]
    for a, b in zip(run(raised, {"x": random(2, 4, 3)}), run(net, {"x": random(2, 4, 3)}), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_grid_sample_modes_are_renamed() -> None:
    nodes = [node("GridSample", "x g", "y", mode="bicubic")]
    net = model(nodes, [info("x", [1, 1, 4, 4]), info("g", [1, 3, 3, 2])], [info("y", [1, 1, 3, 3])], opset=16)
    raised = accepted(raise_opset(net, 22))
    assert raised.graph.node[0].attribute[0].s == b"cubic"
    feed = {"x": random(1, 1, 4, 4), "g": np.clip(random(1, 3, 3, 2), -1, 1)}
    np.testing.assert_array_equal(run(raised, feed)[0], run(net, feed)[0])


def test_everything_else_stays_byte_for_byte() -> None:
    net = conv_net()
    raised = raise_opset(net, 22)
    assert raised.graph == net.graph
    assert raise_opset(net, 13) == net


def test_bodies_are_raised_as_well() -> None:
    then = onnx.helper.make_graph([node("ReduceMax", "x", "o", axes=[1], keepdims=0)], "t", [], [info("o", [2, 3])])
    orelse = onnx.helper.make_graph(
        [node("ReduceMin", "x", "o", "n_2", axes=[1], keepdims=0)], "e", [], [info("o", [2, 3])]
    )
    nodes = [node("If", "c", "y", then_branch=then, else_branch=orelse)]
    net = model(nodes, [X, info("c", [], onnx.TensorProto.BOOL)], [info("y", [2, 3])])
    feed = {"x": random(2, 4, 3), "c": np.array(True)}
    np.testing.assert_array_equal(run(accepted(raise_opset(net, 22)), feed)[0], run(net, feed)[0])


def test_an_operator_that_is_gone_is_refused_by_name() -> None:
    net = model(
        [node("Scatter", "x i u", "y")], [info(n, [3]) for n in "xu"], [info("y", [3])], [i64("i", [0, 1, 2])]
    )
    with pytest.raises(ModelError, match="node n_y: Scatter does not exist in opset 22"):
        raise_opset(net, 22)

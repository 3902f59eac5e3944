"""Nodes come in the order in which they can be computed, or the model is refused by the node that cannot."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import accepted, f32, info, model, node, ops, random, run
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.errors import ModelError
from trtflow.model.order import reads, sort_nodes

SORTED = ["nodes stood before what they read and were sorted"]
CHAIN = [
    node("Relu", "x", "a"),
    node("Add", "a w", "b"),
    node("Neg", "b", "c"),
    node("Mul", "c a", "d"),
    node("Exp", "d", "y"),
]


def net(nodes: list[onnx.NodeProto], *inputs: onnx.ValueInfoProto) -> onnx.ModelProto:
    return model(nodes, [info("x", [4]), *inputs], [info("y", [4])], [f32("w", random(4))])


@given(st.permutations(CHAIN))
def test_any_order_becomes_one_that_can_be_computed(nodes: list[onnx.NodeProto]) -> None:
    found = net(nodes)
    notes = sort_nodes(found)
    assert list(found.graph.node) == CHAIN  # each node waits for the one before: there is one order alone
    assert notes == ([] if nodes == CHAIN else SORTED)


def branch(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "b", [], [info("o", [4])])


def test_what_a_body_reads_comes_before_its_owner_and_bodies_are_sorted_themselves() -> None:
    first, last = node("Exp", "a", "e"), node("Neg", "e", "o")
    nodes = [node("If", "c", "y", then_branch=branch(last, first), else_branch=branch(node("Neg", "a", "o")))]
    found = net([*nodes, node("Relu", "x", "a")], info("c", [], TensorProto.BOOL))
    assert sort_nodes(found) == SORTED
    assert ops(found.graph) == ["Relu", "If"]
    assert {a.name: ops(a.g) for a in found.graph.node[1].attribute} == {
        "then_branch": ["Exp", "Neg"],
        "else_branch": ["Neg"],
    }
    feed = {"x": random(4), "c": np.array(True)}
    np.testing.assert_allclose(run(accepted(found), feed)[0], -np.exp(np.maximum(random(4), 0)), rtol=1e-6)


def test_a_sorted_model_stays_as_it_is() -> None:
    found = net(CHAIN)
    assert (sort_nodes(found), found) == ([], net(CHAIN))


def test_a_name_that_a_body_makes_itself_is_none_that_it_reads() -> None:
    inner = branch(node("Exp", "a", "own"), node("Add", "own x", "o"))
    assert reads(node("If", "c", "y", then_branch=inner, else_branch=inner)) == {"c", "a", "x"}


WRONG = {
    "a cycle": (
        [node("Add", "x b", "a", "p"), node("Relu", "a", "b", "q"), node("Neg", "b", "y", "r")],
        r"wait for each other's outputs: node '.' \(\w+\) → node '.' \(\w+\) → node '.' \(\w+\)\. Export",
    ),
    "read and never made": (
        [node("Add", "x lost", "y", "p")],
        r"^node 'p' \(Add\) reads 'lost', which nothing in the model makes",
    ),
    "read in a body and never made": (
        [node("If", "c", "y", then_branch=branch(node("Neg", "lost", "o", "q")), else_branch=branch(CHAIN[0]))],
        r"^node 'q' \(Neg\) reads 'lost'",
    ),
    "made twice": (
        [node("Relu", "x", "y", "p"), helper.make_node("Neg", ["x"], ["y"])],
        r"^node 'p' \(Relu\) and node 'y' \(Neg\) make the same tensor 'y'",
    ),
    "returned and never made": ([node("Relu", "x", "z", "p")], r"nothing in the model makes its output 'y'"),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "sentence"), WRONG.values(), ids=WRONG)
def test_what_no_order_mends_is_refused_by_name(nodes: list[onnx.NodeProto], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        sort_nodes(net(nodes, info("c", [], TensorProto.BOOL)))

from __future__ import annotations

import onnx
import pytest
from graph_models import info, model
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from trtflow.model.naming import parsed_names, unique_names


def named(*names: str) -> onnx.ModelProto:
    nodes = [helper.make_node("Relu", ["x"], [f"t{i}"], name) for i, name in enumerate(names)]
    return model(nodes, [info("x", [1])], [info("t0", [1])])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["a", "b"], ["a", "b"]),
        (["", ""], ["node_of_t0", "node_of_t1"]),
        (["a", "a", "a"], ["a", "a_1", "a_2"]),
        (["a", "a", "a_1"], ["a", "a_2", "a_1"]),  # who has a name alone keeps it
        (["", "node_of_t0"], ["node_of_t0_1", "node_of_t0"]),
    ],
)
def test_names_become_unique_and_those_that_are_stay(before: list[str], after: list[str]) -> None:
    net = named(*before)
    unique_names(net)
    assert [node.name for node in net.graph.node] == after


@given(st.lists(st.sampled_from(["", "a", "a_1", "b", "node_of_t1"]), min_size=1, max_size=8))
def test_afterwards_every_node_has_a_name_of_its_own_and_nothing_is_left_to_do(before: list[str]) -> None:
    net = named(*before)
    unique_names(net)
    names = [node.name for node in net.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    assert unique_names(net) == []


def test_bodies_share_the_names_of_the_graph_around_them() -> None:
    bodies = [helper.make_graph([helper.make_node("Abs", ["x"], [t], "a")], t, [], [info(t, None)]) for t in "de"]
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], "a"),
        helper.make_node("If", ["c"], ["y"], then_branch=bodies[0], else_branch=bodies[1]),
    ]
    net = model(nodes, [info("x", [1]), info("c", [], TensorProto.BOOL)], [info("y", None)])
    notes = unique_names(net)
    assert [node.name for node in net.graph.node] == ["a", "node_of_y"]
    assert [a.g.node[0].name for a in net.graph.node[1].attribute] == ["a_1", "a_2"]
    assert notes == [
        "1 node had no name and was named after its first output",
        "2 nodes repeated another's name (a) and were numbered",
    ]


def test_a_node_without_outputs_is_named_after_its_operator() -> None:
    net = model([helper.make_node("Relu", ["x"], [""])], [info("x", [1])], [])
    unique_names(net)
    assert net.graph.node[0].name == "node_of_Relu"


@pytest.mark.parametrize(
    ("names", "known"),
    [
        (["a", "b"], {"a", "b"}),
        (["a", "a", "b"], {"b"}),
        (["", "c"], {"node_of_t0", "c"}),
        (["", "node_of_t0"], set()),
    ],
)
def test_after_parsing_a_node_is_known_by_a_name_that_is_its_alone(names: list[str], known: set[str]) -> None:
    assert parsed_names(named(*names)) == known

"""Stages compute each node about once, from what earlier ones made."""

from __future__ import annotations

import pytest
from graph_models import info, model, node
from staged_network import network, split

from trtflow.model.stages import reads, stages


def test_a_stage_takes_what_earlier_ones_made_and_no_more() -> None:
    model, tensors = network()
    found = list(stages(model, split(tensors, 4)))
    assert [(stage.fed, stage.inputs, stage.outputs) for stage in found] == [
        (("x",), (), ("a", "left", "right", "b")),
        ((), ("a", "b", "left"), ("c", "d", "e", "f")),
        ((), ("b", "f"), ("g", "y")),
    ]
    once = [node.op_type for stage in found for node in stage.model.graph.node if node.op_type != "NonZero"]
    assert sorted(once) == sorted(node.op_type for node in model.graph.node if node.op_type != "NonZero")


def test_floats_are_handed_on_and_anything_else_is_computed_again() -> None:
    net, _ = network()
    made = list(stages(net, [["a"], ["f"], ["y"]], ["a", "b", "c", "d", "e", "left", "right", "f", "g"]))
    assert [(stage.inputs, stage.outputs) for stage in made] == [
        ((), ("a",)),
        (("a",), ("f", "b")),
        (("b", "f"), ("y",)),
    ]
    assert [sum(n.op_type == "NonZero" for n in stage.model.graph.node) for stage in made] == [0, 0, 1]


def test_without_floats_only_what_is_read_is_handed_on() -> None:
    net, _ = network()
    assert [stage.outputs for stage in stages(net, [["a"], ["f"], ["y"]])] == [("a",), ("f",), ("y",)]


@pytest.mark.parametrize(("floats", "adds"), [((), 10), ([f"s{index}" for index in range(5)], 4)])
def test_a_residual_sum_that_nobody_asks_for_is_computed_once_where_it_is_handed_on(
    floats: list[str], adds: int
) -> None:
    nodes = [node("Relu", "x", "s0")]
    for index in range(4):
        nodes.append(node("Sin", f"s{index}", f"r{index + 1}"))
        nodes.append(node("Add", f"r{index + 1} s{index}", f"s{index + 1}"))
    nodes.append(node("Sin", "s4", "r5"))
    net = model(nodes, [info("x", [2])], [info("r5", [2])])
    made = stages(net, [[f"r{index}"] for index in range(1, 6)], floats)
    assert sum(entry.op_type == "Add" for stage in made for entry in stage.model.graph.node) == adds


@pytest.mark.parametrize(("name", "expected"), [("c", {"yes", "a", "half", "left"}), ("b", {"left", "right"})])
def test_a_node_reads_what_its_bodies_read_from_outside(name: str, expected: set[str]) -> None:
    net, _ = network()
    (found,) = (entry for entry in net.graph.node if name in entry.output)
    assert reads(found) == expected

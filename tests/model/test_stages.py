"""A model cut into stages: each node about once, and what a stage takes is what earlier ones made."""

from __future__ import annotations

import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto, helper

from trtflow.model.stages import Stage, reads, stages


def network() -> onnx.ModelProto:
    """A skip connection, two outputs of one node, a body that reads from outside, a shape that two tensors need."""
    then = helper.make_graph([node("Add", "a w", "t")], "then", [], [info("t", None)])
    other = helper.make_graph([node("Abs", "b", "e")], "else", [], [info("e", None)])
    nodes = [
        node("Relu", "x", "a"),
        node("Split", "a", "b c", axis=0),
        node("Shape", "x", "s"),
        node("Expand", "b s", "d"),
        helper.make_node("If", ["k"], ["f"], "if", then_branch=then, else_branch=other),
        node("Expand", "f s", "g"),
        node("Mul", "g z", "y"),
    ]
    inputs = [info("x", [2]), info("z", [2]), info("k", [], TensorProto.BOOL), info("listed", [1])]
    return model(nodes, inputs, [info("y", None)], [f32("w", [1]), f32("listed", [1])])


def names(stage: Stage) -> list[str]:
    return [n.name for n in stage.model.graph.node]


def test_stages_compute_every_batch_from_those_before() -> None:
    found = list(stages(network(), [["a"], ["b", "c", "d"], ["f"], ["g", "y"]]))
    assert [(stage.fed, stage.inputs, stage.outputs) for stage in found] == [
        (("x",), (), ("a",)),
        (("x",), ("a",), ("b", "c", "d")),
        (("k",), ("a", "b"), ("f",)),
        (("x", "z"), ("f",), ("g", "y")),
    ]
    assert [names(stage) for stage in found] == [["n_a"], ["n_b", "n_s", "n_d"], ["if"], ["n_s", "n_g", "n_y"]]


def test_a_stage_has_the_weights_that_it_reads_and_no_others() -> None:
    found = list(stages(network(), [["a"], ["f"]]))
    assert [[tensor.name for tensor in stage.model.graph.initializer] for stage in found] == [[], ["w"]]


def test_what_an_earlier_stage_made_is_written_under_another_name() -> None:
    _, second = stages(network(), [["a", "b"], ["c"]])
    assert [list(n.output) for n in second.model.graph.node] == [["b__again", "c"]]
    assert second.inputs == ("a",)


@pytest.mark.parametrize(
    ("place", "expected"),
    [(0, {"x"}), (3, {"b", "s"}), (4, {"k", "a", "w", "b"})],
)
def test_a_node_reads_what_its_bodies_read_from_outside(place: int, expected: set[str]) -> None:
    assert reads(network().graph.node[place]) == expected


def test_what_a_body_defines_itself_is_not_read() -> None:
    nodes = [node("Add", "i own", "t"), node("Add", "t outer", "u")]
    body = helper.make_graph(
        nodes, "body", [info("i", [1])], [info("u", None), info("passed", None)], [f32("own", [1])]
    )
    assert reads(helper.make_node("Loop", ["n", "", "v"], ["y"], body=body)) == {"n", "v", "outer", "passed"}

"""Stages compute each node about once, from what earlier ones made."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node, run
from hypothesis import given
from hypothesis import strategies as st
from staged_network import FEED, network, split

from trtflow.model.ports import mark_outputs
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


def test_a_node_of_which_an_earlier_stage_returned_one_output_is_run_again_for_the_other() -> None:
    nodes = [node("TopK", "x k", "v i"), node("Neg", "v", "a"), node("Cast", "i", "f", to=1), node("Add", "a f", "y")]
    net = model(nodes, [info("x", [4])], [info("y", None)], [i64("k", [2])])
    _, last = stages(net, [["v"], ["y"]])
    again = next(entry for entry in last.model.graph.node if entry.op_type == "TopK")
    assert (list(again.output), last.inputs, last.fed) == (["v__again", "i"], ("v",), ("x",))
    assert net.graph.node[0].output[0] == "v", "the model itself is left alone"


def test_a_tensor_that_is_asked_for_twice_is_computed_once() -> None:
    net, _ = network()
    first, second = stages(net, [["a", "b"], ["b", "f"]])
    assert (first.outputs, second.outputs) == (("a", "b"), ("f",))
    assert "b" in second.inputs


@given(st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_stages_compute_what_the_whole_does_wherever_it_is_cut(places: list[int]) -> None:
    net, tensors = network()
    batches = [
        [name for name, place in zip(tensors, sorted(places), strict=False) if place == part] for part in range(3)
    ]
    floats = [name for name in tensors if name not in ("where", "size")]
    whole = dict(zip(floats, run(marked(net, floats), FEED), strict=True))
    known = dict(FEED)
    for stage in stages(net, [batch for batch in batches if batch], floats):
        feed = {name: known[name] for name in (*stage.fed, *stage.inputs)}
        known |= zip(stage.outputs, run(stage.model, feed) if stage.outputs else (), strict=True)
    for name in (name for batch in batches for name in batch):
        np.testing.assert_allclose(known[name], whole[name], rtol=1e-6)


def marked(net: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """``net`` returning exactly ``names``."""
    copy = mark_outputs(net, names)
    kept = {value.name: value for value in copy.graph.output}
    del copy.graph.output[:]
    copy.graph.output.extend(kept[name] for name in names)
    return copy


READS = {
    "inputs that are left out": (node("Clip", "x - hi", "y"), {"x", "hi"}),
    "one tensor twice": (node("Mul", "x x", "y"), {"x"}),
    "nothing": (node("Constant", "", "y", value_float=1.0), set()),
}


@pytest.mark.parametrize(("proto", "expected"), READS.values(), ids=READS)
def test_a_node_reads_its_inputs_by_name(proto: onnx.NodeProto, expected: set[str]) -> None:
    assert reads(proto) == expected


def test_a_body_reads_what_it_does_not_hold_itself_and_so_do_bodies_in_it() -> None:
    deep = onnx.helper.make_graph([node("Add", "outer own", "d")], "deep", [], [info("d", None)])
    held = [node("Neg", "v", "own"), node("If", "c2", "r", then_branch=deep, else_branch=deep)]
    body = onnx.helper.make_graph(
        held, "body", [info("v", [1])], [info("r", None), info("passed", None)], [f32("k", 1)]
    )
    owner = node("Loop", "n c x", "y z", body=body)
    assert reads(owner) == {"n", "c", "x", "c2", "outer", "passed"}

"""A model run in stages computes what it computes in one piece, whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Feed
from trtflow.model.facts import tensor_shapes
from trtflow.model.stages import stages
from trtflow.runners.batches import make_batches, measured_bytes
from trtflow.runners.reference import create_session, mark_outputs
from trtflow.runners.staged import Staged

FEED: Feed = {"x": np.linspace(-2, 3, 24, dtype=np.float32).reshape(2, 12)}


def network() -> tuple[onnx.ModelProto, list[str]]:
    """A skip connection, two outputs of one node, a body that reads from outside, shapes that depend on data."""
    inner = helper.make_graph(
        [helper.make_node("Add", ["a", "half"], ["inner"])], "then", [], [onnx.ValueInfoProto(name="inner")]
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["left"], ["outer"])], "else", [], [onnx.ValueInfoProto(name="outer")]
    )
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Split", ["a"], ["left", "right"], axis=1, num_outputs=2),
        helper.make_node("Mul", ["left", "right"], ["b"]),
        helper.make_node("If", ["yes"], ["c"], then_branch=inner, else_branch=other),
        helper.make_node("NonZero", ["b"], ["where"]),
        helper.make_node("Shape", ["where"], ["size"]),
        helper.make_node("Cast", ["where"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["left", "b"], ["e"], axis=1),
        helper.make_node("Sub", ["c", "e"], ["f"]),
        helper.make_node("ReduceSum", ["f"], ["g"], keepdims=0),
        helper.make_node("Expand", ["g", "size"], ["y"]),
    ]
    constants = [numpy_helper.from_array(np.array(True), "yes"), numpy_helper.from_array(np.float32(0.5), "half")]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return model, ["a", "left", "right", "b", "c", "d", "e", "f", "g", "y"]


def split(tensors: Sequence[str], size: int) -> list[list[str]]:
    return [list(tensors[start : start + size]) for start in range(0, len(tensors), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10])
def test_stages_compute_what_the_whole_does(size: int) -> None:
    model, tensors = network()
    whole = create_session(mark_outputs(model, tensors)).run(tensors, FEED)
    shapes = tensor_shapes(model, {"x": FEED["x"].shape})
    staged = Staged(model, split(tensors, size))
    for _ in range(2):
        found = {name: array.copy() for batch in staged.run(FEED, shapes) for name, array in batch.items()}
        assert list(found) == tensors
        for name, expected in zip(tensors, whole, strict=True):
            np.testing.assert_array_equal(found[name], expected, err_msg=name)


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


def test_sizes_that_inference_cannot_tell_are_measured() -> None:
    model, _ = network()
    assert measured_bytes(model, ["d", "y"], FEED) == {"d": 4 * 2 * 6, "y": 4 * 2 * 6}
    assert make_batches(model, ["a", "d", "y"], FEED, 4 * 24) == [["a"], ["d", "y"]]
